using David.Grpo.Tasks;
using System.CommandLine;
using David.Grpo.Answering;
using David.Grpo.Runs;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary>The options of <c>david ask</c> and <c>david ask calibrate</c>: who answers, and from what.</summary>
internal sealed class AskOptions
{
    private readonly Option<int?> _world = new("--world")
    {
        Description = "The embedded world of this number in place of documents; its language is closed",
        HelpName = "N",
    };

    private readonly Option<string[]> _tools = new("--tool")
    {
        Description =
            "Documents as one of several tools, again for each: the policy's query goes to the tool that it names "
            + "(tickets: printer status=open), or to all; fields are those of the tables and JSON records",
        HelpName = "NAME=PATH",
        DefaultValueFactory = _ => [],
    };

    private readonly Option<string?> _model = new("--model", "-m")
    {
        Description =
            "A Hugging Face folder, a .gguf file, a checkpoint or a run's folder; without one a sentence of the documents is "
            + "quoted, and in the world the shipped base policy answers",
        HelpName = "PATH",
    };

    private readonly Option<bool> _retrieveFirst = new("--retrieve-first")
    {
        Description =
            "Searches for the question in the policy's name at once, and lets it read and answer: for models that were not trained "
            + "to search",
    };

    private readonly Option<bool> _policyOnly = new("--policy-only")
    {
        Description = "Never searches in the policy's name, not even where it found nothing by itself",
    };

    private readonly Option<int> _depth = EvaluationOptions.Whole(
        "--depth",
        "Searches in the policy's name at most; another is made only where what was read does not bear out the answer",
        1,
        1
    );

    private readonly Option<int?> _topK = new("--top-k")
    {
        Description = "Passages a search [default: 3, in the world 2]",
    };

    private readonly Option<int> _maxSearches = EvaluationOptions.Whole(
        "--max-searches",
        "Searches of the policy's own that are answered",
        4,
        0
    );

    private readonly Option<int> _turnTokens = EvaluationOptions.Whole(
        "--turn-tokens",
        "Tokens that the policy may write in one turn",
        256,
        1
    );

    private readonly Option<string?> _exit = new("--exit")
    {
        Description = "Answers early by this file of david calibrate",
        HelpName = "FILE.json",
    };

    private readonly Option<double?> _temperature = EvaluationOptions.Number(
        "--temperature",
        "Sampling temperature, 0 (greedy) to 10 [default: 0]",
        "0 (greedy) to 10",
        value => value is >= 0 and <= 10
    );

    private readonly Option<long> _seed = new("--seed")
    {
        Description = "Decides every random number",
        DefaultValueFactory = _ => 0,
    };

    private readonly Option<string?> _instruction = new("--instruction")
    {
        Description = "A text file that comes before each question",
        HelpName = "FILE",
    };

    private readonly Option<string?> _template = new("--chat-template")
    {
        Description = "A Jinja file in place of the model's own",
        HelpName = "FILE",
    };

    private readonly Option<string> _device = new("--device")
    {
        Description = "cpu, cuda or cuda:N",
        DefaultValueFactory = _ => "cpu",
    };

    private readonly Option<int> _threads = EvaluationOptions.Whole(
        "--threads",
        "Threads of one operation; 0: one a core",
        0,
        0
    );

    public DocumentFolderOptions Documents { get; } = new();

    public void AddTo(Command command)
    {
        foreach (
            Option option in (Option[])
                [
                    _world,
                    _tools,
                    _model,
                    _retrieveFirst,
                    _policyOnly,
                    _depth,
                    _topK,
                    _maxSearches,
                    _turnTokens,
                    _exit,
                    _temperature,
                    _seed,
                    _instruction,
                    _template,
                ]
        )
            command.Options.Add(option);
        Documents.AddTo(command);
        command.Options.Add(_device);
        command.Options.Add(_threads);
        _topK.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < 1)
                result.AddError($"--top-k is {result.Tokens[0].Value}; expected a whole number of at least 1.");
        });
        command.Validators.Add(result =>
        {
            if (result.GetValue(_retrieveFirst) && result.GetValue(_policyOnly))
                result.AddError("--retrieve-first and --policy-only say the opposite; give one of them.");
            if (result.GetValue(_world) is not null && result.GetValue(_tools) is { Length: > 0 })
                result.AddError("--world and --tool are two places to search; give one of them.");
        });
    }

    /// <summary>Whether the command line names what is searched by itself, so that all words are the question.</summary>
    public bool NamesNoFolder(ParseResult result) =>
        result.GetValue(_world) is not null || result.GetValue(_tools) is { Length: > 0 };

    /// <param name="folder">The documents; null where the options name what is searched.</param>
    public AskRequest Read(ParseResult result, string? folder) =>
        new()
        {
            Folder = folder,
            World = result.GetValue(_world),
            Tools = [.. result.GetValue(_tools)!.Select(Tool)],
            Model = result.GetValue(_model),
            Plan =
                result.GetValue(_retrieveFirst) ? SearchPlan.Engine
                : result.GetValue(_policyOnly) ? SearchPlan.Policy
                : SearchPlan.PolicyThenEngine,
            Depth = result.GetValue(_depth),
            TopK = result.GetValue(_topK),
            Episode = new EpisodeOptions
            {
                MaxSearches = result.GetValue(_maxSearches),
                TopK = result.GetValue(_topK) ?? new EpisodeOptions().TopK,
                FirstTurnTokens = result.GetValue(_turnTokens),
                TurnTokens = result.GetValue(_turnTokens),
            },
            Exit = result.GetValue(_exit),
            Temperature = result.GetValue(_temperature) ?? 0,
            Seed = result.GetValue(_seed),
            Instruction = result.GetValue(_instruction),
            ChatTemplate = result.GetValue(_template),
            Device = result.GetValue(_device)!,
            Threads = result.GetValue(_threads),
            Documents = Documents.Read(result),
            Index = Documents.Index(result),
        };

    private static (string Name, string Path) Tool(string text) =>
        text.IndexOf('=', StringComparison.Ordinal) is > 0 and int at && at + 1 < text.Length
            ? (text[..at].Trim(), text[(at + 1)..])
            : throw new InvalidDataException(
                $"--tool is \"{text}\"; expected NAME=PATH, such as --tool tickets=desk/tickets.jsonl"
            );
}
