using System.Runtime.CompilerServices;
using System.Text;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>
/// Carries out a template once. A loop's body has its own variables, anew for each item; <c>if</c> has none. As in jinja2's
/// sandbox, a template can change nothing but its own variables and namespaces.
/// </summary>
internal sealed class Interpreter
{
    private enum Flow
    {
        Onward,
        Continue,
        Break,
    }

    /// <summary>The variable of what a block shows; no template can name it.</summary>
    private const string Shown = "";

    private readonly Scope globals;
    private StringBuilder output = new();
    private int line;

    public Interpreter(Dictionary<string, object?> variables)
    {
        Scope functions = new(null, Globals.All);
        globals = new Scope(functions, variables);
    }

    public string Render(Template template)
    {
        try
        {
            Run(template.Body, globals.Inner());
            return output.ToString();
        }
        catch (ChatTemplateException error)
        {
            throw ChatTemplateException.At(line, error.Message);
        }
        catch (InsufficientExecutionStackException)
        {
            throw ChatTemplateException.At(line, "a macro or loop calls itself without end.");
        }
    }

    private Flow Run(Statement[] body, Scope scope)
    {
        foreach (Statement statement in body)
            if (Run(statement, scope) is not Flow.Onward and var flow)
                return flow;
        return Flow.Onward;
    }

    private Flow Run(Statement statement, Scope scope)
    {
        line = statement.Line;
        switch (statement)
        {
            case DataStatement data:
                output.Append(data.Text);
                return Flow.Onward;
            case OutputStatement shown:
                output.Append(PythonText.Show(Evaluate(shown.Value, scope)));
                return Flow.Onward;
            case IfStatement choice:
                foreach ((Expression? condition, Statement[] body) in choice.Branches)
                    if (condition is null || Value.IsTrue(Evaluate(condition, scope)))
                        return Run(body, scope);
                return Flow.Onward;
            case ForStatement loop:
                return Loop(loop, Evaluate(loop.Items, scope), 1, scope);
            case SetStatement set:
                Bind(set.Target, Evaluate(set.Value, scope), scope);
                return Flow.Onward;
            case SetBlockStatement block:
                Bind(block.Target, Filtered(block.Filtered, block.Body, scope), scope);
                return Flow.Onward;
            case FilterStatement filter:
                output.Append(PythonText.Show(Filtered(filter.Filtered, filter.Body, scope)));
                return Flow.Onward;
            case WithStatement with:
                return With(with, scope);
            case MacroStatement macro:
                scope[macro.Name] = Macro(macro, scope);
                return Flow.Onward;
            case CallStatement call:
                output.Append(PythonText.Show(Invoke(call.Call, scope, Macro(call.Caller, scope))));
                return Flow.Onward;
            case GroupStatement group:
                return Run(group.Body, scope);
            case JumpStatement jump:
                return jump.Leaves ? Flow.Break : Flow.Continue;
            default:
                throw new InvalidOperationException($"no rule for {statement.GetType().Name}");
        }
    }

    private Flow Loop(ForStatement loop, object? iterated, int depth, Scope scope)
    {
        List<object?> items =
            Value.Items(iterated) ?? throw new ChatTemplateException($"{Value.Kind(iterated)} cannot be looped over.");
        Scope Bound(object? item)
        {
            Scope inner = scope.Inner();
            Bind(loop.Target, item, inner);
            return inner;
        }
        if (loop.Filter is { } filter)
            items = items.FindAll(item => Value.IsTrue(Evaluate(filter, Bound(item))));
        if (items.Count == 0)
            return Run(loop.Otherwise, scope.Inner());
        // Recursion starts from the scope around the loop, as in jinja2.
        Function? again = loop.IsRecursive
            ? new Function(
                "loop",
                arguments => Captured(() => Loop(loop, arguments.Required(0, "items"), depth + 1, scope))
            )
            : null;
        LoopVariable variable = new(items, depth, again);
        for (int index = 0; index < items.Count; index++)
        {
            Scope inner = Bound(items[index]);
            inner["loop"] = variable.At(index);
            if (Run(loop.Body, inner) == Flow.Break)
                break;
        }
        return Flow.Onward;
    }

