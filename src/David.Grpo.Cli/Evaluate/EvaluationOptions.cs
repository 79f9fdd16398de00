using David.Grpo.Tasks;
using David.Grpo.Runs;
using System.CommandLine;
using System.Globalization;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary>The options of commands that ask a policy questions: which policy, which questions, which limits.</summary>
internal sealed class EvaluationOptions
{
    private static readonly EpisodeOptions Limits = new();

    private readonly Option<string> _model = new("--model", "-m")
    {
        Description = "A Hugging Face folder, a .gguf file, a checkpoint, or a run's folder (its last checkpoint)",
        HelpName = "PATH",
        Required = true,
    };

    private readonly Option<EvalProtocol> _protocol;

    private readonly Option<string?> _questions = new("--questions", "-q")
    {
        Description = "A file of questions",
        HelpName = "FILE",
    };

    private readonly Option<string?> _corpus = new("--corpus", "-c")
    {
        Description = "A file of passages",
        HelpName = "FILE",
    };

    private readonly Option<string?> _split = new("--split")
    {
        Description = "Only questions whose field \"split\" says this",
    };

    private readonly Option<int> _first = Whole("--first", "Questions that are passed over first", 0, 0);
    private readonly Option<int> _count;
    private readonly Option<int> _world;

    private readonly Option<string?> _config = new("--config")
    {
        Description =
            "A file of david train, such as a run's config.yaml: its corpus, evaluation questions and limits stand in for "
            + "what is not given here",
        HelpName = "FILE.yaml",
    };

    private readonly Option<double?> _temperature = Number(
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

    private readonly Option<int?> _maxSearches = Limit(
        "--max-searches",
        "Searches that are answered",
        Limits.MaxSearches,
        0
    );
    private readonly Option<int?> _topK = Limit("--top-k", "Passages a search", Limits.TopK, 1);
    private readonly Option<int?> _firstTurn = Limit(
        "--first-turn-tokens",
        "Tokens of the first turn, and of the last",
        Limits.FirstTurnTokens,
        1
    );
    private readonly Option<int?> _turn = Limit("--turn-tokens", "Tokens of the turns between", Limits.TurnTokens, 1);
    private readonly Option<int?> _response = Limit(
        "--response-tokens",
        "Tokens of a response, results included",
        Limits.ResponseTokens,
        1
    );
    private readonly Option<int?> _concurrent = Limit(
        "--concurrent",
        "Episodes under way at once",
        Limits.Concurrent,
        1
    );

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

    private readonly Option<string?> _index = new("--index")
    {
        Description = "Where indices lie [default: ~/.cache/david-grpo]",
        HelpName = "FOLDER",
    };

    private readonly Option<string> _device = new("--device")
    {
        Description = "cpu, cuda or cuda:N",
        DefaultValueFactory = _ => "cpu",
    };

    private readonly Option<int> _threads = Whole("--threads", "Threads of one operation; 0: one a core", 0, 0);

    /// <param name="protocol">The default.</param>
    /// <param name="count">Questions by default.</param>
    /// <param name="world">The evaluation world by default.</param>
    /// <param name="worlds">What the number of the world means.</param>
    public EvaluationOptions(EvalProtocol protocol, int count, int world, string worlds)
    {
        _protocol = new("--protocol")
        {
            Description = "text: the authors' tags, over --questions and --corpus; world: the embedded world",
            DefaultValueFactory = _ => protocol,
        };
        _count = Whole("--count", "Questions; 0: all that follow", count, 0);
        _world = Whole("--world", worlds, world, 0);
    }

    public void AddTo(Command command)
    {
        foreach (
            Option option in (Option[])
                [
                    _model,
                    _protocol,
                    _questions,
                    _corpus,
                    _split,
                    _first,
                    _count,
                    _world,
                    _config,
                    _temperature,
                    _seed,
                    _maxSearches,
                    _topK,
                    _firstTurn,
                    _turn,
                    _response,
                    _concurrent,
                    _instruction,
                    _template,
                    _index,
                    _device,
                    _threads,
                ]
        )
            command.Options.Add(option);
    }

    public EvaluationRequest Read(ParseResult result)
    {
        RunFile? file = result.GetValue(_config) is { } path ? RunFile.Load(path, []) : null;
        EpisodeOptions given = file?.Episode ?? Limits;
        bool IsGiven(Option option) => result.GetResult(option) is { Implicit: false };
        QuestionsSection? section = result.GetValue(_questions) is { } named
            ? new QuestionsSection { File = named, Split = result.GetValue(_split) }
            : file?.EvaluationQuestions;
        return new EvaluationRequest
        {
            Model = result.GetValue(_model)!,
            Protocol = result.GetValue(_protocol),
            Questions = section is null
                ? null
                : section with
                {
                    Split = result.GetValue(_split) ?? section.Split,
                    First = IsGiven(_first) ? result.GetValue(_first) : section.First,
                },
            Count = IsGiven(_count) ? result.GetValue(_count) : file?.Evaluation.Questions ?? result.GetValue(_count),
            World = result.GetValue(_world),
            Corpus = result.GetValue(_corpus) ?? file?.Corpus,
            Index = result.GetValue(_index) ?? file?.Index,
            Instruction = result.GetValue(_instruction) ?? file?.Instruction,
            ChatTemplate = result.GetValue(_template) ?? file?.ChatTemplate,
            Temperature = result.GetValue(_temperature) ?? file?.Evaluation.Temperature ?? 0,
            Seed = result.GetValue(_seed),
            Episode = given with
            {
                MaxSearches = result.GetValue(_maxSearches) ?? given.MaxSearches,
                TopK = result.GetValue(_topK) ?? given.TopK,
                FirstTurnTokens = result.GetValue(_firstTurn) ?? given.FirstTurnTokens,
                TurnTokens = result.GetValue(_turn) ?? given.TurnTokens,
                ResponseTokens = result.GetValue(_response) ?? given.ResponseTokens,
                Concurrent = result.GetValue(_concurrent) ?? given.Concurrent,
            },
            Device = IsGiven(_device) ? result.GetValue(_device)! : file?.Device ?? "cpu",
            Threads = IsGiven(_threads) ? result.GetValue(_threads) : file?.Threads ?? 0,
        };
    }

    /// <summary>A whole number of at least <paramref name="least"/>.</summary>
    public static Option<int> Whole(string name, string description, int value, int least)
    {
        Option<int> option = new(name) { Description = description, DefaultValueFactory = _ => value };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int>() < least)
                result.AddError($"{name} is {result.Tokens[0].Value}; expected a whole number of at least {least}.");
        });
        return option;
    }

    /// <summary>A number within a range that <paramref name="expected"/> says in words; null where none is given.</summary>
    public static Option<double?> Number(string name, string description, string expected, Func<double, bool> holds)
    {
        Option<double?> option = new(name) { Description = description };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double?>() is { } value && !holds(value))
                result.AddError(
                    $"{name} is {result.Tokens[0].Value.ToString(CultureInfo.InvariantCulture)}; expected {expected}."
                );
        });
        return option;
    }

    private static Option<int?> Limit(string name, string description, int value, int least)
    {
        Option<int?> option = new(name) { Description = $"{description} [default: {value}]" };
        option.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int?>() < least)
                result.AddError($"{name} is {result.Tokens[0].Value}; expected a whole number of at least {least}.");
        });
        return option;
    }
}
