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

    /// <summary>Reads a document of a run's folder.</summary>
    /// <exception cref="InvalidDataException">It is no such document; the text names the file and what to do.</exception>
    public static T Read<T>(string path)
    {
        try
        {
            return Parse<T>(File.ReadAllText(path), Document);
        }
        catch (JsonException failure)
        {
            throw new InvalidDataException(
                $"{path} is damaged: {failure.Message} Restore the file, or give another folder (--out) and begin anew.",
                failure
            );
        }
    }

    /// <summary>Reads a line of a log.</summary>
    /// <param name="place">Where it stands, for the message.</param>
    /// <exception cref="InvalidDataException">It is no such line; the text names the place.</exception>
    public static T ReadLine<T>(string line, string place)
    {
        try
        {
            return Parse<T>(line, Line);
        }
        catch (JsonException failure)
        {
            throw new InvalidDataException($"{place} is damaged: {failure.Message}", failure);
        }
    }

    private static T Parse<T>(string text, JsonSerializerOptions options) =>
        JsonSerializer.Deserialize<T>(text, options) ?? throw new JsonException("It says null.");

    private static JsonSerializerOptions Make(bool indented) =>
        new()
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            WriteIndented = indented,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        };
}
