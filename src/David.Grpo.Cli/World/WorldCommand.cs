using System.CommandLine;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Globalization;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Search;
using David.Grpo.Tensors;
using David.Grpo.Training;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary>`david world`: the embedded world and its base policy.</summary>
internal static class WorldCommand
{
    public static Command Create() =>
        new Command("world", "The embedded world: pretrain its base policy, or measure one") { Pretrain(), Probe() };

    private sealed record PretrainRequest
    {
        [Description("Folder of the policy (Hugging Face form)")]
        [Shown("FOLDER")]
        public string Out { get; init; } = "runs/base-policy";

        [Description("Of weights and episodes")]
        public long Seed { get; init; } = 1;

        [Description("A policy to go on from; default: a new one")]
        [Shown("PATH")]
        public string? From { get; init; }

        [Description("The stage to begin with, from 0; the policy is written after each")]
        [Range(0, int.MaxValue)]
        public int FirstStage { get; init; }

        [Description("Hidden size of a new policy, a multiple of 64; 256 has 4 times the parameters of 128")]
        [Range(64, 65536)]
        public int Width { get; init; } = WorldPretraining.Config.HiddenSize;

        [Description("The share of episodes whose search the last stage teaches to follow by another; default .015")]
        [Range(0.0, 1.0)]
        public double? SearchAgain { get; init; }

        [Description("Computation threads")]
        [Range(1, int.MaxValue)]
        public int Threads { get; init; } = 1;
    }

    private static Command Pretrain()
    {
        Command command = new(
            "pretrain",
            """
            Pretrain the base policy from nothing on invented worlds: it learns to word queries and to read, and the habit of
            searching too little. Measured: 38 minutes on one thread of a busy machine. Ends with the measures of `david world probe`.
            """
        );
        CommandOptions<PretrainRequest> options = new(command);
        command.SetAction(
            async (parse, cancellationToken) =>
            {
                PretrainRequest request = options.Read(parse);
                Torch.Threads = request.Threads;
                using Decoder policy = Start(request.From, request.Width, request.Seed);
                string folder = Path.GetFullPath(request.Out);
                Console.WriteLine($"{policy.ParameterCount:N0} parameters, {World.Vocabulary.Length} words");
                Stopwatch clock = Stopwatch.StartNew();
                WorldPretraining.Run(
                    policy,
                    request.SearchAgain is { } again
                        ? WorldPretrainingStages.SearchingAgain(again)
                        : WorldPretrainingStages.Defaults,
                    Seed.OfInt64(request.Seed + 6),
                    progress =>
                    {
                        if (progress.Update % 50 != 0 && progress.Update != progress.Updates)
                            return;
                        double left =
                            clock.Elapsed.TotalSeconds * (progress.Updates - progress.Update) / progress.Update;
                        Console.WriteLine(
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"{progress.Stage, -8} update {progress.Update, 5}/{progress.Updates}  loss {progress.Loss:F3}  {progress.Tokens:N0} tokens  {progress.Tokens / clock.Elapsed.TotalSeconds:F0} tokens/s  {TimeSpan.FromSeconds(left):m\\:ss} left"
                            )
                        );
                    },
                    _ => ModelFolder.Write(folder, policy),
                    request.FirstStage,
                    cancellationToken
                );
                Console.WriteLine($"Written to {folder} after {clock.Elapsed.TotalMinutes:F1} minutes.");
                await ShowAsync(policy, cancellationToken);
            }
        );
        return command;
    }

    private static Decoder Start(string? from, int width, long seed)
    {
        if (from is null)
            return Decoder.Random(WorldPretraining.ConfigOf(width), Seed.OfInt64(seed));
        using Formats.ModelFiles files = BasePolicy.Open(from);
        return Decoder.Load(files.Config, files.Weights);
    }

    private static Command Probe()
    {
        Argument<string?> model = new("model")
        {
            Description = "A policy's folder; default: the shipped base policy",
            DefaultValueFactory = _ => null,
        };
        Command command = new("probe", "Measure how well a policy reads, and how much it searches") { model };
        command.SetAction(
            async (parse, cancellationToken) =>
            {
                using Formats.ModelFiles files = BasePolicy.Open(parse.GetValue(model));
                using Decoder policy = Decoder.Load(files.Config, files.Weights);
                await ShowAsync(policy, cancellationToken);
            }
        );
        return command;
    }

    private static async Task ShowAsync(Decoder policy, CancellationToken cancellationToken)
    {
        EmbeddedWorld world = World.Generate(World.PretrainingSeed(-1));
        WorldIndex index = WorldSearch.Index(world.Passages);
        Seed seed = Seed.Named("probe", Seed.OfInt64(0));
        void Reading(string title, ReadingProbe[] probes)
        {
            Console.WriteLine(title);
            foreach ((string label, double share) in WorldPretraining.Read(policy, probes))
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {label, -14} {100 * share, 6:F1} %"));
        }
        Reading("Read exactly, by relation (teacher-forced):", WorldProbes.OfRelations(world, index, 50, seed));
        Reading(
            "Whole chains exact, given the decisions:",
            WorldProbes.OfChains(WorldQuestions.DefaultMix, WorldPretrainingEpisodes.NoClutter, world, index, 300, seed)
        );
        Reading(
            "The same with needless searches among them:",
            WorldProbes.OfChains(
                WorldQuestions.DefaultMix,
                WorldPretrainingEpisodes.DefaultClutter,
                world,
                index,
                300,
                seed
            )
        );

        WorldQuestion[] questions = WorldQuestions.Draw(world, 600, Seed.Named("questions", seed));
        using RolloutEngine engine = new(policy, new WorldAgentProtocol(), new WorldSearchEnvironment(index));
        Trajectory[] trajectories = (
            await engine.RunAsync(
                [.. questions.Select((question, i) => new RolloutRequest(question.Question, i, 0))],
                Sampler.AtTemperature(1),
                Seed.Named("rollout", seed),
                version: 0,
                cancellationToken
            )
        ).Trajectories;
        double Searching(int least) => trajectories.Count(trajectory => trajectory.Searches.Length >= least);
        Outcome[] outcomes = [.. trajectories.Select(Evaluation.Outcome)];
        Console.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"""
                600 sampled episodes (temperature 1):
                  P(a first search)            {Searching(1) / 600:F3}
                  P(a second | a first)        {Searching(2) / Math.Max(1, Searching(1)):F3}
                  P(a third | a second)        {Searching(3) / Math.Max(1, Searching(2)):F3}
                  EM                           {100 * outcomes.Average(outcome => outcome.ExactMatch):F1} %
                  coverage                     {100 * outcomes.Average(outcome => outcome.Coverage):F1} %
                  answered                     {100 * outcomes.Average(outcome => outcome.Answered):F1} %
                """
            )
        );
    }
}
