using David.Grpo.Configuration;

namespace David.Grpo.Cli;

/// <summary>How commands end: 0 done, 1 a fault of ours, 2 something of the user's to mend, 130 stopped by the user.</summary>
internal static class Failure
{
    public const int ToMend = 2;
    public const int Stopped = 130;

    /// <summary>Runs a command; what the user can mend is said in one message, without a stack trace.</summary>
    public static async Task<int> GuardAsync(TextWriter error, Func<Task<int>> command)
    {
        try
        {
            return await command().ConfigureAwait(false);
        }
        catch (Exception failure) when (CodeOf(failure) is { } code)
        {
            await error.WriteLineAsync(MessageOf(failure)).ConfigureAwait(false);
            return code;
        }
    }

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
            or DllNotFoundException => ToMend,
            _ => null,
        };

    /// <summary>What is said of it.</summary>
    public static string MessageOf(Exception failure) =>
        failure is TaskCanceledException || failure.Message == new OperationCanceledException().Message
            ? "Stopped."
            : failure.Message;
}
