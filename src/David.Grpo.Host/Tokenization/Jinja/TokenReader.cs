namespace David.Grpo.Tokenization.Jinja;

/// <summary>A place in the tokens of a template.</summary>
internal sealed class TokenReader(List<Token> tokens)
{
    private int at;

    public int Place => at;

    public Token Current => tokens[at];

    public Token Following => tokens[Math.Min(at + 1, tokens.Count - 1)];

    /// <summary>The current token; the next one becomes current.</summary>
    public Token Next() => tokens[at].Kind == TokenKind.End ? tokens[at] : tokens[at++];

    public bool Is(string sign) => Current.Kind == TokenKind.Operator && Current.Text == sign;

    public bool IsName(string name) => Current.Kind == TokenKind.Name && Current.Text == name;

    /// <summary>Whether a name stands between a place and here.</summary>
    public bool HasName(string name, int from) =>
        tokens.FindIndex(from, at - from, token => token.Kind == TokenKind.Name && token.Text == name) >= 0;

    /// <summary>Passes an operator if it is current.</summary>
    public bool Take(string sign)
    {
        bool taken = Is(sign);
        if (taken)
            at++;
        return taken;
    }

    /// <summary>Passes a word if it is current.</summary>
    public bool TakeName(string name)
    {
        bool taken = IsName(name);
        if (taken)
            at++;
        return taken;
    }

    public Token Expect(TokenKind kind) => Current.Kind == kind ? Next() : throw Unexpected(kind.ToString());

    public void Expect(string sign)
    {
        if (!Take(sign))
            throw Unexpected($"'{sign}'");
    }

    public void ExpectName(string name)
    {
        if (!TakeName(name))
            throw Unexpected($"'{name}'");
    }

    public ChatTemplateException Unexpected(string expected) =>
        ChatTemplateException.At(
            Current.Line,
            $"{(Current.Text == "" ? Current.Kind.ToString() : $"'{Current.Text}'")} stands where {expected} is expected."
        );
}
