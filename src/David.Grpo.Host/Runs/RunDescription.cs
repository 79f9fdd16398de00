using System.Text.Json;
using System.Text.Json.Nodes;

namespace David.Grpo.Runs;

/// <summary>What a run is: run.json, written when it begins.</summary>
public sealed record RunDescription
{
    /// <summary>The file's name.</summary>
    public const string FileName = "run.json";

    /// <summary>The method's name.</summary>
    public required string Arm { get; init; }

    /// <summary>That all random numbers come from.</summary>
    public required long Seed { get; init; }

    /// <summary>When it was begun first.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>This library's version.</summary>
    public required string Library { get; init; }

    /// <summary>All its options, by their names in a configuration file.</summary>
    public required JsonObject Options { get; init; }

    /// <summary>The description of a run that begins now.</summary>
    public static RunDescription Of(Arm arm, RunOptions options) =>
        new()
        {
            Arm = arm.Name,
            Seed = options.Seed,
            StartedAt = DateTimeOffset.UtcNow,
            Library = typeof(RunDescription).Assembly.GetName().Version!.ToString(3),
            // As what it is: a run on text has more options than these.
            Options = JsonSerializer.SerializeToNode(options, options.GetType(), RunJson.Document)!.AsObject(),
        };

    /// <summary>That of a run's folder; null where there is none, or none that can be read.</summary>
    public static RunDescription? Read(string folder)
    {
        try
        {
            string path = Path.Combine(folder, FileName);
            return File.Exists(path)
                ? JsonSerializer.Deserialize<RunDescription>(File.ReadAllText(path), RunJson.Document)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
