namespace David.Grpo.Tokenization.Jinja;

/// <summary>Jinja's filters that compare, group or part the items of a value.</summary>
internal static class Ordering
{
    public static readonly Dictionary<string, Func<object?, CallArguments, object?>> All = new()
    {
        ["sort"] = (value, arguments) =>
            Sorted(
                Filters.Items(value, arguments),
                Keys(arguments.Optional(2, "attribute"), Value.IsTrue(arguments.Optional(1, "case_sensitive"))),
                Value.IsTrue(arguments.Optional(0, "reverse"))
            ),
        ["dictsort"] = DictSort,
        ["unique"] = Unique,
        ["min"] = (value, arguments) => Extreme(value, arguments, sign: -1),
        ["max"] = (value, arguments) => Extreme(value, arguments, sign: 1),
        ["sum"] = (value, arguments) =>
            Filters
                .Items(value, arguments)
                .Select(item => arguments.Optional(0, "attribute") is { } path ? Filters.Attribute(item, path) : item)
                .Aggregate<object?, object?>(
                    arguments.Optional(1, "start") ?? 0L,
                    (sum, item) => Operators.Binary("+", sum, item)
                ),
        ["groupby"] = GroupBy,
        ["batch"] = Batch,
        ["slice"] = Slice,
    };

    /// <summary>What an item is ordered by: itself or its attributes, texts without case unless asked for.</summary>
    private static Func<object?, object?> Keys(object? attribute, bool isCaseSensitive)
    {
        object? Folded(object? key) => key is string text && !isCaseSensitive ? PythonText.Lower(text) : key;
        return attribute is string path && path.Contains(',')
            ? item => new List<object?>(path.Split(',').Select(part => Folded(Filters.Attribute(item, part))))
            : item => Folded(attribute is null ? item : Filters.Attribute(item, attribute));
    }

    private static int Compare(object? left, object? right) =>
        Value.Compare(left, right)
        ?? throw new ChatTemplateException($"'<' cannot compare {Value.Kind(left)} and {Value.Kind(right)}.");

    /// <summary>Equal items keep their order, also when it is turned round.</summary>
    private static List<object?> Sorted(List<object?> items, Func<object?, object?> key, bool isReversed)
    {
        (object? Key, object? Item)[] keyed = [.. items.Select(item => (key(item), item))];
        // Here, since an exception within a sort would come out as another.
        for (int i = 1; i < keyed.Length; i++)
            Compare(keyed[i - 1].Key, keyed[i].Key);
        Comparer<object?> order = Comparer<object?>.Create((a, b) => (isReversed ? -1 : 1) * Compare(a, b));
        return [.. keyed.OrderBy(pair => pair.Key, order).Select(pair => pair.Item)];
    }

    private static List<object?> DictSort(object? value, CallArguments arguments)
    {
        if (value is not Map map)
            throw arguments.Wrong($"got {Value.Kind(value)}; expected a mapping");
        long place = arguments.OptionalText(1, "by") switch
        {
            null or "key" => 0,
            "value" => 1,
            var other => throw arguments.Wrong($"got '{other}' for 'by'; expected key or value"),
        };
        return Sorted(
            Methods.Pairs(map),
            Keys(place, Value.IsTrue(arguments.Optional(0, "case_sensitive"))),
            Value.IsTrue(arguments.Optional(2, "reverse"))
        );
    }

    private static List<object?> Unique(object? value, CallArguments arguments)
    {
        Func<object?, object?> key = Keys(
            arguments.Optional(1, "attribute"),
            Value.IsTrue(arguments.Optional(0, "case_sensitive"))
        );
        List<object?> seen = [];
        return Filters
            .Items(value, arguments)
            .FindAll(item =>
            {
                object? its = key(item);
                bool isNew = !seen.Exists(other => Value.AreEqual(other, its));
                seen.Add(its);
                return isNew;
            });
    }

    /// <summary>The first of the greatest or least.</summary>
    private static object? Extreme(object? value, CallArguments arguments, int sign)
    {
        Func<object?, object?> key = Keys(
            arguments.Optional(1, "attribute"),
            Value.IsTrue(arguments.Optional(0, "case_sensitive"))
        );
        List<object?> items = Filters.Items(value, arguments);
        return items.Count == 0
            ? new Undefined("the extreme of nothing")
            : items.Aggregate((best, item) => sign * Compare(key(item), key(best)) > 0 ? item : best);
    }

    /// <summary>Tuples of an attribute's value and the items that have it, in the values' order.</summary>
    private static List<object?> GroupBy(object? value, CallArguments arguments)
    {
        object? attribute = arguments.Required(0, "attribute");
        object? Own(object? item) =>
            Filters.Attribute(item, attribute) is var own && own is Undefined && arguments.Has(1, "default")
                ? arguments.Optional(1, "default")
                : own;
        Func<object?, object?> key = Keys(null, Value.IsTrue(arguments.Optional(2, "case_sensitive")));
        List<object?> groups = [];
        object? current = null;
        foreach (object? item in Sorted(Filters.Items(value, arguments), item => key(Own(item)), isReversed: false))
        {
            object? its = key(Own(item));
            if (groups.Count == 0 || !Value.AreEqual(current, its))
                groups.Add(new Group(Own(item)));
            current = its;
            ((Group)groups[^1]!).Members.Add(item);
        }
        return groups;
    }

    /// <summary>Lists of so many items; the last is filled up where a value is given for that.</summary>
    private static List<object?> Batch(object? value, CallArguments arguments)
    {
        int size = Count(arguments, "linecount");
        object? fill = arguments.Optional(1, "fill_with");
        return
        [
            .. Filters
                .Items(value, arguments)
                .Chunk(size)
                .Select(part =>
                    (List<object?>)[.. part, .. Enumerable.Repeat(fill, fill is null ? 0 : size - part.Length)]
                ),
        ];
    }

    /// <summary>So many lists of the items, the first ones longer by one where that does not come out even.</summary>
    private static List<object?> Slice(object? value, CallArguments arguments)
    {
        int count = Count(arguments, "slices");
        object? fill = arguments.Optional(1, "fill_with");
        List<object?> items = Filters.Items(value, arguments);
        (int size, int longer) = Math.DivRem(items.Count, count);
        int at = 0;
        List<object?> slices = [];
        for (int i = 0; i < count; i++)
        {
            int length = size + (i < longer ? 1 : 0);
            List<object?> slice = items.GetRange(at, length);
            if (fill is not null && longer > 0 && i >= longer)
                slice.Add(fill);
            slices.Add(slice);
            at += length;
        }
        return slices;
    }

    private static int Count(CallArguments arguments, string name) =>
        arguments.OptionalWhole(0, name) is >= 1 and <= 100_000 and var count
            ? (int)count
            : throw arguments.Wrong($"takes a whole number above 0 for '{name}'");
}
