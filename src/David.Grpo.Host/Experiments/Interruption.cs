using System.Runtime.InteropServices;

namespace David.Grpo.Experiments;

/// <summary>
/// Turns the first Ctrl-C (or SIGTERM) into a cancellation, so that runs end at their next safe point with a checkpoint; the
/// second one ends the program at once.
/// </summary>
public sealed class Interruption : IDisposable
{
    private readonly CancellationTokenSource _source;
    private readonly PosixSignalRegistration[] _signals;

    private readonly Action? _onFirst;

    /// <param name="token">Cancels as well.</param>
    /// <param name="onFirst">Told of the first signal, on the signal's thread.</param>
    public Interruption(CancellationToken token = default, Action? onFirst = null)
    {
        _onFirst = onFirst;
        _source = CancellationTokenSource.CreateLinkedTokenSource(token);
        _signals =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel),
        ];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in _signals)
            signal.Dispose();
        _source.Dispose();
    }

    private void Cancel(PosixSignalContext context)
    {
        if (_source.IsCancellationRequested)
            return;
        context.Cancel = true;
        _source.Cancel();
        _onFirst?.Invoke();
    }
}
