namespace David.Grpo

/// Where the expert's trajectory goes in a group.
[<RequireQualifiedAccess>]
type ExpertPlacement =
    /// Some rollout is already as good as the expert.
    | NotNeeded
    /// It takes the place of this member.
    | At of memberIndex: int

/// What evidence-guided continuation does with a group.
[<RequireQualifiedAccess>]
type ContinuationPlan =
    /// The best trajectory is already perfect, or no search budget or segment is left to continue from.
    | NotNeeded
    /// Continue `best` after its first `keptSegments` segments, which hold `keptSearches` searches; if a continuation is
    /// better than `best`, it takes the place of `worst`.
    | From of best: int * worst: int * keptSegments: int * keptSearches: int

/// What becomes of the continuations of a group.
[<RequireQualifiedAccess>]
type Replacement =
    /// None is better than the best original: the group stays.
    | Keep
    /// Continuation `candidate` takes the place of member `worst`.
    | Replace of worst: int * candidate: int

/// How David-GRPO makes the most of a small group. Source: arXiv 2601.21699, figure 2 (a) and (c), and the authors'
/// trainer of September 2026 where the figure is silent.
[<RequireQualifiedAccess>]
module Exploration =

    /// The reward that counts as solved.
    [<Literal>]
    let Solved = 1.0

    /// First index of the largest, and of the smallest number.
    let private firstBest (rewards: float[]) =
        Array.findIndex ((=) (Array.max rewards)) rewards

    let private firstWorst (rewards: float[]) =
        Array.findIndex ((=) (Array.min rewards)) rewards

    /// Expert bootstrapping: the expert overwrites the lowest-scoring rollout (the first on ties), unless the best one
    /// already has reward 1. Its own reward is then 1 by definition. `rewards` [G], at least one.
    [<CompiledName "PlaceExpert">]
    let placeExpert (rewards: float[]) : ExpertPlacement =
        if Array.max rewards >= Solved then
            ExpertPlacement.NotNeeded
        else
            ExpertPlacement.At(firstWorst rewards)

    /// The cut: how many of the trajectory's searches a continuation keeps. The earliest search after which the number
    /// of distinct gold passages has its final value; 0 where no gold passage was found. Everything later — redundant
    /// searches, wrong reasoning, a wrong answer — is dropped.
    ///     t' = min { t : |E ∩ ⋃ₛ≤ₜ Dₛ| = |E ∩ ⋃ₛ Dₛ| }
    [<CompiledName "Cut">]
    let cut (trajectory: Trajectory) : int =
        let found = Evidence.foundBySearch trajectory
        Array.findIndex ((=) (Array.last found)) found

    /// Evidence-guided continuation of a group [G]: trigger, best, worst and cut. A group whose best reward is 1 is left
    /// alone; a question without gold passages is not cut, so nothing can be continued.
    [<CompiledName "PlanContinuation">]
    let planContinuation (rewards: float[]) (group: Trajectory[]) : ContinuationPlan =
        let best = firstBest rewards

        if rewards[best] >= Solved || Evidence.size group[best].Question = 0 then
            ContinuationPlan.NotNeeded
        else
            let kept = cut group[best]

            let segments =
                if kept = 0 then
                    1
                else
                    group[best].Searches[kept - 1].SegmentsThrough

            ContinuationPlan.From(best, firstWorst rewards, segments, kept)

    /// The replacement rule: the first best of the continuations [C] takes the worst member's place if it is strictly
    /// better than the best original.
    [<CompiledName "Replacement">]
    let replacement (rewards: float[]) (candidates: float[]) : Replacement =
        if candidates.Length > 0 && Array.max candidates > Array.max rewards then
            Replacement.Replace(firstWorst rewards, firstBest candidates)
        else
            Replacement.Keep
