namespace David.Grpo.Tokenization.Jinja;

/// <summary>Attributes, items and slices of values. What is not there is <see cref="Undefined"/>.</summary>
internal static class Access
{
    /// <summary><c>owner.name</c>: a method if there is one, else the item of that name.</summary>
    public static object? Attribute(object? owner, string name) =>
        owner switch
        {
            Undefined undefined => throw Missing(undefined),
            Namespace space when space.Attributes.TryGetValue(name, out object? value) => value,
            Group group when name is "grouper" or "list" => name == "list" ? group.Members : group.Shared,
            _ when Methods.Find(owner, name) is { } method => method,
            Map map when map.TryGetValue(name, out object? value) => value,
            _ => new Undefined($"'{name}' of {Value.Kind(owner)}"),
        };

    /// <summary><c>owner[key]</c>: the item, else the attribute of that name.</summary>
    public static object? Item(object? owner, object? key) =>
        (owner, key) switch
        {
            (Undefined undefined, _) => throw Missing(undefined),
            (Map map, string name) when map.TryGetValue(name, out object? value) => value,
            (List<object?> list, long index) when Place(index, list.Count) is int place => list[place],
            (string text, long index) => PythonText.Characters(text) is var characters
            && Place(index, characters.Count) is int place
                ? characters[place]
                : new Undefined($"character {index} of a text of {characters.Count}"),
            (_, string name) => Attribute(owner, name),
            (List<object?> list, long index) => new Undefined($"item {index} of a list of {list.Count}"),
            _ => new Undefined($"an item of {Value.Kind(owner)}"),
        };

    /// <summary>Python's <c>owner[from:to:step]</c>; a text is cut by code point.</summary>
    public static object Slice(object? owner, long? from, long? to, long? step)
    {
        if (step == 0)
            throw new ChatTemplateException("a slice's step must not be 0.");
        return owner switch
        {
            FixedList tuple => new FixedList(Slice(tuple, from, to, step ?? 1)),
            List<object?> list => Slice(list, from, to, step ?? 1),
            string text => string.Concat(Slice(PythonText.Characters(text), from, to, step ?? 1)),
            Undefined undefined => throw Missing(undefined),
            _ => throw new ChatTemplateException($"{Value.Kind(owner)} cannot be sliced."),
        };
    }

    private static List<T> Slice<T>(List<T> items, long? from, long? to, long step)
    {
        long count = items.Count;
        long lowest = step > 0 ? 0 : -1;
        long highest = step > 0 ? count : count - 1;
        long Bound(long bound) => Math.Clamp(bound < 0 ? bound + count : bound, lowest, highest);
        long start =
            from is { } first ? Bound(first)
            : step > 0 ? 0
            : count - 1;
        long stop =
            to is { } last ? Bound(last)
            : step > 0 ? count
            : -1;
        List<T> slice = [];
        for (long at = start; step > 0 ? at < stop : at > stop; at += step)
            slice.Add(items[(int)at]);
        return slice;
    }

    private static int? Place(long index, int count)
    {
        long place = index < 0 ? index + count : index;
        return place >= 0 && place < count ? (int)place : null;
    }

    private static ChatTemplateException Missing(Undefined undefined) => new($"{undefined.What} is undefined.");
}