    private static void Bind(Target target, object? value, Scope scope)
    {
        switch (target)
        {
            case NameTarget name:
                scope[name.Name] = value;
                break;
            case AttributeTarget attribute:
                if (scope.Find(attribute.Name) is not Namespace space)
                    throw new ChatTemplateException(
                        $"'set {attribute.Name}.{attribute.Attribute}' needs '{attribute.Name}' to be a namespace."
                    );
                space.Attributes[attribute.Attribute] = value;
                break;
            case TupleTarget tuple:
                if (Value.Items(value) is not { } parts || parts.Count != tuple.Parts.Length)
                    throw new ChatTemplateException(
                        $"{tuple.Parts.Length} names take as many items, and got {Value.Kind(value)}."
                    );
                foreach ((Target part, object? item) in tuple.Parts.Zip(parts))
                    Bind(part, item, scope);
                break;
        }
    }

    private Flow With(WithStatement with, Scope scope)
    {
        Scope inner = scope.Inner();
        foreach ((Target target, Expression value) in with.Bindings)
            Bind(target, Evaluate(value, scope), inner);
        return Run(with.Body, inner);
    }

    /// <summary>A function that shows its body; it sees the scope it was written in.</summary>
    private Function Macro(MacroStatement macro, Scope scope) =>
        new(
            macro.Name,
            arguments =>
            {
                Scope inner = scope.Inner();
                Parameter[] parameters = macro.Parameters;
                Map more = [];
                foreach ((string name, object? value) in arguments.Named)
                    if (Array.Exists(parameters, parameter => parameter.Name == name))
                        continue;
                    else if (macro.TakesCaller && name == "caller")
                        inner[name] = value;
                    else if (macro.TakesEntries)
                        more[name] = value;
                    else
                        throw arguments.Wrong($"has no parameter '{name}'");
                if (arguments.Placed.Count > parameters.Length && !macro.TakesItems)
                    throw arguments.Wrong(
                        $"got {arguments.Placed.Count} arguments; expected at most {parameters.Length}"
                    );
                if (macro.TakesItems)
                    inner["varargs"] = new FixedList(arguments.Placed.Skip(parameters.Length));
                if (macro.TakesEntries)
                    inner["kwargs"] = more;
                foreach ((int place, Parameter parameter) in parameters.Index())
                    inner[parameter.Name] =
                        arguments.Has(place, parameter.Name) ? arguments.Optional(place, parameter.Name)
                        : parameter.Default is { } otherwise ? Evaluate(otherwise, inner)
                        : new Undefined($"'{parameter.Name}'");
                return Captured(() => Run(macro.Body, inner));
            }
        );

    private object? Filtered(Expression filtered, Statement[] body, Scope scope)
    {
        Scope inner = scope.Inner();
        string text = Captured(() => Run(body, inner));
        return Evaluate(filtered, new Scope(scope, new Dictionary<string, object?> { [Shown] = text }));
    }

    private string Captured(Func<Flow> run)
    {
        StringBuilder outer = output;
        int outerLine = line;
        output = new StringBuilder();
        run();
        string captured = output.ToString();
        (output, line) = (outer, outerLine);
        return captured;
    }

