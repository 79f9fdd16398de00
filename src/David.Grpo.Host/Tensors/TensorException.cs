namespace David.Grpo;

/// <summary>A tensor operation failed; the message names the operation and the shapes it was given.</summary>
public sealed class TensorException(string message, Exception? cause = null) : Exception(message, cause);
