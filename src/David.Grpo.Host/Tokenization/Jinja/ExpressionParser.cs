using System.Globalization;
using System.Numerics;

namespace David.Grpo.Tokenization.Jinja;

/// <summary>
/// Reads expressions. From loose to tight, as in jinja2: <c>if else</c>, <c>or</c>, <c>and</c>, <c>not</c>, comparisons,
/// <c>+ -</c>, <c>~</c>, <c>* / // %</c>, <c>**</c>, a sign, then access, calls, filters and tests.
/// </summary>
internal sealed class ExpressionParser(TokenReader reader)
{
    /// <summary>Deeper templates are refused, so that none can overrun the stack.</summary>
    public const int DeepestNesting = 100;

    private static readonly string[] NoTestArgument = ["else", "and", "or", "if", "is", "in", "not"];

    private int depth;

    /// <summary>An expression; several with commas between are a tuple.</summary>
    public Expression Tuple()
    {
        Expression first = Whole();
        return reader.Is(",") ? Rest(first) : first;
    }

    /// <summary>The tuple of an expression and those after the comma that is current.</summary>
    public TupleLiteral Rest(Expression first)
    {
        List<Expression> items = [first];
        while (
            reader.Take(",") && reader.Current.Kind is not (TokenKind.TagEnd or TokenKind.OutputEnd) && !reader.Is(")")
        )
            items.Add(Whole());
        return new TupleLiteral(first.Line, [.. items]);
    }

    public Expression Whole()
    {
        if (++depth > DeepestNesting)
            throw ChatTemplateException.At(reader.Current.Line, "an expression is nested too deep.");
        Expression value = WithoutCondition();
        while (reader.TakeName("if"))
        {
            Expression condition = WithoutCondition();
            Expression? otherwise = reader.TakeName("else") ? Whole() : null;
            value = new Conditional(value.Line, condition, value, otherwise);
        }
        depth--;
        return value;
    }

    /// <summary>An expression that is not <c>a if b else c</c>, for places where an <c>if</c> may follow.</summary>
    public Expression WithoutCondition()
    {
        Expression left = And();
        while (reader.TakeName("or"))
            left = new Binary(left.Line, "or", left, And());
        return left;
    }

    private Expression And()
    {
        Expression left = Not();
        while (reader.TakeName("and"))
            left = new Binary(left.Line, "and", left, Not());
        return left;
    }

    private Expression Not()
    {
        int line = reader.Current.Line;
        int count = 0;
        while (reader.TakeName("not"))
            count++;
        Expression value = Compare();
        for (; count > 0; count--)
            value = new Unary(line, "not", value);
        return value;
    }

    private Expression Compare()
    {
        Expression first = Sum();
        List<(string, Expression)> rest = [];
        while (ComparisonOperator() is { } sign)
            rest.Add((sign, Sum()));
        return rest.Count == 0 ? first : new Comparison(first.Line, first, [.. rest]);
    }

    private string? ComparisonOperator()
    {
        if (reader.IsName("not") && reader.Following is { Kind: TokenKind.Name, Text: "in" })
        {
            reader.Next();
            reader.Next();
            return "not in";
        }
        bool compares =
            reader.IsName("in")
            || (
                reader.Current.Kind == TokenKind.Operator
                && reader.Current.Text is "==" or "!=" or "<" or "<=" or ">" or ">="
            );
        return compares ? reader.Next().Text : null;
    }

    private Expression Sum() => LeftToRight(["+", "-"], Joined);

    private Expression Joined() => LeftToRight(["~"], Product);

    private Expression Product() => LeftToRight(["*", "/", "//", "%"], Power);

    private Expression Power() => LeftToRight(["**"], () => Signed(withFilters: true));

    private Expression LeftToRight(string[] signs, Func<Expression> part)
    {
        Expression left = part();
        while (reader.Current.Kind == TokenKind.Operator && signs.Contains(reader.Current.Text))
        {
            string sign = reader.Next().Text;
            left = new Binary(left.Line, sign, left, part());
        }
        return left;
    }

