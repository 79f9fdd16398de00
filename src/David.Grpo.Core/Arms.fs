namespace David.Grpo

/// What the arms of a run have in common, and what their ablations change.
type ArmSettings =
    {
        /// The task's reward by the weight λ of evidence coverage; λ = 0 is its outcome reward.
        RewardOf: float -> RewardRule
        /// λ of the arms that reward coverage, in [0, 1].
        Lambda: float
        /// Independent members of a group, of the arms whose method does not fix them.
        GroupSize: int
        /// Continuations of David-GRPO.
        Continuations: int
        Cut: CutPoint
        Replacement: ReplacementRule
        Scale: Scale
        Clip: Clip
        Aggregation: Aggregation
    }

/// The compared methods.
[<RequireQualifiedAccess>]
module Arms =

    let private surrogate (settings: ArmSettings) : ObjectiveRule =
        {
            Name = "clipped_surrogate"
            Aggregation = settings.Aggregation
            Loss = Objective.clippedSurrogate settings.Clip
        }

    /// GRPO on the answer alone.
    let private grpo settings =
        {
            Name = "grpo"
            Title = "GRPO"
            Source = "DeepSeekMath (arXiv 2402.03300); verl's GRPO"
            Deviations = [||]
            Reward = settings.RewardOf 0.0
            Exploration = ExplorationRules.independent
            Advantage = AdvantageRules.groupRelative settings.Scale
            Objective = surrogate settings
            WarmUp = WarmUp.None
            HasCritic = false
            TrainsKeptPrefix = true
            GroupSize = settings.GroupSize
        }

    let private grpoCoverage settings =
        { grpo settings with
            Name = "grpo_coverage"
            Title = "GRPO + coverage"
            Source = "David-GRPO (arXiv 2601.21699) without bootstrapping and continuation"
            Reward = settings.RewardOf settings.Lambda
        }

    let private david settings =
        { grpoCoverage settings with
            Name = "david"
            Title = "David-GRPO"
            Source = "David-GRPO (arXiv 2601.21699) and the authors' code of September 2026"
            Deviations =
                [|
                    "A continuation may use all searches that are left; the authors' loses one."
                    "A cut keeps the whole observation; the authors cut at the first empty line behind it."
                |]
            Exploration = ExplorationRules.continuation settings.Continuations settings.Cut settings.Replacement
            WarmUp = WarmUp.Bootstrapping
        }

    let private ablation name title change settings =
        { change settings with
            Name = name
            Title = title
        }

    let private withoutContinuation settings =
        { david settings with
            Exploration = ExplorationRules.independent
        }

    let private makers: (string * (ArmSettings -> Arm))[] =
        [|
            "grpo", grpo
            "grpo_coverage", grpoCoverage
            "david", david
            "david_no_bootstrap",
            ablation "david_no_bootstrap" "David − bootstrapping" (fun settings ->
                { david settings with
                    WarmUp = WarmUp.None
                })
            "david_sft",
            ablation "david_sft" "David, SFT for bootstrapping" (fun settings ->
                { david settings with
                    WarmUp = WarmUp.Imitation
                })
            "david_no_coverage",
            ablation "david_no_coverage" "David − coverage" (fun settings ->
                { david settings with
                    Reward = settings.RewardOf 0.0
                })
            "david_turn_credit",
            ablation "david_turn_credit" "David, coverage by turn" (fun settings ->
                { david settings with
                    Reward = settings.RewardOf settings.Lambda |> Reward.creditTurns settings.Lambda
                })
            "david_no_continuation", ablation "david_no_continuation" "David − continuation" withoutContinuation
            "david_masked_prefix",
            ablation "david_masked_prefix" "David, kept prefix masked" (fun settings ->
                { david settings with
                    TrainsKeptPrefix = false
                })
            "sft_grpo",
            ablation "sft_grpo" "SFT, then GRPO" (fun settings ->
                { grpo settings with
                    Source = "supervised steps on the expert's trajectories, then GRPO"
                    WarmUp = WarmUp.Imitation
                })
        |]

    /// Names of the arms, in the order of tables.
    [<CompiledName "Names">]
    let names: string[] = makers |> Array.map fst

    /// An arm by its name. Raises ArgumentException, which lists the names, where there is none.
    [<CompiledName "Create">]
    let create (name: string) (settings: ArmSettings) : Arm =
        match makers |> Array.tryFind (fun (own, _) -> own = name) with
        | Some(_, make) -> make settings
        | None ->
            let known = System.String.Join(", ", names)
            invalidArg (nameof name) $"There is no arm \"{name}\"; arms are {known}."
