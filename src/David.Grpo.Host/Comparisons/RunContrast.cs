using System.Text.Json;
using System.Text.Json.Nodes;
using David.Grpo.Runs;

namespace David.Grpo.Comparisons;

/// <summary>One or more seeds of a method, side by side with others.</summary>
/// <param name="Name">As a table shows it: the folder that was named.</param>
/// <param name="Folders">The runs' folders.</param>
/// <param name="Seeds">Of the runs, in the folders' order.</param>
/// <param name="Means">By measure.</param>
/// <param name="Rollouts">Spent at the point of comparison, the mean over seeds.</param>
/// <param name="Seconds">Of sampling and learning until then, the mean over seeds.</param>
public sealed record ContrastSide(
    string Name,
    string[] Folders,
    long[] Seeds,
    IReadOnlyDictionary<string, Spread> Means,
    double Rollouts,
    double Seconds
);

/// <summary>A side minus the first one, on the questions that both answered.</summary>
/// <param name="Side">Its name.</param>
/// <param name="Questions">That both answered; 0: none, so there is no difference.</param>
/// <param name="ByQuestion">Whether the difference is taken question by question: all that both sides answered are the same.</param>
/// <param name="BySeed">Whether runs of the same seed were taken together.</param>
/// <param name="Differences">By measure, with 95 % intervals.</param>
public sealed record ContrastDifference(
    string Side,
    int Questions,
    bool ByQuestion,
    bool BySeed,
    IReadOnlyDictionary<string, Spread> Differences
);

/// <summary>An option that the sides do not share.</summary>
/// <param name="Option">Its name in a configuration file, such as <c>method.lambda</c>.</param>
/// <param name="Values">By side, as JSON; several where its runs differ; "–" where it is not known.</param>
public sealed record OptionDifference(string Option, string[] Values);

/// <summary>
/// Runs compared with a first one, whatever they are: differences where the questions are the same, and the options in which
/// they differ. For a planned comparison, with corrections for several arms, see <see cref="ComparisonSummary"/>.
/// </summary>
/// <param name="Sides">In the order given; the others are compared with the first.</param>
/// <param name="Differences">One a side but the first.</param>
/// <param name="Options">In which the sides differ.</param>
public sealed record RunContrast(ContrastSide[] Sides, ContrastDifference[] Differences, OptionDifference[] Options)
{
    /// <summary>What is compared: a name and its value of an outcome.</summary>
    private static readonly (string Name, Func<OutcomeRecord, double> Of)[] Measures =
    [
        ("exact_match", outcome => outcome.ExactMatch),
        ("f1", outcome => outcome.F1),
        ("coverage", outcome => outcome.Coverage),
        ("searches", outcome => outcome.Searches),
        ("generated_tokens", outcome => outcome.GeneratedTokens),
        ("answered", outcome => outcome.Ending == "answered" ? 1 : 0),
    ];

    /// <summary>The names of what is compared.</summary>
    public static IReadOnlyList<string> MeasureNames { get; } = [.. Measures.Select(measure => measure.Name)];

    /// <summary>Compares two or more sides.</summary>
    /// <param name="sides">Names and the runs of each, at least one run a side; the others are compared with the first.</param>
    /// <param name="at">Rollouts at which each run is taken: its last whole evaluation within them. Null: its last one.</param>
    /// <exception cref="InvalidDataException">A run has no evaluation to compare, or its questions are not those of its side.</exception>
    public static RunContrast Of(IReadOnlyList<(string Name, RunOverview[] Runs)> sides, int? at = null)
    {
        Points[] points = [.. sides.Select(side => Points.Read(side.Name, side.Runs, at))];
        return new RunContrast(
            [.. points.Select(side => side.ToSide())],
            [.. points.Skip(1).Select(side => Difference(points[0], side))],
            Differing([.. sides.Select(side => side.Runs)])
        );
    }

