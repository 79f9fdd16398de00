namespace David.Grpo

/// From rewards to advantages by token.
[<RequireQualifiedAccess>]
module AdvantageRules =

    /// The turn of each trained token, [trained tokens]: the number of searches that were answered before it.
    [<CompiledName "TurnsOf">]
    let turnsOf (trajectory: Trajectory) : int[] =
        [|
            for index in 0 .. trajectory.Segments.Length - 1 do
                if trajectory.Segments[index].IsTrained then
                    let turn =
                        trajectory.Searches
                        |> Array.filter (fun search -> search.SegmentsThrough <= index)
                        |> Array.length

                    yield! Array.replicate trajectory.Segments[index].Tokens.Length turn
        |]

    /// One number a trajectory, on each of its tokens: from the group's total rewards [G] to its advantages [G].
    [<CompiledName "BySequence">]
    let bySequence (name: string) (advantages: float[] -> float[]) : AdvantageRule =
        AdvantageRule.BySequence(name, advantages)

    /// One number a trajectory, on each of its tokens, from the whole group.
    let private byGroup name (advantages: Group -> float[]) : AdvantageRule =
        {
            Name = name
            Estimate = Array.map (fun group -> group.OnTokens(advantages group))
            ReadsTurns = false
        }

    let private lengths (group: Group) =
        group.Trajectories |> Array.map Trajectory.trainedTokens

    /// What a trajectory is paid at each turn, [searches + 1]: its reward's turns, or the total at the end.
    [<CompiledName "TurnRewards">]
    let turnRewards (rollout: Member) : float[] =
        if rollout.Reward.Turns.Length > 0 then
            rollout.Reward.Turns
        else
            Array.append (Array.zeroCreate rollout.Trajectory.Searches.Length) [| rollout.Reward.Total |]

    /// A group's numbers by turn, [G][searches + 1], on each of the turn's tokens.
    let private onTurns (group: Group) (numbers: float[][]) =
        Array.map2 (fun trajectory own -> turnsOf trajectory |> Array.map (Array.get own)) group.Trajectories numbers

    /// One number a turn, on each of its tokens: from what a group's members are paid, [G][searches + 1], to advantages of
    /// the same shape.
    [<CompiledName "ByTurn">]
    let byTurn (name: string) (advantages: float[][] -> float[][]) : AdvantageRule =
        {
            Name = name
            Estimate = Array.map (fun group -> group.Members |> Array.map turnRewards |> advantages |> onTurns group)
            ReadsTurns = true
        }

    /// GRPO's advantage, the reward's distance from the group's mean in deviations; see `Advantage.groupRelative`.
    [<CompiledName "GroupRelative">]
    let groupRelative (scale: Scale) : AdvantageRule =
        bySequence "group_relative" (Advantage.groupRelative scale)

    /// Tree-GRPO's: over all leaves of the question and over those of the same tree; see `GroupStructure.treeRelative`.
    [<CompiledName "TreeRelative">]
    let treeRelative (scale: Scale) : AdvantageRule =
        byGroup "tree_relative" (fun group ->
            GroupStructure.treeRelative scale (group.Members |> Array.map _.Tree) group.Rewards)

    /// What a turn's return is beside that of the other members' same turn; see `TurnCredit.sameTurn`.
    [<CompiledName "SameTurn">]
    let sameTurn (scale: Scale) : AdvantageRule =
        byTurn "same_turn" (TurnCredit.sameTurn scale 1.0)

    /// Rewards by token, [trained tokens]: a turn's is paid at its last token.
    [<CompiledName "TokenRewards">]
    let tokenRewards (rollout: Member) : float[] =
        let turns = turnsOf rollout.Trajectory
        let rewards = turnRewards rollout

        turns
        |> Array.mapi (fun token turn ->
            if token = turns.Length - 1 then
                // What is paid after the last token, whatever turn it was for.
                rewards[turn..] |> Array.sum
            elif turns[token + 1] <> turn then
                rewards[turn]
            else
                0.0)

    /// Over all rollouts of the batch, [B], one number a trained token, [B][trained tokens].
    let private byTokens name (advantages: Member[] -> float[][]) : AdvantageRule =
        {
            Name = name
            Estimate =
                fun groups ->
                    let all = groups |> Array.collect _.Members |> advantages

                    let starts =
                        groups |> Array.scan (fun start group -> start + group.Members.Length) 0

                    groups |> Array.mapi (fun index group -> Array.sub all starts[index] group.Members.Length)
            ReadsTurns = true
        }

    /// The critic's: generalised advantages by token (Schulman et al., arXiv 1506.02438), whitened over the batch as verl
    /// does; see `Returns.generalizedAdvantages`.
    [<CompiledName "GeneralizedAdvantages">]
    let generalizedAdvantages (discount: float) (lambda: float) : AdvantageRule =
        byTokens "gae" (fun rollouts ->
            rollouts
            |> Array.map (fun rollout ->
                Returns.generalizedAdvantages discount lambda 0.0 rollout.Values (tokenRewards rollout))
            |> Whitening.overTokens Whitening.VerlMasked)

    /// Over the whole batch, one number a trajectory.
    let private byBatch name (advantages: Group[] -> float[][]) : AdvantageRule =
        {
            Name = name
            Estimate =
                fun groups ->
                    Array.map2 (fun (group: Group) numbers -> group.OnTokens numbers) groups (advantages groups)
            ReadsTurns = false
        }

    /// GDPO over the reward's own terms; see `BatchAdvantage.decoupledRewards`. A trajectory without a term has 0 there.
    [<CompiledName "DecoupledRewards">]
    let decoupledRewards (scale: Scale) : AdvantageRule =
        byBatch "gdpo" (fun groups ->
            let terms =
                groups |> Array.collect _.Members |> Array.collect _.Reward.Terms |> Array.distinctBy _.Name

            let column (term: RewardTerm) : RewardColumn =
                RewardColumn.Complete(
                    term.Weight,
                    groups
                    |> Array.map (fun group ->
                        group.Members
                        |> Array.map (fun rollout ->
                            rollout.Reward.Terms
                            |> Array.filter (fun own -> own.Name = term.Name)
                            |> Array.sumBy _.Value))
                )

            if terms.Length = 0 then
                groups |> Array.map (fun group -> Array.zeroCreate group.Members.Length)
            else
                BatchAdvantage.decoupledRewards
                    Lone.Zero
                    scale
                    Whitening.VerlMasked
                    (Population.Tokens(groups |> Array.map lengths))
                    (terms |> Array.map column))

    /// The outcome on all of a trajectory, the evidence only on the turns until it was found; see `TurnCredit.untilFound`.
    /// What is paid by turn counts as evidence, what is paid at the end as the outcome.
    [<CompiledName "UntilFound">]
    let untilFound (scale: Scale) : AdvantageRule =
        {
            Name = "until_found"
            Estimate =
                Array.map (fun group ->
                    let paid = group.Members |> Array.map turnRewards

                    // The last turn finds nothing: what it is paid is the outcome.
                    let potentials =
                        paid |> Array.map (fun own -> Array.scan (+) 0.0 (Array.updateAt (own.Length - 1) 0.0 own))

                    TurnCredit.untilFound scale 1.0 (paid |> Array.map Array.last) potentials |> onTurns group)
            ReadsTurns = true
        }

    /// GiGPO with the set of passages found so far as a step's state; see `GroupStructure.groupInGroup`.
    [<CompiledName "GroupInGroup">]
    let groupInGroup (scale: Scale) : AdvantageRule =
        let anchors (rollout: Member) =
            [|
                for searches in 0 .. rollout.Trajectory.Searches.Length ->
                    Trajectory.foundAfter searches rollout.Trajectory |> Seq.map _.Value |> String.concat "\n"
            |]

        {
            Name = "gigpo"
            Estimate =
                Array.map (fun group ->
                    GroupStructure.groupInGroup
                        scale
                        1.0
                        1.0
                        (group.Members |> Array.map anchors)
                        group.Rewards
                        (group.Members |> Array.map turnRewards)
                    |> onTurns group)
            ReadsTurns = true
        }

    let private makers: (string * (Scale -> AdvantageRule))[] =
        [|
            "group_relative", groupRelative
            "dr_grpo", (fun _ -> bySequence "dr_grpo" (Advantage.groupRelative Scale.One))
            "rloo", (fun _ -> bySequence "rloo" Advantage.leaveOneOut)
            "maxrl", (fun _ -> bySequence "maxrl" Advantage.maximumLikelihood)
            "pass_at_k", (fun scale -> bySequence "pass_at_k" (Advantage.passAtK scale))
            "opo",
            (fun _ -> byGroup "opo" (fun group -> Advantage.lengthWeighted Lone.Zero (lengths group) group.Rewards))
            "reinforce_plus_plus_baseline",
            (fun _ ->
                byBatch "reinforce_plus_plus_baseline" (fun groups ->
                    BatchAdvantage.reinforcePlusPlusBaseline
                        Lone.Zero
                        Whitening.VerlMasked
                        (groups |> Array.map lengths)
                        (groups |> Array.map _.Rewards)))
            "reinforce_plus_plus",
            (fun _ ->
                byTokens "reinforce_plus_plus" (fun rollouts ->
                    (rollouts |> Array.map tokenRewards |> Returns.reinforcePlusPlus 1.0 Whitening.VerlMasked)
                        .Advantages))
            "batch_scaled",
            (fun scale -> byBatch "batch_scaled" (Array.map _.Rewards >> BatchAdvantage.batchScaled scale))
            "gpg", (fun _ -> byBatch "gpg" (Array.map _.Rewards >> BatchAdvantage.groupPolicyGradient Lone.Zero 1.0))
            "gdpo", decoupledRewards
            "stratified",
            (fun scale ->
                byGroup "stratified" (fun group ->
                    GroupStructure.stratified
                        scale
                        0.5
                        (group.Trajectories |> Array.map _.Searches.Length)
                        group.Rewards))
            "tree_relative", treeRelative
            "gigpo", groupInGroup
            "same_turn", sameTurn
            "until_found", untilFound
        |]

    /// Names of the estimators that a run can choose.
    [<CompiledName "Names">]
    let names: string[] = makers |> Array.map fst

    /// An estimator by its name. Raises ArgumentException, which lists the names, where there is none.
    [<CompiledName "Create">]
    let create (name: string) (scale: Scale) : AdvantageRule =
        match makers |> Array.tryFind (fun (own, _) -> own = name) with
        | Some(_, make) -> make scale
        | None ->
            let known = System.String.Join(", ", names)
            invalidArg (nameof name) $"There is no advantage \"{name}\"; there are {known}."
