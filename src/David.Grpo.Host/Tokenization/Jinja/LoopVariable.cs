namespace David.Grpo.Tokenization.Jinja;

/// <summary><c>loop</c>, within a loop; it can be called in one that is recursive.</summary>
internal sealed class LoopVariable : Map
{
    private readonly List<object?> items;
    private object? before;

    /// <param name="depth">1, and one more in each loop within a recursive one.</param>
    /// <param name="again">The loop on other items, as text; null where it is not recursive.</param>
    public LoopVariable(List<object?> items, int depth, Function? again)
    {
        (this.items, Again) = (items, again);
        this["length"] = (long)items.Count;
        this["depth"] = (long)depth;
        this["depth0"] = (long)depth - 1;
        this["changed"] = new Function(
            "loop.changed",
            arguments =>
            {
                FixedList now = new(arguments.Placed);
                bool isChanged = before is null || !Value.AreEqual(before, now);
                before = now;
                return isChanged;
            }
        );
    }

    public Function? Again { get; }

    /// <summary>This, at an item.</summary>
    public LoopVariable At(int index)
    {
        this["index"] = (long)index + 1;
        this["index0"] = (long)index;
        this["revindex"] = (long)items.Count - index;
        this["revindex0"] = (long)items.Count - index - 1;
        this["first"] = index == 0;
        this["last"] = index == items.Count - 1;
        this["previtem"] = index > 0 ? items[index - 1] : new Undefined("loop.previtem");
        this["nextitem"] = index + 1 < items.Count ? items[index + 1] : new Undefined("loop.nextitem");
        this["cycle"] = new Function(
            "loop.cycle",
            arguments =>
                arguments.Placed.Count > 0
                    ? arguments.Placed[index % arguments.Placed.Count]
                    : throw arguments.Wrong("got nothing; expected at least one value")
        );
        return this;
    }
}
