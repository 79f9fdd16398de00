using System.CommandLine;
using System.Globalization;
using David.Grpo.Answering;
using David.Grpo.Search;
using Spectre.Console;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david ask calibrate</c>: picks the confidence from which answers are given.</summary>
internal static class AskCalibrateCommand
{
    private sealed record Choice(string? Questions, int Count, double Risk, double Delta, string File);

    public static Command Create()
    {
        Argument<string?> folder = new("DOCS")
        {
            Description = "The folder of documents; not with --world or --tool",
            Arity = ArgumentArity.ZeroOrOne,
        };
        AskOptions options = new();
        Option<string?> questions = new("--questions", "-q")
        {
            Description = "Labelled questions: .jsonl with id, question, answers. In the world its own are asked",
            HelpName = "FILE",
        };
        Option<int> count = EvaluationOptions.Whole("--count", "Questions; 0: all (in the world 400)", 0, 0);
        Option<double?> risk = Share("--risk", "Share of the answers given that may be wrong [default: 0.1]");
        Option<double?> delta = Share(
            "--delta",
            "Probability with which that may be missed, over labelled questions [default: 0.1]"
        );
        Option<string> outFile = new("--out", "-o")
        {
            Description = "The file for david ask --calibrated",
            HelpName = "FILE.json",
            DefaultValueFactory = _ => "answers.json",
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
              david ask calibrate handbook/ --questions labelled.jsonl --risk 0.1 --out answers.json
              david ask calibrate --world 1 --retrieve-first --count 600 --risk 0.2
            """
        )
        {
            folder,
        };
        options.AddTo(command);
        foreach (Option option in (Option[])[questions, count, risk, delta, outFile])
            command.Options.Add(option);
        command.SetAction(
            (result, cancellationToken) =>
                Failure.GuardAsync(
                    result.InvocationConfiguration.Error,
                    () =>
                    {
                        string? named = result.GetValue(folder);
                        if (named is null != options.NamesNoFolder(result))
                            throw new InvalidDataException(
                                "Give either a folder of documents, or --tool NAME=PATH, or --world N."
                            );
                        return RunAsync(
                            options.Read(result, named),
                            new Choice(
                                result.GetValue(questions),
                                result.GetValue(count),
                                result.GetValue(risk) ?? 0.1,
                                result.GetValue(delta) ?? 0.1,
                                result.GetValue(outFile)!
                            ),
                            new Screen(result.InvocationConfiguration.Output),
                            cancellationToken
                        );
                    }
                )
        );
        return command;
    }

    private static async Task<int> RunAsync(
        AskRequest request,
        Choice choice,
        Screen screen,
        CancellationToken cancellationToken
    )
    {
        using AskSession session = request.Open(screen, (_, _) => null, (_, _) => { }, cancellationToken);
        Question[] questions = Questions(session, request, choice, cancellationToken);
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
        Threshold threshold = SelectiveAnswer.Pick(choice.Risk, choice.Delta, judged);
        double? tau = (threshold as Threshold.At)?.tau;
        SelectiveSummary summary = SelectiveAnswer.Summarize(tau ?? 1.0, judged);
        AnswerFile file = new()
        {
            Threshold = tau,
            Risk = choice.Risk,
            Delta = choice.Delta,
            Questions = judged.Length,
            Given = tau is null ? 0 : summary.Given,
            Wrong = tau is null ? 0 : summary.Wrong,
            Corpus = session.Corpus,
            Conditions = session.Answerer.Conditions,
        };
        file.Write(choice.File);
        screen.Line();
        screen.Show(Thresholds(judged, tau));
        screen.Line(
            tau is null
                ? string.Create(
                    CultureInfo.InvariantCulture,
                    $"{choice.File}: these {judged.Length} questions vouch for no threshold at a risk of {choice.Risk:P0}, so nothing will be answered. Label more questions (at {choice.Risk:P0} at least {Least(choice):N0} sure and right ones), allow a higher --risk, or take a better reader."
                )
                : string.Create(
                    CultureInfo.InvariantCulture,
                    $"{choice.File}: answers of confidence {tau:0.00} and above are given; with probability {1 - choice.Delta:P0} at most {choice.Risk:P0} of them are wrong"
                )
        );
        return 0;
    }

    /// <summary>The fewest answers, all right, that vouch for a threshold.</summary>
    private static int Least(Choice choice) =>
        Enumerable
            .Range(1, 100_000)
            .First(given =>
                SelectiveAnswer.Pick(
                    choice.Risk,
                    choice.Delta,
                    [.. Enumerable.Repeat(new JudgedAnswer(1, true), given)]
                ) is Threshold.At
            );

    private static Question[] Questions(
        AskSession session,
        AskRequest request,
        Choice choice,
        CancellationToken cancellationToken
    )
    {
        if (session.World is { } world)
            return choice.Questions is null
                ?
                [
                    .. WorldQuestions
                        .Draw(
                            world,
                            choice.Count == 0 ? 400 : choice.Count,
                            Seeds.Named("questions", World.EvaluationSeed(request.World!.Value))
                        )
                        .Select(question => question.Question),
                ]
                : throw new InvalidDataException("--questions and --world: the world asks questions of its own.");
        if (choice.Questions is not { } file)
            throw new InvalidDataException(
                "--questions is missing; expected a .jsonl file of labelled questions, a line each such as\n"
                    + "  {\"id\": \"1\", \"question\": \"How much may a hotel cost?\", \"answers\": [\"140 euro\"]}"
            );
        QuestionRecord[] all = QuestionSet.Read(file, cancellationToken: cancellationToken);
        return [.. all.Take(choice.Count == 0 ? all.Length : choice.Count).Select(record => record.Question)];
    }

    private static Table Thresholds(JudgedAnswer[] judged, double? tau)
    {
        Table table = new Table().Border(TableBorder.Simple).BorderColor(Color.Grey);
        table.Title = new TableTitle($"{judged.Length} labelled questions");
        foreach (string name in (string[])["given from", "given", "wrong", "error of those given", "at most (95 %)"])
            table.AddColumn(new TableColumn(name).RightAligned());
        double[] shown = [.. ((double[])[0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95]).Append(tau ?? 0).Distinct().Order()];
        foreach (double from in shown)
        {
            SelectiveSummary summary = SelectiveAnswer.Summarize(from, judged);
            string[] cells =
            [
                from.ToString("0.00", CultureInfo.InvariantCulture),
                string.Create(CultureInfo.InvariantCulture, $"{summary.Given} ({summary.Coverage:P0})"),
                $"{summary.Wrong}",
                summary.Given == 0 ? "–" : summary.Error.ToString("P1", CultureInfo.InvariantCulture),
                summary.Given == 0 ? "–" : summary.ErrorBound.ToString("P1", CultureInfo.InvariantCulture),
            ];
            table.AddRow([.. cells.Select(cell => from == tau ? $"[bold green]{cell}[/]" : cell)]);
        }
        return table;
    }

    private static Option<double?> Share(string name, string description) =>
        EvaluationOptions.Number(name, description, "above 0 and below 1", value => value is > 0 and < 1);
}
