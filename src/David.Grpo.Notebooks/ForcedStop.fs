namespace David.Grpo.Notebooks

#nowarn "44" // ControlledExecution is marked as not for everyday use.

open System
open System.Runtime
open System.Runtime.InteropServices
open System.Threading

/// Code that is stopped by force, the only way to stop a loop that does not ask.
[<RequireQualifiedAccess>]
module internal ForcedStop =

    [<DllImport("libc", EntryPoint = "pthread_sigmask")>]
    extern int private maskSignals(int how, byte[] signals, nativeint before)

    // Where a loop is stopped, the runtime leaves its suspension signal blocked on that thread, and the threads that it
    // starts inherit that. .NET's threads block nothing.
    let private unblockSignals () =
        // sigset_t has 128 bytes at most; SIG_SETMASK has its own number on each system.
        let none = Array.zeroCreate<byte> 128

        if OperatingSystem.IsLinux() then
            maskSignals (2, none, 0n) |> ignore
        elif OperatingSystem.IsMacOS() then
            maskSignals (3, none, 0n) |> ignore

    /// Runs the code on this thread until it ends or is cancelled, which raises OperationCanceledException. A thread can be
    /// cancelled once: the runtime takes its first suspension for one under way, so that no later loop on it could be
    /// stopped, not even for the garbage collector. Let another thread go on.
    let run (code: unit -> unit) (cancellation: CancellationToken) : unit =
        let thread = Thread.CurrentThread

        let interruptible () =
            // What sleeps or waits has to be woken first.
            use _ = cancellation.UnsafeRegister((fun _ -> thread.Interrupt()), null)
            code ()

        try
            ControlledExecution.Run(Action interruptible, cancellation)
        finally
            if cancellation.IsCancellationRequested then
                unblockSignals ()

                // An interruption that met no wait is spent here.
                try
                    Thread.Sleep 1
                with :? ThreadInterruptedException ->
                    ()
