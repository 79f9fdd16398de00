namespace David.Grpo.Tokenization.Jinja;

/// <summary>The functions that every template can call.</summary>
internal static class Globals
{
    /// <summary>As in jinja2's sandbox.</summary>
    private const int LongestRange = 100_000;

    public static IReadOnlyDictionary<string, object?> All { get; } =
        new Function[]
        {
            new("raise_exception", arguments => throw new ChatTemplateException(arguments.Text(0, "message"))),
            new("namespace", arguments => new Namespace(Merged(arguments))),
            new("dict", arguments => new Map(Merged(arguments))),
            new("range", Range),
            new("joiner", Joiner),
            new("cycler", Cycler),
        }.ToDictionary(function => function.Name, object? (function) => function);

    private static Dictionary<string, object?> Merged(CallArguments arguments)
    {
        Dictionary<string, object?> merged = [];
        foreach (object? map in arguments.Placed)
        foreach (
            (string name, object? value) in map as Map
                ?? throw arguments.Wrong($"got {Value.Kind(map)}; expected a mapping")
        )
            merged[name] = value;
        foreach ((string name, object? value) in arguments.Named)
            merged[name] = value;
        return merged;
    }

    /// <summary>Nothing at its first call, then the separator.</summary>
    private static Function Joiner(CallArguments arguments)
    {
        string separator = arguments.OptionalText(0, "sep") ?? ", ";
        bool isUsed = false;
        return new Function(
            "joiner",
            _ =>
            {
                (bool was, isUsed) = (isUsed, true);
                return was ? separator : "";
            }
        );
    }

    private static Namespace Cycler(CallArguments arguments)
    {
        object?[] items = [.. arguments.Placed];
        if (items.Length == 0)
            throw arguments.Wrong("got nothing; expected at least one value");
        int at = 0;
        Namespace cycler = new([]);
        object? Move(int to)
        {
            object? before = items[at];
            at = to;
            cycler.Attributes["current"] = items[at];
            return before;
        }
        cycler.Attributes["next"] = new Function("next", _ => Move((at + 1) % items.Length));
        cycler.Attributes["reset"] = new Function(
            "reset",
            _ =>
            {
                Move(0);
                return null;
            }
        );
        Move(0);
        return cycler;
    }

    private static List<object?> Range(CallArguments arguments)
    {
        arguments.AtMost(3);
        long first = arguments.OptionalWhole(0, "start") ?? throw arguments.Wrong("has no argument");
        long start = arguments.Count > 1 ? first : 0;
        long stop = arguments.OptionalWhole(1, "stop") ?? first;
        long step = arguments.OptionalWhole(2, "step") ?? 1;
        if (step == 0)
            throw arguments.Wrong("got a step of 0; expected another");
        List<object?> numbers = [];
        for (long number = start; step > 0 ? number < stop : number > stop; number += step)
        {
            if (numbers.Count == LongestRange)
                throw arguments.Wrong($"has more than {LongestRange} numbers");
            numbers.Add(number);
        }
        return numbers;
    }
}
