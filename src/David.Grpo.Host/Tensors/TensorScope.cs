namespace David.Grpo.Tensors;

/// <summary>
/// Frees at its end every tensor that was made on this thread since it began, but those that were kept. Scopes nest.
/// </summary>
public sealed class TensorScope : IDisposable
{
    [ThreadStatic]
    private static TensorScope? s_current;

    private readonly TensorScope? _outer = s_current;
    private readonly List<Tensor> _tensors = [];

    public TensorScope() => s_current = this;

    /// <summary>Hands a tensor of this scope to the scope outside, or to the caller where there is none.</summary>
    public Tensor Keep(Tensor tensor)
    {
        if (Forget(tensor))
            _outer?._tensors.Add(tensor);
        return tensor;
    }

    /// <summary>Takes a tensor out of every scope: the caller alone disposes it.</summary>
    public static Tensor Release(Tensor tensor)
    {
        for (TensorScope? scope = s_current; scope is not null; scope = scope._outer)
            if (scope.Forget(tensor))
                break;
        return tensor;
    }

    private bool Forget(Tensor tensor)
    {
        int index = _tensors.LastIndexOf(tensor);
        if (index >= 0)
            _tensors.RemoveAt(index);
        return index >= 0;
    }

    internal static void Register(Tensor tensor) => s_current?._tensors.Add(tensor);

    public void Dispose()
    {
        foreach (Tensor tensor in _tensors)
            tensor.Dispose();
        s_current = _outer;
    }
}
