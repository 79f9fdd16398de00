using David.Grpo.Comparisons;

namespace David.Grpo.Reports;

/// <summary>How far a comparison is. All members may be called from any thread.</summary>
/// <param name="runs">All of them.</param>
public sealed class ComparisonProgress(IReadOnlyList<ComparedRun> runs)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ComparedRun, int> _spent = [];
    private readonly HashSet<ComparedRun> _ended = [];

    /// <summary>Rollouts that were spent before we began to count time.</summary>
    private long _before;

    /// <summary>Rollouts of all runs.</summary>
    public long Budget { get; } = runs.Sum(run => (long)run.Options.Rollouts);

    /// <summary>Rollouts spent or left over by finished runs.</summary>
    public long Done
    {
        get
        {
            lock (_lock)
                return _spent.Values.Sum(spent => (long)spent);
        }
    }

    /// <summary>"12/80 runs".</summary>
    public string Count
    {
        get
        {
            lock (_lock)
                return $"{_ended.Count}/{runs.Count} runs";
        }
    }

    /// <summary>A run goes on from where it was cut off.</summary>
    public void Resume(ComparedRun run, int rollouts)
    {
        lock (_lock)
        {
            _before += rollouts - _spent.GetValueOrDefault(run);
            _spent[run] = rollouts;
        }
    }

    /// <summary>A run has spent so many rollouts.</summary>
    public void Spend(ComparedRun run, int rollouts)
    {
        lock (_lock)
            _spent[run] = rollouts;
    }

    /// <summary>A run is finished; one that was never heard of was so before.</summary>
    public void End(ComparedRun run)
    {
        lock (_lock)
        {
            if (!_spent.ContainsKey(run))
                _before += run.Options.Rollouts;
            _spent[run] = run.Options.Rollouts;
            _ended.Add(run);
        }
    }

    /// <summary>Time left by what was spent in the time gone by; null before a fiftieth of the rest is done.</summary>
    public TimeSpan? Left(TimeSpan elapsed)
    {
        lock (_lock)
        {
            long done = _spent.Values.Sum(spent => (long)spent) - _before;
            long rest = Budget - _before;
            return done <= 0 || done < 0.02 * rest ? null : elapsed * ((rest - done) / (double)done);
        }
    }

    /// <summary>"12/80 runs, about 4:10 left".</summary>
    public string Whole(TimeSpan elapsed) =>
        Left(elapsed) switch
        {
            null or { TotalSeconds: < 0.5 } => Count,
            { TotalHours: < 1 } left => $"{Count}, about {left:m\\:ss} left",
            { } left => $"{Count}, about {(int)left.TotalHours} h {left.Minutes} min left",
        };
}
