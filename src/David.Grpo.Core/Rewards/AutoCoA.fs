namespace David.Grpo

open System

/// The outcome reward of AutoCoA, 1 or 0, on trajectories of our protocols. Source: repository ADaM-BJTU/AutoCoA, `hotpotqa.py` at commit b8cb53f, method "flexible".
///
/// An answer is right by a gold answer, both normalised (`AuthorsReward.normalizeAnswer`), if they are equal, or if neither
/// contains the other and the answer has at least 70 % of the gold answer's distinct words. So "Paris, France" is wrong by
/// "Paris", and "France Paris" right by "Paris France": the released code pays 0 for a contained answer before it counts
/// words. There is no partial credit, nor a part for the evidence.
[<RequireQualifiedAccess>]
module AutoCoA =

    /// Whether an answer is right by one of the gold answers; empty gold answers accept nothing.
    [<CompiledName "IsRight">]
    let isRight (answer: string) (golds: string[]) : bool =
        let answer = AuthorsReward.normalizeAnswer answer

        golds
        |> Array.exists (fun gold ->
            gold <> "" && AuthorsReward.answerShare answer (AuthorsReward.normalizeAnswer gold) = 1.0)

    /// Whether a search begins after the last `</think>`.
    let private searchesAfterThinking (text: string) =
        (AuthorsReward.afterLast "</think>" text).Contains("<begin_search>", StringComparison.Ordinal)

    /// The reward of a trajectory of either protocol, 1 or 0: 1 if it ended in a right answer and no search begins in the
    /// response after thinking ended. Other than in the released code, which also takes an announcement ("The answer is …")
    /// or the last sentence, only the protocol's own answer counts. The embedded world does not think, so there the answer
    /// alone decides.
    [<CompiledName "Reward">]
    let reward: RewardRule =
        RewardRule.Create(
            "auto_coa",
            fun trajectory ->
                match trajectory.Ending with
                | Ending.Answered answer when
                    isRight answer trajectory.Question.Answers
                    && not (
                        trajectory.Response.Contains(TextProtocol.ThinkClose, StringComparison.Ordinal)
                        && searchesAfterThinking trajectory.Response
                    )
                    ->
                    1.0
                | _ -> 0.0
        )
        |> Reward.map (fun _ parts -> { parts with Answer = parts.Total })
