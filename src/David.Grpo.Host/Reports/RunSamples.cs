using System.Text.RegularExpressions;
using David.Grpo.Figures;
using David.Grpo.Runs;

namespace David.Grpo.Reports;

/// <summary>Questions of a run's evaluations, answered before and after training.</summary>
internal static partial class RunSamples
{
    /// <summary>
    /// The first question with the most hops that was learned, and folded away one that was lost and one that was never
    /// right; none where the run was not evaluated twice or kept no outcomes.
    /// </summary>
    public static Section[] Of(RunLog run)
    {
        if (run.Evaluations is not [var first, .., var last])
            return [];
        if (run.Outcomes(first.Step) is not { } before || run.Outcomes(last.Step) is not { } after)
            return [];
        (OutcomeRecord Before, OutcomeRecord After)[] pairs =
        [
            .. before.Join(after, own => own.Id, own => own.Id, (one, other) => (one, other)),
        ];
        (OutcomeRecord, OutcomeRecord)? Sample(double rightBefore, double rightAfter) =>
            pairs
                .Where(pair => pair.Before.ExactMatch == rightBefore && pair.After.ExactMatch == rightAfter)
                .OrderByDescending(pair => pair.After.Searches)
                .Select(pair => ((OutcomeRecord, OutcomeRecord)?)pair)
                .FirstOrDefault();
        (string Title, (OutcomeRecord Before, OutcomeRecord After)? Pair)[] samples =
        [
            ("One that was learned", Sample(0, 1)),
            ("One that was lost", Sample(1, 0)),
            ("One that was never right", Sample(0, 0)),
        ];
        List<Section> sections = [];
        foreach ((string title, (OutcomeRecord Before, OutcomeRecord After)? pair) in samples)
        {
            if (pair is not { } shown)
                continue;
            Section[] told =
            [
                Section.NewProse($"{shown.Before.Question} — gold answer: {string.Join("; ", shown.Before.Answers)}"),
                Section.NewTranscripts([Transcript("Before", shown.Before), Transcript("After", shown.After)]),
            ];
            if (sections.Count == 0)
                sections.AddRange([Section.NewSubheading(title), .. told]);
            else
                sections.Add(Section.NewDetails(title, told));
        }
        return [.. sections];
    }

    private static Transcript Transcript(string title, OutcomeRecord outcome) =>
        new(
            title,
            $"{outcome.Searches} search{(outcome.Searches == 1 ? "" : "es")}, answer: {outcome.FinalAnswer ?? "none"}"
                + $" ({(outcome.ExactMatch == 1 ? "right" : "wrong")}), coverage {Number.Fixed(0, 100 * outcome.Coverage)} %",
            [.. Spans(outcome)]
        );

    /// <summary>
    /// The response in parts. An outcome keeps no authors, so they are told by the environment's own tags; the microscope
    /// has the true ones of what was trained on.
    /// </summary>
    private static IEnumerable<Span> Spans(OutcomeRecord outcome)
    {
        int at = 0;
        foreach (Match result in Results().Matches(outcome.Response))
        {
            if (outcome.Response[at..result.Index].Trim() is { Length: > 0 } asked)
                yield return Span.Search(Author.Policy, asked);
            yield return Span.Of(Author.Observation, result.Value.Trim());
            at = result.Index + result.Length;
        }
        if (outcome.Response[at..].Trim() is { Length: > 0 } last)
            yield return outcome.FinalAnswer is null ? Span.Of(Author.Policy, last) : Span.Answer(Author.Policy, last);
    }

    [GeneratedRegex("<info>.*?</info>|<search_result>.*?</search_result>", RegexOptions.Singleline)]
    private static partial Regex Results();
}
