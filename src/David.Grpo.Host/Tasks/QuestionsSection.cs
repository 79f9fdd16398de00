using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using David.Grpo.Configuration;

namespace David.Grpo.Tasks;

/// <summary>A part of a file of questions.</summary>
public sealed record QuestionsSection
{
    [Description(
        "Parquet, JSON Lines or JSON, gzipped or not, in the format of ours, HotpotQA, 2Wiki, MuSiQue, Search-R1 or Bamboogle"
    )]
    [RelativeToFile]
    public required string File { get; init; }

    [Description("only questions whose field \"split\" says this; leave out for all")]
    public string? Split { get; init; }

    [Description("questions that are passed over first")]
    [Range(0, int.MaxValue)]
    public int First { get; init; }

    [Description("questions at most; 0: all that follow")]
    [Range(0, int.MaxValue)]
    public int Count { get; init; }
}
