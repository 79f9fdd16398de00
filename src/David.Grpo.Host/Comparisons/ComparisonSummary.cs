using David.Grpo.Runs;

namespace David.Grpo.Comparisons;

/// <summary>
/// One arm's results at a budget, over seeds: scores, what a question costs, and what training took until then (rollouts,
/// generated tokens, searches, optimizer steps, learned tokens, seconds of sampling and learning).
/// </summary>
/// <param name="Answered">The share of questions answered.</param>
/// <param name="Coverage">Evidence coverage, in [0, 1].</param>
/// <param name="ExactMatch">In [0, 1].</param>
/// <param name="F1">In [0, 1].</param>
/// <param name="Rollouts">Spent until then.</param>
/// <param name="SearchesPerQuestion">At evaluation.</param>
/// <param name="Seconds">Of sampling and learning until then.</param>
/// <param name="TokensPerQuestion">At evaluation.</param>
/// <param name="TrainingSearches">Made until then.</param>
/// <param name="TrainingTokens">Sampled until then.</param>
/// <param name="OptimizerSteps">Made until then.</param>
/// <param name="LearnedTokens">Of the sequences learned from until then, all epochs.</param>
/// <param name="InterquartileMean">Of exact match over seeds.</param>
/// <param name="Kinds">By kind of question, in the order of their names.</param>
/// <param name="Arm">Its name.</param>
public sealed record ArmSummary(
    string Arm,
    Spread ExactMatch,
    double InterquartileMean,
    Spread F1,
    Spread Coverage,
    Spread SearchesPerQuestion,
    Spread TokensPerQuestion,
    Spread Answered,
    Spread Rollouts,
    Spread TrainingTokens,
    Spread TrainingSearches,
    Spread OptimizerSteps,
    Spread LearnedTokens,
    Spread Seconds,
    KindSummary[] Kinds
);

/// <summary>An arm's results on the questions of one kind, over seeds.</summary>
/// <param name="Kind">The data set's own: "2-hop", "bridge", …</param>
/// <param name="Questions">Of the evaluation.</param>
/// <param name="ExactMatch">In [0, 1].</param>
/// <param name="Coverage">Evidence coverage, in [0, 1].</param>
/// <param name="SearchesPerQuestion">At evaluation.</param>
public sealed record KindSummary(
    string Kind,
    int Questions,
    Spread ExactMatch,
    Spread Coverage,
    Spread SearchesPerQuestion
);

/// <summary>The arm in focus minus another one in exact match on the questions of one kind, paired by seed.</summary>
/// <param name="Arm">In focus.</param>
/// <param name="Other">What it is compared with.</param>
/// <param name="Kind">Of the questions.</param>
/// <param name="Difference">With Student's t interval over seeds, not corrected for the number of kinds and arms.</param>
public sealed record KindDifference(string Arm, string Other, string Kind, Spread Difference);

/// <summary>The arm in focus minus another one, paired by seed.</summary>
/// <param name="Difference">With Student's t interval over seeds.</param>
/// <param name="PValue">Of the paired t test; null where it says nothing.</param>
/// <param name="AdjustedPValue">After Holm, over the arms compared with the focus at this budget in this measure.</param>
/// <param name="ProbabilityOfImprovement">That a seed of the arm in focus beats a seed of the other.</param>
/// <param name="DetectableEffect">
/// The smallest difference that this many seeds, with this spread, find with a chance of 80 %; null for one seed.
/// </param>
/// <param name="Arm">In focus.</param>
/// <param name="Measure">What is compared.</param>
/// <param name="Other">What it is compared with.</param>
public sealed record PairedDifference(
    string Arm,
    string Other,
    string Measure,
    Spread Difference,
    double? PValue,
    double? AdjustedPValue,
    double ProbabilityOfImprovement,
    double? DetectableEffect
);

/// <summary>The comparison at one budget.</summary>
/// <param name="FrontBySearches">Arms that no other beats in exact match at as few searches a question.</param>
/// <param name="FrontByTokens">The same by generated tokens a question.</param>
/// <param name="Arms">In the comparison's order.</param>
/// <param name="Differences">Of the arm in focus from each other one.</param>
/// <param name="KindDifferences">The same in exact match by kind of question.</param>
/// <param name="Rollouts">The budget.</param>
public sealed record MarkSummary(
    int Rollouts,
    ArmSummary[] Arms,
    PairedDifference[] Differences,
    KindDifference[] KindDifferences,
    string[] FrontBySearches,
    string[] FrontByTokens
);

