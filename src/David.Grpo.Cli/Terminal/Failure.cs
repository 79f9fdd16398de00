using David.Grpo.Configuration;
using David.Grpo.Notebooks;

namespace David.Grpo.Cli;

/// <summary>How commands end: 0 done, 1 a fault of ours, 2 something of the user's to mend, 130 stopped by the user.</summary>
internal static class Failure
{
    public const int ToMend = 2;
    public const int Stopped = 130;

    /// <summary>How a failure ends the program; null for a fault of ours, which shows its trace.</summary>
    public static int? CodeOf(Exception failure) =>
        failure switch
        {
            OperationCanceledException => Stopped,
            ArgumentNullException => null,
            ConfigurationException
            or InvalidDataException
            or ArgumentException
            or IOException
            or UnauthorizedAccessException
            or NotSupportedException
            or TensorException
            or ScriptException
            or DllNotFoundException => ToMend,
            _ => null,
        };

    /// <summary>What is said of it.</summary>
    public static string MessageOf(Exception failure) =>
        failure is TaskCanceledException || failure.Message == new OperationCanceledException().Message
            ? "Stopped."
            : failure.Message;
}
