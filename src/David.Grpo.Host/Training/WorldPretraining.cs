using David.Grpo.Formats;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Tensors;

namespace David.Grpo.Training;

/// <summary>How far pretraining has come.</summary>
/// <param name="Stage">The stage's name.</param>
/// <param name="Update">Updates made, over all stages.</param>
/// <param name="Updates">Updates of all stages.</param>
/// <param name="Loss">Mean negative log-likelihood of the latest batch, by the episodes' weights.</param>
/// <param name="Tokens">Tokens trained on so far.</param>
public sealed record PretrainingProgress(string Stage, int Update, int Updates, double Loss, long Tokens);

/// <summary>Trains the embedded world's base policy from nothing on episodes of invented worlds.</summary>
public static class WorldPretraining
{
    private const int HeadDimension = 32;

    /// <summary>The base policy's shape: 4 layers of width 128, some 0.75 million parameters.</summary>
    public static ModelConfig Config { get; } = ConfigOf(128);

    /// <summary>A policy's shape by its width, a multiple of 64: 256 has some 4 times the parameters of 128.</summary>
    public static ModelConfig ConfigOf(int width) =>
        width < 64 || width % 64 != 0
            ? throw new ArgumentOutOfRangeException(
                nameof(width),
                $"The width is {width}; it must be a multiple of 64."
            )
            : new()
            {
                Architecture = Architecture.Llama,
                VocabularySize = World.Vocabulary.Length,
                HiddenSize = width,
                IntermediateSize = width * 5 / 2,
                Layers = 4,
                Heads = width / HeadDimension,
                KeyValueHeads = width / HeadDimension / 2,
                HeadDimension = HeadDimension,
                RmsNormEpsilon = 1e-5,
                RopeTheta = 10_000,
                TieWordEmbeddings = true,
                MaxPositions = WorldEpisode.MaxTokens,
                EndOfSequenceIds = [WorldTag.AnswerClose],
            };

    /// <summary>Makes one update a batch, stage after stage; each stage warms up and decays by itself.</summary>
    /// <param name="finished">Called after each stage, to save the policy.</param>
    /// <param name="firstStage">Where to go on, from 0.</param>
    public static void Run(
        Decoder policy,
        IReadOnlyList<PretrainingStage> stages,
        Seed seed,
        Action<PretrainingProgress> report,
        Action<PretrainingStage> finished,
        int firstStage = 0,
        CancellationToken cancellationToken = default
    )
    {
        policy.RequireGradients();
        int made = 0;
        int updates = stages.Skip(firstStage).Sum(stage => stage.Updates);
        long tokens = 0;
        for (int s = firstStage; s < stages.Count; s++)
        {
            PretrainingStage stage = stages[s];
            Schedule schedule = Schedule.NewCosineWithWarmup(Math.Max(1, stage.Updates / 20), stage.Updates + 1, 0.03);
            using AdamW optimizer = new(policy.Parameters, new() { Beta2 = 0.98 });
            for (int i = 0; i < stage.Updates; i++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                PretrainingEpisode[] batch = WorldPretrainingEpisodes.Batch(stage, Seed.Path([s, i], seed));
                double loss = Accumulate(policy, batch);
                optimizer.Step(Schedule.Rate(stage.LearningRate, schedule, i + 1));
                tokens += batch.Sum(episode => episode.Tokens.Length);
                report(new PretrainingProgress(stage.Name, ++made, updates, loss, tokens));
            }
            finished(stage);
        }
        policy.RequireGradients(false);
    }

    /// <summary>The share of probes of each label that are read without an error, by argmax at every scored position.</summary>
    public static IReadOnlyDictionary<string, double> Read(Decoder policy, IReadOnlyList<ReadingProbe> probes)
    {
        Dictionary<string, List<double>> passed = [];
        foreach (ReadingProbe[] batch in probes.Chunk(32))
        {
            using TensorScope scope = new();
            using GradientRecording recording = Torch.WithoutGradients();
            PrefixTree tree = new([.. batch.Select(probe => probe.Tokens)]);
            Tensor hidden = policy.Forward(
                tree.Tokens,
                tree.Positions,
                new TreeAttention(tree, policy.Config.HeadDimension)
            );
            long[] likeliest = policy.Logits(hidden).ArgMax().ToArray<long>();
            for (int i = 0; i < batch.Length; i++)
            {
                ReadingProbe probe = batch[i];
                bool exact = true;
                foreach (int position in probe.Scored)
                    exact &= likeliest[tree.Place(i)[position - 1]] == probe.Tokens[position];
                if (!passed.TryGetValue(probe.Label, out List<double>? results))
                    passed.Add(probe.Label, results = []);
                results.Add(exact ? 1 : 0);
            }
        }
        return passed.ToDictionary(pair => pair.Key, pair => pair.Value.Average());
    }

    private static double Accumulate(Decoder policy, PretrainingEpisode[] batch)
    {
        List<ScoredSequence> sequences = [];
        List<double> weights = [];
        foreach (PretrainingEpisode episode in batch)
        {
            int[] scored = [.. Enumerable.Range(1, episode.Tokens.Length - 1).Where(t => episode.Weights[t] > 0)];
            if (scored.Length == 0)
                continue;
            sequences.Add(new ScoredSequence(episode.Tokens, scored));
            weights.AddRange(scored.Select(t => episode.Weights[t]));
        }
        double total = weights.Sum();
        double[] shares = [.. weights.Select(weight => weight / total)];
        double value = 0;
        PolicyPass.Accumulate(
            policy,
            sequences,
            new PassOptions { LogitRows = int.MaxValue },
            (logProbs, _) =>
            {
                Loss loss = Objective.NegativeLogLikelihood(shares, logProbs);
                value = loss.Value;
                return new Slopes(loss.Gradient);
            }
        );
        return value;
    }
}
