namespace David.Grpo

/// A source of random numbers that is a value: a 64-bit key. The same key always gives the same numbers, and a key
/// split by a path gives a stream that depends on that path alone, never on what was drawn before.
/// Counter-based random numbers. Mixing function: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, figure 19).
[<Struct>]
type Seed =
    {
        /// What all numbers of the seed are made of.
        Key: uint64
    }

    static member private mix(value: uint64) =
        let z = value + 0x9E3779B97F4A7C15UL
        let z = (z ^^^ (z >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        z ^^^ (z >>> 31)

    /// The seed of a run, from the number that a user gives.
    [<CompiledName "OfInt64">]
    static member ofInt64(number: int64) : Seed = { Key = Seed.mix (uint64 number) }

    /// The seed of child number `index`. Children of one seed are independent of each other and of their parent.
    [<CompiledName "Child">]
    static member child (index: int64) (seed: Seed) : Seed =
        {
            Key = Seed.mix (seed.Key + Seed.mix (uint64 index))
        }

    /// The seed at the end of a path: `path [| a; b |]` is `child b (child a seed)`.
    [<CompiledName "Path">]
    static member path (indices: int64[]) (seed: Seed) : Seed =
        Array.fold (fun key index -> Seed.child index key) seed indices

    /// A named branch (FNV-1a of the UTF-8 bytes), so that `evaluation` and `rollout` never share a stream.
    [<CompiledName "Named">]
    static member named (name: string) (seed: Seed) : Seed =
        let hash =
            System.Text.Encoding.UTF8.GetBytes name
            |> Array.fold (fun h b -> (h ^^^ uint64 b) * 0x100000001B3UL) 0xCBF29CE484222325UL

        Seed.child (int64 hash) seed

    /// The one uniform number of this seed, in [0, 1), with 53 random bits.
    [<CompiledName "Uniform">]
    static member uniform(seed: Seed) : float =
        float (Seed.mix seed.Key >>> 11) * (1.0 / 9007199254740992.0)

    /// The one whole number of this seed, in [0, bound). `bound` must be above 0. The bias is below bound / 2⁵³.
    [<CompiledName "Below">]
    static member below (bound: int) (seed: Seed) : int =
        if bound < 1 then
            invalidArg (nameof bound) $"The bound is {bound}; it must be at least 1."

        int (Seed.uniform seed * float bound)

    /// A permutation of 0 … count − 1 (Fisher and Yates).
    [<CompiledName "Permutation">]
    static member permutation (count: int) (seed: Seed) : int[] =
        let order = Array.init count id

        for i in count - 1 .. -1 .. 1 do
            let j = Seed.below (i + 1) (Seed.child (int64 i) seed)
            let kept = order[i]
            order[i] <- order[j]
            order[j] <- kept

        order
