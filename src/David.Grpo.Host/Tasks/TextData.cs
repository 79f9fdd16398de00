using David.Grpo.Search;

namespace David.Grpo.Tasks;

/// <summary>Questions and corpora as commands name them.</summary>
internal static class TextData
{
    /// <summary>Where indices lie if nothing else is said: XDG_CACHE_HOME, or else ~/.cache.</summary>
    public static string IndexFolder(string? named)
    {
        if (named is not null)
            return named;
        string cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } given
            ? given
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(cache, "david-grpo");
    }

    /// <summary>The index of a corpus, built if there is none yet.</summary>
    public static Bm25Index Open(
        string corpus,
        string? indexFolder,
        IProgress<ReadProgress>? indexing,
        CancellationToken cancellationToken
    ) => Bm25Index.OpenOrBuild(corpus, IndexFolder(indexFolder), indexing, cancellationToken);

    /// <summary>The questions of a part of a file, in its order.</summary>
    /// <exception cref="InvalidDataException">The file is faulty, or has fewer questions than were asked for.</exception>
    public static QuestionRecord[] Read(QuestionsSection section, CancellationToken cancellationToken)
    {
        QuestionRecord[] all = QuestionSet.Read(section.File, cancellationToken: cancellationToken);
        QuestionRecord[] split = section.Split is { } name ? [.. all.Where(record => record.Split == name)] : all;
        if (split.Length == 0)
        {
            string[] names =
            [
                .. all.Select(record => record.Split).OfType<string>().Distinct().Order(StringComparer.Ordinal),
            ];
            throw new InvalidDataException(
                $"{section.File} has no question of split \"{section.Split}\"; "
                    + (
                        names.Length == 0
                            ? "its questions name no split."
                            : $"its splits are {string.Join(", ", names)}."
                    )
            );
        }
        int left = Math.Max(0, split.Length - section.First);
        if (left == 0 || section.Count > left)
            throw new InvalidDataException(
                $"{section.File} has {split.Length} questions"
                    + (section.Split is null ? "" : $" of split \"{section.Split}\"")
                    + $"; first {section.First} and count {section.Count} ask for more than that. Lower one of them."
            );
        return split[section.First..(section.Count == 0 ? split.Length : section.First + section.Count)];
    }
}
