using System.Globalization;
using System.Text.Json;
using David.Grpo.Answering;
using David.Grpo.Runs;
using Spectre.Console;

namespace David.Grpo.Cli;

/// <summary>An answer on the screen, and as JSON.</summary>
internal static class AnswerView
{
    /// <summary>Passages that are shown in full; of the others the titles.</summary>
    private const int Shown = 3;

    private const int ExcerptCharacters = 300;

    /// <summary>A search, as it happens.</summary>
    public static void ShowSearch(Screen screen, int number, string query, Passage[] passages) =>
        screen.Paragraph(
            $"[grey]search {number}[/]   {Markup.Escape(Short(query, 90))}  [grey]{DocumentTable.Count(passages.Length, "passage")}[/]",
            2
        );

    public static void Show(Screen screen, Answered answered, AnswerThreshold rule, string? truth)
    {
        screen.Line();
        if (answered.Answer is { } answer)
            screen.Paragraph($"[bold green]{Markup.Escape(answer)}[/]", 2);
        else
            screen.Paragraph("[bold yellow]I could not find this.[/]", 2);
        screen.Paragraph($"[grey]{Markup.Escape(Why(answered, rule))}[/]", 2);
        if (answered.Note is { } note)
            screen.Paragraph($"[grey]{Markup.Escape(note)}[/]", 2);
        if (truth is not null)
            screen.Paragraph($"[grey]The world's own answer: {Markup.Escape(truth)}[/]", 2);
        Citation[] shown = [.. Told(answered).Take(Shown)];
        if (shown.Length > 0)
            screen.Line();
        foreach ((int i, Citation evidence) in shown.Index())
        {
            string color = evidence.IsCited && answered.IsGiven ? "green" : "grey";
            string document = Markup.Escape(DocumentTable.Visible(evidence.Passage.Id.Value.Split('#')[0]));
            screen.Paragraph(
                $"[{color}][[{i + 1}]][/] {Markup.Escape(evidence.Passage.Title)}  [grey]{document}[/]",
                2
            );
            if (evidence.Excerpt.Length > 0)
                screen.Paragraph($"[italic]{Markup.Escape(Short(evidence.Excerpt, ExcerptCharacters))}[/]", 6);
        }
        screen.Line();
        screen.Paragraph($"[grey]{Markup.Escape(Costs(answered))}[/]", 2);
        screen.Line();
    }

    /// <summary>The same as a document for other programs.</summary>
    public static string Json(Answered answered, IAnswerer answerer, string? truth, bool indented) =>
        JsonSerializer.Serialize(
            new
            {
                answered.Question,
                answered.Answer,
                Found = answered.IsGiven,
                answered.Candidate,
                Confidence = Math.Round(answered.Confidence, 4),
                Support = Math.Round(answered.Support, 4),
                Rule = RuleInWords(answerer.Rule),
                IsCalibrated = !answerer.Rule.IsUncalibrated,
                Threshold = (answerer.Rule as AnswerThreshold.AtLeast)?.tau,
                answered.Note,
                WorldAnswer = truth,
                Searches = answered.Searches.Select(search => new
                {
                    search.Query,
                    search.IsForced,
                    Passages = search.Passages.Select(passage => passage.Id.Value),
                }),
                Evidence = answered.Evidence.Select(evidence => new
                {
                    Id = evidence.Passage.Id.Value,
                    Document = evidence.Passage.Id.Value.Split('#')[0],
                    evidence.Passage.Title,
                    evidence.Excerpt,
                    Support = Math.Round(evidence.Support, 4),
                    evidence.IsCited,
                    evidence.Passage.Text,
                }),
                Cost = new
                {
                    answered.Cost.Searches,
                    answered.Cost.GeneratedTokens,
                    answered.Cost.ReadTokens,
                    Seconds = Math.Round(answered.Cost.Seconds, 3),
                },
            },
            indented ? RunJson.Document : RunJson.Line
        );

    public static string RuleInWords(AnswerThreshold rule) =>
        rule switch
        {
            AnswerThreshold.AtLeast at => Say($"calibrated: given from a confidence of {at.tau:0.00} on"),
            AnswerThreshold.Uncalibrated { support: > 0 } =>
                "not calibrated: given where one passage holds three in four words of the answer",
            AnswerThreshold.Uncalibrated plain => Say(
                $"not calibrated: given from a confidence of {plain.confidence:0.00} on"
            ),
            _ => "calibrated: no threshold is safe, so nothing is given",
        };

    private static IEnumerable<Citation> Told(Answered answered) =>
        answered.IsGiven ? answered.Evidence.Where(evidence => evidence.IsCited) : answered.Evidence;

    private static string Why(Answered answered, AnswerThreshold rule) =>
        (
            answered.IsGiven ? Say($"confidence {answered.Confidence:0.00}")
            : answered.Candidate is null
                ? answered.Evidence.Count == 0 ? "nothing was found"
                    : "no answer was written; the nearest passages are below"
            : Say($"nearest: \"{Short(answered.Candidate, 120)}\", confidence {answered.Confidence:0.00}")
        ) + $" · {RuleInWords(rule)}";

    private static string Costs(Answered answered)
    {
        int forced = answered.Searches.Count(search => search.IsForced);
        bool isQuote = answered.Cost is { GeneratedTokens: 0, ReadTokens: 0 };
        return string.Join(
            " · ",
            (
                (string?[])
                    [
                        DocumentTable
                            .Count(answered.Cost.Searches, "search")
                            .Replace("searchs", "searches", StringComparison.Ordinal)
                            + (forced > 0 && !isQuote ? $" ({forced} in the policy's name)" : ""),
                        isQuote
                            ? null
                            : Say(
                                $"{answered.Cost.GeneratedTokens:N0} tokens written, {answered.Cost.ReadTokens:N0} read"
                            ),
                        Say($"{answered.Cost.Seconds:0.00} s"),
                    ]
            ).OfType<string>()
        );
    }

    private static string Short(string text, int characters)
    {
        string line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= characters ? line : line[..(characters - 1)].TrimEnd() + "…";
    }

    private static string Say(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
