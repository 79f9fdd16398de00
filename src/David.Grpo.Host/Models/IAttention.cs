using David.Grpo.Tensors;

namespace David.Grpo.Models;

/// <summary>
/// Which positions of a pack see which: the one part of a decoder that differs between generation (keys and values come
/// from a cache) and learning (they come from the same pack).
/// </summary>
public interface IAttention
{
    /// <summary>Attention of a layer: what each query reads from the keys that it may see.</summary>
    /// <param name="layer">The layer, from 0.</param>
    /// <param name="query">[N, H, D] of the pack's N tokens, rotated.</param>
    /// <param name="key">[N, J, D], rotated.</param>
    /// <param name="value">[N, J, D].</param>
    /// <returns>[N, H, D].</returns>
    Tensor Attend(int layer, Tensor query, Tensor key, Tensor value);
}
