using System.Diagnostics;
using David.Grpo;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Search;
using David.Grpo.Tensors;
using David.Grpo.Training;

Torch.Threads = int.Parse(Environment.GetEnvironmentVariable("T") ?? "2");
Decoder policy = Decoder.Random(WorldPretraining.Config, Seeds.OfInt64(1));
Console.WriteLine($"{policy.ParameterCount} parameters, vocabulary {World.Vocabulary.Length}");
Stopwatch watch = Stopwatch.StartNew();
double scale = double.Parse(Environment.GetEnvironmentVariable("SCALE") ?? "1");
double lr = double.Parse(Environment.GetEnvironmentVariable("LR") ?? "1");
PretrainingStage S(PretrainingStage s, bool last) => new(s.Name, last ? s.Updates : (int)(s.Updates * scale), s.BatchSize, s.LearningRate * (last ? 1 : lr), s.SkillShare, s.Clutter, s.DecisionWeight, s.ObservationWeight, s.GuessWeight, s.AnswerProbability, s.BadQueryShare, s.SeenGuessShare, s.Questions);
PretrainingStage[] stages = [.. WorldEpisode.DefaultStages.Select((s, i) => S(s, i == 3))];
EmbeddedWorld world = World.Generate(World.PretrainingSeed(999_999));
WorldIndex index = WorldSearch.Index(world.Passages);
ReadingProbe[] probes = [.. WorldEpisode.RelationProbes(world, index, 20, Seeds.OfInt64(5)), .. WorldEpisode.ChainProbes(World.DefaultMix, WorldEpisode.NoClutter, world, index, 200, Seeds.OfInt64(6))];
void Show()
{
    Console.WriteLine(string.Join(", ", WorldPretraining.Read(policy, probes).Select(x => $"{x.Key} {x.Value:f2}")));
    using RolloutEngine engine = new(policy, new WorldAgentProtocol(), new WorldSearchEnvironment(index));
    WorldQuestion[] qs = World.Questions(world, 600, Seeds.OfInt64(9));
    Stopwatch w = Stopwatch.StartNew();
    Trajectory[] ts = engine.RunAsync([.. qs.Select((q, i) => new RolloutRequest(q.Question, i, 0))], Sampler.AtTemperature(1), Seeds.OfInt64(10), 0).Result;
    int[] n = [.. ts.Select(t => t.Searches.Length)];
    double one = n.Count(x => x >= 1), two = n.Count(x => x >= 2), three = n.Count(x => x >= 3);
    double em = ts.Average(t => Trajectories.AnswerOrNull(t) is { } a && Answer.ExactMatch(a, t.Question.Answers) ? 1 : 0);
    Console.WriteLine($"P1 {one / 600:f3} P2|1 {two / one:f3} P3|2 {three / two:f3} EM {em:f3} coverage {ts.Average(Evidence.Coverage):f3} answered {ts.Average(t => t.Ending.IsAnswered ? 1 : 0):f3} in {w.Elapsed.TotalSeconds:f2}s {engine.Statistics}");
    foreach (var g in ts.GroupBy(t => t.Question.Kind)) Console.Write($"{g.Key} {g.Average(t => Trajectories.AnswerOrNull(t) is { } a && Answer.ExactMatch(a, t.Question.Answers) ? 1 : 0):f2}  ");
    Console.WriteLine();
}
WorldPretraining.Run(policy, stages, Seeds.OfInt64(7), p =>
{
    if (p.Update % 100 == 0) Console.WriteLine($"{p.Stage} {p.Update}/{p.Updates} loss {p.Loss:f4} tokens {p.Tokens} {p.Tokens / watch.Elapsed.TotalSeconds:f0}/s {watch.Elapsed.TotalSeconds:f0}s");
    if (p.Update % 300 == 0) Show();
});
Show();
ModelFolder.Write(args[0], policy);
