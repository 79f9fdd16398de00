namespace David.Grpo.Runs;

/// <summary>What happens in a run while it happens.</summary>
public abstract record RunEvent
{
    /// <summary>A step was made.</summary>
    /// <param name="Metrics">As they are logged.</param>
    /// <param name="Budget">Rollouts that the run may spend.</param>
    public sealed record Stepped(StepMetrics Metrics, int Budget) : RunEvent;

    /// <summary>The policy was evaluated.</summary>
    /// <param name="Metrics">As they are logged.</param>
    public sealed record Evaluated(EvaluationMetrics Metrics) : RunEvent;

    /// <summary>Work within a step: so much done of all.</summary>
    /// <param name="What">What is done.</param>
    /// <param name="Done">Done.</param>
    /// <param name="Of">In all.</param>
    /// <param name="Unit">What is counted.</param>
    public sealed record Working(string What, long Done, long Of, string Unit) : RunEvent;

    /// <summary>The run goes on from a checkpoint.</summary>
    /// <param name="Rollouts">Spent before.</param>
    /// <param name="Step">Steps made before.</param>
    public sealed record Resumed(int Step, int Rollouts) : RunEvent;

    /// <summary>A checkpoint was written.</summary>
    /// <param name="Step">Steps made before.</param>
    public sealed record Saved(int Step) : RunEvent;
}
