namespace David.Grpo

open System.Collections.Generic

/// How many rollouts one question may get.
type RolloutBounds =
    {
        /// At least 1: the information of a group is concave in its size from there on. 2 in Knapsack-RL.
        Least: int
        /// At least Least. 128 in Knapsack-RL.
        Most: int
    }

/// What to do with a question after its pilot.
[<RequireQualifiedAccess>]
type PilotDecision =
    /// Solved too often to teach: its pilot is all it gets.
    | Skip
    /// Solved too seldom: put it off until the policy is better.
    | Defer
    /// Sample this many more and train on them together with the pilot.
    | Commit of additional: int

/// Pilot, then commit.
type PilotOptions =
    {
        /// Rollouts of a pilot, n₀, at least 1.
        Pilot: int
        /// Rollouts added to a question worth training on, n₁, at least 1.
        Additional: int
        /// Solve rates above it are skipped; from DeferBelow to 1. 0.75 in the paper.
        SkipAbove: float
        /// Solve rates below it are deferred; from 0 to SkipAbove. 0.125 in the paper.
        DeferBelow: float
    }

/// Rollouts between and within the Q questions of a batch: [Q] estimates of the solve rate p, each in [0, 1], to [Q]
/// numbers of rollouts. An allocation adds up to its total exactly and stays within its bounds; a total that no numbers
/// within the bounds add up to is refused, with an ArgumentException. Equal questions: the earlier one comes first.
[<RequireQualifiedAccess>]
module Allocation =

    let private checkRates (rates: float[]) =
        match rates |> Array.tryFindIndex (fun rate -> not (rate >= 0.0 && rate <= 1.0)) with
        | Some index -> invalidArg (nameof rates) $"rates[{index}] is {rates[index]}; expected a solve rate, 0 to 1."
        | None -> ()

    let private checkTotal (bounds: RolloutBounds) (total: int) (questions: int) =
        if bounds.Least < 1 || bounds.Most < bounds.Least then
            invalidArg
                (nameof bounds)
                $"bounds are {bounds.Least} to {bounds.Most}; expected at least 1, and the most not below the least."

        let least, most =
            int64 questions * int64 bounds.Least, int64 questions * int64 bounds.Most

        if int64 total < least || int64 total > most then
            invalidArg
                (nameof total)
                $"total is {total}; {questions} questions of {bounds.Least} to {bounds.Most} rollouts take {least} to {most}. Change the number of questions or the bounds."

    /// Gives one rollout after the other to the question where `gain question count` is largest, from `counts` on,
    /// until `left` are given or no question below `most` gains; the rest is the second result.
    let private greedy most (gain: int -> int -> float) (left: int) (counts: int[]) =
        let counts = Array.copy counts
        let heap = PriorityQueue<int, struct (float * int)>()

        let offer question =
            if counts[question] < most then
                let gained = gain question counts[question]

                if gained > 0.0 then
                    heap.Enqueue(question, struct (-gained, question))

        Array.iteri (fun question _ -> offer question) counts
        let mutable left = left

        while left > 0 && heap.Count > 0 do
            let question = heap.Dequeue()
            counts[question] <- counts[question] + 1
            left <- left - 1
            offer question

        struct (counts, left)

    /// The chance that a group of `size` rollouts of a question with solve rate p has both right and wrong ones, and so
    /// a gradient under 0-1 rewards:   q(p, G) = 1 − pᴳ − (1 − p)ᴳ,   0 for G of 0 and 1. `size` is at least 0.
    [<CompiledName "Informative">]
    let informative (rate: float) (size: int) : float =
        checkRates [| rate |]

        if size < 0 then
            invalidArg (nameof size) $"size is {size}; expected at least 0."

        if size < 2 then
            0.0
        else
            1.0 - System.Math.Pow(rate, float size) - System.Math.Pow(1.0 - rate, float size)

    /// q(p, G + 1) − q(p, G) = pᴳ (1 − p) + (1 − p)ᴳ p for G ≥ 1: falls as G grows.
    let private marginal (rate: float) (size: int) =
        System.Math.Pow(rate, float size) * (1.0 - rate) + System.Math.Pow(1.0 - rate, float size) * rate

    /// What the gradient of an informative group is worth, p (1 − p)²; largest at p = 1/3.
    let private worth (rate: float) = rate * (1.0 - rate) * (1.0 - rate)

    /// The allocation N of the largest value Σ q(pₓ, Nₓ) · pₓ (1 − pₓ)², with Σ N = total and Least ≤ N ≤ Most. Exact: the value of a question
    /// is concave in N from 1 on, so rollouts go one by one to where they add most, in O((Q + total) log Q). What is
    /// left when nothing adds anything goes evenly to questions of solve rate 0, then to the others.
    /// Source: Knapsack-RL (arXiv 2509.25849), which solves it by dynamic programming.
    [<CompiledName "Knapsack">]
    let knapsack (bounds: RolloutBounds) (total: int) (rates: float[]) : int[] =
        checkRates rates
        checkTotal bounds total rates.Length

        let evenly among (struct (counts: int[], left)) =
            greedy bounds.Most (fun x count -> if among rates[x] then 1.0 / float count else 0.0) left counts

        let gained =
            greedy
                bounds.Most
                (fun x count -> worth rates[x] * marginal rates[x] count)
                (total - bounds.Least * rates.Length)
                (Array.replicate rates.Length bounds.Least)

        let struct (counts, _) = gained |> evenly ((=) 0.0) |> evenly (fun _ -> true)
        counts

    /// Rollouts in proportion to 1/√p, N ∝ 1/√max(p, `smallestRate`), within bounds: hard questions get more. Shares
    /// become whole numbers by Webster's method (the next rollout to the largest w / (N + 1/2)), from Least on.
    /// `smallestRate`, in (0, 1], stands in for a rate of 0, of which 1/√p says nothing: with n samples so far, some
    /// 1/(2n).
    /// Source: Reinforce-Ada; the rounding is ours.
    [<CompiledName "InverseRoot">]
    let inverseRoot (bounds: RolloutBounds) (smallestRate: float) (total: int) (rates: float[]) : int[] =
        Check.range
            (nameof smallestRate)
            "above 0 and at most 1"
            (smallestRate > 0.0 && smallestRate <= 1.0)
            smallestRate

        checkRates rates
        checkTotal bounds total rates.Length

        let struct (counts, _) =
            greedy
                bounds.Most
                (fun x count -> 1.0 / sqrt (max rates[x] smallestRate) / (float count + 0.5))
                (total - bounds.Least * rates.Length)
                (Array.replicate rates.Length bounds.Least)

        counts

    let private checkPilot (options: PilotOptions) =
        if options.Pilot < 1 then
            invalidArg (nameof options.Pilot) $"Pilot is {options.Pilot}; expected at least 1 rollout."

        if options.Additional < 1 then
            invalidArg (nameof options.Additional) $"Additional is {options.Additional}; expected at least 1 rollout."

        Check.range
            (nameof options.DeferBelow)
            $"0 to SkipAbove, {options.SkipAbove}"
            (options.DeferBelow >= 0.0 && options.DeferBelow <= options.SkipAbove)
            options.DeferBelow

        Check.range (nameof options.SkipAbove) "at most 1" (options.SkipAbove <= 1.0) options.SkipAbove

    /// What to do after a pilot, `correct` [n₀]: skip above SkipAbove, defer below DeferBelow, else commit.
    /// Source: Pilot-Commit (arXiv 2605.26606). Raises ArgumentException for a pilot of another size.
    [<CompiledName "AfterPilot">]
    let afterPilot (options: PilotOptions) (correct: bool[]) : PilotDecision =
        checkPilot options
        Check.length (nameof correct) options.Pilot "the rollouts of a pilot" correct
        let rate = correct |> Array.averageBy (fun isRight -> if isRight then 1.0 else 0.0)

        if rate > options.SkipAbove then PilotDecision.Skip
        elif rate < options.DeferBelow then PilotDecision.Defer
        else PilotDecision.Commit options.Additional

    /// Rollouts to add after each question's first ones, [Q][m₀] rewards → [Q]: the ⌊`share` · Q⌋ groups (at least 1)
    /// of the largest reward variance divide `total` evenly among them, the remainder going to the most varied; the
    /// others get none. With total = Q · m₀ each of them grows by m₀ / share: VIGOR's α γ = 1. `share` α is in (0, 1],
    /// `total` at least 0; a group needs at least 1 reward. Groups without variance get nothing while others have some;
    /// no questions, no rollouts.
    /// Source: VIGOR (arXiv 2607.22002), as its summaries give it.
    [<CompiledName "ByVariance">]
    let byVariance (share: float) (total: int) (rewards: float[][]) : int[] =
        Check.range (nameof share) "above 0 and at most 1" (share > 0.0 && share <= 1.0) share

        if total < 0 then
            invalidArg (nameof total) $"total is {total}; expected at least 0."

        rewards
        |> Array.iteri (fun group ->
            Check.finite $"rewards[{group}]" "Drop the trajectory whose reward failed, and count it.")

        let spread = rewards |> Array.map (Numerics.deviation 0)
        let varied = spread |> Array.filter (fun s -> s > 0.0) |> Array.length

        let chosen =
            let wanted = max 1 (int (share * float rewards.Length))
            if varied = 0 then wanted else min wanted varied

        let added = Array.zeroCreate rewards.Length

        [| 0 .. rewards.Length - 1 |]
        |> Array.sortBy (fun x -> -spread[x], x)
        |> Array.truncate chosen
        |> Array.iteri (fun rank x -> added[x] <- total / chosen + (if rank < total % chosen then 1 else 0))

        added
