namespace David.Grpo

/// Sampling until a batch has enough groups with a gradient.
type RefillOptions =
    {
        /// Groups that a batch wants, at least 1.
        Groups: int
        /// Rollouts of a group, at least 2.
        GroupSize: int
        /// Groups that may be sampled at a time, at least 1.
        MostAtOnce: int
        /// Times that a batch may be sampled for, the first included; at least 1.
        Rounds: int
        /// How many more groups than needed are sampled, at least 1; GRESO's 1.25.
        Surplus: float
    }

/// What to do with a batch that is being filled.
[<RequireQualifiedAccess>]
type Refill =
    /// Sample this many more questions.
    | Sample of groups: int
    /// Train on the groups kept: all that were wanted.
    | Full
    /// Train on the groups kept, fewer than wanted and perhaps none: rounds or budget have run out.
    | Settle

/// Skipping questions before they are sampled.
type SkipOptions =
    {
        /// A question with a mean reward of at least this was easy. 0.98 in the release, for 0-1 rewards.
        EasyFrom: float
        /// A question with a mean reward of at most this was hard; below EasyFrom. 0.11 in the release.
        HardUpTo: float
        /// The share of zero-variance groups aimed at: a third easy, two thirds hard. 0.25 in the release.
        Target: float
        /// What a keep probability moves by a step. 0.01 in the release.
        Step: float
        /// The least keep base, above 0; 0.05 in the release.
        Lowest: float
        /// The largest keep base, from Lowest to 1; 0.95 in the release.
        Highest: float
        /// Every question is sampled with at least this probability, in (0, 1]. 0.01 in the release.
        LeastKept: float
    }

/// Bases of the keep probability: what skipping remembers, beside the questions' mean rewards. It is the checkpoint's.
type SkipState =
    {
        /// p of easy questions, from Lowest to Highest; at first 0.5.
        Easy: float
        /// p of hard questions, from Lowest to Highest; at first 0.5.
        Hard: float
    }

/// Which questions have given a gradient in this pass. It is the checkpoint's.
type RecyclingState =
    {
        /// [Q], true where the question gave one.
        Spent: bool[]
    }

