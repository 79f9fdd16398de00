using System.Globalization;
using David.Grpo.Exits;
using David.Grpo.Runs;
using Spectre.Console;

namespace David.Grpo.Cli;

/// <summary>What exits saved and lost, as tables.</summary>
internal static class ExitTables
{
    public const double DefaultPrice = 0.05;

    public static void Show(Screen screen, ExitFile exit, ExitReport report)
    {
        ExitSummary summary = report.Summary;
        List<string[]> rows = [];
        void Row(string name, string full, string exits, string difference = "") =>
            rows.Add([name, full, exits, difference]);
        Row("exact match", Text(summary.FullScore), Text(summary.Score), Text(report.ScoreDifference));
        Row("excess error", "", Text(summary.ExcessRisk));
        Row("exited early", "", Text(summary.EarlyExits));
        Row(
            "searches",
            Text(summary.Searches + summary.SearchesSaved),
            Text(summary.Searches),
            Text(report.SearchesSaved)
        );
        Row(
            "generated tokens with trials",
            Text(summary.GeneratedTokens + summary.GeneratedTokensSaved),
            Text(summary.GeneratedTokens),
            Text(report.GeneratedTokensSaved)
        );
        Row(
            "observed tokens",
            Text(summary.ObservedTokens + summary.ObservedTokensSaved),
            Text(summary.ObservedTokens),
            Text(report.ObservedTokensSaved)
        );
        Row("searched though right before", Text(report.FullOverSearch), Text(report.OverSearch));
        Row("wrong with evidence missing", Text(report.FullUnderSearch), Text(report.UnderSearch));
        foreach (HopsReport hops in report.Hops)
        {
            Row($"searches, {hops.Hops}-hop ({hops.Questions})", Text(hops.FullSearches), Text(hops.Searches));
            Row($"|searches - needed|, {hops.Hops}-hop", Text(hops.FullGap), Text(hops.Gap));
        }
        Row(
            $"EM - {Text(report.Stopping.Price)} a search",
            Text(report.Stopping.Full),
            Text(report.Stopping.WithExits),
            $"regret {Text(report.Stopping.Regret)} (to {Text(report.Stopping.Oracle)})"
        );
        screen.Show(
            WordTable.Of(
                exit.Threshold is { } tau
                    ? $"exits by {Name(exit.Settings.Measure)} at {Text(tau)}, for an excess risk of at most {Text(exit.Risk)}"
                    : "no exits: no threshold was safe",
                ["a question", "to the end", "with exits", "gained or saved, 95 %"],
                rows.Where(row => row[3].Length > 0)
            )
        );
        screen.Show(
            WordTable.Of(
                "where they exit",
                ["", "to the end", "with exits"],
                rows.Where(row => row[3].Length == 0).Select(row => row[..3])
            )
        );
        ConfidenceReport confidence = report.Confidence;
        screen.Line(
            $"confidence of {confidence.Answers} trial answers: ECE {Text(confidence.Ece)}, AURC {Text(confidence.Aurc)} "
                + $"(best possible {Text(confidence.Aurc - confidence.ExcessAurc)}), AUROC "
                + $"{(confidence.Auroc is { } auroc ? Text(auroc) : "none")}; wrong among the surest "
                + string.Join(", ", confidence.RiskAt.Select(at => $"{at.Key}: {Text(at.Value)}"))
        );
    }

    public static string Name(Enum choice) => choice.ToString().ToLowerInvariant();

    public static string Text(double value) =>
        Math.Abs(value) switch
        {
            // Thresholds crowd near 1, which four digits would hide.
            > 0.999 and < 1 => value.ToString("0.#######", CultureInfo.InvariantCulture),
            >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
            _ => value.ToString("0.000", CultureInfo.InvariantCulture),
        };

    public static string Text(Spread estimate) =>
        estimate is { Low: { } low, High: { } high }
            ? $"{Text(estimate.Mean)} [{Text(low)}, {Text(high)}]"
            : Text(estimate.Mean);

    public static string Text(Share share) =>
        share.Total == 0 ? "none" : $"{Text((double)share.Hits / share.Total)} ({share.Hits} of {share.Total})";
}
