using System.Diagnostics;
using David.Grpo.Models;
using David.Grpo.Rollout;

namespace David.Grpo.Training;

/// <summary>What happens in a run while it happens.</summary>
public abstract record RunEvent
{
    /// <summary>A step was made.</summary>
    public sealed record Stepped(StepMetrics Metrics, int Budget) : RunEvent;

    /// <summary>The policy was evaluated.</summary>
    public sealed record Evaluated(EvaluationMetrics Metrics) : RunEvent;

    /// <summary>Work within a step: episodes done of all.</summary>
    public sealed record Working(string What, int Done, int Of) : RunEvent;

    /// <summary>The run goes on from a checkpoint.</summary>
    public sealed record Resumed(int Step, int Rollouts) : RunEvent;

    /// <summary>A checkpoint was written.</summary>
    public sealed record Saved(int Step) : RunEvent;
}

/// <summary>
/// Carries out what <see cref="TrainingLoop"/> decides: samples, scores, explores, learns, evaluates and saves. It holds no
/// formula and decides nothing.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly Decoder _policy;
    private readonly TrainingTask _task;
    private readonly RunOptions _options;
    private readonly RunFolder _folder;
    private readonly Action<RunEvent> _report;
    private readonly EngineOptions _engineOptions;
    private readonly RolloutEngine _engine;
    private readonly AdamW _optimizer;
    private readonly RewardRule _reward;
    private readonly Seed _seed;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private Decoder? _reference;
    private Learner _learner;
    private LoopState _state;
    private List<Group> _groups = [];
    private StepWork _work = new();
    private EvaluationMetrics? _before;
    private EvaluationMetrics? _last;
    private double _rolloutSeconds;
    private double _learningSeconds;
    private double _evaluationSeconds;
    private double _earlierSeconds; // of the processes that this run began in
    private long _learnedTokens;
    private int _savedStep;

    /// <param name="policy">Trained in place.</param>
    public Trainer(
        Decoder policy,
        TrainingTask task,
        RunOptions options,
        RunFolder folder,
        EngineOptions engineOptions,
        Action<RunEvent> report
    )
    {
        _policy = policy;
        _task = task;
        _options = options;
        _folder = folder;
        _report = report;
        _engineOptions = engineOptions;
        _seed = Seeds.OfInt64(options.Seed);
        _engine = new RolloutEngine(policy, task.Protocol, task.Training.Search, engineOptions);
        policy.RequireGradients();
        MethodOptions method = options.Method;
        _optimizer = new AdamW(
            policy.Parameters,
            new AdamWOptions
            {
                Beta2 = method.Beta2,
                WeightDecay = method.WeightDecay,
                MaxGradientNorm = method.MaxGradientNorm,
            }
        );
        _reward = task.Reward(method.Arm == Arm.Grpo ? 0 : method.Lambda);
        _state = TrainingLoop.Start(Plan(options, task));
        _learner = new Learner(policy, null, _optimizer, options);
    }

    private static LoopPlan Plan(RunOptions options, TrainingTask task)
    {
        MethodOptions method = options.Method;
        bool david = method.Arm == Arm.David;
        return new LoopPlan(
            seed: Seeds.Named("order", Seeds.OfInt64(options.Seed)),
            rolloutBudget: options.Rollouts,
            bootstrapSteps: david ? method.BootstrapSteps : 0,
            expertQuestions: david ? task.Experts.Count : 0,
            mainSteps: method.MainSteps,
            trainingQuestions: task.Training.Questions.Count,
            shuffle: options.Shuffle,
            questionsPerStep: method.QuestionsPerStep,
            bootstrapGroupSize: method.BootstrapGroupSize,
            groupSize: method.GroupSize,
            continuations: david ? method.Continuations : 0,
            evaluateEvery: options.Evaluation.Every,
            checkpointEvery: options.CheckpointEvery
        );
    }

    /// <summary>
    /// Runs to the end of the budget, or to the next safe point after a cancellation: the end of the last whole step, with a
    /// checkpoint.
    /// </summary>
    /// <remarks>A folder with a checkpoint of the same fingerprint is resumed; one with a result is not run again.</remarks>
    public async Task<RunResult> RunAsync(CancellationToken cancellationToken = default)
    {
        if (_folder.Result is { Stopped: false } finished)
            return finished;
        if (_folder.Restore(_policy, _optimizer) is { } saved)
            Resume(saved);
        _savedStep = _state.Step;
        LoopState between = _state; // the last state in which no step is half done
        while (TrainingLoop.Decide(_state) is var command && !command.IsFinish)
        {
            if (command is { IsEvaluate: true } or { IsRollOut: true })
            {
                between = _state;
                if (cancellationToken.IsCancellationRequested)
                    break;
            }
            try
            {
                _state = TrainingLoop.Evolve(
                    _state,
                    await CarryOutAsync(command, cancellationToken).ConfigureAwait(false)
                );
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                break;
            }
        }
        if (!TrainingLoop.Decide(_state).IsFinish)
        {
            // What was sampled of an unfinished step is dropped; the policy has not learned from it yet.
            _state = TrainingLoop.Evolve(between, Event.StopWanted);
            if (_savedStep != _state.Step)
                Save();
        }
        return Finish();
    }

    private async Task<Event> CarryOutAsync(Command command, CancellationToken cancellationToken)
    {
        switch (command)
        {
            case Command.Evaluate evaluate:
                return await EvaluateAsync(evaluate.isFinal, cancellationToken).ConfigureAwait(false);
            case Command.RollOut rollOut:
                return await RollOutAsync(rollOut, cancellationToken).ConfigureAwait(false);
            case Command.Continue go:
                return await ContinueAsync(go, cancellationToken).ConfigureAwait(false);
            case Command.Update update:
                return Update(update.phase);
            default:
                Save();
                return Event.Saved;
        }
    }

    private async Task<Event> EvaluateAsync(bool isFinal, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        bool isOuter = isFinal || _state.EvaluatedAt < 0;
        int questions =
            isOuter || _options.Evaluation.QuestionsDuring == 0
                ? _options.Evaluation.Questions
                : _options.Evaluation.QuestionsDuring;
        EvaluationResult result = await Evaluator
            .RunAsync(
                _policy,
                _task,
                questions,
                _options.Evaluation.Temperature,
                Seeds.OfInt64(0),
                _engineOptions,
                (done, of) => _report(new RunEvent.Working("evaluating", done, of)),
                cancellationToken
            )
            .ConfigureAwait(false);
        _evaluationSeconds += clock.Elapsed.TotalSeconds;
        EvaluationMetrics metrics = EvaluationMetrics.Of(
            result,
            _state.Step,
            _state.Ledger.Spent.Rollouts,
            clock.Elapsed.TotalSeconds
        );
        _folder.WriteOutcomes(_state.Step, OutcomeRecord.Of(result));
        _before ??= metrics;
        _last = metrics;
        _folder.AppendMetrics(metrics);
        _report(new RunEvent.Evaluated(metrics));
        return Event.Evaluated;
    }

    private async Task<Event> RollOutAsync(Command.RollOut command, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        _work = new StepWork { Phase = command.phase };
        bool bootstrapping = command.phase == Phase.Bootstrapping;
        List<RolloutRequest> requests = [];
        foreach (int index in command.questions)
            for (int member = 0; member < command.groupSize; member++)
                requests.Add(
                    bootstrapping
                        ? new RolloutRequest(_task.Experts[index].Question, -1 - index, member)
                        : new RolloutRequest(_task.Training.Questions[index], index, member)
                );
        Trajectory[] trajectories = await SampleAsync(requests, cancellationToken).ConfigureAwait(false);

        _groups = [];
        Cost cost = Costs.Zero;
        for (int g = 0; g < command.questions.Length; g++)
        {
            Trajectory[] own = trajectories[(g * command.groupSize)..((g + 1) * command.groupSize)];
            cost = own.Aggregate(cost, (sum, trajectory) => sum + Costs.OfTrajectory(0, trajectory));
            List<Member> members = [.. own.Select(trajectory => Score(trajectory, 0)).OfType<Member>()];
            _work.Sampled.AddRange(members);
            if (members.Count == 0)
                continue;
            int index = command.questions[g];
            if (bootstrapping && Exploration.PlaceExpert(Rewards(members)) is ExpertPlacement.At place)
            {
                // The expert's reward is 1 by definition (method.md, section 5.1).
                members[place.memberIndex] = new Member(
                    _task.Experts[index],
                    Exploration.Solved,
                    1,
                    Evidence.Coverage(_task.Experts[index]),
                    IsExpert: true
                );
                _work.Experts++;
            }
            _groups.Add(new Group(bootstrapping ? -1 - index : index, members[0].Trajectory.Question, members));
        }
        _work.RolloutSeconds += clock.Elapsed.TotalSeconds;
        return Event.NewRolledOut(cost, _groups.Count(group => PlanOf(group) is not null));
    }

    private static ContinuationPlan.From? PlanOf(Group group) =>
        Exploration.PlanContinuation(group.Rewards, [.. group.Members.Select(member => member.Trajectory)])
        as ContinuationPlan.From;

    private async Task<Event> ContinueAsync(Command.Continue command, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        List<RolloutRequest> requests = [];
        List<(int Group, ContinuationPlan.From Plan)> plans = [];
        for (int g = 0; g < _groups.Count && plans.Count < command.groups; g++)
        {
            if (PlanOf(_groups[g]) is not { } plan)
                continue;
            plans.Add((g, plan));
            Trajectory parent = _groups[g].Members[plan.best].Trajectory;
            for (int c = 0; c < command.continuations; c++)
                requests.Add(
                    // Numbered after the group's own members, so that random numbers are fresh.
                    new RolloutRequest(
                        parent.Question,
                        _groups[g].Key,
                        _options.Method.GroupSize + c,
                        parent,
                        plan.keptSegments
                    )
                );
        }
        Trajectory[] trajectories = await SampleAsync(requests, cancellationToken).ConfigureAwait(false);

        Cost cost = Costs.Zero;
        for (int p = 0; p < plans.Count; p++)
        {
            (int g, ContinuationPlan.From plan) = plans[p];
            Trajectory[] own = trajectories[(p * command.continuations)..((p + 1) * command.continuations)];
            cost = own.Aggregate(cost, (sum, trajectory) => sum + Costs.OfTrajectory(plan.keptSegments, trajectory));
            Member[] candidates = [.. own.Select(trajectory => Score(trajectory, plan.keptSegments)).OfType<Member>()];
            _work.Continued++;
            if (Exploration.Replacement(_groups[g].Rewards, Rewards(candidates)) is not Replacement.Replace replace)
                continue;
            Member[] members = [.. _groups[g].Members];
            members[replace.worst] = candidates[replace.candidate];
            _groups[g] = _groups[g] with { Members = members };
            _work.Replaced++;
        }
        _work.RolloutSeconds += clock.Elapsed.TotalSeconds;
        return Event.NewContinued(cost);
    }

    private async Task<Trajectory[]> SampleAsync(
        IReadOnlyList<RolloutRequest> requests,
        CancellationToken cancellationToken
    )
    {
        _engine.Progress = (done, of) => _report(new RunEvent.Working("rolling out", done, of));
        Trajectory[] trajectories = await _engine
            .RunAsync(
                requests,
                Sampler.AtTemperature(_options.Method.Temperature),
                Seeds.Child(_state.Step, Seeds.Named("rollout", _seed)),
                _state.Ledger.Spent.OptimizerSteps,
                cancellationToken
            )
            .ConfigureAwait(false);
        _work.FailedSearches += _engine.Statistics.FailedSearches;
        return trajectories;
    }

    private Member? Score(Trajectory trajectory, int keptSegments)
    {
        if (Reward.Score(_reward, trajectory) is RewardOutcome.Scored { Item: var parts })
            return new Member(trajectory, parts.Total, parts.Answer, parts.Coverage, false, keptSegments);
        _work.Dropped++;
        return null;
    }

    private Event Update(Phase phase)
    {
        if (phase == Phase.Main && _options.Method.KlCoefficient > 0 && _reference is null)
        {
            // The reference is the policy as it enters the main phase (method.md, section 3.3).
            _reference = _policy.Clone();
            WriteReference();
            _learner = new Learner(_policy, _reference, _optimizer, _options);
        }
        Stopwatch clock = Stopwatch.StartNew();
        UpdateReport report =
            _groups.Count == 0
                ? new UpdateReport(0, 0, 0, 0, Objective.Pool([]), 0)
                : _learner.Update(phase, _groups, Seeds.Child(_state.Step, Seeds.Named("update", _seed)));
        _rolloutSeconds += _work.RolloutSeconds;
        _learningSeconds += clock.Elapsed.TotalSeconds;
        _learnedTokens += report.Tokens;

        Cost spent = _state.Ledger.Spent;
        StepMetrics metrics = _work.ToMetrics(
            _state.Step + 1,
            spent,
            report,
            _groups.Count == 0 ? 0 : _groups.Average(group => group.IsDead ? 1 : 0),
            clock.Elapsed.TotalSeconds
        );
        _folder.AppendMetrics(metrics);
        _folder.AppendTrajectories(TrajectoryRecords(metrics.Phase));
        _report(new RunEvent.Stepped(metrics, _options.Rollouts));
        _groups = [];
        return Event.NewUpdated(report.OptimizerSteps, report.Skipped);
    }

    private IEnumerable<TrajectoryRecord> TrajectoryRecords(string phase)
    {
        foreach (Group group in _groups)
        {
            double[] advantages = Advantage.GroupRelative(
                Scale.NewSampleDeviation(_options.Method.AdvantageEpsilon),
                group.Rewards
            );
            for (int i = 0; i < group.Members.Count; i++)
                yield return TrajectoryRecord.Of(
                    group.Members[i],
                    _state.Step + 1,
                    phase,
                    group.Key,
                    i,
                    advantages[i],
                    _task.Protocol
                );
        }
    }

    private void WriteReference()
    {
        string beside = _folder.In(".reference.safetensors");
        ModelFolder.WriteWeights(beside, _reference!);
        File.Move(beside, _folder.In("reference.safetensors"), overwrite: true);
    }

    private void Save()
    {
        Cost spent = _state.Ledger.Spent;
        _folder.Save(
            _policy,
            _optimizer,
            new CheckpointState
            {
                Format = 0,
                Fingerprint = "",
                Step = _state.Step,
                QuestionsUsed = _state.QuestionsUsed,
                SkippedUpdates = _state.SkippedUpdates,
                EvaluatedAt = _state.EvaluatedAt,
                Rollouts = spent.Rollouts,
                GeneratedTokens = spent.GeneratedTokens,
                ObservedTokens = spent.ObservedTokens,
                Searches = spent.Searches,
                OptimizerSteps = spent.OptimizerSteps,
                AdamSteps = _optimizer.Steps,
                LearnedTokens = _learnedTokens,
                RolloutSeconds = _rolloutSeconds,
                LearningSeconds = _learningSeconds,
                EvaluationSeconds = _evaluationSeconds,
                TotalSeconds = _earlierSeconds + _clock.Elapsed.TotalSeconds,
                Before = _before,
                MetricsBytes = 0,
                TrajectoryBytes = 0,
            },
            _options.CheckpointsKept
        );
        _savedStep = _state.Step;
        _report(new RunEvent.Saved(_state.Step));
    }

    private void Resume(CheckpointState saved)
    {
        LoopPlan plan = _state.Plan;
        _state = TrainingLoop.Restore(
            plan,
            saved.Step,
            saved.QuestionsUsed,
            saved.SkippedUpdates,
            saved.EvaluatedAt,
            new Cost(saved.Rollouts, saved.GeneratedTokens, saved.ObservedTokens, saved.Searches, saved.OptimizerSteps)
        );
        (_before, _learnedTokens) = (saved.Before, saved.LearnedTokens);
        (_rolloutSeconds, _learningSeconds, _evaluationSeconds, _earlierSeconds) = (
            saved.RolloutSeconds,
            saved.LearningSeconds,
            saved.EvaluationSeconds,
            saved.TotalSeconds
        );
        if (File.Exists(_folder.In("reference.safetensors")) && _options.Method.KlCoefficient > 0)
        {
            _reference = _policy.Clone();
            RunFolder.ReadWeights(_folder.In("reference.safetensors"), _reference);
            _learner = new Learner(_policy, _reference, _optimizer, _options);
        }
        _report(new RunEvent.Resumed(saved.Step, saved.Rollouts));
    }

    private RunResult Finish()
    {
        Cost spent = _state.Ledger.Spent;
        RunResult result = new()
        {
            Arm = System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(_options.Method.Arm.ToString()),
            Seed = _options.Seed,
            Steps = _state.Step,
            Rollouts = spent.Rollouts,
            GeneratedTokens = spent.GeneratedTokens,
            ObservedTokens = spent.ObservedTokens,
            Searches = spent.Searches,
            OptimizerSteps = spent.OptimizerSteps,
            SkippedUpdates = _state.SkippedUpdates,
            LearnedTokens = _learnedTokens,
            RolloutSeconds = _rolloutSeconds,
            LearningSeconds = _learningSeconds,
            EvaluationSeconds = _evaluationSeconds,
            TotalSeconds = _earlierSeconds + _clock.Elapsed.TotalSeconds,
            Before = _before,
            After = _last,
            Stopped = _state.StopRequested,
        };
        if (!result.Stopped)
            _folder.WriteResult(result);
        return result;
    }

    private static double[] Rewards(IEnumerable<Member> members) => [.. members.Select(member => member.Reward)];

    public void Dispose()
    {
        _engine.Dispose();
        _optimizer.Dispose();
        _reference?.Dispose();
        _policy.RequireGradients(false);
    }

    /// <summary>What the step under way has done so far.</summary>
    private sealed class StepWork
    {
        public Phase Phase { get; init; }
        public List<Member> Sampled { get; } = [];
        public int Experts { get; set; }
        public int Continued { get; set; }
        public int Replaced { get; set; }
        public int Dropped { get; set; }
        public int FailedSearches { get; set; }
        public double RolloutSeconds { get; set; }

        public StepMetrics ToMetrics(
            int step,
            Cost spent,
            UpdateReport report,
            double deadGroups,
            double learningSeconds
        )
        {
            double Mean(Func<Member, double> pick) => Sampled.Count == 0 ? 0 : Sampled.Average(pick);
            return new StepMetrics
            {
                Step = step,
                Phase = Phase == Phase.Bootstrapping ? "bootstrapping" : "main",
                Rollouts = spent.Rollouts,
                GeneratedTokens = spent.GeneratedTokens,
                Searches = spent.Searches,
                OptimizerSteps = spent.OptimizerSteps + report.OptimizerSteps,
                Reward = Mean(member => member.Reward),
                Answer = Mean(member => member.Answer),
                ExactMatch = Mean(member =>
                    Trajectories.AnswerOrNull(member.Trajectory) is { } answer
                    && Grpo.Answer.ExactMatch(answer, member.Trajectory.Question.Answers)
                        ? 1
                        : 0
                ),
                Coverage = Mean(member => member.Coverage),
                SearchesPerQuestion = Mean(member => member.Trajectory.Searches.Length),
                TokensPerRollout = Mean(member => Trajectories.GeneratedTokens(member.Trajectory)),
                DeadGroups = deadGroups,
                Experts = Experts,
                Continued = Continued,
                Replaced = Replaced,
                Dropped = Dropped,
                Loss = report.Loss,
                GradientNorm = report.GradientNorm,
                ClipFraction = report.Diagnostics.ClipFractionLow + report.Diagnostics.ClipFractionHigh,
                ApproximateKl = report.Diagnostics.ApproximateKl,
                Entropy = report.Diagnostics.MeanEntropy,
                Skipped = report.Skipped,
                FailedSearches = FailedSearches,
                RolloutSeconds = RolloutSeconds,
                LearningSeconds = learningSeconds,
                LearnedTokens = report.Tokens,
            };
        }
    }
}