/// <summary>What a comparison found: summary.json.</summary>
/// <param name="Before">The policy before training.</param>
/// <param name="KindsBefore">Its exact match by kind of question, in the order of their names.</param>
/// <param name="Marks">At each budget, ascending.</param>
/// <param name="EvaluationQuestions">Of each evaluation.</param>
/// <param name="Seeds">Of every arm.</param>
/// <param name="Focus">The arm that is compared with each other one.</param>
public sealed record ComparisonSummary(
    long[] Seeds,
    string Focus,
    int EvaluationQuestions,
    EvaluationMetrics Before,
    IReadOnlyDictionary<string, double> KindsBefore,
    MarkSummary[] Marks
)
{
    /// <summary>At the end of the budget.</summary>
    public MarkSummary End => Marks[^1];

    /// <summary>What is compared: a name and its value of an outcome.</summary>
    private static readonly (string Name, Func<OutcomeRecord, double> Of)[] Measures =
    [
        ("exact_match", outcome => outcome.ExactMatch),
        ("f1", outcome => outcome.F1),
        ("coverage", outcome => outcome.Coverage),
        ("searches_per_question", outcome => outcome.Searches),
    ];

    /// <summary>The summary of finished runs.</summary>
    /// <param name="folder">Of the comparison, with the folders of its finished runs.</param>
    /// <param name="runs">Every arm over the same seeds, with the same budget and marks.</param>
    /// <param name="focus">The arm that is compared with each other one.</param>
    public static ComparisonSummary Of(string folder, IReadOnlyList<ComparedRun> runs, string focus)
    {
        RunLog[] lines = [.. runs.Select(run => RunLog.Read(Path.Combine(folder, run.Folder)))];
        return Of(lines, runs, focus);
    }

    /// <inheritdoc cref="Of(string, IReadOnlyList{ComparedRun}, string)"/>
    /// <param name="lines">Of each run.</param>
    public static ComparisonSummary Of(IReadOnlyList<RunLog> lines, IReadOnlyList<ComparedRun> runs, string focus)
    {
        EvaluationMetrics before = lines[0].First;
        string[] arms = [.. runs.Select(run => run.Name).Distinct()];
        long[] seeds = [.. runs.Select(run => run.Seed).Distinct().Order()];
        RunLog[] LinesOf(string arm) =>
            [
                .. seeds.Select(seed =>
                    lines[runs.Index().First(run => run.Item.Name == arm && run.Item.Seed == seed).Index]
                ),
            ];
        int budget = runs[0].Options.Rollouts;
        return new ComparisonSummary(
            seeds,
            focus,
            before.Questions,
            before,
            new SortedDictionary<string, double>(before.ExactMatchByKind.ToDictionary(), StringComparer.Ordinal),
            [
                .. runs[0]
                    .Options.Evaluation.At.Where(mark => mark < budget)
                    .Append(budget)
                    .Select(mark => At(mark, arms, focus, LinesOf)),
            ]
        );
    }

    private static MarkSummary At(int mark, string[] arms, string focus, Func<string, RunLog[]> linesOf)
    {
        Dictionary<string, RunPoint[]> points = arms.ToDictionary(
            arm => arm,
            arm => linesOf(arm).Select(lines => lines.At(mark)).ToArray()
        );
        double[][] ScoresOf(string arm, Func<OutcomeRecord, double> pick, string? kind) =>
            [
                .. points[arm]
                    .Select(point =>
                        point.Outcomes.Where(outcome => kind is null || outcome.Kind == kind).Select(pick).ToArray()
                    ),
            ];
        double[][] Scores(string arm, Func<OutcomeRecord, double> pick) => ScoresOf(arm, pick, null);
        string[] kinds =
        [
            .. points[focus][0].Outcomes.Select(outcome => outcome.Kind).Distinct().Order(StringComparer.Ordinal),
        ];
        KindSummary OfKind(string arm, string kind)
        {
            double[][] exact = ScoresOf(arm, outcome => outcome.ExactMatch, kind);
            return new KindSummary(
                kind,
                exact[0].Length,
                Spread.OfScores(exact),
                Spread.OfScores(ScoresOf(arm, outcome => outcome.Coverage, kind)),
                Spread.OfScores(ScoresOf(arm, outcome => outcome.Searches, kind))
            );
        }

        ArmSummary[] summaries =
        [
            .. arms.Select(arm =>
            {
                double[][] exact = Scores(arm, outcome => outcome.ExactMatch);
                Spread Cost(Func<RunCost, double> pick) => Spread.Of(points[arm].Select(point => pick(point.Spent)));
                return new ArmSummary(
                    arm,
                    Spread.OfScores(exact),
                    ComparisonStatistics.InterquartileMean([.. exact.Select(own => (double[])[own.Average()])]),
                    Spread.OfScores(Scores(arm, outcome => outcome.F1)),
                    Spread.OfScores(Scores(arm, outcome => outcome.Coverage)),
                    Spread.OfScores(Scores(arm, outcome => outcome.Searches)),
                    Spread.OfScores(Scores(arm, outcome => outcome.GeneratedTokens)),
                    Spread.OfScores(Scores(arm, outcome => outcome.Ending == "answered" ? 1 : 0)),
                    Cost(spent => spent.Rollouts),
                    Cost(spent => spent.GeneratedTokens),
                    Cost(spent => spent.Searches),
                    Cost(spent => spent.OptimizerSteps),
                    Cost(spent => spent.LearnedTokens),
                    Cost(spent => spent.Seconds),
                    [.. kinds.Select(kind => OfKind(arm, kind))]
                );
            }),
        ];
        string[] Front(Func<ArmSummary, double> cost) =>
            [
                .. ComparisonStatistics
                    .ParetoFront([.. summaries.Select(arm => new CostScore(cost(arm), arm.ExactMatch.Mean))])
                    .Select(index => summaries[index].Arm),
            ];
        return new MarkSummary(
            mark,
            summaries,
            [
                .. Measures.SelectMany(measure =>
                    Differences(
                        measure.Name,
                        [.. arms.Where(arm => arm != focus)],
                        focus,
                        arm => [.. Scores(arm, measure.Of).Select(own => own.Average())]
                    )
                ),
            ],
            [
                .. arms.Where(arm => arm != focus)
                    .SelectMany(arm =>
                        kinds.Select(kind => new KindDifference(
                            focus,
                            arm,
                            kind,
                            Spread.Of(
                                ComparisonStatistics.ScoreDifference(
                                    Spread.Level,
                                    true,
                                    ScoresOf(focus, outcome => outcome.ExactMatch, kind),
                                    ScoresOf(arm, outcome => outcome.ExactMatch, kind)
                                ),
                                [
                                    .. ScoresOf(focus, outcome => outcome.ExactMatch, kind)
                                        .Zip(
                                            ScoresOf(arm, outcome => outcome.ExactMatch, kind),
                                            (our, their) => our.Average() - their.Average()
                                        ),
                                ]
                            )
                        ))
                    ),
            ],
            Front(arm => arm.SearchesPerQuestion.Mean),
            Front(arm => arm.TokensPerQuestion.Mean)
        );
    }

    private static PairedDifference[] Differences(
        string measure,
        string[] arms,
        string focus,
        Func<string, double[]> bySeed
    )
    {
        double[] ours = bySeed(focus);
        (string Other, double[] Theirs, DifferenceEstimate Test)[] tests =
        [
            .. arms.Select(arm => (arm, bySeed(arm), Statistics.PairedDifference(Spread.Level, ours, bySeed(arm)))),
        ];
        double[] known = [.. tests.Select(test => test.Test.PValue).OfType<PValue.Known>().Select(p => p.value)];
        Queue<double> adjusted = new(Statistics.Holm(known));
        return
        [
            .. tests.Select(test =>
            {
                double[] differences = [.. ours.Zip(test.Theirs, (our, their) => our - their)];
                bool isKnown = test.Test.PValue.IsKnown;
                return new PairedDifference(
                    focus,
                    test.Other,
                    measure,
                    Spread.Of(test.Test.Difference, test.Test.Interval, differences),
                    isKnown ? ((PValue.Known)test.Test.PValue).value : null,
                    isKnown ? adjusted.Dequeue() : null,
                    ComparisonStatistics.ProbabilityOfImprovement(AsTask(ours), AsTask(test.Theirs)),
                    differences.Length < 2
                        ? null
                        : Statistics.SampleDeviation(differences)
                            * Power.MinimumDetectableEffect(
                                TTestDesign.Paired,
                                Alternative.TwoSided,
                                1 - Spread.Level,
                                0.8,
                                differences.Length
                            )
                );
            }),
        ];
    }

    /// <summary>Seeds as runs of one task.</summary>
    private static double[][] AsTask(double[] bySeed) => [.. bySeed.Select(score => (double[])[score])];
}
