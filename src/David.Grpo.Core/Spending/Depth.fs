namespace David.Grpo

/// How many searches a question needs.
[<RequireQualifiedAccess>]
type NeededSearches =
    /// No trajectory so far found all its evidence, or it has none.
    | Unknown
    /// At least 0.
    | Known of searches: int

/// How far trajectories are from the searches they need, for questions of one number of hops.
type DepthGap =
    {
        /// Searches that the questions need.
        Hops: int
        /// Trajectories of such questions.
        Trajectories: int
        /// Mean |searches − hops|.
        MeanAbsoluteGap: float
    }

/// As many searches as a question needs, and no more.
[<RequireQualifiedAccess>]
module Depth =

    /// The searches of a trajectory up to full evidence coverage.
    let private searchesToFullEvidence (trajectory: Trajectory) =
        match Evidence.size trajectory.Question with
        | 0 -> None
        | size -> Evidence.foundBySearch trajectory |> Array.tryFindIndex ((=) size)

    /// depth* of a question: the fewest searches after which any of its trajectories so far had found all evidence. It can
    /// only fall as more trajectories come. Our own definition. Raises ArgumentException for trajectories of several
    /// questions.
    [<CompiledName "NeededSearches">]
    let neededSearches (trajectories: Trajectory[]) : NeededSearches =
        match trajectories |> Array.map _.Question.Id |> Array.distinct with
        | [||]
        | [| _ |] -> ()
        | ids -> invalidArg (nameof trajectories) $"trajectories are of {ids.Length} questions; expected those of one."

        match trajectories |> Array.choose searchesToFullEvidence with
        | [||] -> NeededSearches.Unknown
        | depths -> NeededSearches.Known(Array.min depths)

    /// Mean |searches − hops| of pairs (hops, searches), by hops.
    let internal gaps (pairs: struct (int * int)[]) : DepthGap[] =
        pairs
        |> Array.filter (fun (struct (hops, _)) -> hops > 0)
        |> Array.groupBy (fun (struct (hops, _)) -> hops)
        |> Array.sortBy fst
        |> Array.map (fun (hops, members) ->
            {
                Hops = hops
                Trajectories = members.Length
                MeanAbsoluteGap =
                    members |> Array.map (fun (struct (_, searches)) -> float (abs (searches - hops))) |> Numerics.mean
            })
