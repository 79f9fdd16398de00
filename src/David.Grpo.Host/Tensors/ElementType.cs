namespace David.Grpo.Tensors;

/// <summary>Element types of tensors.</summary>
public enum ElementType
{
    Float32,
    Float64,
    BFloat16,
    Int64,
    Bool,
}
