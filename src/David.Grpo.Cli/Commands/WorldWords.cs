using David.Grpo.Cli.Configuration;

namespace David.Grpo.Cli.Commands;

/// <summary>Questions in the embedded world's closed language.</summary>
internal static class WorldWords
{
    /// <summary>The question as the world writes it: lower case, without a question mark.</summary>
    /// <exception cref="InvalidDataException">A word is none of the world's; the text names near ones and shows questions.</exception>
    public static string Read(string question, EmbeddedWorld world, int number)
    {
        string[] words = question
            .ToLowerInvariant()
            .Replace(",", " , ", StringComparison.Ordinal)
            .TrimEnd(' ', '?', '.', '!')
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        HashSet<string> known = [.. World.Vocabulary.Where(word => !word.StartsWith('<'))];
        string[] unknown = [.. words.Where(word => !known.Contains(word)).Distinct()];
        if (words.Length > 0 && unknown.Length == 0)
            return string.Join(' ', words);
        string named = string.Join(
            ", ",
            unknown
                .Take(5)
                .Select(word => NearestWord.To(word, known) is { } near ? $"\"{word}\" (\"{near}\"?)" : $"\"{word}\"")
        );
        throw new InvalidDataException(
            (
                words.Length == 0
                    ? "The question has no words."
                    : $"The embedded world has {known.Count} words, and {named} {(unknown.Length == 1 ? "is" : "are")} not among them."
            )
                + $" Questions of world {number} are such as\n"
                + string.Concat(Examples(world, 4).Select(example => $"  {example}\n"))
                + "Documents in English are asked with david ask DOCS, without --world."
        );
    }

    /// <summary>One question of each kind first.</summary>
    public static IEnumerable<string> Examples(EmbeddedWorld world, int count) =>
        World
            .Questions(world, count, Seeds.Named("examples", Seeds.OfInt64(0)))
            .OrderBy(question => question.Question.Hops)
            .Select(question => $"{question.Question.Text} ?");

    /// <summary>The world's own answer where the question is one of those that it asks; null for any other.</summary>
    public static Question? Known(EmbeddedWorld world, string question) =>
        World
            .Questions(world, 1500, Seeds.Named("examples", Seeds.OfInt64(0)))
            .Select(known => known.Question)
            .FirstOrDefault(known => known.Text == question);
}
