#!/usr/bin/env dotnet
// own_reward.csx as a file-based app, which editors complete and debug as any program: a reward that pays a little for
// searches that are not asked twice, against plain coverage at the same budget.
//
//     dotnet run -c Release scripts/own_reward.cs -- --weight 0.1 --out runs/own-reward-app
//     dotnet run -c Release scripts/own_reward.cs -- --toy
//
// PublishAot, which such apps begin with, would forbid the library's JSON.
#:project ../src/David.Grpo.Host/David.Grpo.Host.csproj
#:property PublishAot=false

using System.Globalization;
using David.Grpo;
using David.Grpo.Experiments;
using David.Grpo.Reports;

string? Option(string name) => args.SkipWhile(word => word != name).Skip(1).FirstOrDefault();
bool isToy = args.Contains("--toy");
double weight = double.Parse(Option("--weight") ?? "0.1", CultureInfo.InvariantCulture);

RewardMeasure noRepeats = RewardMeasure.Create(
    "no_repeats",
    weight,
    trajectory => trajectory.Searches.DistinctBy(search => search.Query).Count() == trajectory.Searches.Length ? 1 : 0
);
RewardRule reward = Reward.Sum("thrifty", [Reward.ExactMatch(0.5), Reward.Coverage(0.5), noRepeats]);
Experiment experiment = new()
{
    Folder = Option("--out") ?? "runs/own-reward-app",
    Variants =
    [
        Variant.Of("grpo_coverage"),
        Variant.Own("grpo_coverage", arm => arm.WithReward(reward).Named($"thrifty_{weight}", $"no repeats, {weight}")),
    ],
    Seeds = isToy ? 1 : 3,
    Rollouts = isToy ? 36 : 500,
    Questions = isToy ? 8 : 300,
};
ComparisonReport report = await experiment.RunAsync();
Console.WriteLine(report);
Console.WriteLine($"Figures, tables and curves: {await report.WriteAsync()}");
