// How should a step's rollouts be divided: how many to a group, and how many of them continuations?
//
//     ./david script scripts/ablation_group.csx --group 4 6 8 --continuations 0 1 2 --seeds 5
//
// A step costs every variant the same: small groups see more questions, large ones compare more answers to each, and
// continuations take the place of independent members. Expect little between 4 and 8, and continuations to pay only
// where a group found the evidence in part. Nine variants over two seeds take some 15 minutes on 2 cores.
#load "david.csx"

return await RunScript(
    Args,
    "--group 4 6 8 --continuations 0 1 2 --seeds 2 --rollouts 500 --questions 300 --out runs/ablation-group",
    "--group 4 --continuations 0 1 --seeds 1 --rollouts 36 --questions 8",
    async options =>
    {
        (int Group, int Forks)[] cases =
        [
            .. from forks in options.Integers("continuations")
            from size in options.Integers("group")
            select (size, forks),
        ];
        // Members that are independent and continuations together make the group that a step pays for.
        Experiment experiment = options.Experiment([
            .. cases.Select(own =>
                Variant.Of(
                    "david",
                    $"group_{own.Group}_continuations_{own.Forks}",
                    method =>
                        method with
                        {
                            GroupSize = own.Group,
                            Continuations = own.Forks,
                            QuestionsPerStep = 72 / own.Group,
                        }
                )
            ),
        ]);
        ComparisonReport report = await experiment.RunAsync();
        WriteLine(report);

        Estimate[] scores = [.. report.Summary.End.Arms.Select(arm => SummaryTables.Estimate(arm.ExactMatch, 100))];
        Curve Of(int forks)
        {
            int[] own = [.. Enumerable.Range(0, cases.Length).Where(i => cases[i].Forks == forks)];
            double[] Each(Func<int, double> pick) => [.. own.Select(pick)];
            return Curve.Band(
                $"{forks} continuations",
                Each(i => cases[i].Group),
                Each(i => scores[i].Value),
                Each(i => scores[i].Low),
                Each(i => scores[i].High)
            );
        }
        Figure figure = Figure.Column(
            "Group size and continuations",
            "Exact match by rollouts of a group, a curve for each number of continuations among them, with 95 % intervals.",
            [
                Panel.Curves(
                    "",
                    Axis.Linear("rollouts of a group", ""),
                    Axis.Linear("exact match", "%"),
                    [.. options.Integers("continuations").Select(Of)]
                ),
            ]
        );
        string page = await report.WriteAsync();
        FigureFile.Write(figure, Path.Combine(experiment.Folder, "figures", "group.svg"));
        WriteLine($"Figures, tables and curves: {page}");
    }
);
