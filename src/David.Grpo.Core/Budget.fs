namespace David.Grpo

/// What was used, in each currency that a budget can be stated in.
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

    static member (+)(a: Cost, b: Cost) =
        {
            Rollouts = a.Rollouts + b.Rollouts
            GeneratedTokens = a.GeneratedTokens + b.GeneratedTokens
            ObservedTokens = a.ObservedTokens + b.ObservedTokens
            Searches = a.Searches + b.Searches
            OptimizerSteps = a.OptimizerSteps + b.OptimizerSteps
        }

[<RequireQualifiedAccess>]
module Cost =

    [<CompiledName "Zero">]
    let zero =
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
    let ofTrajectory (keptSegments: int) (trajectory: Trajectory) : Cost =
        let own =
            { trajectory with
                Segments = Array.skip keptSegments trajectory.Segments
            }

        { zero with
            Rollouts = 1
            GeneratedTokens = int64 (Trajectory.generatedTokens own)
            ObservedTokens = int64 (Trajectory.observedTokens own)
            Searches =
                trajectory.Searches
                |> Seq.filter (fun search -> search.SegmentsThrough > keptSegments)
                |> Seq.length
                |> int64
        }

/// A run's account: how many rollouts it may spend, and what it has spent. Only `Ledger` functions change it.
type Ledger =
    private
        {
            Limit: int
            Used: Cost
        }

    /// Rollouts that the run may spend.
    member ledger.RolloutLimit = ledger.Limit
    /// What was spent so far.
    member ledger.Spent = ledger.Used
    /// Rollouts that are left.
    member ledger.RolloutsLeft = ledger.Limit - ledger.Used.Rollouts

/// Spending under a limit. Every arm of a comparison gets the same limit.
[<RequireQualifiedAccess>]
module Ledger =

    /// An account of `rollouts` rollouts, at least 0.
    [<CompiledName "Open">]
    let openFor (rollouts: int) : Ledger =
        if rollouts < 0 then
            invalidArg (nameof rollouts) $"The budget is {rollouts} rollouts; it must be at least 0."

        { Limit = rollouts; Used = Cost.zero }

    /// How many of `wanted` groups of `size` rollouts can still be paid for.
    [<CompiledName "AffordableGroups">]
    let affordableGroups (wanted: int) (size: int) (ledger: Ledger) : int =
        max 0 (min wanted (ledger.RolloutsLeft / max 1 size))

    /// The account after a cost. Spending more rollouts than are left is refused.
    [<CompiledName "Spend">]
    let spend (cost: Cost) (ledger: Ledger) : Ledger =
        if cost.Rollouts > ledger.RolloutsLeft then
            invalidOp $"{cost.Rollouts} rollouts were to be spent, {ledger.RolloutsLeft} are left."

        { ledger with
            Used = ledger.Used + cost
        }

    /// An account as it stood when it was written down.
    [<CompiledName "Restore">]
    let restore (rollouts: int) (spent: Cost) : Ledger = openFor rollouts |> spend spent
