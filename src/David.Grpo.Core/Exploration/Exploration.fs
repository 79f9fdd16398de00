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
    /// The best trajectory is already perfect, or the question has no gold passages to cut by.
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

    /// The reward from which a trajectory counts as solved.
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

    /// The expert's trajectory as a member. Its reward is 1 by definition: what the rule does not give it is a
    /// term "expert".
    [<CompiledName "Expert">]
    let expert (rule: RewardRule) (trajectory: Trajectory) : Member =
        let parts =
            match Reward.scoreOf rule trajectory with
            | RewardOutcome.Scored parts -> parts
            | RewardOutcome.Failed _ ->
                {
                    Total = Solved
                    Answer = 1.0
                    Coverage = Evidence.coverage trajectory
                    Terms = [||]
                    Turns = [||]
                }

        {
            Trajectory = trajectory
            Reward = parts.Paying("expert", Solved)
            Tree = 0
            Origin = Origin.Expert
            Values = [||]
        }

    /// The cut: how many of the trajectory's searches a continuation keeps. The earliest search after which the number
    /// of distinct gold passages has its final value; 0 where no gold passage was found. Everything later — redundant
    /// searches, wrong reasoning, a wrong answer — is dropped.
    ///     t' = min { t : |E ∩ ⋃ₛ≤ₜ Dₛ| = |E ∩ ⋃ₛ Dₛ| }
    [<CompiledName "Cut">]
    let cut (trajectory: Trajectory) : int =
        let found = Evidence.foundBySearch trajectory
        Array.findIndex ((=) (Array.last found)) found

    /// The segments that are kept when a trajectory is cut after its first `searches` searches.
    let internal keptSegments (searches: int) (trajectory: Trajectory) =
        if searches = 0 then
            1
        else
            trajectory.Searches[searches - 1].SegmentsThrough

    /// Evidence-guided continuation of a group [G]: trigger, best, worst and cut. A group whose best reward is 1 is left
    /// alone; a question without gold passages is not cut, so nothing can be continued.
    [<CompiledName "PlanContinuation">]
    let planContinuation (rewards: float[]) (group: Trajectory[]) : ContinuationPlan =
        let best = firstBest rewards

        if rewards[best] >= Solved || Evidence.size group[best].Question = 0 then
            ContinuationPlan.NotNeeded
        else
            let kept = cut group[best]
            ContinuationPlan.From(best, firstWorst rewards, keptSegments kept group[best], kept)

    /// The replacement rule: the first best of the continuations [C] takes the worst member's place if it is strictly
    /// better than the best original.
    [<CompiledName "Replacement">]
    let replacement (rewards: float[]) (candidates: float[]) : Replacement =
        if candidates.Length > 0 && Array.max candidates > Array.max rewards then
            Replacement.Replace(firstWorst rewards, firstBest candidates)
        else
            Replacement.Keep

/// A place from which more is sampled: after the first `KeptSegments` segments of a member, at least its prompt.
type Fork =
    {
        /// The position in the group of the member that is continued.
        Member: int
        /// Segments of that member that the fork begins with.
        KeptSegments: int
    }

/// How a run explores beyond the independent members of a group: where more is sampled, and what becomes of it.
type ExplorationRule =
    {
        /// In snake_case.
        Name: string
        /// Forks of a group at most.
        MaxForks: int
        /// Forks of a group, the most wanted first, none to leave it as it is; those beyond `MaxForks` are not made.
        Plan: Seed -> Group -> Fork[]
        /// Who stays, from the rewards of members [G] and forks [F]: indices into both, members first, [any].
        Select: float[] -> float[] -> int[]
    }

    /// The forks of a group, [≤ MaxForks].
    member rule.Forks(seed: Seed, group: Group) : Fork[] =
        rule.Plan seed group |> Array.truncate rule.MaxForks

    /// `Select`, for C#.
    member rule.Stay(rewards: float[], candidates: float[]) : int[] = rule.Select rewards candidates

    /// A rule of one's own.
    static member Create
        (
            name: string,
            maxForks: int,
            plan: System.Func<Seed, Group, Fork[]>,
            select: System.Func<float[], float[], int[]>
        ) : ExplorationRule =
        {
            Name = name
            MaxForks = maxForks
            Plan = fun seed group -> plan.Invoke(seed, group)
            Select = fun rewards candidates -> select.Invoke(rewards, candidates)
        }

