using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using David.Grpo.Learning;

namespace David.Grpo.Runs;

/// <summary>How a policy is evaluated.</summary>
public sealed record EvaluationOptions
{
    [Description("steps between evaluations during training; 0: only before and after")]
    [Range(0, int.MaxValue)]
    public int Every { get; init; } = 10;

    [Description(
        "rollouts at which the run is compared: a whole evaluation each, before the step that would pass them"
    )]
    public int[] At { get; init; } = [];

    [Description("questions of an evaluation before and after training")]
    [Range(1, int.MaxValue)]
    public int Questions { get; init; } = 200;

    [Description("questions of an evaluation during training; 0: as many as before and after")]
    [Range(0, int.MaxValue)]
    public int QuestionsDuring { get; init; }

    [Description("sampling temperature; 0 is greedy")]
    [Range(0.0, 10.0)]
    public double Temperature { get; init; }
}

/// <summary>What a run is, but for where its data lie.</summary>
public record RunOptions
{
    [Description("decides every random number of the run")]
    public long Seed { get; init; } = 1;

    [Description("rollouts that the run may spend, continuations included")]
    [Range(0, int.MaxValue)]
    public int Rollouts { get; init; } = 1_000_000;

    [Description("tokens that the policy may sample in the run; none for any number")]
    [Range(0, long.MaxValue)]
    public long? GeneratedTokens { get; init; }

    [Description("searches that the run may make; none for any number")]
    [Range(0, long.MaxValue)]
    public long? Searches { get; init; }

    [Description("seconds of sampling and learning that the run may take; the last step may pass them")]
    [Range(0.0, double.PositiveInfinity)]
    public double? Seconds { get; init; }

    /// <summary>Whether its questions and answers are in words, not in the embedded world's tags.</summary>
    [JsonIgnore]
    public virtual bool IsText => false;

    /// <summary>What the run may spend of each currency.</summary>
    [JsonIgnore]
    public Limits Limits =>
        new(
            rollouts: Rollouts,
            generatedTokens: GeneratedTokens ?? long.MaxValue,
            searches: Searches ?? long.MaxValue,
            seconds: Seconds ?? double.PositiveInfinity
        );

    /// <summary>What the run learns by.</summary>
    public MethodOptions Method { get; init; } = new();

    /// <summary>How the policy is evaluated.</summary>
    public EvaluationOptions Evaluation { get; init; } = new();

    [Description("draw the order of the questions anew for each pass")]
    public bool Shuffle { get; init; } = true;

    /// <remarks>It ends a run or it does not, so it is not part of what identifies the run.</remarks>
    [Description("end the run with an error after so many steps in a row in which no group taught anything; 0: never")]
    [Range(0, int.MaxValue)]
    [JsonIgnore]
    public int StopAfterDeadSteps { get; init; }

    [Description("steps between checkpoints")]
    [Range(1, int.MaxValue)]
    public int CheckpointEvery { get; init; } = 10;

    [Description("checkpoints kept")]
    [Range(1, int.MaxValue)]
    public int CheckpointsKept { get; init; } = 2;

    /// <remarks>Decides none of the run's numbers, so it is not part of what identifies the run.</remarks>
    [Description("write event files for TensorBoard into the run's folder")]
    [JsonIgnore]
    public bool Tensorboard { get; init; } = true;

    [Description("compute layers anew in the backward pass: less memory, a third more time")]
    public bool GradientCheckpointing { get; init; }

    [Description("tokens of one learning pass at most; a group is never split")]
    [Range(1, int.MaxValue)]
    public int PackTokens { get; init; } = 8192;
}
