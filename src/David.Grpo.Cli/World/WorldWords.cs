using David.Grpo.Configuration;

namespace David.Grpo.Cli;

/// <summary>Questions in the embedded world's closed language.</summary>
internal static class WorldWords
{
    /// <summary>The question as the world writes it: its words in its own case, without a question mark.</summary>
    /// <exception cref="InvalidDataException">A word is none of the world's; the text names near ones and shows questions.</exception>
    public static string Read(string question, EmbeddedWorld world, int number)
    {
        string[] words = question
            .Replace(",", " , ", StringComparison.Ordinal)
            .TrimEnd(' ', '?', '.', '!')
            .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        Dictionary<string, string> known = World
            .Vocabulary.Where(word => !word.StartsWith('<'))
            .ToDictionary(word => word, StringComparer.OrdinalIgnoreCase);
        string[] unknown = [.. words.Where(word => !known.ContainsKey(word)).Distinct()];
        if (words.Length > 0 && unknown.Length == 0)
            return string.Join(' ', words.Select(word => known[word]));
        string named = string.Join(
            ", ",
            unknown
                .Take(5)
                .Select(word =>
                    NearestWord.To(word, known.Keys) is { } near
                    && NearestWord.Distance(word.ToLowerInvariant(), near.ToLowerInvariant())
                        <= Math.Max(1, word.Length / 4)
                        ? $"\"{word}\" (\"{near}\"?)"
                        : $"\"{word}\""
                )
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

    private static readonly Seed ExampleSeed = Seed.Named("examples", Seed.OfInt64(0));

    /// <summary>One question of each kind first.</summary>
    public static IEnumerable<string> Examples(EmbeddedWorld world, int count) =>
        WorldQuestions
            .Draw(world, count, ExampleSeed)
            .OrderBy(question => question.Question.Hops)
            .Select(question => $"{question.Question.Text} ?");

    /// <summary>
    /// The question with the world's own answer, where it is one of those that the world asks (all but a few of its 1,600); null for
    /// any other.
    /// </summary>
    public static Question? Known(EmbeddedWorld world, string question) =>
        Enumerable
            .Range(0, 3)
            .SelectMany(part => WorldQuestions.Draw(world, 1500, Seed.OfInt64(part)))
            .Concat(WorldQuestions.Draw(world, 4, ExampleSeed))
            .Select(known => known.Question)
            .FirstOrDefault(known => Plain(known.Text) == Plain(question));

    /// <summary>In the first wording of each relation, the choices of a comparison in order: two wordings are one question.</summary>
    private static string Plain(string question)
    {
        foreach (string[] phrases in World.Relations().Select(World.Phrases))
        foreach (string phrase in phrases)
            question = question.Replace(phrase, phrases[0], StringComparison.Ordinal);
        string[] parts = question.Split(" , ", 2);
        return parts.Length < 2
            ? question
            : $"{parts[0]} , {string.Join(" or ", parts[1].Split(" or ").Order(StringComparer.Ordinal))}";
    }
}
