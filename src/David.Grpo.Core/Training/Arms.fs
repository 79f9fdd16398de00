namespace David.Grpo

/// What a task gives the arms to reward by.
type TaskRewards =
    {
        /// The task's own reward by the weight λ of evidence coverage; λ = 0 is its outcome reward.
        RewardOf: float -> RewardRule
        /// How its trajectories are written.
        Protocol: TranscriptProtocol
        /// The text of a passage of its corpus; null where it is not known.
        TextOf: System.Func<PassageId, string | null>
    }

    /// The embedded world, or any task in its protocol.
    static member OfTags(textOf: System.Func<PassageId, string | null>) : TaskRewards =
        {
            RewardOf = Reward.gated
            Protocol = TranscriptProtocol.Tag
            TextOf = textOf
        }

    /// Questions in words, in the authors' protocol.
    static member OfText(textOf: System.Func<PassageId, string | null>) : TaskRewards =
        {
            RewardOf = Reward.authors
            Protocol = TranscriptProtocol.Text
            TextOf = textOf
        }

/// What the arms of a run have in common, and what their ablations change.
type ArmSettings =
    {
        /// What the task gives to reward by.
        Task: TaskRewards
        /// λ of the arms that reward coverage, in [0, 1].
        Lambda: float
        /// Independent members of a group, of the arms whose method does not fix them.
        GroupSize: int
        /// Continuations of David-GRPO.
        Continuations: int
        /// Where a continuation starts.
        Cut: CutPoint
        /// When a continuation takes the worst member's place.
        Replacement: ReplacementCriterion
        /// What centred rewards are divided by.
        Scale: Scale
        /// Of the surrogate.
        Clip: Clip
        /// How token losses become one number.
        Aggregation: Aggregation
        /// What spending costs in the reward.
        Spending: SpendingRule
        /// Which questions rollouts go to.
        Allocation: AllocationRule
    }

