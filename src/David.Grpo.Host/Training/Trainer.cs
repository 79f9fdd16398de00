using System.Diagnostics;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Runs;
using David.Grpo.Tasks;
using David.Grpo.Tensors;

namespace David.Grpo.Training;

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
    private readonly MethodOptions _method;
    private readonly Arm _arm;
    private readonly Critic? _critic;
    private Rehearsal _rehearsal = new();
    private readonly Seed _seed;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly TensorBoardLog _tensorboard;
    private Decoder? _reference;
    private Learner _learner;
    private LoopState _state;
    private readonly GroupSampler _sampler;
    private StepWork _work = new(); // of the step under way
    private EvaluationMetrics? _before;
    private EvaluationMetrics? _last;
    private RunTimes _times = new();
    private double _earlierSeconds; // of the processes that this run began in
    private int _savedStep;
    private int _deadSteps; // in a row, those of this process

    /// <param name="policy">Trained in place.</param>
    /// <param name="arm">The method; default: the one that the options name.</param>
    public Trainer(
        Decoder policy,
        TrainingTask task,
        RunOptions options,
        RunFolder folder,
        EngineOptions engineOptions,
        Action<RunEvent> report,
        Arm? arm = null
    )
    {
        MethodOptions method = _method = options.Method;
        _arm = arm ?? method.Create(task.Rewards);
        method.Check(_arm);
        _policy = policy;
        _task = task;
        _options = options;
        _folder = folder;
        _report = report;
        _engineOptions = engineOptions;
        _seed = Seed.OfInt64(options.Seed);
        _tensorboard = new TensorBoardLog(folder.In("tensorboard"), options.Tensorboard);
        _engine = new RolloutEngine(policy, task.Protocol, task.Training.Search, engineOptions)
        {
            Progress = (done, of) => report(new RunEvent.Working("rolling out", done, of, "episodes")),
        };
        policy.RequireGradients();
        AdamWOptions optimizing = new()
        {
            Beta2 = method.Beta2,
            WeightDecay = method.WeightDecay,
            MaxGradientNorm = method.MaxGradientNorm,
        };
        _optimizer = new AdamW(policy.Parameters, optimizing);
        _sampler = new GroupSampler(_engine, task, _arm, method.Temperature, _seed);
        _state = TrainingLoop.Start(TrainingPlan.Of(options, _arm, task, _seed));
        if (_arm.HasCritic)
            _critic = new Critic(policy, optimizing);
        _learner = NewLearner();
    }

    private Learner NewLearner() =>
        new(
            _policy,
            _reference,
            _optimizer,
            _critic,
            _arm,
            _method,
            _options.PackTokens,
            _options.GradientCheckpointing
        )
        {
            Progress = (done, of) => _report(new RunEvent.Working("learning", done, of, "tokens")),
        };

    /// <summary>
    /// Runs to the end of the budget, or to the next safe point after a cancellation: the end of the last whole step, with a
    /// checkpoint.
    /// </summary>
    /// <remarks>A folder with a checkpoint of the same fingerprint is resumed; one with a result is not run again.</remarks>
    public async Task<RunResult> RunAsync(CancellationToken cancellationToken = default)
    {
        if (_folder.Result is { Stopped: false } finished)
            return finished;
        using RunHold hold = RunHold.Take(_folder.Path);
        _folder.Describe(RunDescription.Of(_arm, _options));
        CheckpointState? saved = _folder.Restore(_policy, _optimizer, _critic);
        _tensorboard.Restore(saved?.Events, saved is null ? 0 : saved.Progress.Step + 1);
        if (saved is not null)
            Resume(saved);
        _folder.DescribeEnvironment(Environment);
        _savedStep = _state.Step;
        LoopState between = _state; // the last state in which no step is half done
        while (TrainingLoop.Decide(_state) is var command && !command.IsFinish)
        {
            if (_state.IsBetweenSteps)
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
                return await EvaluateAsync(evaluate.isWhole, cancellationToken).ConfigureAwait(false);
            case Command.RollOut rollOut:
                if (_state.IsBetweenSteps)
                    _work = new StepWork();
                return Did(
                    await _sampler.RollOutAsync(_state, rollOut.requests, cancellationToken).ConfigureAwait(false)
                );
            case Command.Select select:
                return Did(_sampler.Select(_state, select.kept));
            case Command.Explore explore:
                return Did(await _sampler.ExploreAsync(_state, explore.forks, cancellationToken).ConfigureAwait(false));
            case Command.Update update:
                return Update(update.phase);
            default:
                Save();
                return Event.Saved;
        }
    }

    private Event Did((Event Event, StepWork Work) round)
    {
        _work += round.Work;
        return round.Event;
    }

    private async Task<Event> EvaluateAsync(bool isWhole, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        int questions =
            isWhole || _options.Evaluation.QuestionsDuring == 0
                ? _options.Evaluation.Questions
                : _options.Evaluation.QuestionsDuring;
        EvaluationResult result = await Evaluator
            .RunAsync(
                _policy,
                _task,
                questions,
                _options.Evaluation.Temperature,
                Seed.OfInt64(0),
                _engineOptions,
                (done, of) => _report(new RunEvent.Working("evaluating", done, of, "episodes")),
                cancellationToken
            )
            .ConfigureAwait(false);
        _times = _times with { EvaluationSeconds = _times.EvaluationSeconds + clock.Elapsed.TotalSeconds };
        EvaluationMetrics metrics = EvaluationMetrics.Of(
            result,
            _state.Step,
            _state.Ledger.Spent.Rollouts,
            clock.Elapsed.TotalSeconds
        );
        OutcomeRecord[] outcomes = [.. OutcomeRecord.Of(result)];
        _folder.WriteOutcomes(_state.Step, outcomes);
        _before ??= metrics;
        _last = metrics;
        _folder.AppendMetrics(metrics);
        _tensorboard.Evaluation(metrics, outcomes);
        _report(new RunEvent.Evaluated(metrics));
        return Event.Evaluated;
    }

    private Event Update(Phase phase)
    {
        if (phase == Phase.Main && _method.KlCoefficient > 0 && _reference is null)
        {
            // The reference is the policy as it enters the main phase (method.md, section 3.3).
            _reference = _policy.Clone();
            WriteReference();
            _learner = NewLearner();
        }
        Stopwatch clock = Stopwatch.StartNew();
        Seed seed = Seed.Child(_state.Step, Seed.Named("update", _seed));
        UpdateReport report;
        IReadOnlyList<Group> groups = [];
        if (phase == Phase.Imitation)
        {
            _work = new StepWork();
            report = _learner.Imitate(_task.Experts, seed);
        }
        else
        {
            groups = [.. _state.Sampled.Where(group => group.Members is not [])];
            if (_method.Rehearsals > 0)
                foreach (Group group in groups)
                    _rehearsal.Add(group);
            // Bootstrapping is about finding answers at all, and its expert has not the policy's habits.
            if (phase == Phase.Main)
                groups = [.. groups.Select(group => _arm.Spending.Charged(_state.Price.Multiplier, group))];
            report =
                groups.Count == 0
                    ? new UpdateReport(0, 0, 0, 0, Objective.Pool([]), 0)
                    : _learner.Update(phase, groups, seed);
            for (int pass = 0; phase == Phase.Main && pass < _method.Rehearsals && _rehearsal.Count > 0; pass++)
                report += _learner.Rehearse(
                    _rehearsal.Draw(_method.RehearsalSize, Seed.Child(pass, Seed.Named("rehearsal", seed)))
                );
        }
        double seconds = _work.RolloutSeconds + clock.Elapsed.TotalSeconds;
        _times = _times with
        {
            RolloutSeconds = _times.RolloutSeconds + _work.RolloutSeconds,
            LearningSeconds = _times.LearningSeconds + clock.Elapsed.TotalSeconds,
            LearnedTokens = _times.LearnedTokens + report.Tokens,
        };

        Cost spent = _state.Ledger.Spent;
        StepMetrics metrics = _work.ToMetrics(
            _state.Step + 1,
            phase,
            spent,
            report,
            groups.Count == 0 ? 0 : groups.Average(group => group.IsDead ? 1 : 0),
            clock.Elapsed.TotalSeconds
        ) with
        {
            Price = _arm.Spending.Name == SpendingRules.Free.Name ? 0 : _state.Price.Multiplier,
        };
        _folder.AppendMetrics(metrics);
        _folder.AppendTrajectories(
            _work.ToTrajectories(
                groups,
                report.Advantages,
                TokenSlopes.Of(_arm, groups, report.Advantages),
                metrics,
                _task.Protocol
            )
        );
        _tensorboard.Step(metrics, _work.Sampled, report.Advantages.SelectMany(own => own).SelectMany(own => own));
        _report(new RunEvent.Stepped(metrics, _options.Rollouts));
        _deadSteps = metrics.DeadGroups >= 1 ? _deadSteps + 1 : 0;
        if (_options.StopAfterDeadSteps is > 0 and var most && _deadSteps >= most)
            throw new InvalidDataException(
                $"In {_deadSteps} steps in a row all members of each group earned the same, so nothing was learned from rewards; "
                    + $"stop_after_dead_steps is {most}. The checkpoint before them is in {_folder.Path}."
            );
        return Event.NewUpdated(report.OptimizerSteps, report.Skipped, seconds);
    }

    private void WriteReference()
    {
        string beside = _folder.In(".reference.safetensors");
        ModelFolder.WriteWeights(beside, _reference!);
        File.Move(beside, _folder.In("reference.safetensors"), overwrite: true);
    }

    private void Save()
    {
        _folder.Save(
            _policy,
            _optimizer,
            _critic,
            new CheckpointState
            {
                Progress = _state.Progress,
                AdamSteps = _optimizer.Steps,
                Times = Times,
                Before = _before,
                Events = _tensorboard.Mark,
            },
            _options.CheckpointsKept
        );
        _savedStep = _state.Step;
        _report(new RunEvent.Saved(_state.Step));
    }

    private RunTimes Times => _times with { TotalSeconds = _earlierSeconds + _clock.Elapsed.TotalSeconds };

    private void Resume(CheckpointState saved)
    {
        _state = TrainingLoop.Restore(_state.Plan, saved.Progress);
        if (_method.Rehearsals > 0)
            _rehearsal = Rehearsal.Of(_folder.In("trajectories.jsonl.gz"));
        (_before, _times, _earlierSeconds) = (saved.Before, saved.Times, saved.Times.TotalSeconds);
        if (File.Exists(_folder.In("reference.safetensors")) && _method.KlCoefficient > 0)
        {
            _reference = _policy.Clone();
            RunFolder.ReadWeights(_folder.In("reference.safetensors"), _reference);
            _learner = NewLearner();
        }
        _report(new RunEvent.Resumed(_state.Step, _state.Ledger.Spent.Rollouts));
    }

    private RunEnvironment Environment() =>
        RunEnvironment.Of(
            _options.Seed,
            _policy.Parameters[0].Device.ToString(),
            new SortedDictionary<string, string>(StringComparer.Ordinal)
            {
                ["run"] = _folder.Fingerprint,
                ["library"] = RunEnvironment.Version,
                ["libtorch"] = Torch.Version,
                ["threads"] = $"{Torch.Threads}",
            }
        );

    private RunResult Finish()
    {
        RunResult result = new()
        {
            Arm = _arm.Name,
            Seed = _options.Seed,
            Steps = _state.Step,
            Spent = _state.Ledger.Spent,
            SkippedUpdates = _state.SkippedUpdates,
            Times = Times,
            Before = _before,
            After = _last,
            Stopped = _state.StopRequested,
        };
        if (!result.Stopped)
            _folder.WriteResult(result);
        return result;
    }

    public void Dispose()
    {
        _engine.Dispose();
        _tensorboard.Dispose();
        _optimizer.Dispose();
        _critic?.Dispose();
        _reference?.Dispose();
        _policy.RequireGradients(false);
    }
}
