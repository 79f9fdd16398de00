using System.Globalization;
using David.Grpo.Formats;
using David.Grpo.Learning;

namespace David.Grpo.Runs;

/// <summary>
/// The most memory that a run will need, by part, and the most disk, in bytes: worked out from its options before the first step.
/// </summary>
/// <remarks>
/// Every part is a bound: all episodes as long as they may get. What the program, libtorch and the allocator take besides is
/// <see cref="Rest"/>, which was measured and rounded up.
/// </remarks>
/// <param name="Weights">Of the policy, float32.</param>
/// <param name="Training">Gradients and the two moments.</param>
/// <param name="Reference">The reference's weights; 0 where there is no KL term.</param>
/// <param name="Cache">Keys and values of the episodes under way.</param>
/// <param name="Pass">Activations of a learning pass.</param>
/// <param name="Disk">Of checkpoints, one being written included, and the reference; logs come to little beside them.</param>
internal sealed record MemoryForecast(long Weights, long Training, long Reference, long Cache, long Pass, long Disk)
{
    private const int Float = sizeof(float);
    private const long Gibi = 1L << 30;

    /// <summary>Of the program, libtorch and the allocator.</summary>
    public const long Rest = 3 * Gibi / 4;

    public long Total => Weights + Training + Reference + Cache + Pass + Rest;

    /// <summary>Memory that this process may use, in bytes; a container's limit counts.</summary>
    public static long Available => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <param name="prompt">Tokens of the longest prompt.</param>
    /// <param name="expert">Tokens of the longest expert's response, 0 for none.</param>
    /// <param name="experts">Questions of a bootstrapping step.</param>
    public static MemoryForecast Of(RunFile file, ModelConfig model, int prompt, int expert, int experts)
    {
        MethodOptions method = file.Method;
        long weights = Float * model.Parameters().Sum(parameter => parameter.Shape.Aggregate(1L, (a, b) => a * b));
        int response = file.Episode.ResponseTokens;
        Arm arm = method.Create(TaskRewards.OfText(_ => null));
        bool bootstraps = arm.WarmUp == WarmUp.Bootstrapping && method.BootstrapSteps > 0 && experts > 0;
        bool refers = method.KlCoefficient > 0 && method.MainSteps > 0;
        int forks = arm.Exploration.MaxForks;
        int learned = arm.Exploration.Stay(new double[arm.GroupSize], new double[forks]).Length;

        // Rollouts: a shared prompt a question, a response an episode. The pool doubles when it is full.
        long Slots(long questions, long members)
        {
            long running = Math.Min(file.Episode.Concurrent, questions * members);
            long tokens = (Math.Min(questions, running) * prompt) + (running * response);
            long slots = 1024;
            while (slots < tokens)
                slots *= 2;
            return slots;
        }
        long training = Math.Max(
            Slots(method.QuestionsPerStep, Math.Max(arm.GroupSize, forks)),
            bootstraps ? Slots(experts, method.BootstrapGroupSize) : 0
        );
        long evaluation = Slots(file.Evaluation.Questions, 1);
        long cache = (training + evaluation) * 2 * model.Layers * model.KeyValueHeads * model.HeadDimension * Float;

        // Learning: a pass holds a group, or as many as fit into pack_tokens; a group's prompt stands in it once.
        long Packed(long questions, long members, long longest)
        {
            long group = (members * (prompt + response)) + longest - (longest > 0 ? response : 0);
            long groups = Math.Clamp(file.PackTokens / Math.Max(1, group), 1, questions);
            return groups * (group - ((members - 1) * prompt));
        }
        long tokens = Math.Max(
            Packed(method.QuestionsPerStep, learned, 0),
            bootstraps ? Packed(experts, method.BootstrapGroupSize, Math.Max(expert, response)) : 0
        );
        long width = model.HiddenSize;
        long query = (long)model.Heads * model.HeadDimension;
        long key = (long)model.KeyValueHeads * model.HeadDimension;
        // Kept by autograd of each token and layer: inputs of norms, products, rotations and the gate.
        long layer = Float * tokens * ((6 * width) + (3 * query) + (2 * key) + (4L * model.IntermediateSize));
        long kept = file.GradientCheckpointing ? Float * tokens * width * (model.Layers + 1) : layer * model.Layers;
        // Logits exist a block of rows at a time: raw, tempered, normalised, exponentiated, and their gradients.
        long logits = Float * 6 * Math.Min(512, tokens) * model.VocabularySize;
        long checkpoint = (arm.HasCritic ? 6 : 3) * weights; // weights and two moments
        return new MemoryForecast(
            weights,
            (arm.HasCritic ? 7 : 3) * weights, // a critic has weights, gradients and moments of its own
            refers ? weights : 0,
            cache,
            kept + (file.GradientCheckpointing ? 2 * layer : layer) + logits,
            ((file.CheckpointsKept + 1) * checkpoint) + (refers ? weights : 0)
        );
    }

    /// <summary>Bytes that are free where a folder lies or will lie.</summary>
    public static long Free(string folder)
    {
        string path = Path.GetFullPath(folder);
        while (!Directory.Exists(path))
            path = Path.GetDirectoryName(path)!;
        return new DriveInfo(path).AvailableFreeSpace;
    }

    /// <summary>Refuses a run whose checkpoints would fill the disk.</summary>
    /// <param name="held">Bytes that the run's folder holds already.</param>
    /// <exception cref="InvalidDataException">They need more than is free.</exception>
    public void CheckDisk(string folder, long free, long held)
    {
        if (Disk - held > free)
            throw new InvalidDataException(
                $"The run may write {Size(Disk)} of checkpoints, but where {folder} lies {Size(free)} are free. It was not started. "
                    + "Give another folder (--out), or lower checkpoints_kept."
            );
    }

    /// <summary>Refuses a run that cannot fit, and says what would lower its need.</summary>
    /// <exception cref="InvalidDataException">The total is above <paramref name="available"/> bytes.</exception>
    public void Check(long available, bool checkpointing)
    {
        if (Total <= available)
            return;
        string mend =
            Cache > Pass && Cache > Training ? "episode.concurrent, episode.response_tokens or evaluation.questions"
            : Pass > Training
                ? (checkpointing ? "" : "gradient_checkpointing: true, ")
                    + "pack_tokens, method.group_size or episode.response_tokens"
            : "a smaller model";
        throw new InvalidDataException(
            $"The run may need {Size(Total)} of memory ({this}), but this machine has {Size(available)}. It was not started. "
                + $"What lowers it most: {mend}."
        );
    }

    public override string ToString() =>
        $"weights {Size(Weights)}, gradients and moments {Size(Training)}, reference {Size(Reference)}, "
        + $"episodes {Size(Cache)}, learning pass {Size(Pass)}, the rest {Size(Rest)}";

    public static string Size(long bytes) =>
        bytes >= Gibi / 10
            ? string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / Gibi:0.0} GiB")
            : string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / (1 << 20):0} MiB");
}