    private static ContrastDifference Difference(Points first, Points other)
    {
        string[] shared = [.. first.Keys.Where(other.Keys.ToHashSet(StringComparer.Ordinal).Contains)];
        bool isPaired = first.Seeds.Order().SequenceEqual(other.Seeds.Order());
        return new ContrastDifference(
            other.Name,
            shared.Length,
            shared.Length == first.Keys.Length && shared.Length == other.Keys.Length,
            isPaired,
            shared is []
                ? new Dictionary<string, Spread>()
                : Measures.ToDictionary(
                    measure => measure.Name,
                    measure =>
                    {
                        double[][] x = other.Scores(shared, measure.Of);
                        double[][] y = first.Scores(shared, measure.Of);
                        double[] bySeed = isPaired
                            ? [.. x.Zip(y, (own, their) => own.Average() - their.Average())]
                            : [];
                        return Spread.Of(ComparisonStatistics.ScoreDifference(Spread.Level, isPaired, x, y), bySeed);
                    }
                )
        );
    }

    private static OptionDifference[] Differing(RunOverview[][] sides)
    {
        Dictionary<string, string>[][] options =
        [
            .. sides.Select(runs =>
                runs.Select(run =>
                        RunDescription.Read(run.Folder) is { } description
                            ? Leaves(description.Options).ToDictionary(leaf => leaf.Name, leaf => leaf.Value)
                            : []
                    )
                    .ToArray()
            ),
        ];
        return
        [
            .. options
                .SelectMany(runs => runs.SelectMany(run => run.Keys))
                .Distinct(StringComparer.Ordinal)
                .Select(name => new OptionDifference(
                    name,
                    [
                        .. options.Select(runs =>
                            string.Join(
                                " | ",
                                runs.Select(run => run.GetValueOrDefault(name, "–")).Distinct(StringComparer.Ordinal)
                            )
                        ),
                    ]
                ))
                .Where(option => option.Values.Distinct(StringComparer.Ordinal).Skip(1).Any()),
        ];
    }

    private static IEnumerable<(string Name, string Value)> Leaves(JsonObject section, string within = "") =>
        section.SelectMany(option =>
            option.Value is JsonObject inner
                ? Leaves(inner, $"{within}{option.Key}.")
                : [(within + option.Key, option.Value?.ToJsonString(RunJson.Line) ?? "null")]
        );

    /// <summary>The outcomes of a side's runs at the point of comparison.</summary>
    private sealed record Points(string Name, RunOverview[] Runs, long[] Seeds, RunPoint[] At, string[] Keys)
    {
        public static Points Read(string name, RunOverview[] runs, int? at)
        {
            // Runs of the same seed are compared with each other, whatever their folders' order.
            runs = [.. runs.OrderBy(run => run.Seed ?? 0).ThenBy(run => run.Folder, StringComparer.Ordinal)];
            RunPoint[] points = [.. runs.Select(run => RunLog.Read(run.Folder).Within(at ?? int.MaxValue))];
            string[][] keys = [.. points.Select(point => point.Outcomes.Select(KeyOf).ToArray())];
            string[] shared = [.. keys[0].Where(key => keys.All(own => own.Contains(key)))];
            if (shared is [])
                throw new InvalidDataException(
                    $"The runs of {name} answered no question in common, so they are not seeds of one side. Name them one by one."
                );
            return new Points(name, runs, [.. runs.Select(run => run.Seed ?? 0)], points, shared);
        }

        /// <summary>[seeds][questions].</summary>
        public double[][] Scores(string[] keys, Func<OutcomeRecord, double> of) =>
            [
                .. At.Select(point =>
                {
                    Dictionary<string, OutcomeRecord> byKey = point
                        .Outcomes.DistinctBy(KeyOf)
                        .ToDictionary(KeyOf, StringComparer.Ordinal);
                    return keys.Select(key => of(byKey[key])).ToArray();
                }),
            ];

        public ContrastSide ToSide() =>
            new(
                Name,
                [.. Runs.Select(run => run.Folder)],
                Seeds,
                Measures.ToDictionary(measure => measure.Name, measure => Spread.OfScores(Scores(Keys, measure.Of))),
                At.Average(point => point.Spent.Rollouts),
                At.Average(point => point.Spent.Seconds)
            );

        /// <summary>A question by what it is: worlds may number theirs alike.</summary>
        private static string KeyOf(OutcomeRecord outcome) => $"{outcome.Id}\n{outcome.Question}";
    }
}
