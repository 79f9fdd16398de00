namespace David.Grpo

/// Which rollouts of a group are trained on.
[<RequireQualifiedAccess>]
module Subset =

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
