using System.Diagnostics;
using David.Grpo;
using David.Grpo.Models;
using David.Grpo.Tensors;
using David.Grpo.Training;

Torch.Threads = int.Parse(Environment.GetEnvironmentVariable("T") ?? "2");
Decoder policy = Decoder.Random(WorldPretraining.Config, Seeds.OfInt64(1));
Console.WriteLine($"{policy.ParameterCount} parameters, vocabulary {World.Vocabulary.Length}");
Stopwatch watch = Stopwatch.StartNew();
double scale = double.Parse(Environment.GetEnvironmentVariable("SCALE") ?? "1");
PretrainingStage[] stages = WorldEpisode.DefaultStages;
EmbeddedWorld world = World.Generate(World.PretrainingSeed(999_999));
WorldIndex index = WorldSearch.Index(world.Passages);
ReadingProbe[] probes = [.. WorldEpisode.RelationProbes(world, index, 20, Seeds.OfInt64(5)), .. WorldEpisode.ChainProbes(World.DefaultMix, WorldEpisode.NoClutter, world, index, 100, Seeds.OfInt64(6))];
WorldPretraining.Run(policy, stages, Seeds.OfInt64(7), p =>
{
    if (p.Update % 20 == 0) Console.WriteLine($"{p.Stage} {p.Update}/{p.Updates} loss {p.Loss:f4} tokens {p.Tokens} {p.Tokens / watch.Elapsed.TotalSeconds:f0}/s {watch.Elapsed.TotalSeconds:f0}s");
    if (p.Update % 300 == 0) Console.WriteLine(string.Join(", ", WorldPretraining.Read(policy, probes).Select(x => $"{x.Key} {x.Value:f2}")));
});
Console.WriteLine(string.Join(", ", WorldPretraining.Read(policy, probes).Select(x => $"{x.Key} {x.Value:f2}")));
ModelFolder.Write(args[0], policy);
