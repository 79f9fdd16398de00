using System.Diagnostics;
using David.Grpo.Rollout;
using David.Grpo.Runs;
using David.Grpo.Tasks;

namespace David.Grpo.Training;

/// <summary>Samples a step's groups as the loop asks for them: rounds of rollouts, the selection, forks.</summary>
/// <remarks>It holds nothing of a step: the groups are the loop's, and a call returns them grown, with what it did.</remarks>
internal sealed class GroupSampler(RolloutEngine engine, TrainingTask task, Arm arm, double temperature, Seed seed)
{
    /// <summary>A round of the step.</summary>
    /// <param name="state">Of the loop, when the round was asked for.</param>
    public async Task<(Event Event, StepWork Work)> RollOutAsync(
        LoopState state,
        GroupRequest[] wanted,
        CancellationToken cancellationToken
    )
    {
        Stopwatch clock = Stopwatch.StartNew();
        bool isExperts = TrainingLoop.PhaseOf(state) == Phase.Bootstrapping;
        List<Group> groups = [.. state.Sampled];
        List<RolloutRequest> requests = [];
        foreach (GroupRequest request in wanted)
        {
            if (request.Place == groups.Count)
                groups.Add(
                    Group.Open(
                        request.Question,
                        groups.Count(earlier => earlier.Index == request.Question),
                        isExperts,
                        QuestionOf(request.Question, isExperts)
                    )
                );
            Group group = groups[request.Place];
            // Numbered after the group's earlier rollouts, so that random numbers are fresh.
            for (int member = 0; member < request.Rollouts; member++)
                requests.Add(new RolloutRequest(group.Question, group.Key, group.Rollouts + member));
        }
        RolloutBatch batch = await SampleAsync(state, requests, cancellationToken).ConfigureAwait(false);

        Cost cost = Cost.Zero;
        List<Member> sampled = [];
        List<Unlearned> unlearned = [];
        int dropped = 0;
        int experts = 0;
        int at = 0;
        foreach (GroupRequest request in wanted)
        {
            Group group = groups[request.Place];
            int[] own = [.. Enumerable.Range(at, request.Rollouts)];
            at += request.Rollouts;
            cost = own.Aggregate(cost, (sum, i) => sum + Cost.OfTrajectory(0, batch.Trajectories[i]));
            List<Member> members = [];
            // Where the budget ended before the group did, what there is of it is not a sample of the policy's.
            if (!own.Any(batch.Statistics.Cut.Contains))
                foreach ((int number, int i) in own.Index())
                    if (Score(batch.Trajectories[i], group.Rollouts + number, Origin.Sampled) is { } member)
                        members.Add(member);
                    else
                        dropped++;
            sampled.AddRange(members);
            if (
                isExperts
                && members is not []
                && Exploration.PlaceExpert([.. members.Select(member => member.Reward.Total)])
                    is ExpertPlacement.At { memberIndex: var place }
            )
            {
                unlearned.Add(new Unlearned(group.Key, place, TrajectoryRole.Displaced, members[place]));
                members[place] = Exploration.Expert(arm.Reward, task.Experts[request.Question]);
                experts++;
            }
            groups[request.Place] = group.Grown([.. members], request.Rollouts);
        }
        return (
            Event.NewRolledOut(cost, [.. groups]),
            new StepWork
            {
                Sampled = sampled,
                Unlearned = unlearned,
                Experts = experts,
                Dropped = dropped,
                FailedSearches = batch.Statistics.FailedSearches,
                RolloutSeconds = clock.Elapsed.TotalSeconds,
            }
        );
    }

    /// <summary>Ends the sampling: of each group these members go on.</summary>
    public (Event Event, StepWork Work) Select(LoopState state, int[][] kept)
    {
        double[] uses =
        [
            .. state.Sampled.Where(group => group.Members is not []).SelectMany(group => arm.Spending.UsesOf(group)),
        ];
        Group[] groups = [.. state.Sampled.Zip(kept, (group, places) => group.At(places))];
        return (
            Event.NewSelected(
                uses.Length == 0 ? 0 : uses.Average(),
                groups,
                groups.Sum(group => Forks(state, group).Length)
            ),
            new StepWork
            {
                Unlearned =
                [
                    .. state
                        .Sampled.Zip(kept)
                        .SelectMany(pair => Left(pair.First, pair.Second, _ => TrajectoryRole.Unselected)),
                ],
            }
        );
    }

