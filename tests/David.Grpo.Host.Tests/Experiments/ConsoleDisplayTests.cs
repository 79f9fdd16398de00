using David.Grpo.Comparisons;
using David.Grpo.Experiments;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Experiments;

public sealed class ConsoleDisplayTests
{
    private static readonly ComparedRun[] Runs =
    [
        .. ((string[])["grpo", "david"]).Select(arm => new ComparedRun(arm, 1, WorldRuns.Options(arm, 1, 100, 4))),
    ];

    private static RunEvent Evaluated(double exactMatch) =>
        new RunEvent.Evaluated(
            new EvaluationMetrics
            {
                Step = 1,
                Rollouts = 100,
                Questions = 4,
                ExactMatch = exactMatch,
                F1 = exactMatch,
                Coverage = 0.5,
                SearchesPerQuestion = 1.25,
                GeneratedTokens = 5,
                Answered = 1,
                Intervals = new Dictionary<string, double[]>(),
                ExactMatchByKind = new Dictionary<string, double>(),
                Seconds = 1,
            }
        );

    [Fact]
    public void ElsewhereThanInATerminal_ALineAFinishedRun()
    {
        StringWriter text = new();
        using (ConsoleDisplay display = new(Runs, text, isTerminal: false))
        {
            display.End(Runs[0]);
            display.Report(Runs[1], new RunEvent.Resumed(1, 40));
            display.Report(Runs[1], Evaluated(0.25));
            display.End(Runs[1]);
        }
        Assert.Equal(
            [
                "david seed 1   goes on after 40 rollouts",
                "david seed 1   EM 25.0 %, coverage 50.0 %, 1.25 searches a question; 2/2 runs",
                "1 of the 2 runs were finished before and not run again.",
            ],
            text.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries)
        );
    }

    [Fact]
    public void InATerminal_TheStatusIsOverwritten()
    {
        StringWriter text = new();
        using (ConsoleDisplay display = new(Runs, text, isTerminal: true))
        {
            display.Report(Runs[0], Evaluated(0.5));
            display.End(Runs[0]);
        }
        string[] written = text.ToString().Split('\r', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("2 runs of 200 rollouts", written[0], StringComparison.Ordinal);
        Assert.StartsWith("\u001b[Kgrpo  seed 1   EM 50.0 %", written[1], StringComparison.Ordinal);
        Assert.Equal("\u001b[K", written[^1]);
    }

    [Fact]
    public void RunsThatWereAllFinished_AreSaidToBeSo()
    {
        StringWriter text = new();
        using (ConsoleDisplay display = new(Runs, text, isTerminal: false))
            foreach (ComparedRun run in Runs)
                display.End(run);
        Assert.Equal("All runs were finished before; nothing was run." + Environment.NewLine, text.ToString());
    }
}
