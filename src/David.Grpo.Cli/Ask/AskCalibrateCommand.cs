using System.CommandLine;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using David.Grpo.Answering;
using David.Grpo.Figures;
using David.Grpo.Search;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david ask calibrate</c>: picks the confidence from which answers are given.</summary>
internal static class AskCalibrateCommand
{
    private sealed record Request : AskRequest
    {
        [Description("Labelled questions: .jsonl with id, question, answers. In the world its own are asked")]
        [Shown("FILE", Alias = "-q")]
        public string? Questions { get; init; }

        [Description("Questions; 0: all (in the world 400)")]
        [Range(0, int.MaxValue)]
        public int Count { get; init; }

        [Description("Share of the answers given that may be wrong")]
        [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
        public double Risk { get; init; } = 0.1;

        [Description("Probability with which that may be missed, over labelled questions")]
        [Range(0.0, 1.0, MinimumIsExclusive = true, MaximumIsExclusive = true)]
        public double Delta { get; init; } = 0.1;

        [Description("The file for david ask --calibrated")]
        [Shown("FILE.json", Alias = "-o")]
        public string Out { get; init; } = "answers.json";
    }

    public static Command Create()
    {
        Argument<string?> folder = new("DOCS")
        {
            Description = "The folder of documents; not with --world or --tool",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Command command = new(
            "calibrate",
            """
            Picks the confidence from which answers are given, so that few of them are wrong.

            Answers labelled questions, and picks the least threshold at which at most --risk of the answers given are wrong, with
            probability 1 - delta over the labelled questions. Where they vouch for none (too few, or too many wrong) nothing will
            be answered, and that is said. An answer is right if it holds an accepted one as whole words. It holds for this reader,
            at these settings, on questions from the same source; ask some that the documents do not answer as well, labelled with
            an answer that cannot be found.

            Examples:
              david ask calibrate handbook/ --questions labelled.jsonl --out answers.json
              david ask calibrate --world 1 --retrieve-first --count 600 --risk 0.2
            """
        )
        {
            folder,
        };
        CommandOptions<Request> options = new(command);
        command.SetAction(
            (result, cancellationToken) =>
            {
                string? named = result.GetValue(folder);
                Request request = options.Read(result);
                if (named is null != request.NamesNoFolder)
                    throw new InvalidDataException(
                        "Give either a folder of documents, or --tool NAME=PATH, or --world N."
                    );
                return RunAsync(request, named, new Screen(result.InvocationConfiguration.Output), cancellationToken);
            }
        );
        return command;
    }

    private static async Task<int> RunAsync(
        Request request,
        string? folder,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        using AskSession session = request.Open(folder, screen, (_, _) => null, (_, _) => { }, cancellationToken);
        Question[] questions = Questions(session, request, cancellationToken);
        JudgedAnswer[] judged = await screen
            .WithStatusAsync(() =>
                AnswerCalibration.JudgeAsync(
                    session.Answerer,
                    questions,
                    done => screen.Progress($"{done} of {questions.Length} questions"),
                    cancellationToken
                )
            )
            .ConfigureAwait(false);
        Threshold threshold = SelectiveAnswer.Pick(request.Risk, request.Delta, judged);
        double? tau = (threshold as Threshold.At)?.tau;
        SelectiveSummary summary = SelectiveAnswer.Summarize(tau ?? 1.0, judged);
        AnswerFile file = new()
        {
            Threshold = tau,
            Risk = request.Risk,
            Delta = request.Delta,
            Questions = judged.Length,
            Given = tau is null ? 0 : summary.Given,
            Wrong = tau is null ? 0 : summary.Wrong,
            Corpus = session.Corpus,
            Conditions = session.Answerer.Conditions,
        };
        file.Write(request.Out);
        screen.Line();
        screen.Show(Thresholds(judged, tau));
        screen.Line(
            tau is null
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"{request.Out}: these {judged.Length} questions vouch for no threshold at a risk of {request.Risk:P0}, so nothing will be answered. Label more questions (at {request.Risk:P0} at least {Least(request):N0} sure and right ones), allow a higher --risk, or take a better reader."
                )
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{request.Out}: answers of confidence {tau:0.00} and above are given; with probability {1 - request.Delta:P0} at most {request.Risk:P0} of them are wrong"
                )
        );
        return 0;
    }

    /// <summary>The fewest answers, all right, that vouch for a threshold.</summary>
    private static int Least(Request request) =>
        Enumerable
            .Range(1, 100_000)
            .First(given =>
                SelectiveAnswer.Pick(
                    request.Risk,
                    request.Delta,
                    [.. Enumerable.Repeat(new JudgedAnswer(1, true), given)]
                ) is Threshold.At
            );

    private static Question[] Questions(AskSession session, Request request, CancellationToken cancellationToken)
    {
        if (session.World is { } world)
            return request.Questions is null
                ?
                [
                    .. WorldQuestions
                        .Draw(
                            world,
                            request.Count == 0 ? 400 : request.Count,
                            Seed.Named("questions", World.EvaluationSeed(request.World!.Value))
                        )
                        .Select(question => question.Question),
                ]
                : throw new InvalidDataException("--questions and --world: the world asks questions of its own.");
        if (request.Questions is not { } file)
            throw new InvalidDataException(
                "--questions is missing; expected a .jsonl file of labelled questions, a line each such as\n"
                    + "  {\"id\": \"1\", \"question\": \"How much may a hotel cost?\", \"answers\": [\"140 euro\"]}"
            );
        QuestionRecord[] all = QuestionSet.Read(file, cancellationToken: cancellationToken);
        return [.. all.Take(request.Count == 0 ? all.Length : request.Count).Select(record => record.Question)];
    }

    private static Table Thresholds(JudgedAnswer[] judged, double? tau) =>
        WordTable.Of(
            $"{judged.Length} labelled questions",
            ["given from", "given", "wrong", "error of those given", "at most (95 %)"],
            ((double[])[0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95])
                .Append(tau ?? 0)
                .Distinct()
                .Order()
                .Select(from =>
                {
                    SelectiveSummary summary = SelectiveAnswer.Summarize(from, judged);
                    return (string[])
                        [
                            string.Create(
                                CultureInfo.InvariantCulture,
                                $"{from:0.00}{(from == tau ? " (picked)" : "")}"
                            ),
                            string.Create(CultureInfo.InvariantCulture, $"{summary.Given} ({summary.Coverage:P0})"),
                            $"{summary.Wrong}",
                            summary.Given == 0 ? "–" : summary.Error.ToString("P1", CultureInfo.InvariantCulture),
                            summary.Given == 0 ? "–" : summary.ErrorBound.ToString("P1", CultureInfo.InvariantCulture),
                        ];
                })
        );
}