/// Where David-GRPO's continuation starts (method of arXiv 2601.21699 and its ablations).
type CutPoint =
    /// After the best member's first search that completed its evidence (the method's).
    | EvidenceOfBest = 0
    /// After a random search of the best member, or after its prompt.
    | RandomOfBest = 1
    /// After a random search, or the prompt, of a random member.
    | RandomOfAny = 2

/// When a continuation takes the worst member's place.
type ReplacementCriterion =
    /// It is better than the best member (the method's).
    | BetterThanBest = 0
    /// It is better than the worst member.
    | BetterThanWorst = 1

/// Explorations of the compared methods.
[<RequireQualifiedAccess>]
module ExplorationRules =

    /// Independent members only.
    [<CompiledName "Independent">]
    let independent: ExplorationRule =
        {
            Name = "independent"
            MaxForks = 0
            Plan = fun _ _ -> [||]
            Select = fun rewards _ -> [| 0 .. rewards.Length - 1 |]
        }

    /// A fork after a search of `trajectory` or its prompt, all equally likely, except behind its last segment.
    let private randomFork seed index (trajectory: Trajectory) =
        let nodes =
            [|
                for searches in 0 .. trajectory.Searches.Length do
                    let kept = Exploration.keptSegments searches trajectory

                    if searches = 0 || kept < trajectory.Segments.Length then
                        kept
            |]

        {
            Member = index
            KeptSegments = nodes[Seed.below nodes.Length seed]
        }

    /// David-GRPO's continuation: `continuations` forks of a group without a solved member, and one place for the best of
    /// them. The defaults of the method are `EvidenceOfBest` and `BetterThanBest`.
    [<CompiledName "Continuation">]
    let continuation (continuations: int) (cut: CutPoint) (replacement: ReplacementCriterion) : ExplorationRule =
        if continuations < 0 then
            invalidArg (nameof continuations) $"{continuations} continuations; it must be at least 0."

        let plan seed (group: Group) =
            let trajectories = group.Trajectories

            match Exploration.planContinuation group.Rewards trajectories with
            | ContinuationPlan.NotNeeded -> [||]
            | ContinuationPlan.From(best, _, keptSegments, _) ->
                Array.init continuations (fun i ->
                    let seed = Seed.child (int64 i) seed

                    match cut with
                    | CutPoint.RandomOfBest -> randomFork seed best trajectories[best]
                    | CutPoint.RandomOfAny ->
                        let index = Seed.below trajectories.Length (Seed.named "member" seed)
                        randomFork seed index trajectories[index]
                    | _ ->
                        {
                            Member = best
                            KeptSegments = keptSegments
                        })

        let select (rewards: float[]) (candidates: float[]) =
            let members = [| 0 .. rewards.Length - 1 |]

            let replaced =
                match replacement with
                | ReplacementCriterion.BetterThanWorst ->
                    // The rule looks at the best of what it is given: here at the worst alone.
                    let worst = Array.findIndex ((=) (Array.min rewards)) rewards

                    match Exploration.replacement [| rewards[worst] |] candidates with
                    | Replacement.Replace(_, candidate) -> Replacement.Replace(worst, candidate)
                    | Replacement.Keep -> Replacement.Keep
                | _ -> Exploration.replacement rewards candidates

            match replaced with
            | Replacement.Keep -> members
            | Replacement.Replace(worst, candidate) -> Array.updateAt worst (rewards.Length + candidate) members

        {
            Name = "continuation"
            MaxForks = continuations
            Plan = plan
            Select = select
        }

    /// Tree-GRPO's round of expansion: each of the first `trees` members is the first chain of a tree; for each tree `forks` nodes are drawn
    /// with replacement, uniformly from its prompt and its non-leaf nodes (after each search), and rolled to the end. All
    /// leaves stay.
    /// Source: Tree-GRPO (arXiv 2509.21240) and its released script: 2 trees, 2 forks each, one round.
    [<CompiledName "Tree">]
    let tree (trees: int) (forks: int) : ExplorationRule =
        {
            Name = "tree"
            MaxForks = trees * forks
            Plan =
                fun seed group ->
                    [|
                        for index in 0 .. min trees group.Members.Length - 1 do
                            for fork in 0 .. forks - 1 do
                                randomFork
                                    (Seed.path [| int64 index; int64 fork |] seed)
                                    index
                                    group.Members[index].Trajectory
                    |]
            Select = fun rewards candidates -> [| 0 .. rewards.Length + candidates.Length - 1 |]
        }
