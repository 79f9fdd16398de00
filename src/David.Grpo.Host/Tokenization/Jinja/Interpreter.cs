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
                return Loop(loop, scope);
            case SetStatement set:
                Set(set, scope);
                return Flow.Onward;
            case SetBlockStatement block:
                scope[block.Name] = Capture(block.Body, scope);
                return Flow.Onward;
            case GroupStatement group:
                return Run(group.Body, scope);
            case JumpStatement jump:
                return jump.Leaves ? Flow.Break : Flow.Continue;
            default:
                throw new InvalidOperationException($"no rule for {statement.GetType().Name}");
        }
    }

    private Flow Loop(ForStatement loop, Scope scope)
    {
        object? iterated = Evaluate(loop.Items, scope);
        List<object?> items =
            Value.Items(iterated) ?? throw new ChatTemplateException($"{Value.Kind(iterated)} cannot be looped over.");
        if (loop.Filter is { } filter)
            items = items.FindAll(item => Value.IsTrue(Evaluate(filter, Bind(loop.Targets, item, scope))));
        if (items.Count == 0)
            return Run(loop.Otherwise, scope.Inner());
        for (int index = 0; index < items.Count; index++)
        {
            Scope inner = Bind(loop.Targets, items[index], scope);
            inner["loop"] = LoopVariable(items, index);
            if (Run(loop.Body, inner) == Flow.Break)
                break;
        }
        return Flow.Onward;
    }

    private static Scope Bind(string[] targets, object? item, Scope scope)
    {
        Scope inner = scope.Inner();
        if (targets.Length == 1)
        {
            inner[targets[0]] = item;
            return inner;
        }
        if (Value.Items(item) is not { } parts || parts.Count != targets.Length)
            throw new ChatTemplateException(
                $"the loop takes items of {targets.Length} parts, and got {Value.Kind(item)}."
            );
        for (int i = 0; i < targets.Length; i++)
            inner[targets[i]] = parts[i];
        return inner;
    }

    private static Map LoopVariable(List<object?> items, int index) =>
        new()
        {
            ["index"] = (long)index + 1,
            ["index0"] = (long)index,
            ["revindex"] = (long)items.Count - index,
            ["revindex0"] = (long)items.Count - index - 1,
            ["first"] = index == 0,
            ["last"] = index == items.Count - 1,
            ["length"] = (long)items.Count,
            ["previtem"] = index > 0 ? items[index - 1] : new Undefined("loop.previtem"),
            ["nextitem"] = index + 1 < items.Count ? items[index + 1] : new Undefined("loop.nextitem"),
        };

    private void Set(SetStatement set, Scope scope)
    {
        object? value = Evaluate(set.Value, scope);
        if (set.Attribute is null)
            scope[set.Name] = value;
        else if (scope.Find(set.Name) is Namespace space)
            space.Attributes[set.Attribute] = value;
        else
            throw new ChatTemplateException($"'set {set.Name}.{set.Attribute}' needs '{set.Name}' to be a namespace.");
    }

    private string Capture(Statement[] body, Scope scope)
    {
        StringBuilder outer = output;
        output = new StringBuilder();
        Run(body, scope.Inner());
        string captured = output.ToString();
        output = outer;
        return captured;
    }

    private object? Evaluate(Expression expression, Scope scope)
    {
        line = expression.Line;
        return expression switch
        {
            Constant constant => constant.Value,
            Variable variable => scope.Find(variable.Name),
            ListLiteral list => list.Items.Select(item => Evaluate(item, scope)).ToList(),
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

    private object? Invoke(Call call, Scope scope)
    {
        object? callee = Evaluate(call.Callee, scope);
        return callee is Function function
            ? function.Body(Evaluate(function.Name, call.Arguments, scope))
            : throw new ChatTemplateException($"{Value.Kind(callee)} cannot be called.");
    }

    private CallArguments Evaluate(string callee, Arguments arguments, Scope scope)
    {
        Dictionary<string, object?> named = [];
        object?[] placed = [.. arguments.Placed.Select(value => Evaluate(value, scope))];
        foreach ((string name, Expression value) in arguments.Named)
            named[name] = Evaluate(value, scope);
        return new CallArguments(callee, placed, named);
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
