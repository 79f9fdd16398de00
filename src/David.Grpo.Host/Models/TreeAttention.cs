using David.Grpo.Tensors;

namespace David.Grpo.Models;

/// <summary>
/// Attention inside a <see cref="PrefixTree"/>: each token sees its own run up to itself and the runs before it on its
/// path. Equals causal attention of every sequence by itself; nothing is padded, and a shared prefix is computed once.
/// </summary>
public sealed class TreeAttention : IAttention
{
    private readonly double _scale;
    private readonly long[] _lengths; // by run
    private readonly int[][] _paths; // by run, from the root to itself

    public TreeAttention(PrefixTree tree, int headDimension)
    {
        _scale = 1 / Math.Sqrt(headDimension);
        _lengths = [.. tree.Nodes.Select(node => (long)node.Length)];
        _paths = new int[tree.Nodes.Count][];
        for (int i = 0; i < _paths.Length; i++)
            _paths[i] = tree.Nodes[i].Parent is >= 0 and int parent ? [.. _paths[parent], i] : [i];
    }

    public Tensor Attend(int layer, Tensor query, Tensor key, Tensor value)
    {
        if (_lengths.Length == 1)
            return query.CausalAttention(key, value, _scale);
        Tensor[] queries = query.Split(_lengths),
            keys = key.Split(_lengths),
            values = value.Split(_lengths);
        Tensor[] seen = new Tensor[_lengths.Length];
        for (int i = 0; i < seen.Length; i++)
            seen[i] = queries[i].CausalAttention(Rows(keys, _paths[i]), Rows(values, _paths[i]), _scale);
        return Tensor.Cat(seen);
    }

    private static Tensor Rows(Tensor[] runs, int[] path) =>
        path.Length == 1 ? runs[path[0]] : Tensor.Cat([.. path.Select(run => runs[run])]);
}
