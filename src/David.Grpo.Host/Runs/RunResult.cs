using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace David.Grpo.Runs;

/// <summary>Wall time by part, in seconds, and what was learned from in it.</summary>
public sealed record RunTimes
{
    /// <summary>Of sampling.</summary>
    public double RolloutSeconds { get; init; }

    /// <summary>Of learning.</summary>
    public double LearningSeconds { get; init; }

    /// <summary>Of evaluations.</summary>
    public double EvaluationSeconds { get; init; }

    /// <summary>Of all, checkpoints included, over all processes of the run.</summary>
    public double TotalSeconds { get; init; }

    /// <summary>Tokens of the sequences learned from, all epochs.</summary>
    public long LearnedTokens { get; init; }
}

/// <summary>How a finished run ended: result.json.</summary>
public sealed record RunResult
{
    /// <summary>The method's name.</summary>
    public required string Arm { get; init; }

    /// <summary>That all random numbers came from.</summary>
    public required long Seed { get; init; }

    /// <summary>Training steps made.</summary>
    public required int Steps { get; init; }

    /// <summary>What training took, evaluations not counted.</summary>
    public required Cost Spent { get; init; }

    /// <summary>Updates left out because a loss or a gradient was not finite.</summary>
    public required int SkippedUpdates { get; init; }

    /// <summary>Wall time by part.</summary>
    public required RunTimes Times { get; init; }

    /// <summary>The first evaluation; null where none was made.</summary>
    public required EvaluationMetrics? Before { get; init; }

    /// <summary>The last evaluation; null where none was made.</summary>
    public required EvaluationMetrics? After { get; init; }

    /// <summary>Ended by the user before the budget was spent.</summary>
    public required bool Stopped { get; init; }
}

/// <summary>How records are written: snake_case, one line, text unescaped.</summary>
public static class RunJson
{
    /// <summary>One line.</summary>
    public static JsonSerializerOptions Line { get; } = Make(indented: false);

    /// <summary>Indented.</summary>
    public static JsonSerializerOptions Document { get; } = Make(indented: true);

    private static JsonSerializerOptions Make(bool indented) =>
        new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            WriteIndented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        };
}
