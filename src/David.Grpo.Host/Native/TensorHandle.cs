using System.Runtime.InteropServices;

namespace David.Grpo.Native;

/// <summary>Owns one native tensor; freed once, also if nobody disposes it.</summary>
internal sealed class TensorHandle() : SafeHandle(0, ownsHandle: true)
{
    public TensorHandle(nint tensor)
        : this() => SetHandle(tensor);

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => NativeMethods.Free(handle) == 0;
}
