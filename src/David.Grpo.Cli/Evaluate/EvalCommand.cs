using System.CommandLine;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using David.Grpo.Exits;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Runs;
using David.Grpo.Tasks;
using David.Grpo.Tensors;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david eval</c>: answers questions with a model and scores the answers.</summary>
public static class EvalCommand
{
    private sealed record Request : EvaluationRequest
    {
        [Description("Answers early by this file of david calibrate, and reports what that saved and lost")]
        [Shown("FILE.json")]
        public string? Exit { get; init; }

        [Description("What a search costs, in the unit of exact match, for the regret to optimal stopping")]
        [Range(0.0, double.PositiveInfinity)]
        public double Price { get; init; } = ExitTables.DefaultPrice;

        [Description("Writes a JSON line for each question")]
        [Shown("FILE.jsonl", Alias = "-o")]
        public string? Out { get; init; }

        [Description("Prints the metrics as JSON in place of tables")]
        public bool Json { get; init; }
    }

    public static Command Create()
    {
        Command command = new(
            "eval",
            """
            Answers questions with a model that may search, and scores the answers.

            Reports exact match, F1, evidence coverage, searches, generated tokens and the share of answered questions, each
            with its 95 % percentile-bootstrap interval over questions, for all questions and for each kind.

            With --exit the questions are answered twice: to the end with a trial answer before each turn, and with exits as
            the file says, which is what the usual table shows. A second table has what exits saved and lost (trial answers
            counted in the tokens), needless and missing searches, searches by hops, how well the confidence tells right
            from wrong, and the regret to optimal stopping.

            Examples:
              david eval --model runs/hotpotqa
              david eval --model my-model/ --questions dev.jsonl.gz \
                --corpus corpus.jsonl.gz --count 500 --out answers.jsonl
              david eval --model runs/demo/david/seed-1 --count 600 --exit exit.json
            """
        );
        CommandOptions<Request> options = new(command);
        command.SetAction(
            (result, cancellationToken) =>
                RunAsync(
                    EvaluationRequest.Read(options, result),
                    result.InvocationConfiguration.Output,
                    result.InvocationConfiguration.Error,
                    cancellationToken
                )
        );
        return command;
    }

    private static async Task<int> RunAsync(
        Request request,
        TextWriter writer,
        TextWriter error,
        CancellationToken cancellationToken
    )
    {
        // With --json the output is the document alone; what is said besides goes to the error stream.
        Screen screen = new(request.Json ? error : writer);
        ExitFile? exit = request.Exit is { } named ? ExitFile.Read(named) : null;
        Device device = request.Sampling.Open();
        using FileStream? outcomes = request.Out is { } file ? File.Create(file) : null;
        using ModelSource model = ModelSource.Open(request.Model);
        (TrainingTask task, IDisposable? corpus) = request.Open(model, screen, cancellationToken);
        using (corpus)
        {
            if (exit?.Check(request.Conditions(model, task.Protocol), request.Exit!) is { } differs)
                screen.Line($"note        {differs}");
            using Decoder policy = model.Load(device);
            screen.Line($"model       {model.Path}: {policy.ParameterCount:N0} parameters");
            screen.Line(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"sampling    {(request.Sampling.Temperature == 0 ? "greedy" : $"temperature {request.Sampling.Temperature}, seed {request.Sampling.Seed}")}"
                )
            );
            Task<EvaluationResult> Answer(ExitPolicy? exits, string how) =>
                screen.WithStatusAsync(() =>
                    Evaluator.RunAsync(
                        policy,
                        task,
                        task.Evaluation.Questions.Count,
                        request.Sampling.Temperature,
                        Seed.OfInt64(request.Sampling.Seed),
                        new EngineOptions { MaxEpisodes = request.Episode.Concurrent },
                        (done, of) => screen.Progress($"{done} of {of} questions{how}"),
                        cancellationToken,
                        exits
                    )
                );

            ExitReport? report = null;
            EvaluationResult result;
            if (exit is null)
                result = await Answer(null, "").ConfigureAwait(false);
            else
            {
                int vocabulary = model.Config.VocabularySize;
                EvaluationResult full = await Answer(ExitSettings.Recording(exit.Settings.TrialTokens), " to the end")
                    .ConfigureAwait(false);
                result = await Answer(exit.Policy(vocabulary), " with exits").ConfigureAwait(false);
                RecordedRun[] runs = [.. full.Runs().Select(run => run.Run)];
                ExitedRun[] exited = exit.Policy(vocabulary) is null
                    ? [.. runs.Select(run => new ExitedRun(run, false, 0))]
                    : result.Runs();
                report = ExitReport.Of(exit.Criterion(vocabulary), exit.Tau, runs, exited, request.Price);
            }
            if (outcomes is not null)
                foreach (OutcomeRecord outcome in OutcomeRecord.Of(result))
                {
                    JsonSerializer.Serialize(outcomes, outcome, RunJson.Line);
                    outcomes.WriteByte((byte)'\n');
                }
            if (request.Json)
            {
                JsonObject metrics = JsonSerializer
                    .SerializeToNode(EvaluationMetrics.Of(result, 0, 0, 0), RunJson.Document)!
                    .AsObject();
                if (report is not null)
                    metrics["exits"] = JsonSerializer.SerializeToNode(report, RunJson.Document);
                await writer.WriteLineAsync(metrics.ToJsonString(RunJson.Document)).ConfigureAwait(false);
            }
            else
            {
                screen.Line();
                screen.Show(EvaluationTable.Of(result));
                if (report is not null)
                    ExitTables.Show(screen, exit!, report);
            }
            return 0;
        }
    }
}
