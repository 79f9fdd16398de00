using David.Grpo.Tensors;

namespace David.Grpo.Models;

/// <summary>
/// Attention inside a <see cref="PrefixTree"/>: each token sees its own run up to itself and the runs before it on its
/// path. Equals causal attention of every sequence by itself; nothing is padded, and a shared prefix is computed once.
/// </summary>
public sealed class TreeAttention : IAttention
{
    private readonly double _scale;
    private readonly (int Start, int Length)[] _runs;
    private readonly (int Start, int Length)[][] _paths;

    public TreeAttention(PrefixTree tree, int headDimension)
    {
        _scale = 1 / Math.Sqrt(headDimension);
        _runs = new (int, int)[tree.Nodes.Count];
        _paths = new (int, int)[tree.Nodes.Count][];
        for (int i = 0; i < _runs.Length; i++)
        {
            PrefixTree.Node node = tree.Nodes[i];
            _runs[i] = (node.Start, node.Length);
            List<(int Start, int Length)> path = node.Parent < 0 ? [] : [.. _paths[node.Parent]];
            // Ranges that touch are read as one.
            if (path.Count > 0 && path[^1].Start + path[^1].Length == node.Start)
                path[^1] = (path[^1].Start, path[^1].Length + node.Length);
            else
                path.Add(_runs[i]);
            _paths[i] = [.. path];
        }
    }

    public Tensor Attend(int layer, Tensor query, Tensor key, Tensor value)
    {
        Tensor[] seen = new Tensor[_runs.Length];
        for (int i = 0; i < seen.Length; i++)
            seen[i] = query
                .Narrow(0, _runs[i].Start, _runs[i].Length)
                .CausalAttention(Rows(key, _paths[i]), Rows(value, _paths[i]), _scale);
        return seen.Length == 1 ? seen[0] : Tensor.Cat(seen);
    }

    private static Tensor Rows(Tensor tensor, (int Start, int Length)[] ranges) =>
        ranges.Length == 1
            ? tensor.Narrow(0, ranges[0].Start, ranges[0].Length)
            : Tensor.Cat([.. ranges.Select(range => tensor.Narrow(0, range.Start, range.Length))]);
}
