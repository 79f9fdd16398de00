namespace David.Grpo.Formats;

/// <summary>The weights of a model under Hugging Face's names, wherever and however they are stored.</summary>
/// <remarks>Several threads may read at once.</remarks>
public interface IWeightSource
{
    /// <summary>For instance <c>model.layers.0.self_attn.q_proj.weight</c>.</summary>
    IReadOnlyCollection<string> Names { get; }

    /// <summary>Extents, outermost first: [out, in] for a matrix.</summary>
    /// <exception cref="KeyNotFoundException">There is no such weight.</exception>
    long[] Shape(string name);

    /// <summary>A weight's values, row by row, as float32, in the layout that rotates halves (i, i + d/2) of a head.</summary>
    /// <param name="name">The weight.</param>
    /// <param name="destination">As long as the weight has values.</param>
    /// <exception cref="KeyNotFoundException">There is no such weight.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> has another length.</exception>
    /// <exception cref="NotSupportedException">It is stored in a type that we do not read.</exception>
    void ReadFloat32(string name, Span<float> destination);
}
