namespace David.Grpo.Mutants

open System
open System.Runtime.CompilerServices

/// What the woven library asks at each place that a mutant changes. One process has one mutant on at a time.
[<AbstractClass; Sealed>]
type Switch =

    /// The mutant that is on; 0 is none.
    [<DefaultValue>]
    static val mutable private active: int

    /// By mutant, whether its place was reached since the array was set.
    [<DefaultValue>]
    static val mutable private reached: bool[]

    /// Ends a test that goes on for too long at the next place that it reaches.
    [<DefaultValue>]
    static val mutable private isStopped: bool

    static member Active
        with get () = Switch.active
        and set (mutant: int) = Switch.active <- mutant

    static member Reached
        with get () = Switch.reached
        and set (places: bool[]) = Switch.reached <- places

    static member IsStopped
        with get () = Switch.isStopped
        and set (isStopped: bool) = Switch.isStopped <- isStopped

    // Never inlined, so that a loop without end reads the fields again.
    [<MethodImpl(MethodImplOptions.NoInlining)>]
    static member IsOn(mutant: int) : bool =
        if Switch.isStopped then
            raise (TimeoutException "The test took too long.")

        Switch.reached[mutant] <- true
        mutant = Switch.active
