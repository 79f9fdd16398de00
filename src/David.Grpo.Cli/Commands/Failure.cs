using David.Grpo.Cli.Configuration;
using David.Grpo.Tensors;

namespace David.Grpo.Cli.Commands;

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
        catch (OperationCanceledException)
        {
            await error.WriteLineAsync("Stopped.").ConfigureAwait(false);
            return Stopped;
        }
        catch (Exception failure)
            when (failure
                    is ConfigurationException
                        or InvalidDataException
                        or IOException
                        or UnauthorizedAccessException
                        or NotSupportedException
                        or TensorException
                        or DllNotFoundException
            )
        {
            await error.WriteLineAsync(failure.Message).ConfigureAwait(false);
            return ToMend;
        }
    }

    /// <summary>The device of an option; a wrong one is the user's to mend.</summary>
    public static Device DeviceOf(string text)
    {
        try
        {
            return Device.Parse(text);
        }
        catch (ArgumentException wrong)
        {
            throw new InvalidDataException(wrong.Message, wrong);
        }
    }
}
