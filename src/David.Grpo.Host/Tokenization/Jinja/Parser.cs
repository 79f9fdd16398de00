namespace David.Grpo.Tokenization.Jinja;

/// <summary>Reads the statements of a template; <see cref="ExpressionParser"/> reads what stands in them.</summary>
internal sealed class Parser
{
    private readonly TokenReader reader;
    private readonly ExpressionParser expressions;
    private int depth;
    private int loops;

    private Parser(TokenReader reader)
    {
        this.reader = reader;
        expressions = new ExpressionParser(reader);
    }

    public static Template Parse(string source)
    {
        Parser parser = new(new TokenReader(Lexer.Read(source)));
        Statement[] body = parser.Body();
        return new Template(body);
    }

    /// <summary>Statements up to a tag that starts with one of some names, or to the end if none is given.</summary>
    private Statement[] Body(params string[] ends)
    {
        List<Statement> body = [];
        int opened = reader.Current.Line;
        if (++depth > ExpressionParser.DeepestNesting)
            throw ChatTemplateException.At(opened, "tags are nested too deep.");
        while (true)
        {
            Token token = reader.Current;
            switch (token.Kind)
            {
                case TokenKind.End when ends.Length == 0:
                    depth--;
                    return [.. body];
                case TokenKind.End:
                    throw ChatTemplateException.At(
                        opened,
                        $"a block has no end; expected '{string.Join("' or '", ends)}'."
                    );
                case TokenKind.Data:
                    reader.Next();
                    body.Add(new DataStatement(token.Line, token.Text));
                    break;
                case TokenKind.OutputStart:
                    reader.Next();
                    body.Add(new OutputStatement(token.Line, expressions.Tuple()));
                    reader.Expect(TokenKind.OutputEnd);
                    break;
                default:
                    reader.Expect(TokenKind.TagStart);
                    if (reader.Current.Kind == TokenKind.Name && ends.Contains(reader.Current.Text))
                    {
                        depth--;
                        return [.. body];
                    }
                    body.Add(Tag());
                    break;
            }
        }
    }

    private Statement Tag()
    {
        Token name = reader.Expect(TokenKind.Name);
        switch (name.Text)
        {
            case "if":
                return If(name.Line);
            case "for":
                return For(name.Line);
            case "set":
                return Set(name.Line);
            case "macro":
                return Macro(name.Line);
            case "call":
                return CallBlock(name.Line);
            case "filter":
                Expression filtered = expressions.Filters(new BodyText(name.Line));
                EndTag();
                return new FilterStatement(name.Line, filtered, Block("endfilter"));
            case "with":
                return With(name.Line);
            case "break" or "continue" when loops > 0:
                EndTag();
                return new JumpStatement(name.Line, name.Text == "break");
            case "generation": // marks what the model wrote, for training masks; shows its body
                EndTag();
                return new GroupStatement(name.Line, Block("endgeneration"));
            default:
                throw ChatTemplateException.At(
                    name.Line,
                    $"the tag '{name.Text}' is not supported here; expected if, for, set, macro, call, filter, with, raw or generation, or break or continue in a for."
                );
        }
    }

    private IfStatement If(int line)
    {
        List<(Expression?, Statement[])> branches = [];
        Expression? condition = expressions.Tuple();
        while (true)
        {
            EndTag();
            branches.Add((condition, Body(condition is null ? ["endif"] : ["elif", "else", "endif"])));
            string next = reader.Expect(TokenKind.Name).Text;
            if (next == "endif")
            {
                EndTag();
                return new IfStatement(line, [.. branches]);
            }
            condition = next == "elif" ? expressions.Tuple() : null;
        }
    }

    private ForStatement For(int line)
    {
        Target target = expressions.Target(withAttributes: false);
        reader.ExpectName("in");
        Expression items = expressions.WithoutCondition();
        if (reader.Is(","))
            items = expressions.Rest(items);
        Expression? filter = reader.TakeName("if") ? expressions.Whole() : null;
        bool isRecursive = reader.TakeName("recursive");
        EndTag();
        loops++;
        Statement[] body = Body("else", "endfor");
        loops--;
        Statement[] otherwise = [];
        if (reader.Expect(TokenKind.Name).Text == "else")
        {
            EndTag();
            otherwise = Block("endfor");
        }
        else
            EndTag();
        return new ForStatement(line, target, items, filter, isRecursive, body, otherwise);
    }

    private Statement Set(int line)
    {
        Target target = expressions.Target(withAttributes: true);
        if (reader.Take("="))
        {
            Expression value = expressions.Tuple();
            EndTag();
            return new SetStatement(line, target, value);
        }
        if (target is TupleTarget)
            throw reader.Unexpected("'='");
        Expression filtered = new BodyText(line);
        if (reader.Take("|"))
            filtered = expressions.Filters(filtered);
        EndTag();
        return new SetBlockStatement(line, target, filtered, Block("endset"));
    }

    private MacroStatement Macro(int line)
    {
        string name = reader.Expect(TokenKind.Name).Text;
        reader.Expect("(");
        return MacroBody(line, name, expressions.Parameters(), "endmacro");
    }

    private CallStatement CallBlock(int line)
    {
        Parameter[] parameters = reader.Take("(") ? expressions.Parameters() : [];
        Call call =
            expressions.Whole() as Call ?? throw ChatTemplateException.At(line, "'call' takes a call, as of a macro.");
        return new CallStatement(line, MacroBody(line, "caller", parameters, "endcall"), call);
    }

    private MacroStatement MacroBody(int line, string name, Parameter[] parameters, string end)
    {
        EndTag();
        // A loop around does not go on within.
        (int around, loops) = (loops, 0);
        int from = reader.Place;
        Statement[] body = Block(end);
        loops = around;
        return new MacroStatement(
            line,
            name,
            parameters,
            body,
            TakesItems: reader.HasName("varargs", from),
            TakesEntries: reader.HasName("kwargs", from),
            TakesCaller: reader.HasName("caller", from)
        );
    }

    private WithStatement With(int line)
    {
        List<(Target, Expression)> bindings = [];
        while (reader.Current.Kind != TokenKind.TagEnd)
        {
            if (bindings.Count > 0)
                reader.Expect(",");
            Target target = new NameTarget(reader.Expect(TokenKind.Name).Text);
            reader.Expect("=");
            bindings.Add((target, expressions.Whole()));
        }
        EndTag();
        return new WithStatement(line, [.. bindings], Block("endwith"));
    }

    /// <summary>A body and the tag that ends it.</summary>
    private Statement[] Block(string end)
    {
        Statement[] body = Body(end);
        reader.ExpectName(end);
        EndTag();
        return body;
    }

    private void EndTag() => reader.Expect(TokenKind.TagEnd);
}
