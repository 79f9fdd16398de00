namespace David.Grpo

/// One addend of a reward. Each is logged by itself.
type RewardTerm =
    {
        /// In snake_case, as it stands in logs.
        Name: string
        /// What the value is multiplied by.
        Weight: float
        /// Before weighing.
        Value: float
    }

/// A reward with what it is made of. It is changed by `Paying` and `Closed` alone, which keep its parts in step.
type RewardParts =
    {
        /// What the trajectory is worth; 1 is solved.
        Total: float
        /// The answer's part before weighing, in [0, 1], whatever the gates said.
        Answer: float
        /// Evidence coverage, in [0, 1], whatever the gates said.
        Coverage: float
        /// What was paid for: Total = Σ weight · value.
        Terms: RewardTerm[]
        /// When Total is paid: [searches + 1], what is paid after each search and, last, at the end. They add up to Total.
        /// Empty where all of it is paid at the end.
        Turns: float[]
    }

    /// The same with another total: the change is a term of this name, paid at the end.
    member parts.Paying(term: string, total: float) : RewardParts =
        if total = parts.Total then
            parts
        else
            let change = total - parts.Total

            { parts with
                Total = total
                Terms =
                    Array.append
                        parts.Terms
                        [|
                            {
                                Name = term
                                Weight = 1.0
                                Value = change
                            }
                        |]
                Turns =
                    match parts.Turns with
                    | [||] -> [||]
                    | turns -> Array.updateAt (turns.Length - 1) (Array.last turns + change) turns
            }

    /// Nothing of it is paid: 0, term by term, so that an estimator which looks at terms or turns sees the gate too.
    member parts.Closed: RewardParts =
        { parts with
            Total = 0.0
            Terms = parts.Terms |> Array.map (fun term -> { term with Value = 0.0 })
            Turns = [||]
        }

/// Whom a member of a group comes from.
[<RequireQualifiedAccess>]
type Origin =
    /// The policy, from the prompt on.
    | Sampled
    /// An expert.
    | Expert
    /// The policy, behind this many segments of another member.
    | Continued of keptSegments: int

/// A rollout of a group, scored. It is the same value from its reward to its advantage and its place in the log.
type Member =
    {
        /// What was written.
        Trajectory: Trajectory
        /// What it is worth.
        Reward: RewardParts
        /// Which of the group's trees it is a leaf of: the number of the rollout whose chain it goes back to.
        Tree: int
        /// Whom it comes from.
        Origin: Origin
        /// The critic's value before each trained token, [trained tokens]; empty without a critic.
        Values: float[]
    }

    /// Whether its final answer is an accepted one.
    member rollout.IsRight: bool = Answer.exactMatchOf rollout.Trajectory = 1.0

    /// Segments that were taken over from another member; 0 for none.
    member rollout.KeptSegments: int =
        match rollout.Origin with
        | Origin.Continued kept -> kept
        | _ -> 0

    /// The number of its trained tokens that were taken over from another member.
    member rollout.KeptTrained: int =
        rollout.Trajectory.Segments
        |> Array.truncate rollout.KeptSegments
        |> Array.sumBy (fun segment -> if segment.IsTrained then segment.Tokens.Length else 0)

    /// The same with another total; see `RewardParts.Paying`.
    member rollout.Paying(term: string, total: float) : Member =
        { rollout with
            Reward = rollout.Reward.Paying(term, total)
        }
