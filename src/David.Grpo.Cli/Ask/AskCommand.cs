using System.CommandLine;
using System.ComponentModel;
using David.Grpo.Answering;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david ask</c>: answers from own documents, several tools, or the embedded world.</summary>
internal static class AskCommand
{
    private sealed record Request : AskRequest
    {
        [Description("Gives answers by the threshold of this file of david ask calibrate")]
        [Shown("FILE.json")]
        public string? Calibrated { get; init; }

        [Description("Prints the answer as JSON; of questions read line by line a line each")]
        public bool Json { get; init; }
    }

    public static Command Create()
    {
        Argument<string[]> words = new("words")
        {
            Description =
                "The folder of documents, then the question; with --world or --tool the question alone. Without a question they are read line by line",
            Arity = ArgumentArity.ZeroOrMore,
            HelpName = "DOCS QUESTION",
        };
        Command command = new(
            "ask",
            """
            Answers a question from own documents, with the searches made, the passages that bear the answer out, its
            confidence and its cost; and says so where it could not find the answer.

            The folder is read and indexed at the first question; later only what changed is (david index shows it).
            Without --model a sentence of the documents is quoted, which needs no model and draws no conclusions. With one, the
            policy searches by itself; where that finds nothing, the engine searches for the question in its name and has it read
            (--retrieve-first does so at once; models that were not trained to search need it).

            An answer is given where the confidence reaches a threshold that david ask calibrate picked on labelled questions, so
            that at most a chosen share of the answers given is wrong. Without one, a default holds that vouches for nothing.

            Examples:
              david ask handbook/ "How much may a hotel in Bergen cost?"
              david ask handbook/ --model smollm2.gguf --retrieve-first "Who signs?"
              david ask --tool tickets=desk/tickets.jsonl --tool assets=desk/assets.csv \
                "tickets: status=open printer"
              david ask handbook/                       asks until an empty line
              david ask handbook/ --json < questions    a line of JSON for each line
              david ask --world 7                       the embedded world, with examples
              david ask --world 7 --model runs/demo/david/seed-1 --exit exit.json "..."
            """
        )
        {
            words,
        };
        CommandOptions<Request> options = new(command);
        command.Subcommands.Add(AskCalibrateCommand.Create());
        command.SetAction(
            (result, cancellationToken) =>
            {
                Request request = options.Read(result);
                (string? folder, string? question) = Split(result.GetValue(words) ?? [], request.NamesNoFolder);
                return RunAsync(
                    request,
                    folder,
                    question,
                    result.InvocationConfiguration.Output,
                    result.InvocationConfiguration.Error,
                    cancellationToken
                );
            }
        );
        return command;
    }

    private static (string? Folder, string? Question) Split(string[] words, bool namesNoFolder)
    {
        if (!namesNoFolder && words.Length == 0)
            throw new InvalidDataException(
                "Nothing to search is named. Give a folder of documents (david ask handbook/ \"...\"), --tool NAME=PATH, or --world N."
            );
        string question = string.Join(' ', namesNoFolder ? words : words[1..]).Trim();
        return (namesNoFolder ? null : words[0], question.Length == 0 ? null : question);
    }

    private static async Task<int> RunAsync(
        Request request,
        string? folder,
        string? question,
        TextWriter output,
        TextWriter error,
        CancellationToken cancellationToken
    )
    {
        bool json = request.Json;
        Screen screen = new(json ? error : output);
        AnswerFile? file = request.Calibrated is { } calibrated ? AnswerFile.Read(calibrated) : null;
        int searches = 0;
        using AskSession session = request.Open(
            folder,
            screen,
            (conditions, corpus) =>
            {
                if (file?.Check(conditions, corpus, request.Calibrated!) is { } differs)
                    screen.Line($"note        {differs}");
                return file?.Rule;
            },
            (query, passages) =>
            {
                searches++;
                if (!json)
                    AnswerView.ShowSearch(screen, searches, query, passages);
            },
            cancellationToken
        );
        bool isTalk = question is null;
        if (isTalk && !json)
            ShowGreeting(screen, session);
        int code = 0;
        for (; ; )
        {
            string? asked = question ?? await screen.AskAsync("[bold]?[/]", cancellationToken).ConfigureAwait(false);
            if (asked is null)
                return code;
            if (asked.Trim().Length == 0)
                continue;
            searches = 0;
            code = await AnswerAsync(session, request, asked, screen, json, !isTalk, output, cancellationToken)
                .ConfigureAwait(false);
            if (!isTalk)
                return code;
        }
    }

    /// <returns>0 for an answer, 3 for none.</returns>
    private static async Task<int> AnswerAsync(
        AskSession session,
        AskRequest request,
        string question,
        Screen screen,
        bool json,
        bool isAlone,
        TextWriter output,
        CancellationToken cancellationToken
    )
    {
        if (session.World is { } world)
            try
            {
                question = WorldWords.Read(question, world, request.World!.Value);
            }
            catch (InvalidDataException unknown) when (!isAlone)
            {
                screen.Line(unknown.Message);
                return Failure.ToMend;
            }
        if (!json && isAlone)
            screen.Line();
        Answered answered = await screen
            .WithStatusAsync(() =>
            {
                screen.Status("searching and reading …");
                return session.Answerer.AskAsync(question, cancellationToken);
            })
            .ConfigureAwait(false);
        string? truth = session.World is { } asked ? WorldWords.Known(asked, question)?.Answers[0] : null;
        if (json)
            await output
                .WriteLineAsync(AnswerView.Json(answered, session.Answerer, truth, isAlone))
                .ConfigureAwait(false);
        else
            AnswerView.Show(screen, answered, session.Answerer.Rule, truth);
        return answered.IsGiven ? 0 : NotFound;
    }

    /// <summary>Exit code of an honest "I could not find this", for scripts.</summary>
    private const int NotFound = 3;

    private static void ShowGreeting(Screen screen, AskSession session)
    {
        screen.Line();
        if (screen.IsInteractive)
            screen.Paragraph("[grey]Ask; an empty line or Ctrl-D ends.[/]");
        if (session.World is not { } world)
            return;
        screen.Paragraph("[grey]Questions of this world are such as[/]");
        foreach (string example in WorldWords.Examples(world, 4))
            screen.Line($"  {example}");
        screen.Line();
    }
}
