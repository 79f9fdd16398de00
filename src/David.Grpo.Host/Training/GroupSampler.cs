using System.Diagnostics;
using David.Grpo.Rollout;
using David.Grpo.Runs;
using David.Grpo.Tasks;

namespace David.Grpo.Training;

/// <summary>Samples a step's groups as the loop asks for them: rounds of rollouts, the selection, forks.</summary>
/// <param name="working">Called with what is done and of how many.</param>
internal sealed class GroupSampler(
    RolloutEngine engine,
    TrainingTask task,
    Arm arm,
    double temperature,
    Seed seed,
    Action<int, int> working
)
{
    /// <summary>A place of the step: its group, possibly without a member that could be scored, and what was asked for.</summary>
    private sealed record Place(int Question, Group Group, int Rollouts);

    private readonly List<Place> _places = [];
    private (int Group, Fork Fork)[] _forks = [];
    private bool _isBootstrapping;

    /// <summary>What the step has done so far.</summary>
    public StepWork Work { get; private set; } = new();

    /// <summary>The groups to learn from.</summary>
    public IReadOnlyList<Group> Groups =>
        [.. _places.Select(place => place.Group).Where(group => group.Members is not [])];

    /// <summary>Forgets the step that is over.</summary>
    public void Begin(Phase phase)
    {
        _places.Clear();
        _forks = [];
        _isBootstrapping = phase == Phase.Bootstrapping;
        Work = new StepWork { Phase = phase };
    }

    /// <summary>A round of the step.</summary>
    /// <param name="state">Of the loop, when the round was asked for.</param>
    public async Task<Event> RollOutAsync(LoopState state, GroupRequest[] wanted, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        List<RolloutRequest> requests = [];
        foreach (GroupRequest group in wanted)
        {
            if (group.Place == _places.Count)
                _places.Add(
                    new Place(group.Question, new Group(Key(group.Question), QuestionOf(group.Question), []), 0)
                );
            // Numbered after the group's earlier rollouts, so that random numbers are fresh.
            for (int member = 0; member < group.Rollouts; member++)
                requests.Add(
                    new RolloutRequest(
                        QuestionOf(group.Question),
                        Key(group.Question),
                        _places[group.Place].Rollouts + member
                    )
                );
        }
        (Trajectory[] trajectories, bool[] isWhole) = await SampleAsync(state, requests, cancellationToken)
            .ConfigureAwait(false);

        Cost cost = Costs.Zero;
        int at = 0;
        foreach (GroupRequest request in wanted)
        {
            Place place = _places[request.Place];
            Range own = at..(at += request.Rollouts);
            cost = trajectories[own].Aggregate(cost, (sum, trajectory) => sum + Costs.OfTrajectory(0, trajectory));
            List<Member> members = [];
            // Where the budget ended before the group did, what there is of it is not a sample of the policy's.
            if (isWhole[own].All(whole => whole))
                members =
                [
                    .. trajectories[own]
                        .Select((trajectory, i) => Score(trajectory, place.Rollouts + i, 0))
                        .OfType<Member>(),
                ];
            Work.Sampled.AddRange(members);
            if (_isBootstrapping && members is not [])
                PlaceExpert(request.Question, members);
            _places[request.Place] = place with
            {
                Group = place.Group with { Members = [.. place.Group.Members, .. members] },
                Rollouts = place.Rollouts + request.Rollouts,
            };
        }
        Work.RolloutSeconds += clock.Elapsed.TotalSeconds;
        return Event.NewRolledOut(cost, [.. _places.Select(Seen)]);
    }

    private static SampledGroup Seen(Place place) =>
        SampledGroup.Of(
            place.Question,
            place.Group.Question,
            [.. place.Group.Members.Select(member => member.Trajectory)],
            place.Group.Rewards
        );

    private void PlaceExpert(int question, List<Member> members)
    {
        if (Exploration.PlaceExpert(Rewards(members)) is not ExpertPlacement.At place)
            return;
        Work.Unlearned.Add(
            new Unlearned(Key(question), place.memberIndex, TrajectoryRole.Displaced, members[place.memberIndex])
        );
        // The expert's reward is 1 by definition (method.md, section 5.1).
        members[place.memberIndex] = Expert(task.Experts[question]);
        Work.Experts++;
    }

    private Member Expert(Trajectory trajectory)
    {
        RewardParts parts = Reward.Score(arm.Reward, trajectory) is RewardOutcome.Scored { Item: var scored }
            ? scored
            : new RewardParts(Exploration.Solved, 1, Evidence.Coverage(trajectory), [], []);
        return new Member(trajectory, parts, IsExpert: true).WithTotal(Exploration.Solved, "expert");
    }

    /// <summary>Ends the sampling: of each group these members go on.</summary>
    public Event Select(LoopState state, int[][] kept)
    {
        double[] uses = [.. Groups.SelectMany(group => arm.Spending.UsesOf(group.Spenders))];
        for (int i = 0; i < _places.Count; i++)
        {
            Group group = _places[i].Group;
            foreach (int left in Enumerable.Range(0, group.Members.Count).Except(kept[i]))
                Work.Unlearned.Add(new Unlearned(group.Key, left, TrajectoryRole.Unselected, group.Members[left]));
            _places[i] = _places[i] with
            {
                Group = group with { Members = [.. kept[i].Select(m => group.Members[m])] },
            };
        }
        _forks = [.. _places.SelectMany((place, i) => Forks(state.Step, place.Group).Select(fork => (i, fork)))];
        return Event.NewSelected(uses.Length == 0 ? 0 : uses.Average(), _forks.Length);
    }

    private Fork[] Forks(int step, Group group) =>
        group.Members is []
            ? []
            : arm.Exploration.Forks(
                Seeds.Path([step, group.Key], Seeds.Named("exploration", seed)),
                group.Rewards,
                [.. group.Members.Select(member => member.Trajectory)]
            );

    /// <summary>Samples the first <paramref name="wanted"/> forks.</summary>
    public async Task<Event> ExploreAsync(LoopState state, int wanted, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        IGrouping<int, Fork>[] forks = [.. _forks.Take(wanted).GroupBy(place => place.Group, place => place.Fork)];
        RolloutRequest[] requests =
        [
            .. forks.SelectMany(own =>
                own.Select(
                    (fork, c) =>
                    {
                        Place place = _places[own.Key];
                        Trajectory parent = place.Group.Members[fork.Member].Trajectory;
                        return new RolloutRequest(
                            parent.Question,
                            place.Group.Key,
                            place.Rollouts + c,
                            parent,
                            fork.KeptSegments
                        );
                    }
                )
            ),
        ];
        (Trajectory[] trajectories, bool[] isWhole) = await SampleAsync(state, requests, cancellationToken)
            .ConfigureAwait(false);

        Cost cost = Costs.Zero;
        int at = 0;
        foreach (IGrouping<int, Fork> own in forks)
        {
            Group grown = _places[own.Key].Group;
            List<Member> candidates = [];
            foreach (Fork fork in own)
            {
                Trajectory trajectory = trajectories[at];
                cost += Costs.OfTrajectory(fork.KeptSegments, trajectory);
                if (
                    isWhole[at++]
                    && Score(trajectory, grown.Members[fork.Member].Tree, fork.KeptSegments) is { } candidate
                )
                    candidates.Add(candidate);
            }
            Member[] all = [.. grown.Members, .. candidates];
            int[] staying = arm.Exploration.Stay(grown.Rewards, Rewards(candidates));
            _places[own.Key] = _places[own.Key] with
            {
                Group = grown with { Members = [.. staying.Select(index => all[index])] },
            };
            foreach (int left in Enumerable.Range(0, all.Length).Except(staying))
                Work.Unlearned.Add(
                    new Unlearned(
                        grown.Key,
                        left,
                        left < grown.Members.Count ? TrajectoryRole.Displaced : TrajectoryRole.Candidate,
                        all[left]
                    )
                );
            Work.Continued++;
            if (staying.Any(index => index >= grown.Members.Count))
                Work.Replaced++;
        }
        Work.RolloutSeconds += clock.Elapsed.TotalSeconds;
        return Event.NewExplored(cost);
    }

    /// <summary>Trajectories, and whether each came to its end before a budget did.</summary>
    private async Task<(Trajectory[] Trajectories, bool[] IsWhole)> SampleAsync(
        LoopState state,
        IReadOnlyList<RolloutRequest> requests,
        CancellationToken cancellationToken
    )
    {
        engine.Progress = working;
        Trajectory[] trajectories = await engine
            .RunAsync(
                requests,
                Sampler.AtTemperature(temperature),
                Seeds.Child(state.Step, Seeds.Named("rollout", seed)),
                state.Ledger.Spent.OptimizerSteps,
                cancellationToken,
                new Allowance(state.Ledger.GeneratedTokensLeft, state.Ledger.SearchesLeft)
            )
            .ConfigureAwait(false);
        Work.FailedSearches += engine.Statistics.FailedSearches;
        return (trajectories, [.. trajectories.Select((_, i) => !engine.Statistics.Cut.Contains(i))]);
    }

    private Member? Score(Trajectory trajectory, int tree, int keptSegments)
    {
        if (Reward.Score(arm.Reward, trajectory) is RewardOutcome.Scored { Item: var parts })
            return new Member(trajectory, parts, tree, KeptSegments: keptSegments);
        Work.Dropped++;
        return null;
    }

    /// <summary>Of a question in random numbers and reports.</summary>
    private long Key(int question) => _isBootstrapping ? -1 - question : question;

    private Question QuestionOf(int question) =>
        _isBootstrapping ? task.Experts[question].Question : task.Training.Questions[question];

    private static double[] Rewards(IEnumerable<Member> members) => [.. members.Select(member => member.Reward)];
}
