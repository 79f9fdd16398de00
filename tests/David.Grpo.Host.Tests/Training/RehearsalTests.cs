using David.Grpo.Host.Tests.Formats;
using David.Grpo.Host.Tests.Reports;
using David.Grpo.Runs;
using David.Grpo.Tasks;
using David.Grpo.Training;

namespace David.Grpo.Host.Tests.Training;

public sealed class RehearsalTests
{
    [Theory]
    [InlineData(TrajectoryRole.Member, 1)]
    [InlineData(TrajectoryRole.Displaced, 0)]
    [InlineData(TrajectoryRole.Candidate, 0)]
    [InlineData(TrajectoryRole.Unselected, 0)]
    public void WhatWasNotLearnedFrom_IsNotRehearsed(TrajectoryRole role, int rehearsed)
    {
        TrainingTask task = WorldTask.Create(seed: 1, trainingQuestions: 1, evaluationQuestions: 1, experts: 1);
        using Scratch scratch = new();
        RunFolder folder = new(scratch.Folder, "rehearsal");
        folder.AppendTrajectories([MadeUpRun.Record(task, step: 1, group: 0, member: 0) with { Role = role }]);

        Assert.Equal(rehearsed, Rehearsal.Of(folder.In("trajectories.jsonl.gz")).Count);
    }
}
