using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using David.Grpo.Cli.Configuration;
using David.Grpo.Cli.Reports;
using David.Grpo.Formats;
using David.Grpo.Models;
using David.Grpo.Tensors;
using David.Grpo.Training;

namespace David.Grpo.Cli.Commands;

using Command = System.CommandLine.Command;

/// <summary>`david compare`: arms × seeds × budgets.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        Argument<string?> path = new("file")
        {
            Description = "Options of the comparison (YAML); default: all defaults",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string[]> arms = new("--arms")
        {
            Description = $"Arms instead of the file's: {string.Join(", ", Arms.Names)}",
            AllowMultipleArgumentsPerToken = true,
        };
        Option<int?> seeds = new("--seeds") { Description = "Seeds of each arm" };
        Option<int?> firstSeed = new("--first-seed") { Description = "The first seed" };
        Option<int?> rollouts = new("--rollouts") { Description = "Rollouts that each run may spend" };
        Option<string?> output = new("--out") { Description = "Folder of the comparison" };
        Option<int> workers = new("--workers")
        {
            Description = "Runs under way at once, a thread each",
            DefaultValueFactory = _ => Environment.ProcessorCount,
        };
        Option<bool> keys = new("--keys") { Description = "Print every key of the file with its default, and end" };
        Command command = new(
            "compare",
            """
            Compare arms over seeds at equal budgets, on the embedded world or (key `run`) on your own questions and corpus.
            Finished runs are not run again, cut-off ones go on; adding an arm, a variant or a seed runs just what is new.
            Ends with tables at each budget, OUT/summary.json and OUT/index.html.

              david compare --arms grpo david --seeds 3
              david compare scripts/low-budget.yaml
            """
        )
        {
            path,
            arms,
            seeds,
            firstSeed,
            rollouts,
            output,
            workers,
            keys,
        };
        command.SetAction(
            async (parse, cancellationToken) =>
            {
                if (parse.GetValue(keys))
                {
                    Console.Write(ConfigurationReference.Describe<ComparisonFile>());
                    return 0;
                }
                ComparisonFile file = parse.GetValue(path) is { } given
                    ? ConfigurationFile.Read<ComparisonFile>(given)
                    : new ComparisonFile();
                string[] named = [.. parse.GetValue(arms)!.SelectMany(list => list.Split(','))];
                file = file with
                {
                    Arms = named.Length > 0 ? named : file.Arms,
                    Variants = named.Length > 0 ? [] : file.Variants,
                    Seeds = parse.GetValue(seeds) ?? file.Seeds,
                    FirstSeed = parse.GetValue(firstSeed) ?? file.FirstSeed,
                    Rollouts = parse.GetValue(rollouts) ?? file.Rollouts,
                    Out = Path.GetFullPath(parse.GetValue(output) ?? file.Out ?? "runs/compare"),
                };
                return await RunAsync(file, Math.Max(1, parse.GetValue(workers)), cancellationToken);
            }
        );
        return command;
    }

    private static async Task<int> RunAsync(ComparisonFile file, int workers, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        using Ground ground = Ground.Open(file, cancellationToken);
        (string Name, MethodOptions Method)[] methods = file.Methods(ground.Method);
        string focus = file.Focus ?? methods[^1].Name;
        if (methods.All(method => method.Name != focus))
            throw new InvalidDataException(
                $"focus is {focus}, but the comparison has {string.Join(", ", methods.Select(method => method.Name))}."
            );
        if (
            file.Tune is { } tuning
            && await TuneAsync(file, tuning, ground, methods, workers, cancellationToken) is { } tuned
        )
            methods = tuned;
        else if (file.Tune is not null)
            return Stopped(file.Out!);

        // A seed's arms run next to each other, so that an early look is already a comparison.
        ComparedRun[] runs =
        [
            .. Enumerable
                .Range(file.FirstSeed, file.Seeds)
                .SelectMany(seed =>
                    methods.Select(method => new ComparedRun(
                        method.Name,
                        seed,
                        ground.Options(method.Method, seed, file, file.Marks)
                    ))
                ),
        ];
        if (!await ground.RunAsync(file.Out!, runs, file.EvaluationWorld, workers, cancellationToken))
            return Stopped(file.Out!);

        ComparisonSummary summary = ComparisonSummary.Of(file.Out!, runs, focus, clock.Elapsed.TotalSeconds);
        await File.WriteAllTextAsync(
            Path.Combine(file.Out!, "summary.json"),
            JsonSerializer.Serialize(summary, RunJson.Document),
            CancellationToken.None
        );
        ComparisonTables.Print(summary, "exact_match");
        string page = Path.Combine(file.Out!, "index.html");
        await File.WriteAllTextAsync(
            page,
            ComparisonPage.Render(file.Out!, runs, summary, example: null),
            CancellationToken.None
        );
        Console.WriteLine($"\nLearning curves and details: {page}");
        return 0;
    }

    private static int Stopped(string folder)
    {
        Console.Error.WriteLine($"Stopped. The same command goes on from the checkpoints in {folder}.");
        return 130;
    }

    /// <summary>Each method with the best of the learning rates; null where it was stopped.</summary>
    private static async Task<(string Name, MethodOptions Method)[]?> TuneAsync(
        ComparisonFile file,
        TuningSection tuning,
        Ground ground,
        (string Name, MethodOptions Method)[] methods,
        int workers,
        CancellationToken cancellationToken
    )
    {
        if (
            Enumerable
                .Range(tuning.FirstSeed, tuning.Seeds)
                .Intersect(Enumerable.Range(file.FirstSeed, file.Seeds))
                .Any()
        )
            throw new InvalidDataException(
                $"tune.first_seed is {tuning.FirstSeed}: seeds of the comparison would be tuned on. Take others."
            );
        static string Label(string name, double rate) =>
            $"{name}_lr_{rate.ToString("0e0", CultureInfo.InvariantCulture)}";
        MethodOptions At(MethodOptions method, double rate) =>
            method with
            {
                LearningRate = rate,
                BootstrapLearningRate = rate,
            };
        string folder = Path.Combine(file.Out!, "tuning");
        ComparedRun[] runs =
        [
            .. Enumerable
                .Range(tuning.FirstSeed, tuning.Seeds)
                .SelectMany(seed =>
                    methods.SelectMany(method =>
                        tuning.LearningRates.Select(rate => new ComparedRun(
                            Label(method.Name, rate),
                            seed,
                            ground.Options(At(method.Method, rate), seed, file, [])
                        ))
                    )
                ),
        ];
        Console.WriteLine($"Tuning: {tuning.LearningRates.Length} learning rates × {tuning.Seeds} seeds of each arm.");
        if (!await ground.RunAsync(folder, runs, tuning.EvaluationWorld, workers, cancellationToken))
            return null;
        Dictionary<string, double> scores = ComparisonSummary
            .Of(folder, runs, runs[0].Name, 0)
            .End.Arms.ToDictionary(arm => arm.Arm, arm => arm.ExactMatch.Mean);
        return
        [
            .. methods.Select(method =>
            {
                double best = tuning.LearningRates.MaxBy(rate => scores[Label(method.Name, rate)]);
                Console.WriteLine(
                    $"  {method.Name, -24} "
                        + string.Join(
                            "  ",
                            tuning.LearningRates.Select(rate =>
                                string.Create(
                                    CultureInfo.InvariantCulture,
                                    $"{rate:0e0}: EM {100 * scores[Label(method.Name, rate)]:F1}{(rate == best ? " *" : "")}"
                                )
                            )
                        )
                );
                return (method.Name, At(method.Method, best));
            }),
        ];
    }

    /// <summary>What arms are compared on: the embedded world, or a run file's questions and corpus.</summary>
    private sealed class Ground : IDisposable
    {
        private readonly ModelFiles? _files;
        private readonly TextRun? _text;

        private Ground(ModelFiles? files, TextRun? text) => (_files, _text) = (files, text);

        /// <summary>What the arms have in common.</summary>
        public MethodOptions Method => _text?.File.Method ?? new WorldMethodOptions();

        public static Ground Open(ComparisonFile file, CancellationToken cancellationToken)
        {
            if (file.Run is null)
                return new Ground(BasePolicy.Open(file.Model), null);
            if (file.Model is not null)
                throw new InvalidDataException(
                    "model and run are both given; the run file names its own model. Leave one out."
                );
            return new Ground(
                null,
                TextRun.Open(RunFile.Load(file.Run, []), new Screen(Console.Out), cancellationToken)
            );
        }

        public RunOptions Options(MethodOptions method, long seed, ComparisonFile file, int[] marks)
        {
            RunOptions options = _text is null
                ? WorldRuns.Options(method, seed, file.Rollouts, file.Questions, marks)
                : _text.File with
                {
                    Seed = seed,
                    Rollouts = file.Rollouts,
                    Method = method,
                    Evaluation = _text.File.Evaluation with { At = marks },
                };
            return options with
            {
                GeneratedTokens = file.GeneratedTokens,
                Searches = file.Searches,
                Seconds = file.Seconds,
            };
        }

        /// <summary>Runs what is not finished; false where it was stopped.</summary>
        public async Task<bool> RunAsync(
            string folder,
            ComparedRun[] runs,
            int evaluationWorld,
            int workers,
            CancellationToken cancellationToken
        )
        {
            using ProgressBoard board = ProgressBoard.Start(runs);
            RunResult?[] results = await ArmComparison.RunAsync(
                folder,
                runs,
                _text is null ? () => Models.Decoder.Load(_files!.Config, _files.Weights) : LoadText,
                seed =>
                    _text?.Task
                    ?? WorldTask.Create(
                        seed,
                        WorldRuns.TrainingQuestions,
                        runs[0].Options.Evaluation.Questions,
                        evaluationWorld
                    ),
                run => Fingerprint(run, evaluationWorld),
                _text is null ? workers : 1,
                board.Report,
                cancellationToken
            );
            return Array.TrueForAll(results, result => result is not null);
        }

        private Models.Decoder LoadText() => _text!.Model.Load(Failure.DeviceOf(_text.File.Device));

        /// <summary>Of all that decides a run's numbers.</summary>
        private string Fingerprint(ComparedRun run, int evaluationWorld) =>
            Convert.ToHexStringLower(
                SHA256.HashData(
                    Encoding.UTF8.GetBytes(
                        JsonSerializer.Serialize(run.Options, RunJson.Line)
                            + (_files?.Fingerprint ?? _text!.Environment.Fingerprint)
                            + evaluationWorld
                            + Torch.Version
                            + typeof(Trainer).Assembly.GetName().Version
                    )
                )
            );

        public void Dispose()
        {
            _files?.Dispose();
            _text?.Dispose();
        }
    }
}