/// The compared methods.
[<RequireQualifiedAccess>]
module Arms =

    let private surrogate (settings: ArmSettings) =
        ObjectiveRules.create "clipped_surrogate" settings.Clip settings.Aggregation

    /// The task's reward; its name says what the arms differ in.
    let private rewardOf lambda (settings: ArmSettings) =
        let rule = settings.Task.RewardOf lambda

        { rule with
            Name =
                if lambda = 0.0 then
                    $"{rule.Name}, answer alone"
                else
                    System.FormattableString.Invariant $"{rule.Name}, λ {lambda}"
        }

    /// GRPO on the answer alone.
    let private grpo settings =
        {
            Name = "grpo"
            Title = "GRPO"
            Source = "DeepSeekMath (arXiv 2402.03300); verl's GRPO"
            Deviations = [||]
            Reward = rewardOf 0.0 settings
            Exploration = ExplorationRules.independent
            Advantage = AdvantageRules.groupRelative settings.Scale
            Objective = surrogate settings
            Spending = settings.Spending
            Allocation = settings.Allocation
            WarmUp = WarmUp.None
            HasCritic = false
            HasMain = true
            TrainsKeptPrefix = true
            GroupSize = settings.GroupSize
        }

    let private grpoCoverage settings =
        { grpo settings with
            Name = "grpo_coverage"
            Title = "GRPO + coverage"
            Source = "David-GRPO (arXiv 2601.21699) without bootstrapping and continuation"
            Reward = rewardOf settings.Lambda settings
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
                    "Bootstrapping allows as many searches as the main phase; the authors' allows 5."
                    "A continuation's first turn is as long as any later turn (1,024 tokens by default); the authors give it the first turn's 2,048."
                    "Both phases take the objective's masked mean; the authors' bootstrapping loss averages without the mask."
                    "Minibatches never split a group; the authors' may."
                |]
            Exploration = ExplorationRules.continuation settings.Continuations settings.Cut settings.Replacement
            WarmUp = WarmUp.Bootstrapping
        }

    /// Of the methods that sum over the tokens of a batch.
    let private tokenMean (clip: Clip) =
        ObjectiveRules.create "clipped_surrogate" clip Aggregation.TokenMean

    let private searchR1 settings =
        { grpo settings with
            Name = "search_r1"
            Title = "Search-R1 v0.3"
            Source = "Search-R1 (arXiv 2503.09516), code of v0.3 with the retrieval reward of its comment, 0.1"
            Deviations =
                [|
                    "Groups, steps and learning rate are the comparison's."
                    "Format is judged from the segments of an episode; see SearchR1.reward."
                |]
            Reward = SearchR1.reward SearchR1.withRetrieval settings.Task.Protocol
            Objective = tokenMean settings.Clip
        }

    let private treeGrpo settings =
        { searchR1 settings with
            Name = "tree_grpo"
            Title = "Tree-GRPO"
            Source = "Tree-GRPO (arXiv 2509.21240) and its released script: 2 trees, 2 forks each, 3 leaves a tree"
            Reward = SearchR1.reward SearchR1.withoutRetrieval settings.Task.Protocol
            Exploration = ExplorationRules.tree 2 2
            Advantage = AdvantageRules.treeRelative settings.Scale
            Objective =
                tokenMean
                    { settings.Clip with
                        Dual = DualClip.At 3.0
                    }
            GroupSize = 2
        }

    let private stepSearch settings =
        { searchR1 settings with
            Name = "step_search"
            Title = "StepSearch"
            Source =
                "StepSearch (arXiv 2505.15107) and its released code, whose step rewards are scaled by 1.6 in effect"
            Deviations =
                [|
                    "Groups, steps and learning rate are the comparison's."
                    "The key term is left out: the questions have no sub-queries. See StepSearch.reward."
                    "The critic begins at 0; the released one has a head at random."
                |]
            Reward = StepSearch.reward StepSearch.releasedScale settings.Task.TextOf
            Advantage = AdvantageRules.generalizedAdvantages 1.0 1.0
            HasCritic = true
            GroupSize = 1
        }

    let private autoCoA settings =
        { grpo settings with
            Name = "autocoa"
            Title = "AutoCoA's reward"
            Source = "GRPO with the reward of AutoCoA (arXiv 2503.06580), as released"
            Deviations =
                [|
                    "No supervised stages before, no self-simulated search: the reward alone is AutoCoA's."
                |]
            Reward = AutoCoA.reward
        }

    let private sftGrpo settings =
        { grpo settings with
            Name = "sft_grpo"
            Title = "SFT, then GRPO"
            Source = "supervised steps on the expert's trajectories, then GRPO"
            Deviations =
                [|
                    "The likelihood is taken at the sampling temperature, as the policy's is in the main phase; supervised training commonly takes it at 1."
                |]
            WarmUp = WarmUp.Imitation
        }

    let private sft settings =
        { sftGrpo settings with
            Name = "sft"
            Title = "SFT"
            Source = "supervised steps on the expert's trajectories"
            HasMain = false
        }

    let private ablation name title (settings: ArmSettings) (change: Arm -> Arm) =
        { change (david settings) with
            Name = name
            Title = title
        }

    let private makers: (string * (ArmSettings -> Arm))[] =
        [|
            "grpo", grpo
            "grpo_coverage", grpoCoverage
            "autocoa", autoCoA
            "sft", sft
            "sft_grpo", sftGrpo
            "step_search", stepSearch
            "tree_grpo", treeGrpo
            "search_r1", searchR1
            "david", david
            "david_no_bootstrap",
            fun settings ->
                ablation "david_no_bootstrap" "David − bootstrapping" settings (fun arm ->
                    { arm with WarmUp = WarmUp.None })
            "david_sft",
            fun settings ->
                ablation "david_sft" "David, SFT for bootstrapping" settings (fun arm ->
                    { arm with WarmUp = WarmUp.Imitation })
            "david_no_coverage",
            fun settings ->
                ablation "david_no_coverage" "David − coverage" settings (fun arm ->
                    { arm with
                        Reward = rewardOf 0.0 settings
                    })
            "david_turn_credit",
            fun settings ->
                ablation "david_turn_credit" "David, coverage by turn" settings (fun arm ->
                    { arm with
                        Reward = Reward.creditTurns settings.Lambda arm.Reward
                        Advantage = AdvantageRules.sameTurn settings.Scale
                    })
            "david_no_continuation",
            fun settings ->
                ablation "david_no_continuation" "David − continuation" settings (fun arm ->
                    { arm with
                        Exploration = ExplorationRules.independent
                    })
            "david_masked_prefix",
            fun settings ->
                ablation "david_masked_prefix" "David, kept prefix masked" settings (fun arm ->
                    { arm with TrainsKeptPrefix = false })
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
