using David.Grpo.Figures;

namespace David.Grpo.Host.Tests.Reports;

/// <summary>A figure of every kind of panel, as a study of David-GRPO would have them.</summary>
internal static class FigureGallery
{
    private static readonly string[] Arms = ["David-GRPO", "GRPO + coverage", "GRPO"];

    private static readonly Axis ExactMatch = Axis.Linear("Exact match", "%");

    /// <summary>All of them by the names of their files.</summary>
    public static IReadOnlyDictionary<string, Figure> All { get; } =
        new Dictionary<string, Figure>
        {
            ["curves"] = Curves(),
            ["points"] = Points(),
            ["dots"] = Styled(Figure.Column("Final scores", "", [Panel.Dots("Final scores", ExactMatch, Rows())])),
            ["bars"] = Styled(Figure.Column("Final scores", "", [Panel.Bars("Final scores", ExactMatch, Rows())])),
            ["heat"] = Heat(),
            ["tree"] = Tree(),
            ["many"] = Many(),
        };

    private static Figure Styled(Figure figure) => figure.StyledBy(Arms);

    /// <summary>Learning curves with bands, by a linear and a logarithmic axis.</summary>
    private static Figure Curves()
    {
        double[] rollouts = [.. Enumerable.Range(0, 21).Select(i => 10 * Math.Pow(100, i / 20.0))];
        Curve[] curves =
        [
            .. Arms.Zip([46.0, 34.0, 31.0], [150.0, 210.0, 260.0])
                .Select(arm =>
                {
                    double[] y = [.. rollouts.Select(x => 10 + (arm.Second - 10) * (1 - Math.Exp(-x / arm.Third)))];
                    double[] half = [.. rollouts.Select(x => 1 + 4 * Math.Exp(-x / 400))];
                    return Curve.Band(
                        arm.First,
                        rollouts,
                        y,
                        [.. y.Zip(half, (value, own) => value - own)],
                        [.. y.Zip(half, (value, own) => value + own)]
                    );
                }),
        ];
        return Styled(
            Figure.Page(
                "Learning curves",
                "Exact match by rollouts of three arms.",
                2,
                [
                    Panel.Curves(
                        "By rollouts",
                        Axis.Linear("Rollouts", ""),
                        ExactMatch.Over(AxisRange.WithZero),
                        curves
                    ),
                    Panel.Curves("By rollouts, logarithmic", Axis.Logarithmic("Rollouts", ""), ExactMatch, curves),
                ]
            )
        );
    }

    private static Figure Points()
    {
        ScatterPoint Point(string name, double searches, double exactMatch, bool isOnFront) =>
            new(name, Estimate.PlusMinus(searches, 0.08), Estimate.PlusMinus(exactMatch, 3.2), isOnFront);
        return Styled(
            Figure.Column(
                "Pareto front",
                "Exact match against searches a question.",
                [
                    Panel.Points(
                        "What a search is worth",
                        Axis.Linear("Searches a question", ""),
                        ExactMatch,
                        [
                            Point("GRPO", 1.26, 31.1, true),
                            Point("GRPO + coverage", 1.67, 30.2, false),
                            Point("David-GRPO", 2.37, 47.5, true),
                            Point("Gate on searches", 1.78, 46.1, true),
                            Point("SFT", 2.2, 38.0, false),
                        ]
                    ),
                ]
            )
        );
    }

    private static Row[] Rows() =>
        [
            .. from set in new[] { "HotpotQA", "MuSiQue", "2Wiki" }.Index()
            from arm in Arms.Index()
            let value = 48.0 - 9 * arm.Index - 7 * set.Index
            select new Row(set.Item, arm.Item, Estimate.Between(value, value - 2.5 - 0.7 * arm.Index, value + 3)),
        ];

    /// <summary>A sequential heat map with a gap, and a diverging one.</summary>
    private static Figure Heat()
    {
        string[] sizes = ["2", "4", "5", "8"];
        string[] weights = ["0", "0.1", "0.25", "0.5", "1"];
        double[][] values =
        [
            .. sizes.Select(
                (_, i) =>
                    weights
                        .Select(
                            (_, j) => i == 3 && j == 4 ? double.NaN : 30 + 6 * i - 2.2 * (j - 2.0) * (j - 2.0) + i * j
                        )
                        .ToArray()
            ),
        ];
        double[][] change = [.. values.Select(row => row.Select(value => value - 35.2).ToArray())];
        return Figure.Page(
            "λ and the size of the group",
            "",
            2,
            [
                Panel.Heat("Exact match", ExactMatch, HeatMap.Sequential("group size", sizes, "λ", weights, values)),
                Panel.Heat(
                    "Against GRPO",
                    Axis.Linear("Difference", "points"),
                    HeatMap.Diverging(0, "group size", sizes, "λ", weights, change)
                ),
            ]
        );
    }

    /// <summary>Sampled members, the best failed one continued from its cut, and an expert's in place of a member.</summary>
    private static Figure Tree()
    {
        Branch Member(int number, double end, string note) =>
            Branch.Of(BranchOrigin.Policy, $"member {number}", 60, end).Noted(note);
        Branch root = Branch
            .Of(BranchOrigin.Shared, "", 0, 60)
            .With(
                Member(1, 145, "coverage 0"),
                Member(2, 260, "coverage 1, wrong")
                    .With(
                        Branch.Of(BranchOrigin.Continuation, "continuation 1", 190, 250).Noted("right"),
                        Branch.Of(BranchOrigin.Continuation, "continuation 2", 190, 235).Noted("wrong")
                    ),
                Member(3, 130, "coverage 0").Dropped,
                Branch.Of(BranchOrigin.Expert, "expert", 60, 230).Noted("right")
            );
        return Figure.Column("A group of David-GRPO", "", [Panel.Tree("A group", Axis.Linear("Tokens", ""), root)]);
    }

    /// <summary>More curves than can be named at their ends, and text that is no markup.</summary>
    private static Figure Many()
    {
        double[] x = [0, 1, 2, 3];
        Curve[] curves =
        [
            .. Enumerable
                .Range(0, 12)
                .Select(i => Curve.Line($"<b>arm</b> & ${i}$ %{{x}}", x, [.. x.Select(v => v * (i + 1))])),
        ];
        return Figure.Page(
            "</script><!-- many",
            "",
            2,
            [
                Panel.Curves("<i>Loss</i>", Axis.Linear("</script>", ""), Axis.Linear("Loss", "nats"), curves),
                Panel.Curves("Empty", Axis.Linear("x", ""), Axis.Linear("y", ""), []),
            ]
        );
    }
}
