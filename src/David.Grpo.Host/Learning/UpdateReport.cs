namespace David.Grpo.Learning;

/// <summary>What the updates of one step did.</summary>
/// <param name="OptimizerSteps">Updates made.</param>
/// <param name="Skipped">Updates left out because a loss or a gradient was not finite.</param>
/// <param name="Loss">Mean over the updates.</param>
/// <param name="GradientNorm">Mean over the updates, before clipping.</param>
/// <param name="Diagnostics">Over all trained tokens of the updates by advantage.</param>
/// <param name="Tokens">Tokens of the sequences that were learned from, prompts and repeated prefixes included, all epochs.</param>
/// <param name="SamplerKl">KL(sampler‖learner) by token, k3, in nats; 0 where old log-probabilities are the sampler's.</param>
public sealed record UpdateReport(
    int OptimizerSteps,
    int Skipped,
    double Loss,
    double GradientNorm,
    Diagnostics Diagnostics,
    long Tokens,
    double SamplerKl = 0
)
{
    /// <summary>Of each trained token, [groups][members][tokens]; empty for supervised updates.</summary>
    public double[][][] Advantages { get; init; } = [];

    /// <summary>Both, the means weighted by the updates; the advantages are the first's.</summary>
    public static UpdateReport operator +(UpdateReport a, UpdateReport b)
    {
        int made = a.OptimizerSteps + b.OptimizerSteps;
        double Mean(double ofA, double ofB) => (ofA * a.OptimizerSteps + ofB * b.OptimizerSteps) / Math.Max(1, made);
        return new UpdateReport(
            made,
            a.Skipped + b.Skipped,
            Mean(a.Loss, b.Loss),
            Mean(a.GradientNorm, b.GradientNorm),
            a.Diagnostics,
            a.Tokens + b.Tokens,
            a.SamplerKl
        )
        {
            Advantages = a.Advantages,
        };
    }
}

/// <summary>What the updates of a step add up to.</summary>
internal sealed class UpdateTally
{
    private readonly List<Diagnostics> _parts = [];
    private double _loss;
    private double _norm;
    private int _made;

    public int Skipped { get; set; }
    public double SamplerKl { get; set; }
    public long Tokens { get; set; }

    public void Add(Diagnostics part) => _parts.Add(part);

    public void Made(double loss, double norm)
    {
        _made++;
        _loss += loss;
        _norm += norm;
    }

    public UpdateReport ToReport() =>
        new(
            _made,
            Skipped,
            _loss / Math.Max(1, _made),
            _norm / Math.Max(1, _made),
            Objective.Pool([.. _parts]),
            Tokens,
            SamplerKl
        );
}
