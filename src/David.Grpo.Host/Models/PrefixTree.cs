using System.Runtime.InteropServices;

namespace David.Grpo.Models;

/// <summary>
/// Sequences merged at their common beginnings and laid end to end: every shared prefix stands in the pack once.
/// </summary>
/// <remarks>
/// Prefixes of fewer than <see cref="ShortestShare"/> tokens are not shared: more runs would cost more than they save.
/// </remarks>
public sealed class PrefixTree
{
    /// <summary>The fewest tokens that are worth a run of their own.</summary>
    public const int ShortestShare = 8;

    private readonly List<int> _tokens = [];
    private readonly List<int> _positions = [];
    private readonly List<Node> _nodes = [];
    private readonly int[][] _places;

    /// <summary>A run of tokens of the pack that always occur together.</summary>
    /// <param name="Start">Where it begins in the pack.</param>
    /// <param name="Length">Tokens, at least 1.</param>
    /// <param name="Parent">The run before it, an index of <see cref="Nodes"/>; −1 at a sequence's beginning.</param>
    public readonly record struct Node(int Start, int Length, int Parent);

    /// <summary>Merges [B] sequences of at least one token each.</summary>
    public PrefixTree(IReadOnlyList<int[]> sequences)
    {
        _places = new int[sequences.Count][];
        for (int i = 0; i < _places.Length; i++)
            _places[i] = new int[sequences[i].Length];
        Grow(sequences, [.. Enumerable.Range(0, sequences.Count)], offset: 0, parent: -1);
    }

    /// <summary>[N] ids of the pack.</summary>
    public ReadOnlySpan<int> Tokens => CollectionsMarshal.AsSpan(_tokens);

    /// <summary>[N] position of each token in its sequences.</summary>
    public ReadOnlySpan<int> Positions => CollectionsMarshal.AsSpan(_positions);

    /// <summary>Runs, in the order of the pack; a parent stands before its children.</summary>
    public IReadOnlyList<Node> Nodes => _nodes;

    /// <summary>Where position t of sequence b stands in the pack: Place(b)[t].</summary>
    public ReadOnlySpan<int> Place(int sequence) => _places[sequence];

    private void Grow(IReadOnlyList<int[]> sequences, List<int> members, int offset, int parent)
    {
        members.RemoveAll(member => sequences[member].Length == offset);
        foreach (List<int> branch in Branches(sequences, members, offset, probe: offset))
        {
            (int end, int node) = AddRun(sequences, branch, offset, parent);
            Grow(sequences, branch, end, node);
        }
    }

    /// <summary>
    /// Members by their token at <paramref name="probe"/>; those that share fewer than <see cref="ShortestShare"/>
    /// tokens from <paramref name="offset"/> on are parted further.
    /// </summary>
    private static IEnumerable<List<int>> Branches(
        IReadOnlyList<int[]> sequences,
        List<int> members,
        int offset,
        int probe
    )
    {
        foreach (
            IGrouping<int, int> group in members.GroupBy(member =>
                // A sequence that ends here is a branch by itself.
                sequences[member].Length == probe
                    ? -1 - member
                    : sequences[member][probe]
            )
        )
        {
            List<int> branch = [.. group];
            int end = CommonEnd(sequences, branch, offset);
            if (branch.Count == 1 || end - offset >= ShortestShare)
                yield return branch;
            else
                foreach (List<int> part in Branches(sequences, branch, offset, end))
                    yield return part;
        }
    }

    private static int CommonEnd(IReadOnlyList<int[]> sequences, List<int> members, int offset)
    {
        ReadOnlySpan<int> common = sequences[members[0]].AsSpan(offset);
        foreach (int member in members)
            common = common[..common.CommonPrefixLength(sequences[member].AsSpan(offset))];
        return offset + common.Length;
    }

    private (int End, int Node) AddRun(IReadOnlyList<int[]> sequences, List<int> members, int offset, int parent)
    {
        int end = CommonEnd(sequences, members, offset);
        int start = _tokens.Count;
        for (int t = offset; t < end; t++)
        {
            foreach (int member in members)
                _places[member][t] = _tokens.Count;
            _tokens.Add(sequences[members[0]][t]);
            _positions.Add(t);
        }
        _nodes.Add(new Node(start, end - offset, parent));
        return (end, _nodes.Count - 1);
    }
}
