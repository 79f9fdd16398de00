using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace David.Grpo.Tasks;

/// <summary>Limits of an episode in the text protocol. The defaults are the authors'.</summary>
public sealed record EpisodeOptions
{
    [Description("searches that are answered")]
    [Range(0, 1000)]
    public int MaxSearches { get; init; } = 10;

    [Description("passages a search")]
    [Range(1, 100)]
    public int TopK { get; init; } = 3;

    [Description("tokens of the first turn, and of the last one")]
    [Range(1, 1 << 20)]
    public int FirstTurnTokens { get; init; } = 2048;

    [Description("tokens of the turns between")]
    [Range(1, 1 << 20)]
    public int TurnTokens { get; init; } = 1024;

    [Description("tokens of a response, observations included")]
    [Range(1, 1 << 20)]
    public int ResponseTokens { get; init; } = 8192;

    [Description("episodes under way at once")]
    [Range(1, 65536)]
    public int Concurrent { get; init; } = 128;
}
