// How to train with a reward of one's own: here one that pays a little for searches that are not asked twice.
//
//     ./david script scripts/own_reward.csx --weight 0.1 0.3
//
// A reward is a sum of named terms, each a number for a trajectory, each logged by itself; an arm takes it in place of its
// own. Change the terms below, and the name with them: finished runs are known by name and options. Expect fewer repeated
// queries than with plain coverage, and about its score. Some minutes on 2 cores.
#load "david.csx"

return await RunScript(
    Args,
    "--weight 0.1 0.3 --seeds 3 --rollouts 500 --questions 300 --out runs/own-reward",
    "--weight 0.1 --seeds 1 --rollouts 36 --questions 8",
    async options =>
    {
        RewardMeasure NoRepeats(double weight) =>
            RewardMeasure.Create("no_repeats", weight, trajectory => Repeats(trajectory) == 0 ? 1 : 0);

        Variant Thrifty(double weight)
        {
            RewardRule reward = Reward.Sum(
                "thrifty",
                [Reward.ExactMatch(0.5), Reward.Coverage(0.5), NoRepeats(weight)]
            );
            return Variant.Own(
                "grpo_coverage",
                arm => arm.WithReward(reward).Named($"thrifty_{weight}", $"no repeats, {weight}")
            );
        }

        Experiment experiment = options.Experiment([
            Variant.Of("grpo_coverage"),
            .. options.Numbers("weight").Select(Thrifty),
        ]);
        ComparisonReport report = await experiment.RunAsync();

        // Every evaluated question keeps its queries, so what the reward meant to change can be counted.
        Table table = new(
            "Questions with a query that was asked twice, at the end.",
            [TableColumn.Words("arm"), TableColumn.Numbers("repeating", "%", 1, Best.Lowest)],
            [
                .. from arm in report.Arms
                let answers = report.OutcomesOf(arm.Name)
                let share = answers.Average(own => own.Queries.Distinct().Count() < own.Queries.Length ? 100.0 : 0)
                select (Cell[])[Cell.NewWords(arm.Title), Cell.NewNumber(Estimate.Exact(share))],
            ]
        );
        await Publish(report, tables: [("repeats", table)]);
    }
);

int Repeats(Trajectory trajectory) =>
    trajectory.Searches.Length - trajectory.Searches.DistinctBy(search => search.Query).Count();