    private object? Evaluate(Expression expression, Scope scope)
    {
        line = expression.Line;
        RuntimeHelpers.EnsureSufficientExecutionStack();
        return expression switch
        {
            Constant constant => constant.Value,
            Variable variable => scope.Find(variable.Name),
            BodyText => scope.Find(Shown),
            ListLiteral list => list.Items.Select(item => Evaluate(item, scope)).ToList(),
            TupleLiteral tuple => new FixedList(tuple.Items.Select(item => Evaluate(item, scope))),
            MapLiteral map => MapOf(map, scope),
            Attribute attribute => Access.Attribute(Evaluate(attribute.Owner, scope), attribute.Name),
            Item item => Access.Item(Evaluate(item.Owner, scope), Evaluate(item.Key, scope)),
            Slice slice => Access.Slice(
                Evaluate(slice.Owner, scope),
                Bound(slice.From, scope),
                Bound(slice.To, scope),
                Bound(slice.Step, scope)
            ),
            Call call => Invoke(call, scope),
            FilterCall filter => Filters.Apply(
                filter.Name,
                Evaluate(filter.Value, scope),
                Evaluate(filter.Name, filter.Arguments, scope)
            ),
            TestCall test => Predicates.Holds(
                test.Name,
                Evaluate(test.Value, scope),
                Evaluate(test.Name, test.Arguments, scope)
            ),
            Unary unary => Operators.Unary(unary.Operator, Evaluate(unary.Value, scope)),
            Binary { Operator: "and" } both => Evaluate(both.Left, scope) is var left && Value.IsTrue(left)
                ? Evaluate(both.Right, scope)
                : left,
            Binary { Operator: "or" } either => Evaluate(either.Left, scope) is var left && Value.IsTrue(left)
                ? left
                : Evaluate(either.Right, scope),
            Binary binary => Operators.Binary(
                binary.Operator,
                Evaluate(binary.Left, scope),
                Evaluate(binary.Right, scope)
            ),
            Comparison comparison => Compare(comparison, scope),
            Conditional conditional => Value.IsTrue(Evaluate(conditional.Condition, scope))
                ? Evaluate(conditional.Value, scope)
            : conditional.Otherwise is { } otherwise ? Evaluate(otherwise, scope)
            : new Undefined("an 'if' without 'else'"),
            _ => throw new InvalidOperationException($"no rule for {expression.GetType().Name}"),
        };
    }

    private Map MapOf(MapLiteral literal, Scope scope)
    {
        Map map = new();
        foreach ((Expression key, Expression value) in literal.Entries)
            map[
                Evaluate(key, scope) is string name
                    ? name
                    : throw new ChatTemplateException("a mapping's key must be a text.")
            ] = Evaluate(value, scope);
        return map;
    }

    private long? Bound(Expression? bound, Scope scope) =>
        bound is null || Evaluate(bound, scope) is not { } value
            ? null
            : Value.Whole(value)
                ?? throw new ChatTemplateException($"a slice takes whole numbers, and got {Value.Kind(value)}.");

    private object? Invoke(Call call, Scope scope, Function? caller = null)
    {
        object? callee = Evaluate(call.Callee, scope);
        if ((callee as Function ?? (callee as LoopVariable)?.Again) is not { } function)
            throw new ChatTemplateException($"{Value.Kind(callee)} cannot be called.");
        CallArguments arguments = Evaluate(function.Name, call.Arguments, scope);
        return function.Body(
            caller is null
                ? arguments
                : new CallArguments(
                    function.Name,
                    [.. arguments.Placed],
                    new Dictionary<string, object?>(arguments.Named) { ["caller"] = caller }
                )
        );
    }

    private CallArguments Evaluate(string callee, Arguments arguments, Scope scope)
    {
        Dictionary<string, object?> named = [];
        List<object?> placed = [.. arguments.Placed.Select(value => Evaluate(value, scope))];
        foreach ((string name, Expression value) in arguments.Named)
            named[name] = Evaluate(value, scope);
        if (arguments.Items is { } items)
            placed.AddRange(
                Value.Items(Evaluate(items, scope))
                    ?? throw new ChatTemplateException($"'{callee}' takes items after *.")
            );
        if (arguments.Entries is { } entries)
            foreach (
                (string name, object? value) in Evaluate(entries, scope) as Map
                    ?? throw new ChatTemplateException($"'{callee}' takes a mapping after **.")
            )
                named[name] = value;
        return new CallArguments(callee, [.. placed], named);
    }

    private bool Compare(Comparison comparison, Scope scope)
    {
        object? left = Evaluate(comparison.First, scope);
        foreach ((string sign, Expression value) in comparison.Rest)
        {
            object? right = Evaluate(value, scope);
            if (!Operators.Compare(sign, left, right))
                return false;
            left = right;
        }
        return true;
    }
}