    /// <summary>Samples the first <paramref name="wanted"/> forks.</summary>
    public async Task<(Event Event, StepWork Work)> ExploreAsync(
        LoopState state,
        int wanted,
        CancellationToken cancellationToken
    )
    {
        Stopwatch clock = Stopwatch.StartNew();
        IGrouping<int, Fork>[] forks =
        [
            .. state
                .Sampled.SelectMany((group, place) => Forks(state, group).Select(fork => (Place: place, Fork: fork)))
                .Take(wanted)
                .GroupBy(planned => planned.Place, planned => planned.Fork),
        ];
        RolloutRequest[] requests =
        [
            .. forks.SelectMany(own =>
            {
                Group group = state.Sampled[own.Key];
                return own.Select(
                    (fork, c) =>
                        new RolloutRequest(
                            group.Question,
                            group.Key,
                            group.Rollouts + c,
                            group.Members[fork.Member].Trajectory,
                            fork.KeptSegments
                        )
                );
            }),
        ];
        RolloutBatch batch = await SampleAsync(state, requests, cancellationToken).ConfigureAwait(false);

        Group[] groups = [.. state.Sampled];
        Cost cost = Cost.Zero;
        List<Unlearned> unlearned = [];
        int dropped = 0;
        int replaced = 0;
        int at = 0;
        foreach (IGrouping<int, Fork> own in forks)
        {
            Group group = groups[own.Key];
            List<Member> candidates = [];
            foreach (Fork fork in own)
            {
                Trajectory trajectory = batch.Trajectories[at];
                cost += Cost.OfTrajectory(fork.KeptSegments, trajectory);
                if (batch.Statistics.Cut.Contains(at++))
                    continue;
                if (
                    Score(trajectory, group.Members[fork.Member].Tree, Origin.NewContinued(fork.KeptSegments)) is
                    { } candidate
                )
                    candidates.Add(candidate);
                else
                    dropped++;
            }
            int members = group.Members.Length;
            Group all = group.Grown([.. candidates], own.Count());
            int[] staying = arm.Exploration.Stay(
                group.Rewards,
                [.. candidates.Select(candidate => candidate.Reward.Total)]
            );
            groups[own.Key] = all.At(staying);
            unlearned.AddRange(
                Left(all, staying, place => place < members ? TrajectoryRole.Displaced : TrajectoryRole.Candidate)
            );
            if (staying.Any(index => index >= members))
                replaced++;
        }
        return (
            Event.NewExplored(cost, groups),
            new StepWork
            {
                Unlearned = unlearned,
                Continued = forks.Length,
                Replaced = replaced,
                Dropped = dropped,
                FailedSearches = batch.Statistics.FailedSearches,
                RolloutSeconds = clock.Elapsed.TotalSeconds,
            }
        );
    }

    /// <summary>What the exploration wants of a group; the same for the same step and group.</summary>
    private Fork[] Forks(LoopState state, Group group) =>
        group.Members is []
            ? []
            : arm.Exploration.Forks(Seed.Path([state.Step, group.Key], Seed.Named("exploration", seed)), group);

    private static IEnumerable<Unlearned> Left(Group group, int[] staying, Func<int, TrajectoryRole> role) =>
        Enumerable
            .Range(0, group.Members.Length)
            .Except(staying)
            .Select(place => new Unlearned(group.Key, place, role(place), group.Members[place]));

    private Task<RolloutBatch> SampleAsync(
        LoopState state,
        IReadOnlyList<RolloutRequest> requests,
        CancellationToken cancellationToken
    ) =>
        engine.RunAsync(
            requests,
            Sampler.AtTemperature(temperature),
            Seed.Child(state.Step, Seed.Named("rollout", seed)),
            state.Ledger.Spent.OptimizerSteps,
            cancellationToken,
            new Allowance(state.Ledger.GeneratedTokensLeft, state.Ledger.SearchesLeft)
        );

    /// <summary>Null where it cannot be scored.</summary>
    private Member? Score(Trajectory trajectory, int tree, Origin origin) =>
        Reward.Score(arm.Reward, trajectory) is RewardOutcome.Scored { Item: var parts }
            ? new Member(trajectory, parts, tree, origin, [])
            : null;

    private Question QuestionOf(int question, bool isExperts) =>
        isExperts ? task.Experts[question].Question : task.Training.Questions[question];
}
