namespace David.Grpo

/// What was used, in each currency that a budget can be stated in.
/// What things cost.
type Cost =
    {
        /// Trajectories sampled; a continuation counts as one.
        Rollouts: int
        /// Tokens that the policy sampled.
        GeneratedTokens: int64
        /// Tokens that the environment wrote.
        ObservedTokens: int64
        /// Answered searches.
        Searches: int64
        /// Optimizer steps.
        OptimizerSteps: int
    }

    /// Both together, currency by currency.
    static member (+)(a: Cost, b: Cost) =
        {
            Rollouts = a.Rollouts + b.Rollouts
            GeneratedTokens = a.GeneratedTokens + b.GeneratedTokens
            ObservedTokens = a.ObservedTokens + b.ObservedTokens
            Searches = a.Searches + b.Searches
            OptimizerSteps = a.OptimizerSteps + b.OptimizerSteps
        }

    /// Nothing was used.
    static member Zero =
        {
            Rollouts = 0
            GeneratedTokens = 0L
            ObservedTokens = 0L
            Searches = 0L
            OptimizerSteps = 0
        }

    /// What a trajectory cost: one rollout and its tokens and searches. `keptSegments` segments at its beginning were
    /// taken over from another trajectory and cost nothing again.
    [<CompiledName "OfTrajectory">]
    static member ofTrajectory (keptSegments: int) (trajectory: Trajectory) : Cost =
        let own =
            { trajectory with
                Segments = Array.skip keptSegments trajectory.Segments
            }

        { Cost.Zero with
            Rollouts = 1
            GeneratedTokens = int64 (Trajectory.generatedTokens own)
            ObservedTokens = int64 (Trajectory.observedTokens own)
            Searches =
                trajectory.Searches
                |> Seq.filter (fun search -> search.SegmentsThrough > keptSegments)
                |> Seq.length
                |> int64
        }

/// What a run may spend of each currency; a run ends when the first of them is spent.
type Limits =
    {
        /// At least 0.
        Rollouts: int
        /// Tokens that the policy samples, at least 0.
        GeneratedTokens: int64
        /// Answered searches, at least 0.
        Searches: int64
        /// Seconds of sampling and learning, evaluations left out, at least 0. Unlike the others this one is checked
        /// between steps: the last step may pass it.
        Seconds: float
    }

    /// No bound on anything.
    static member Unlimited: Limits =
        {
            Rollouts = System.Int32.MaxValue
            GeneratedTokens = System.Int64.MaxValue
            Searches = System.Int64.MaxValue
            Seconds = System.Double.PositiveInfinity
        }

    /// No bound but on rollouts.
    static member OfRollouts(rollouts: int) : Limits =
        { Limits.Unlimited with
            Rollouts = rollouts
        }

/// A run's account: what it may spend, and what it has spent. Only `Ledger` functions change it.
/// Spending under limits. Every arm of a comparison gets the same.
type Ledger =
    private
        {
            Bounds: Limits
            Used: Cost
            UsedSeconds: float
        }

    /// What the run may spend.
    member ledger.Limits = ledger.Bounds
    /// What was spent so far.
    member ledger.Spent = ledger.Used
    /// Seconds of work so far.
    member ledger.Seconds = ledger.UsedSeconds
    /// Rollouts that are left.
    member ledger.RolloutsLeft = ledger.Bounds.Rollouts - ledger.Used.Rollouts

    /// Tokens that the policy may still sample.
    member ledger.GeneratedTokensLeft =
        ledger.Bounds.GeneratedTokens - ledger.Used.GeneratedTokens

    /// Searches that may still be answered.
    member ledger.SearchesLeft = ledger.Bounds.Searches - ledger.Used.Searches

    /// An account with nothing spent.
    [<CompiledName "Open">]
    static member openFor(limits: Limits) : Ledger =
        let atLeastZero name (value: float) =
            Check.range name "at least 0" (value >= 0.0) value

        atLeastZero "Rollouts" (float limits.Rollouts)
        atLeastZero "GeneratedTokens" (float limits.GeneratedTokens)
        atLeastZero "Searches" (float limits.Searches)
        atLeastZero "Seconds" limits.Seconds

        {
            Bounds = limits
            Used = Cost.Zero
            UsedSeconds = 0.0
        }

    /// Whether some currency is spent.
    [<CompiledName "IsSpent">]
    static member isSpent(ledger: Ledger) : bool =
        ledger.RolloutsLeft <= 0
        || ledger.GeneratedTokensLeft <= 0L
        || ledger.SearchesLeft <= 0L
        || ledger.Seconds >= ledger.Bounds.Seconds

    /// How many of `wanted` groups of `size` rollouts can still be paid for. Rollouts are counted exactly; tokens, searches
    /// and seconds are forecast from what a rollout took so far, and until one was made there is enough of them.
    [<CompiledName "AffordableGroups">]
    static member affordableGroups (wanted: int) (size: int) (ledger: Ledger) : int =
        let made = ledger.Used.Rollouts

        let forecast (left: float) (used: float) =
            if made = 0 || used = 0.0 then
                System.Double.PositiveInfinity
            else
                left / (used / float made)

        let rollouts =
            [|
                float ledger.RolloutsLeft
                forecast (float ledger.GeneratedTokensLeft) (float ledger.Used.GeneratedTokens)
                forecast (float ledger.SearchesLeft) (float ledger.Used.Searches)
                forecast (ledger.Bounds.Seconds - ledger.Seconds) ledger.Seconds
            |]
            |> Array.min

        if Ledger.isSpent ledger then
            0
        else
            int (min (float wanted) (rollouts / float (max 1 size)))

    /// The account after a cost. Spending more than is left is refused: the host is told beforehand what is left.
    [<CompiledName "Spend">]
    static member spend (cost: Cost) (ledger: Ledger) : Ledger =
        let refuse what (wanted: int64) (left: int64) =
            if wanted > left then
                invalidOp $"{wanted} {what} were to be spent, {left} are left."

        refuse "rollouts" (int64 cost.Rollouts) (int64 ledger.RolloutsLeft)
        refuse "generated tokens" cost.GeneratedTokens ledger.GeneratedTokensLeft
        refuse "searches" cost.Searches ledger.SearchesLeft

        { ledger with
            Used = ledger.Used + cost
        }

    /// The account after `seconds` of work, at least 0.
    [<CompiledName "Work">]
    static member work (seconds: float) (ledger: Ledger) : Ledger =
        { ledger with
            UsedSeconds = ledger.UsedSeconds + seconds
        }

    /// An account as it stood when it was written down.
    [<CompiledName "Restore">]
    static member restore (limits: Limits) (spent: Cost) (seconds: float) : Ledger =
        Ledger.openFor limits |> Ledger.spend spent |> Ledger.work seconds
