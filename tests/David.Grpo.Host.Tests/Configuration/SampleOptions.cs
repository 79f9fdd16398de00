using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using David.Grpo.Configuration;

namespace David.Grpo.Host.Tests.Configuration;

public enum SampleArm
{
    Grpo,
    GrpoCoverage,
    David,
}

/// <summary>Every kind of option once.</summary>
public record SampleBase
{
    [Description("decides everything random")]
    public long Seed { get; init; } = 1;
}

public sealed record SampleOptions : SampleBase
{
    public static SampleMethod Authors { get; } = new() { TopK = 5 };

    [Description("what a run learns by")]
    public SampleMethod Method { get; init; } = Authors;

    [Range(0, int.MaxValue)]
    public int Steps { get; init; } = 10;

    public bool Shuffle { get; init; } = true;

    [Description("shown in the report")]
    public string Title { get; init; } = "a run";

    public string? Note { get; init; }

    public int? Limit { get; init; }

    [Range(0, 100)]
    public int[] Seeds { get; init; } = [1, 2];

    public string[] Tags { get; init; } = [];

    [RelativeToFile]
    public string Corpus { get; init; } = "corpus.jsonl";

    [RelativeToFile]
    public string[] Questions { get; init; } = ["train.jsonl"];

    public SampleStage[] Stages { get; init; } = [];

    public SampleExpert? Expert { get; init; }

    /// <summary>Follows from the others, so it is no option.</summary>
    public int Twice => 2 * Steps;
}

public sealed record SampleMethod
{
    [Description("the compared method")]
    public SampleArm Arm { get; init; } = SampleArm.David;

    [Range(0.0, 1.0)]
    public double Lambda { get; init; } = 0.5;

    [Range(0.0, 1.0, MinimumIsExclusive = true)]
    public double LearningRate { get; init; } = 1e-6;

    [Range(1, 100)]
    public int TopK { get; init; } = 3;

    public double Bound { get; init; } = double.PositiveInfinity;
}

public sealed record SampleStage
{
    public required string Name { get; init; }

    public SampleArm[] Arms { get; init; } = [SampleArm.Grpo];

    public double? Weight { get; init; }
}

public sealed record SampleExpert
{
    [Required]
    [RelativeToFile]
    public string Model { get; init; } = "";

    [Range(1, 8)]
    public int Turns { get; init; } = 4;
}

/// <summary>Nothing but keys that must be given.</summary>
public sealed record RequiredOptions
{
    public required int Steps { get; init; }

    public SampleExpert Expert { get; init; } = new();

    public string Name { get; init; } = null!;
}
