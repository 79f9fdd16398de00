using David.Grpo.Figures;
using David.Grpo.Runs;
using David.Grpo.Training;

namespace David.Grpo.Reports;

/// <summary>A run's trajectory microscope: the folder microscope/ with a page and its data.</summary>
internal static class MicroscopePage
{
    /// <summary>Writes it anew, beside first; a page that was there stays until the new one is whole.</summary>
    /// <param name="title">Of the run.</param>
    /// <param name="model">A model's folder or .gguf file, for its tokenizer; null where unknown.</param>
    /// <returns>How many trajectories it shows, and what is wrong with the log; null for nothing.</returns>
    public static (int Trajectories, string? Torn) Write(string folder, string title, string? model)
    {
        string beside = Path.Combine(folder, ".microscope");
        if (Directory.Exists(beside))
            Directory.Delete(beside, recursive: true);
        Directory.CreateDirectory(Path.Combine(beside, "data"));

        TrajectoryLog log = new(folder);
        using Microscope.Index index = new(title);
        TokenText? text = null;
        List<ScopeGroup> pending = [];
        int parts = 0;
        int tokens = 0;
        void Flush()
        {
            ScopeGroup[] groups = [.. pending];
            File.WriteAllBytes(
                Path.Combine(beside, "data", Microscope.PartName(parts)),
                Microscope.Part(parts, groups)
            );
            index.Add(parts, groups);
            parts++;
            (tokens, pending) = (0, []);
        }
        foreach (TrajectoryRecord[] records in log.Groups())
        {
            text ??= TokenText.Find(folder, model, [.. records.SelectMany(record => record.Segments)]);
            pending.Add(Group(records, text));
            tokens += records.Sum(record => record.Segments.Sum(segment => segment.Tokens.Length));
            if (tokens >= Microscope.TokensPerPart)
                Flush();
        }
        if (pending.Count > 0)
            Flush();
        File.WriteAllBytes(Path.Combine(beside, "data", "index.js"), index.Script());
        foreach ((string name, string content) in Microscope.Files())
            File.WriteAllText(Path.Combine(beside, name), content);

        string place = Path.Combine(folder, "microscope");
        if (Directory.Exists(place))
            Directory.Delete(place, recursive: true);
        Directory.Move(beside, place);
        return (index.Trajectories, log.Torn);
    }

    private static ScopeGroup Group(TrajectoryRecord[] records, TokenText text)
    {
        TrajectoryRecord first = records[0];
        TrajectoryRecord[] members = [.. records.Where(record => record.Role == TrajectoryRole.Member)];
        if (members is [])
            members = records;
        return new ScopeGroup(
            step: first.Step,
            phase: first.Phase,
            key: first.Group,
            question: first.Question,
            answers: first.Answers,
            kind: first.Kind ?? "",
            hops: first.Hops,
            gold: first.GoldTitles.Length > 0 ? first.GoldTitles : first.Gold,
            prompt: first.Segments is [{ Author: "prompt" } prompt, ..] ? text.Words(prompt.Tokens) : [],
            isDead: Array.TrueForAll(members, member => member.Reward == members[0].Reward),
            trajectories: [.. records.Select(record => Trajectory(record, text))]
        );
    }

    private static ScopeTrajectory Trajectory(TrajectoryRecord record, TokenText text) =>
        new(
            member: record.Member,
            role: record.Role switch
            {
                TrajectoryRole.Displaced => ScopeRole.Displaced,
                TrajectoryRole.Candidate => ScopeRole.Candidate,
                TrajectoryRole.Unselected => ScopeRole.Unselected,
                _ => ScopeRole.Member,
            },
            isExpert: record.Expert,
            keptSegments: record.KeptSegments,
            reward: record.Reward,
            coverage: record.Coverage,
            terms:
            [
                .. record.Terms.Select(term => new ScopeTerm(
                    term.Key,
                    record.Weights.GetValueOrDefault(term.Key, double.NaN),
                    term.Value
                )),
            ],
            isRight: record.FinalAnswer is { } answer && Answer.ExactMatch(answer, record.Answers),
            ending: record.Ending,
            answer: record.FinalAnswer ?? "",
            advantages: record.Advantage,
            slopes: record.Slope ?? [],
            segments: [.. Segments(record, text)]
        );

    private static IEnumerable<ScopeSegment> Segments(TrajectoryRecord record, TokenText text)
    {
        int searches = 0;
        foreach (SegmentRecord segment in record.Segments)
        {
            Author author = segment.Author switch
            {
                "policy" => Author.Policy,
                "expert" => Author.Expert,
                "observation" => Author.Observation,
                _ => Author.Prompt,
            };
            if (author == Author.Prompt)
                continue;
            string[] words = text.Words(segment.Tokens);
            // Answered searches come in order; observations beyond them are refusals.
            int? search = author == Author.Observation && searches < record.Queries.Length ? searches++ : null;
            ScopePassage[] passages = search is { } own ? Passages(record, own) : [];
            yield return new ScopeSegment(
                author: author,
                words: words,
                logProbs: segment.LogProbs ?? [],
                version: segment.Version ?? -1,
                isSearch: search is not null,
                query: search is { } asked ? record.Queries[asked] : "",
                passages: passages,
                marks: [.. Marks(words, passages)]
            );
        }
    }

    private static ScopePassage[] Passages(TrajectoryRecord record, int search) =>
        [
            .. record
                .Passages.ElementAtOrDefault(search)
                ?.Select(
                    (id, i) =>
                    {
                        string title = record.Titles.ElementAtOrDefault(search)?.ElementAtOrDefault(i) ?? id;
                        return new ScopePassage(
                            id,
                            title,
                            record.Gold.Contains(id) || record.GoldTitles.Contains(title)
                        );
                    }
                )
                ?? [],
        ];

    /// <summary>Where passages stand in an observation: from the heading with the title to the next one's.</summary>
    private static IEnumerable<ScopeMark> Marks(string[] words, ScopePassage[] passages)
    {
        string text = string.Concat(words);
        int[] begins = new int[passages.Length]; // of the passages, in characters
        int from = 0;
        for (int i = 0; i < passages.Length; i++)
        {
            // The embedded world's heading, and the text protocol's.
            int world = text.IndexOf($"{passages[i].Title} |", from, StringComparison.Ordinal);
            int quoted = text.IndexOf($"\"{passages[i].Title}\"", from, StringComparison.Ordinal);
            begins[i] = world >= 0 ? world : quoted;
            if (begins[i] < 0)
                yield break;
            from = begins[i] + passages[i].Title.Length;
        }
        int closing = text.LastIndexOf("</", StringComparison.Ordinal);
        int[] ends = [.. begins.Skip(1), closing < from ? text.Length : closing];
        int at = 0; // the character at which the next word begins
        int passage = -1;
        int opened = 0;
        for (int token = 0; token < words.Length && passages.Length > 0; token++)
        {
            int middle = at + Math.Max(0, words[token].Length - 1); // a blank may come first
            int own = Array.FindLastIndex(begins, begin => begin <= middle);
            if (own >= 0 && at >= ends[own] - (words[token].StartsWith(' ') ? 1 : 0))
                own = -1;
            if (own != passage)
            {
                if (passage >= 0)
                    yield return new ScopeMark(opened, token, passage);
                (passage, opened) = (own, token);
            }
            at += words[token].Length;
        }
        if (passage >= 0)
            yield return new ScopeMark(opened, words.Length, passage);
    }
}
