// How should a step's rollouts be divided: how many to a group, and how many of them continuations?
//
//     ./david script scripts/ablation_group.csx --group 4 6 8 --continuations 0 1 2 --seeds 5
//
// A step costs every variant the same: small groups see more questions, large ones compare more answers to each, and
// continuations take the place of independent members. Expect little between 4 and 8, and continuations to pay only
// where a group found the evidence in part. Some minutes on 2 cores.
#load "david.csx"

return await RunScript(
    Args,
    "--group 4 6 8 --continuations 0 1 2 --seeds 2 --rollouts 500 --questions 300 --out runs/ablation-group",
    "--group 4 --continuations 0 1 --seeds 1 --rollouts 36 --questions 8",
    async options =>
    {
        int[] sizes = options.Integers("group");
        int[] continuations = options.Integers("continuations");
        // A group's rollouts are its independent members and its continuations; every step pays for 72 rollouts.
        Variant Of(int size, int forks) =>
            Variant.Of(
                "david",
                $"group_{size}_continuations_{forks}",
                method => method with { GroupSize = size, Continuations = forks, QuestionsPerStep = 72 / size }
            );
        Experiment experiment = options.Experiment([
            .. from forks in continuations from size in sizes select Of(size, forks),
        ]);
        ComparisonReport report = await experiment.RunAsync();

        Estimate[][] scores = [.. report.Estimates(arm => arm.ExactMatch, 100).Chunk(sizes.Length)];
        double[] x = [.. sizes.Select(size => (double)size)];
        Figure figure = Figure.Column(
            "Group size and continuations",
            "Exact match by rollouts of a group, a curve for each number of continuations among them, with 95 % intervals.",
            [
                Panel.Curves(
                    "",
                    Axis.Linear("rollouts of a group", ""),
                    Axis.Linear("exact match", "%").Over(AxisRange.WithZero),
                    [.. continuations.Select((forks, i) => Curve.Estimates($"{forks} continued", x, scores[i]))]
                ),
            ]
        );
        await Publish(report, [("group", figure, "Exact match by rollouts of a group and continuations among them.")]);
    }
);
