namespace David.Grpo.Tokenization.Jinja;

/// <summary>A template that was read.</summary>
internal sealed record Template(Statement[] Body);

internal abstract record Statement(int Line);

/// <summary>Text that is shown as it is.</summary>
internal sealed record DataStatement(int Line, string Text) : Statement(Line);

/// <summary><c>{{ value }}</c></summary>
internal sealed record OutputStatement(int Line, Expression Value) : Statement(Line);

/// <summary><c>if … elif … else</c>; an else has no condition.</summary>
internal sealed record IfStatement(int Line, (Expression? Condition, Statement[] Body)[] Branches) : Statement(Line);

/// <summary><c>for target in items if filter recursive … else …</c></summary>
internal sealed record ForStatement(
    int Line,
    Target Target,
    Expression Items,
    Expression? Filter,
    bool IsRecursive,
    Statement[] Body,
    Statement[] Otherwise
) : Statement(Line);

/// <summary><c>set target = value</c></summary>
internal sealed record SetStatement(int Line, Target Target, Expression Value) : Statement(Line);

/// <summary><c>set target | filters … endset</c>; <c>Filtered</c> is an expression on <see cref="BodyText"/>.</summary>
internal sealed record SetBlockStatement(int Line, Target Target, Expression Filtered, Statement[] Body)
    : Statement(Line);

/// <summary><c>filter filters … endfilter</c></summary>
internal sealed record FilterStatement(int Line, Expression Filtered, Statement[] Body) : Statement(Line);

/// <summary><c>with name = value, … … endwith</c>; the values are of the scope around.</summary>
internal sealed record WithStatement(int Line, (Target Target, Expression Value)[] Bindings, Statement[] Body)
    : Statement(Line);

/// <summary>
/// <c>macro name(parameters) … endmacro</c>; it takes more arguments only where its body has <c>varargs</c> or <c>kwargs</c>,
/// and is called with a body only where it has <c>caller</c>.
/// </summary>
internal sealed record MacroStatement(
    int Line,
    string Name,
    Parameter[] Parameters,
    Statement[] Body,
    bool TakesItems,
    bool TakesEntries,
    bool TakesCaller
) : Statement(Line);

/// <summary><c>call(parameters) macro(arguments) … endcall</c></summary>
internal sealed record CallStatement(int Line, MacroStatement Caller, Call Call) : Statement(Line);

/// <summary>What a value is bound to.</summary>
internal abstract record Target;

internal sealed record NameTarget(string Name) : Target;

/// <summary><c>namespace.attribute</c></summary>
internal sealed record AttributeTarget(string Name, string Attribute) : Target;

/// <summary><c>a, b</c>: the items of the value, one each.</summary>
internal sealed record TupleTarget(Target[] Parts) : Target;

/// <summary>A macro's parameter; without a default it is undefined where it is not given.</summary>
internal sealed record Parameter(string Name, Expression? Default);

/// <summary>Statements in a row, where one is expected.</summary>
internal sealed record GroupStatement(int Line, Statement[] Body) : Statement(Line);

/// <summary><c>break</c> or <c>continue</c>.</summary>
internal sealed record JumpStatement(int Line, bool Leaves) : Statement(Line);

internal abstract record Expression(int Line);

internal sealed record Constant(int Line, object? Value) : Expression(Line);

internal sealed record Variable(int Line, string Name) : Expression(Line);

/// <summary>What the body of a block shows, where filters take it.</summary>
internal sealed record BodyText(int Line) : Expression(Line);

internal sealed record ListLiteral(int Line, Expression[] Items) : Expression(Line);

/// <summary>Values with commas between.</summary>
internal sealed record TupleLiteral(int Line, Expression[] Items) : Expression(Line);

internal sealed record MapLiteral(int Line, (Expression Key, Expression Value)[] Entries) : Expression(Line);

/// <summary><c>owner.name</c></summary>
internal sealed record Attribute(int Line, Expression Owner, string Name) : Expression(Line);

/// <summary><c>owner[key]</c></summary>
internal sealed record Item(int Line, Expression Owner, Expression Key) : Expression(Line);

/// <summary><c>owner[from:to:step]</c></summary>
internal sealed record Slice(int Line, Expression Owner, Expression? From, Expression? To, Expression? Step)
    : Expression(Line);

/// <summary><c>callee(arguments)</c></summary>
internal sealed record Call(int Line, Expression Callee, Arguments Arguments) : Expression(Line);

/// <summary><c>value | name(arguments)</c></summary>
internal sealed record FilterCall(int Line, Expression Value, string Name, Arguments Arguments) : Expression(Line);

/// <summary><c>value is name(arguments)</c></summary>
internal sealed record TestCall(int Line, Expression Value, string Name, Arguments Arguments) : Expression(Line);

/// <summary>An operator before a value: <c>not</c>, <c>-</c> or <c>+</c>.</summary>
internal sealed record Unary(int Line, string Operator, Expression Value) : Expression(Line);

/// <summary>An operator between two values. <c>and</c> and <c>or</c> evaluate the second only if needed.</summary>
internal sealed record Binary(int Line, string Operator, Expression Left, Expression Right) : Expression(Line);

/// <summary><c>first operator value operator value …</c>, which holds if every neighbouring pair does.</summary>
internal sealed record Comparison(int Line, Expression First, (string Operator, Expression Value)[] Rest)
    : Expression(Line);

/// <summary><c>value if condition else otherwise</c></summary>
internal sealed record Conditional(int Line, Expression Condition, Expression Value, Expression? Otherwise)
    : Expression(Line);

/// <summary>Arguments of a call, by place and by name; then <c>*items</c> and <c>**entries</c>.</summary>
internal sealed record Arguments(
    Expression[] Placed,
    (string Name, Expression Value)[] Named,
    Expression? Items = null,
    Expression? Entries = null
)
{
    public static Arguments None { get; } = new([], []);
}
