using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using David.Grpo.Tensors;

namespace David.Grpo.Cli;

/// <summary>How a policy is sampled from: options of commands that ask one.</summary>
internal sealed record Sampling
{
    [Description("Sampling temperature; 0 is greedy")]
    [Range(0.0, 10.0)]
    public double Temperature { get; init; }

    [Description("Decides every random number")]
    public long Seed { get; init; }

    [Description("A text file that comes before each question")]
    [Shown("FILE")]
    public string? Instruction { get; init; }

    [Description("A Jinja file in place of the model's own")]
    [Shown("FILE")]
    public string? ChatTemplate { get; init; }

    [Description("Where it is computed: cpu, cuda or cuda:N")]
    [Shown("DEVICE")]
    public string Device { get; init; } = "cpu";

    [Description("Threads of one operation; 0: one a core")]
    [Range(0, int.MaxValue)]
    public int Threads { get; init; }

    /// <summary>The device, with the threads set that its operations take.</summary>
    public Device Open()
    {
        Torch.Threads = Threads == 0 ? Environment.ProcessorCount : Threads;
        return Tensors.Device.Parse(Device);
    }
}
