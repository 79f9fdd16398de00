using David.Grpo.Figures;
using David.Grpo.Search;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace David.Grpo.Cli;

/// <summary>Where a command writes: bars and a status line on a terminal, plain lines anywhere else.</summary>
internal sealed class Screen
{
    /// <summary>Columns of what goes to a file or a pipe.</summary>
    public const int LogWidth = 120;

    private static readonly double[] Told = [0.25, 0.5, 0.75, 1];

    /// <summary>After which an output that is no terminal is told how far the work is.</summary>
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    private readonly TextWriter _writer;
    private readonly TimeProvider _time;
    private long _told;
    private readonly IAnsiConsole _console;
    private StatusContext? _status;
    private string _saying = "";
    private long _begun; // when the status line began to say what it says

    /// <param name="time">Null: the system's.</param>
    public Screen(TextWriter writer, TimeProvider? time = null)
    {
        _writer = writer;
        _time = time ?? TimeProvider.System;
        _told = _time.GetTimestamp();
        IsInteractive = ReferenceEquals(writer, Console.Out) && !Console.IsOutputRedirected;
        _console = AnsiConsole.Create(
            new AnsiConsoleSettings
            {
                Ansi = IsInteractive ? AnsiSupport.Detect : AnsiSupport.No,
                Interactive = IsInteractive ? InteractionSupport.Detect : InteractionSupport.No,
                Out = new AnsiConsoleOutput(writer),
            }
        );
        if (!IsInteractive)
            _console.Profile.Width = LogWidth;
    }

    public bool IsInteractive { get; }

    /// <summary>A line of text, at once.</summary>
    public void Line(string text = "")
    {
        text = CommandLine.AsTyped(text);
        if (IsInteractive)
            _console.MarkupLine(Markup.Escape(text));
        else
        {
            _writer.WriteLine(text);
            _writer.Flush();
        }
    }

    /// <summary>Text for other programs, just as it is.</summary>
    public void Text(string text)
    {
        _writer.WriteLine(text);
        _writer.Flush();
    }

    /// <summary>A question to the user; null where the input has ended (Ctrl-D), or where an empty line was given at a terminal.</summary>
    public async Task<string?> AskAsync(string prompt, CancellationToken cancellationToken)
    {
        if (!IsInteractive || Console.IsInputRedirected)
            return await Console.In.ReadLineAsync(cancellationToken).ConfigureAwait(false);
        _console.Markup(prompt + " ");
        string? given;
        try
        {
            // The console's own reading knows Ctrl-D, and cannot be cancelled.
            given = await Task.Run(Console.In.ReadLine, cancellationToken)
                .WaitAsync(cancellationToken)
                .ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Line();
            throw;
        }
        if (given is null)
            Line();
        return given?.Trim() is { Length: > 0 } text ? text : null;
    }

    /// <summary>A paragraph of Spectre's markup, indented, wrapped to the terminal's width.</summary>
    public void Paragraph(string markup, int indent = 0) =>
        _console.Write(new Padder(new Markup(markup), new Padding(indent, 0, 0, 0)));

    /// <summary>A table within the terminal's width, or that of a log where there is none.</summary>
    public void Show(Figures.Table table)
    {
        if (IsInteractive && table.Caption.Length > 0)
        {
            Paragraph($"[bold]{Markup.Escape(table.Caption)}[/]");
            table = new Figures.Table("", table.Columns, table.Rows);
        }
        foreach (string line in PlainText.RenderWithin(_console.Profile.Width, table).TrimEnd('\n').Split('\n'))
            Line(line);
        Line();
    }

    public void Show(IRenderable content)
    {
        _console.Write(content);
        Line();
    }

    /// <summary>
    /// The line that is overwritten while work goes on, with the time since work of its kind (the text without its numbers) began;
    /// nothing where there is no terminal.
    /// </summary>
    public void Status(string text)
    {
        static string Kind(string said) => string.Concat(said.Where(letter => !char.IsDigit(letter)));
        if (Kind(text) != Kind(_saying))
            _begun = _time.GetTimestamp();
        _saying = text;
        Tick();
    }

    private void Tick()
    {
        string line = $"{_saying}, {RunLog.Time(_time.GetElapsedTime(_begun).TotalSeconds)}";
        // A line that wraps would leave letters behind.
        int width = Math.Max(20, _console.Profile.Width - 4);
        _status?.Status(Markup.Escape(line.Length <= width ? line : line[..(width - 1)] + "…"));
    }

    /// <summary>How far long work is: the status line, or where there is no terminal a line each half minute.</summary>
    public void Progress(string text)
    {
        Status(text);
        if (IsInteractive || _time.GetElapsedTime(_told) < Silence)
            return;
        _told = _time.GetTimestamp();
        Line(text);
    }

    /// <summary>Work with a status line.</summary>
    public async Task<T> WithStatusAsync<T>(Func<Task<T>> work)
    {
        if (!IsInteractive)
            return await work().ConfigureAwait(false);
        return await _console
            .Status()
            .StartAsync(
                "…",
                async status =>
                {
                    _status = status;
                    (_saying, _begun) = ("working", _time.GetTimestamp());
                    await using ITimer ticking = _time.CreateTimer(
                        _ => Tick(),
                        null,
                        TimeSpan.FromSeconds(1),
                        TimeSpan.FromSeconds(1)
                    );
                    try
                    {
                        return await work().ConfigureAwait(false);
                    }
                    finally
                    {
                        _status = null;
                    }
                }
            )
            .ConfigureAwait(false);
    }

    /// <summary>Work that tells how far it is, in [0, 1]: a bar, or a line at each quarter. Silent if it tells nothing.</summary>
    public T WithBar<T>(string what, Func<Action<double>, T> work)
    {
        if (IsInteractive)
            return _console
                .Progress()
                .AutoClear(true)
                .Start(progress =>
                {
                    ProgressTask? bar = null;
                    return work(fraction =>
                        (bar ??= progress.AddTask(Markup.Escape(what), maxValue: 1)).Value = fraction
                    );
                });
        int told = 0;
        return work(fraction =>
        {
            while (told < Told.Length && fraction >= Told[told])
                Line($"{what}: {Told[told++]:P0}");
        });
    }

    /// <summary>Tells of an index under way, a line at each quarter; nothing if it tells nothing.</summary>
    public IProgress<ReadProgress> Indexing(string corpus) =>
        new Quarters(this, $"indexing {Path.GetFileName(corpus)}");

    /// <summary>Reports on the thread that makes progress, in order.</summary>
    private sealed class Quarters(Screen screen, string what) : IProgress<ReadProgress>
    {
        private int _told;

        public void Report(ReadProgress value)
        {
            while (_told < Told.Length && value.Fraction >= Told[_told])
                screen.Line($"{what}: {Told[_told++]:P0}");
        }
    }
}
