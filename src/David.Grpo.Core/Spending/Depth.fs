namespace David.Grpo

/// How many searches a question needs.
[<RequireQualifiedAccess>]
type NeededSearches =
    /// No trajectory so far found all its evidence, or it has none.
    | Unknown
    /// At least 0.
    | Known of searches: int

/// From optimizer step `FromStep` on, no trajectory may make more than `Cap` searches.
[<Struct>]
type DepthStage =
    {
        /// The first step of the stage.
        FromStep: int
        /// Searches at most.
        Cap: int
    }

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

    /// AdaptThink's reward: accuracy − reference accuracy of this question + δ if the cheap mode was taken (no thinking, no
    /// search, fewer hops). Maximising it makes the cheap mode likely where that costs less than δ of accuracy. `accuracy` in
    /// [0, 1]; `referenceAccuracy` the mean of the starting policy's in the dear mode, in [0, 1]; `delta` at least 0.
    /// Source: AdaptThink (arXiv 2505.13417), section 3.
    [<CompiledName "AdaptThink">]
    let adaptThink (delta: float) (referenceAccuracy: float) (isCheap: bool) (accuracy: float) : float =
        Check.notNegative (nameof delta) [| delta |]

        Check.range
            (nameof referenceAccuracy)
            "from 0 to 1"
            (referenceAccuracy >= 0.0 && referenceAccuracy <= 1.0)
            referenceAccuracy

        Check.range (nameof accuracy) "from 0 to 1" (accuracy >= 0.0 && accuracy <= 1.0) accuracy
        accuracy - referenceAccuracy + (if isCheap then delta else 0.0)

    /// The behaviour log-probability of the first token of samples whose mode was forced: log(share), whatever the old
    /// policy gave it, for a token that starts the mode which `share` of the samples, in (0, 1], were made to take. Used in
    /// the importance ratio of that token it corrects for the forcing. Source: AdaptThink, section 3.2, share 1/2.
    [<CompiledName "ForcedModeLogProb">]
    let forcedModeLogProb (share: float) : float =
        Check.range (nameof share) "above 0 and at most 1, such as 0.5" (share > 0.0 && share <= 1.0) share
        log share

    /// ScalingInter's cap on searches at an optimizer step, counted from 0: that of the last stage that has begun. The
    /// first of `stages` starts at step 0, the others later and later, and caps (at least 0) never fall.
    /// Source: AgentGym-RL (arXiv 2509.08755), ScalingInter-RL: short horizons first.
    [<CompiledName "CapAt">]
    let capAt (stages: DepthStage[]) (step: int) : int =
        Check.range (nameof step) "at least 0" (step >= 0) (float step)

        if stages.Length = 0 || stages[0].FromStep <> 0 || stages[0].Cap < 0 then
            invalidArg
                (nameof stages)
                "stages is empty, or the first does not start at step 0 with a cap of at least 0."

        if Array.pairwise stages |> Array.exists (fun (a, b) -> b.FromStep <= a.FromStep || b.Cap < a.Cap) then
            invalidArg (nameof stages) "stages do not start later and later with caps that never fall."

        (stages |> Array.findBack (fun stage -> stage.FromStep <= step)).Cap

    /// A bonus for few searches within the right members of a group, [G] and [G] → [G], to be added to their rewards:
    /// in the manner of R1-Searcher++, the right members with the fewest searches get min(η, scale · variance), the
    /// variance (divided by n) being that of the right members' searches; all others get 0. So nothing is paid where the
    /// right members agree, and never anything for a wrong answer.
    /// Source: R1-Searcher++ (arXiv 2505.17005), its group reward; the exact factor is unverified, hence `scale` and the
    /// ceiling `eta`, both at least 0.
    [<CompiledName "FewestSearchesBonus">]
    let fewestSearchesBonus (scale: float) (eta: float) (isRight: bool[]) (searches: int[]) : float[] =
        Check.notNegative (nameof scale) [| scale |]
        Check.notNegative (nameof eta) [| eta |]
        Check.length (nameof searches) isRight.Length "one for each member" searches

        match Array.zip isRight searches |> Array.filter fst |> Array.map snd with
        | [||] -> isRight |> Array.map (fun _ -> 0.0)
        | right ->
            let fewest = Array.min right
            let bonus = min eta (scale * Numerics.deviation 0 (Array.map float right) ** 2.0)
            Array.map2 (fun isRight count -> if isRight && count = fewest then bonus else 0.0) isRight searches

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

    /// Depth regret: answered searches − depth*. Above 0 is waste; below 0 the trajectory cannot have found all evidence,
    /// so read it beside the coverage: the target is 0 at coverage 1.
    [<CompiledName "DepthRegret">]
    let regret (needed: int) (trajectory: Trajectory) : int =
        Check.range (nameof needed) "at least 0" (needed >= 0) (float needed)
        trajectory.Searches.Length - needed

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

    /// Mean |answered searches − hops| by the question's hops, in rising order; questions whose hops are unknown (0) are left
    /// out.
    [<CompiledName "GapByHops">]
    let gapByHops (trajectories: Trajectory[]) : DepthGap[] =
        trajectories
        |> Array.map (fun trajectory -> struct (trajectory.Question.Hops, trajectory.Searches.Length))
        |> gaps
