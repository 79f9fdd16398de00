namespace David.Grpo.Tokenization;

/// <summary>A chat template that cannot be read, or cannot be carried out on the messages it was given.</summary>
public sealed class ChatTemplateException(string message) : Exception(message)
{
    internal static ChatTemplateException At(int line, string problem) => new($"Chat template, line {line}: {problem}");
}
