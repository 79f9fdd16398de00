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