/// Which questions are sampled, and which groups and rollouts trained on.
[<RequireQualifiedAccess>]
module Selection =

    /// Whether a group's rewards [G] differ at all, so that group-relative advantages are not all 0.
    [<CompiledName "HasSignal">]
    let hasSignal (rewards: float[]) : bool =
        rewards.Length > 1 && Array.exists ((<>) rewards[0]) rewards

    /// Places of the groups [Q][G] that have a signal, in order. Source: DAPO (arXiv 2503.14476), dynamic sampling.
    [<CompiledName "Informative">]
    let informative (rewards: float[][]) : int[] =
        [| 0 .. rewards.Length - 1 |] |> Array.filter (fun x -> hasSignal rewards[x])

    let private checkRefill (options: RefillOptions) =
        let atLeast name least value =
            if value < least then
                invalidArg name $"{name} is {value}; expected at least {least}."

        atLeast (nameof options.Groups) 1 options.Groups
        atLeast (nameof options.GroupSize) 2 options.GroupSize
        atLeast (nameof options.MostAtOnce) 1 options.MostAtOnce
        atLeast (nameof options.Rounds) 1 options.Rounds

        Check.range
            (nameof options.Surplus)
            "a finite number of at least 1"
            (System.Double.IsFinite options.Surplus && options.Surplus >= 1.0)
            options.Surplus

    /// What to do after `rounds` rounds (0 before the first) that sampled `sampled` groups, of which `kept` have a
    /// signal. The next round samples
    ///     ⌈missing / (1 − z) · Surplus⌉   groups,   z = 1 − kept / sampled,   missing = Groups − kept,
    /// at most MostAtOnce and no more than the ledger can pay; all of MostAtOnce where nothing was kept, `missing` in
    /// the first round. Never fails: when budget or rounds run out it settles for what there is.
    /// Source: DAPO (arXiv 2503.14476), which raises an error instead; the round's size is that of GRESO's release.
    [<CompiledName "Refill">]
    let refill (options: RefillOptions) (rounds: int) (sampled: int) (kept: int) (ledger: Ledger) : Refill =
        checkRefill options

        if rounds < 0 || sampled < 0 || kept < 0 || kept > sampled then
            invalidArg
                (nameof kept)
                $"kept is {kept} of {sampled} sampled in {rounds} rounds; expected 0 ≤ kept ≤ sampled and rounds of at least 0."

        let missing = options.Groups - kept

        let wanted =
            if sampled = 0 then
                float missing
            else
                // 1 − z = kept / sampled; infinite where nothing was kept.
                ceil (float missing * float sampled / float kept * options.Surplus)

        let affordable =
            Ledger.affordableGroups (int (min wanted (float options.MostAtOnce))) options.GroupSize ledger

        if missing <= 0 then
            Refill.Full
        elif rounds >= options.Rounds || affordable = 0 then
            Refill.Settle
        else
            Refill.Sample affordable

    let private checkSkip (options: SkipOptions) =
        Check.range
            (nameof options.EasyFrom)
            "a finite number"
            (System.Double.IsFinite options.EasyFrom)
            options.EasyFrom

        Check.range
            (nameof options.HardUpTo)
            $"a number below EasyFrom, {options.EasyFrom}"
            (options.HardUpTo < options.EasyFrom)
            options.HardUpTo

        Check.range
            (nameof options.Target)
            "from 0 to 1"
            (options.Target >= 0.0 && options.Target <= 1.0)
            options.Target

        Check.range (nameof options.Step) "from 0 to 1" (options.Step >= 0.0 && options.Step <= 1.0) options.Step

        Check.range
            (nameof options.Highest)
            "above 0 and at most 1"
            (options.Highest > 0.0 && options.Highest <= 1.0)
            options.Highest

        Check.range
            (nameof options.Lowest)
            $"above 0 and at most Highest, {options.Highest}"
            (options.Lowest > 0.0 && options.Lowest <= options.Highest)
            options.Lowest

        Check.range
            (nameof options.LeastKept)
            "above 0 and at most 1"
            (options.LeastKept > 0.0 && options.LeastKept <= 1.0)
            options.LeastKept

    /// The probability of skipping a question, from its mean rewards in the epochs so far, oldest first:
    ///     1 − max(pᶻ, LeastKept),   z = epochs at the end in which it was easy (p = Easy) or hard (p = Hard) without a break;
    /// 0 where the last epoch was neither, and before the first.
    /// Source: GRESO (arXiv 2506.02177) and its release.
    [<CompiledName "SkipProbability">]
    let skipProbability (options: SkipOptions) (state: SkipState) (means: float[]) : float =
        checkSkip options
        Check.finite (nameof means) "Leave out epochs in which it was not scored." means

        let run holds =
            means |> Seq.rev |> Seq.takeWhile holds |> Seq.length

        let kept (keepBase: float) count =
            max options.LeastKept (System.Math.Pow(keepBase, float count))

        match run (fun mean -> mean >= options.EasyFrom), run (fun mean -> mean <= options.HardUpTo) with
        | 0, 0 -> 0.0
        | easy, 0 -> 1.0 - kept state.Easy easy
        | _, hard -> 1.0 - kept state.Hard hard

    /// Whether a question is skipped. `seed` is the question's own in this epoch.
    [<CompiledName "Skips">]
    let skips (options: SkipOptions) (state: SkipState) (seed: Seed) (means: float[]) : bool =
        Seed.uniform seed < skipProbability options state means

    /// The state after a step whose sampled groups had these shares of easy and of hard ones, each in [0, 1]: a base
    /// falls by Step where its share is at least its target (Target / 3 easy, 2 Target / 3 hard), else rises, within
    /// Lowest and Highest.
    /// Source: GRESO (arXiv 2506.02177) and its release, which does so from the second epoch on.
    [<CompiledName "Adapt">]
    let adapt (options: SkipOptions) (state: SkipState) (easyShare: float) (hardShare: float) : SkipState =
        checkSkip options
        Check.range (nameof easyShare) "from 0 to 1" (easyShare >= 0.0 && easyShare <= 1.0) easyShare
        Check.range (nameof hardShare) "from 0 to 1" (hardShare >= 0.0 && hardShare <= 1.0) hardShare

        let moved keepBase share target =
            let change = if share >= target then -options.Step else options.Step
            max options.Lowest (min options.Highest (keepBase + change))

        {
            Easy = moved state.Easy easyShare (options.Target / 3.0)
            Hard = moved state.Hard hardShare (options.Target * 2.0 / 3.0)
        }

    /// A pass over `questions` questions, at least 0, none spent.
    [<CompiledName "StartRecycling">]
    let startRecycling (questions: int) : RecyclingState =
        if questions < 0 then
            invalidArg (nameof questions) $"questions is {questions}; expected at least 0."

        {
            Spent = Array.replicate questions false
        }

    /// The pass after a batch: `questions` [B] were sampled, and had a signal or not, `informative` [B]. A question
    /// that gave one has weight 0 for the rest of the pass; one that gave none stays. When all are spent a new pass
    /// begins.
    /// Source: recycling of zero-variance queries (arXiv 2606.10709).
    [<CompiledName "Recycle">]
    let recycle (state: RecyclingState) (questions: int[]) (informative: bool[]) : RecyclingState =
        Check.length (nameof informative) questions.Length "one for each entry of questions" informative

        match questions |> Array.tryFind (fun x -> x < 0 || x >= state.Spent.Length) with
        | Some question ->
            invalidArg (nameof questions) $"question {question} is none of the pass's {state.Spent.Length}."
        | None -> ()

        let spent = Array.copy state.Spent

        Array.iter2 (fun question gave -> spent[question] <- spent[question] || gave) questions informative

        if Array.forall id spent then
            startRecycling spent.Length
        else
            { Spent = spent }

    /// `count` questions that are not spent, without repetition; fewer where fewer are left. `seed` is the step's own.
    [<CompiledName "Draw">]
    let draw (seed: Seed) (count: int) (state: RecyclingState) : int[] =
        let left =
            [| 0 .. state.Spent.Length - 1 |] |> Array.filter (fun x -> not state.Spent[x])

        Seed.permutation left.Length seed
        |> Array.truncate (max 0 count)
        |> Array.map (fun place -> left[place])

    /// The `count` rollouts of a group whose rewards [G] have the largest variance, as places in ascending order. They
    /// are the i lowest and the count − i highest for some i, so that after sorting each i is tried once: O(G log G).
    /// Of splits with the same variance the most even one, of those the one with more of the highest; of equal rewards
    /// the earlier place counts as the lower. `count` is 0 to G; 0 gives none, G all.
    /// Source: PODS (arXiv 2504.13818), max-variance down-sampling.
    [<CompiledName "MaximalVariance">]
    let maximalVariance (count: int) (rewards: float[]) : int[] =
        Check.finite (nameof rewards) "Drop the trajectory whose reward failed, and count it." rewards

        if count < 0 || count > rewards.Length then
            invalidArg (nameof count) $"count is {count}; expected 0 to the size of the group, {rewards.Length}."

        if count = 0 then
            [||]
        else
            let order =
                [| 0 .. rewards.Length - 1 |] |> Array.sortBy (fun i -> struct (rewards[i], i))

            // About the middle, so that no digits of a variance far from 0 are lost.
            let middle = rewards[order[rewards.Length / 2]]
            let sorted = order |> Array.map (fun i -> rewards[i] - middle)
            let sums = Array.scan (+) 0.0 sorted
            let squares = sorted |> Array.scan (fun sum value -> sum + value * value) 0.0

            let spread lowest =
                let from = rewards.Length - (count - lowest)
                let sum = sums[lowest] + sums[rewards.Length] - sums[from]
                let square = squares[lowest] + squares[rewards.Length] - squares[from]
                square - sum * sum / float count

            let best =
                [| 0..count |]
                |> Array.minBy (fun lowest -> struct (-(spread lowest), abs (count - 2 * lowest), lowest))

            Array.append (Array.truncate best order) (Array.skip (rewards.Length - (count - best)) order)
            |> Array.sort
