namespace David.Grpo

/// Credit by turn for a group of one question. A potential Φₜ says how much a trajectory has after turn t, such as the share
/// of its evidence that its searches have found; its potentials are [turns + 1], the first before any turn. Numbers by turn
/// are [G][turns], members with as many turns as they took. All numbers must be finite; ArgumentException otherwise.
[<RequireQualifiedAccess>]
module TurnCredit =

    let private checkPotentials (potentials: float[]) =
        if potentials.Length = 0 then
            invalidArg (nameof potentials) "No potentials; expected that before the first turn, then one for each turn."

        Check.finite (nameof potentials) "Drop the trajectory it belongs to, and count it." potentials

    /// What each turn added, [turns + 1] → [turns]:  Φₜ − Φₜ₋₁. Adds up to the last potential less the first.
    /// Paid instead of the last potential at the end it changes no trajectory's total, only when the credit comes. As an
    /// addition to a reward it leaves the best policy alone only where the last potential is the same for all.
    /// Source: potential-based shaping (Ng, Harada and Russell, ICML 1999) with γ = 1.
    [<CompiledName "Gains">]
    let gains (potentials: float[]) : float[] =
        checkPotentials potentials

        potentials |> Array.pairwise |> Array.map (fun (before, after) -> after - before)

    /// The discounted return of each turn, compared with the group's at the same turn, [G][turns] → the same shape:
    ///     Âᵢₜ = (Gᵢₜ − mean Gₜ) / scale(Gₜ),   Gᵢₜ = Σₛ≥ₜ γˢ⁻ᵗ rᵢₛ,   over the members that have a turn t.
    /// `discount` γ is in [0, 1]; `rewards` are what was paid at each turn. One turn each gives the group-relative advantage.
    /// A turn that only one member reached has nobody to compare with and gets 0; a constant added to everybody's reward
    /// of one turn changes nothing where all have that turn. Late turns are compared among those alone who came so far.
    /// Source: our own; with γ = 1 and Scale.One the per-turn baseline of multi-turn REINFORCE.
    [<CompiledName "SameTurn">]
    let sameTurn (scale: Scale) (discount: float) (rewards: float[][]) : float[][] =
        let returns = rewards |> Array.map (Returns.toGo discount)

        let atTurn turn =
            let members =
                [| 0 .. returns.Length - 1 |] |> Array.filter (fun index -> returns[index].Length > turn)

            members
            |> Array.map (fun index -> returns[index][turn])
            |> Advantage.groupRelative scale
            |> Array.zip members
            |> dict

        let turns = returns |> Array.fold (fun most own -> max most own.Length) 0
        let byTurn = Array.init turns atTurn

        returns |> Array.mapi (fun index own -> Array.init own.Length (fun turn -> byTurn[turn][index]))

    /// The outcome's advantage on every turn, that of the evidence only on turns which led to it, → [G][turns]:
    ///     Âᵢₜ = Âᵒᵢ + ω Âᵉᵢ · [t ≤ τᵢ],
    /// Âᵒ group-relative of `outcomes` [G], Âᵉ of the final less the first potential, τᵢ the last turn that raised i's
    /// potential. A trajectory whose potential never rose bears its Âᵉ on all turns: none of them found anything.
    /// `weight` ω is finite; `potentials` [G][turns + 1]. With one turn each it is the sum of two group-relative
    /// advantages; equal outcomes and equal gains give zeros.
    /// Source: our own; the aim is StepSearch's (arXiv 2505.15107), which pays information gain by step.
    [<CompiledName "UntilFound">]
    let untilFound (scale: Scale) (weight: float) (outcomes: float[]) (potentials: float[][]) : float[][] =
        Check.range (nameof weight) "a finite number" (System.Double.IsFinite weight) weight
        Check.length (nameof potentials) outcomes.Length "one for each member" potentials
        let gained = potentials |> Array.map gains
        let outcome = Advantage.groupRelative scale outcomes

        let evidence =
            potentials |> Array.map (fun own -> Array.last own - own[0]) |> Advantage.groupRelative scale

        gained
        |> Array.mapi (fun index own ->
            let lastFound =
                match Array.tryFindIndexBack (fun gain -> gain > 0.0) own with
                | Some turn -> turn
                | None -> own.Length - 1

            Array.init own.Length (fun turn ->
                if turn <= lastFound then
                    outcome[index] + weight * evidence[index]
                else
                    outcome[index]))
