namespace David.Grpo

/// Advantages of a group that has a structure inside: trees, strata, shared states. Rewards must be finite; ArgumentException
/// otherwise. Scales are those of `Advantage.groupRelative`; whoever has nobody to compare with gets 0.
[<RequireQualifiedAccess>]
module GroupStructure =

    /// Group-relative among those with the same key.
    let private within (scale: Scale) (keys: 'key[]) (rewards: float[]) : float[] =
        let advantages = Array.zeroCreate rewards.Length

        for _, members in Array.indexed keys |> Array.groupBy snd do
            let members = Array.map fst members

            members
            |> Array.map (fun index -> rewards[index])
            |> Advantage.groupRelative scale
            |> Array.iter2 (fun index advantage -> advantages[index] <- advantage) members

        advantages

    /// Leaves compared with all leaves and with those of their own tree, [G] → [G]:
    ///     Âᵢ = z(r over all leaves of the question)ᵢ + z(r over the leaves of i's tree)ᵢ.
    /// `trees` [G] says which tree a leaf belongs to. One tree gives twice the group-relative advantage; trees of one leaf
    /// give it once; equal rewards give zeros.
    /// Source: Tree-GRPO (arXiv 2509.21240), its release with SampleDeviation 1e-6. Its variant `tree_2norm` takes z inside
    /// each tree of what z made of all leaves; since a z-score undoes shifts and scales, only the second remains of it,
    /// which is why it is not here. The only leaf of a tree gets 0 from its tree, and not its raw reward (verl's rule).
    [<CompiledName "TreeRelative">]
    let treeRelative (scale: Scale) (trees: int[]) (rewards: float[]) : float[] =
        Check.length (nameof trees) rewards.Length "the tree of each leaf" trees
        Array.map2 (+) (Advantage.groupRelative scale rewards) (within scale trees rewards)

    /// Members compared with their like, blended with the comparison with all, [G] → [G]:
    ///     Âᵢ = α z(r over i's stratum)ᵢ + (1 − α) z(r over the group)ᵢ.
    /// `strata` [G] name trajectories of equal structure, such as the number of searches; `alpha` is in [0, 1]. One stratum,
    /// or α = 0, gives the group-relative advantage. A stratum of one gets (1 − α) of its advantage in the group.
    /// Source: Stratified GRPO (arXiv 2510.06214).
    [<CompiledName "Stratified">]
    let stratified (scale: Scale) (alpha: float) (strata: int[]) (rewards: float[]) : float[] =
        Check.range (nameof alpha) "from 0 to 1" (alpha >= 0.0 && alpha <= 1.0) alpha
        Check.length (nameof strata) rewards.Length "the stratum of each member" strata

        Array.map2
            (fun own all -> alpha * own + (1.0 - alpha) * all)
            (within scale strata rewards)
            (Advantage.groupRelative scale rewards)

    /// Steps compared with the steps of the group that were taken from the same state, [G][T_g] → the same shape:
    ///     Âᵢₜ = z over {returns of steps (j, s) with anchor (j, s) = anchor (i, t)}.
    /// `anchors` [G][T_g] are keys of the states before the steps, compared as strings; `returns` [G][T_g] what followed
    /// from the step on. A state that nobody visited twice gives 0. A member's own second visit counts as another step.
    /// Source: GiGPO (arXiv 2505.10978); its similar states need keys that make them equal.
    [<CompiledName "AnchorRelative">]
    let anchorRelative (scale: Scale) (anchors: string[][]) (returns: float[][]) : float[][] =
        Check.length (nameof anchors) returns.Length "one for each member" anchors

        for index in 0 .. returns.Length - 1 do
            Check.length $"{nameof anchors}[{index}]" returns[index].Length "the state before each step" anchors[index]

        let flat = within scale (Array.concat anchors) (Array.concat returns)
        let starts = returns |> Array.scan (fun start steps -> start + steps.Length) 0
        returns |> Array.mapi (fun index steps -> Array.sub flat starts[index] steps.Length)

    /// GiGPO's two levels, [G][T_g] → the same shape:  Âᵢₜ = z(outcomes)ᵢ + ω Âˢᵢₜ,
    /// with Âˢ the anchor-relative advantage of the discounted returns of `stepRewards`. `weight` ω is finite (1 in the
    /// paper), `discount` in [0, 1] (0.95 there), `outcomes` [G] the rewards of whole trajectories, `anchors` and
    /// `stepRewards` [G][T_g]; the paper's step rewards have the outcome on the last step. Equal outcomes and step rewards
    /// in episodes of equal length give zeros where equal anchors stand at equal steps.
    /// Source: GiGPO (arXiv 2505.10978).
    [<CompiledName "GroupInGroup">]
    let groupInGroup
        (scale: Scale)
        (weight: float)
        (discount: float)
        (anchors: string[][])
        (outcomes: float[])
        (stepRewards: float[][])
        : float[][] =
        Check.range (nameof weight) "a finite number" (System.Double.IsFinite weight) weight
        Check.length (nameof stepRewards) outcomes.Length "one for each member" stepRewards

        stepRewards
        |> Array.map (Returns.toGo discount)
        |> anchorRelative scale anchors
        |> Array.map2
            (fun episode -> Array.map (fun step -> episode + weight * step))
            (Advantage.groupRelative scale outcomes)
