namespace David.Grpo.Tokenization.Jinja;

/// <summary>A mapping of texts to values that keeps its order, as Python's do.</summary>
internal class Map : OrderedDictionary<string, object?>
{
    public Map() { }

    public Map(IEnumerable<KeyValuePair<string, object?>> entries)
        : base(entries) { }
}