    private Expression Signed(bool withFilters)
    {
        int line = reader.Current.Line;
        Stack<string> signs = [];
        while (reader.Is("-") || reader.Is("+"))
            signs.Push(reader.Next().Text);
        Expression value = Access(Primary());
        foreach (string sign in signs)
            value = new Unary(line, sign, value);
        return withFilters ? FiltersAndTests(value) : value;
    }

    private Expression Primary()
    {
        Token token = reader.Next();
        switch (token.Kind)
        {
            case TokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new Constant(token.Line, true),
                    "false" or "False" => new Constant(token.Line, false),
                    "none" or "None" => new Constant(token.Line, null),
                    _ => new Variable(token.Line, token.Text),
                };
            case TokenKind.Text:
                string text = token.Text;
                while (reader.Current.Kind == TokenKind.Text)
                    text += reader.Next().Text;
                return new Constant(token.Line, text);
            case TokenKind.Integer:
                return new Constant(token.Line, WholeNumber(token));
            case TokenKind.Real:
                return new Constant(
                    token.Line,
                    double.Parse(token.Text.Replace("_", ""), CultureInfo.InvariantCulture)
                );
            case TokenKind.Operator when token.Text == "(":
                Expression inner = reader.Is(")") ? new TupleLiteral(token.Line, []) : Tuple();
                reader.Expect(")");
                return inner;
            case TokenKind.Operator when token.Text == "[":
                return new ListLiteral(token.Line, [.. Separated("]", Whole)]);
            case TokenKind.Operator when token.Text == "{":
                return new MapLiteral(token.Line, [.. Separated("}", Entry)]);
            default:
                string got = token.Text == "" ? token.Kind.ToString() : $"'{token.Text}'";
                throw ChatTemplateException.At(token.Line, $"{got} stands where a value is expected.");
        }
    }

    /// <summary>Decimal, or after 0x, 0o or 0b.</summary>
    private static object WholeNumber(Token token)
    {
        string digits = token.Text.Replace("_", "");
        int numberBase = (digits.Length > 1 ? char.ToLowerInvariant(digits[1]) : '0') switch
        {
            'x' => 16,
            'o' => 8,
            'b' => 2,
            _ => 10,
        };
        BigInteger whole = 0;
        foreach (char digit in numberBase == 10 ? digits : digits[2..])
            whole = whole * numberBase + Convert.ToInt32(digit.ToString(), 16);
        return Value.Narrow(whole);
    }

    private (Expression, Expression) Entry()
    {
        Expression key = Whole();
        reader.Expect(":");
        return (key, Whole());
    }

    private List<T> Separated<T>(string end, Func<T> part)
    {
        List<T> parts = [];
        while (!reader.Take(end))
        {
            if (parts.Count > 0)
            {
                reader.Expect(",");
                if (reader.Take(end))
                    break;
            }
            parts.Add(part());
        }
        return parts;
    }

    private Expression Access(Expression value)
    {
        while (true)
        {
            int line = reader.Current.Line;
            if (reader.Take("."))
                value =
                    reader.Current.Kind == TokenKind.Integer
                        ? new Item(line, value, Primary())
                        : new Attribute(line, value, reader.Expect(TokenKind.Name).Text);
            else if (reader.Take("["))
                value = Subscript(line, value);
            else if (reader.Take("("))
                value = new Call(line, value, Arguments());
            else
                return value;
        }
    }

    private Expression Subscript(int line, Expression owner)
    {
        Expression? Bound() => reader.Is(":") || reader.Is("]") ? null : Whole();
        Expression? from = Bound();
        if (from is not null && reader.Take("]"))
            return new Item(line, owner, from);
        reader.Expect(":");
        Expression? to = Bound();
        Expression? step = reader.Take(":") ? Bound() : null;
        reader.Expect("]");
        return new Slice(line, owner, from, to, step);
    }

    private Expression FiltersAndTests(Expression value)
    {
        while (true)
        {
            int line = reader.Current.Line;
            if (reader.Take("|"))
                value = Filter(line, value);
            else if (reader.TakeName("is"))
            {
                bool negated = reader.TakeName("not");
                string name = reader.Expect(TokenKind.Name).Text;
                value = new TestCall(line, value, name, TestArguments());
                if (negated)
                    value = new Unary(line, "not", value);
            }
            else if (reader.Take("("))
                value = new Call(line, value, Arguments());
            else
                return value;
        }
    }

    /// <summary>A filter's name, its arguments, and the filters after it.</summary>
    public Expression Filters(Expression value)
    {
        value = Filter(reader.Current.Line, value);
        while (reader.Take("|"))
            value = Filter(reader.Current.Line, value);
        return value;
    }

    private FilterCall Filter(int line, Expression value)
    {
        string name = reader.Expect(TokenKind.Name).Text;
        return new FilterCall(line, value, name, reader.Take("(") ? Arguments() : Jinja.Arguments.None);
    }

    /// <summary>A test takes arguments in brackets, or one value right after its name (<c>is divisibleby 3</c>).</summary>
    private Arguments TestArguments()
    {
        if (reader.Take("("))
            return Arguments();
        bool one =
            reader.Current.Kind is TokenKind.Text or TokenKind.Integer or TokenKind.Real
            || (reader.Current.Kind == TokenKind.Name && !NoTestArgument.Contains(reader.Current.Text))
            || reader.Is("[")
            || reader.Is("{");
        return one ? new Arguments([Access(Primary())], []) : Jinja.Arguments.None;
    }

    private Arguments Arguments()
    {
        List<Expression> placed = [];
        List<(string, Expression)> named = [];
        Expression? items = null;
        Expression? entries = null;
        foreach ((string? name, Expression value) in Separated(")", Argument))
            if (name is "*")
                items = value;
            else if (name is "**")
                entries = value;
            else if (name is not null)
                named.Add((name, value));
            else if (named.Count == 0)
                placed.Add(value);
            else
                throw ChatTemplateException.At(value.Line, "an argument without a name follows one with a name.");
        return new Arguments([.. placed], [.. named], items, entries);
    }

    private (string? Name, Expression Value) Argument()
    {
        if (reader.Take("**"))
            return ("**", Whole());
        if (reader.Take("*"))
            return ("*", Whole());
        if (reader is not { Current.Kind: TokenKind.Name, Following: { Kind: TokenKind.Operator, Text: "=" } })
            return (null, Whole());
        string name = reader.Next().Text;
        reader.Expect("=");
        return (name, Whole());
    }

    /// <summary>A macro's parameters, from after the bracket on.</summary>
    public Parameter[] Parameters()
    {
        List<Parameter> parameters = Separated(
            ")",
            () => new Parameter(reader.Expect(TokenKind.Name).Text, reader.Take("=") ? Whole() : null)
        );
        for (int i = 1; i < parameters.Count; i++)
            if (parameters[i].Default is null && parameters[i - 1].Default is not null)
                throw ChatTemplateException.At(
                    reader.Current.Line,
                    $"the parameter '{parameters[i].Name}' has no default, and follows one that has."
                );
        return [.. parameters];
    }

    /// <summary>Names with commas between, in brackets or not, or a namespace's attribute.</summary>
    public Target Target(bool withAttributes)
    {
        Target first = Part();
        if (!reader.Is(","))
            return first;
        List<Target> parts = [first];
        while (reader.Take(",") && (reader.Current.Kind == TokenKind.Name && !reader.IsName("in") || reader.Is("(")))
            parts.Add(Part());
        return new TupleTarget([.. parts]);

        Target Part()
        {
            if (reader.Take("("))
            {
                Target inner = Target(withAttributes);
                reader.Expect(")");
                return inner;
            }
            string name = reader.Expect(TokenKind.Name).Text;
            return withAttributes && reader.Take(".")
                ? new AttributeTarget(name, reader.Expect(TokenKind.Name).Text)
                : new NameTarget(name);
        }
    }
}
