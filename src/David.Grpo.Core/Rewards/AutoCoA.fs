namespace David.Grpo

open System
open System.Text.RegularExpressions

/// The outcome reward of AutoCoA, 1 or 0: on text exactly as the released code has it, and on trajectories of our
/// protocols. Source: repository ADaM-BJTU/AutoCoA, `hotpotqa.py` at commit b8cb53f, method "flexible".
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

    /// An announced answer: up to the next full stop, without the colons and spaces before it.
    let private announcement =
        Regex(
            @"(?:The answer is|Therefore,|Thus,|So,|In conclusion,|Hence,)[:\s\u001c-\u001f]+([^.]+)",
            RegexOptions.IgnoreCase ||| RegexOptions.CultureInvariant
        )

    /// The answer in what follows the last `</think>` of prompt and response (in all of it where there is none): the last
    /// box, which ends at its first closing brace; without a box what the first "The answer is", "Therefore,", "Thus,",
    /// "So,", "In conclusion," or "Hence," announces; otherwise what stands between the last two full stops, or all where
    /// there is none. So a text that does not end in a full stop gives the sentence before its last words. Not
    /// normalised; null where nothing follows.
    [<CompiledName "AnswerOrNull">]
    let answerOrNull (text: string) : string | null =
        let tail = PythonText.strip (AuthorsReward.afterLast "</think>" text)
        let opening = @"\boxed{"

        match Array.tryLast (AuthorsReward.spans opening "}" tail) with
        | Some(struct (start, stop)) -> tail.Substring(start + opening.Length, stop - 1 - start - opening.Length)
        | None ->
            let announced = announcement.Match tail

            if announced.Success then
                announced.Groups[1].Value
            else
                match tail.Split '.' with
                | [| "" |] -> null
                | [| sentence |] -> sentence
                | sentences -> sentences[sentences.Length - 2]

    /// Whether a search begins after the last `</think>`.
    let private searchesAfterThinking (text: string) =
        (AuthorsReward.afterLast "</think>" text).Contains("<begin_search>", StringComparison.Ordinal)

    /// The released reward of prompt and response as one text, 1 or 0: 1 if there is a `</think>`, no search begins after the
    /// last one, and the answer after it is right.
    [<CompiledName "Score">]
    let score (text: string) (golds: string[]) : float =
        if not (text.Contains("</think>", StringComparison.Ordinal)) || searchesAfterThinking text then
            0.0
        else
            match answerOrNull text with
            | null -> 0.0
            | answer -> if isRight answer golds then 1.0 else 0.0

    let private outcomeRule name (total: Trajectory -> float) : RewardRule =
        RewardRule.Create(name, Func<Trajectory, float> total)
        |> Reward.map (fun _ parts -> { parts with Answer = parts.Total })

    /// The released reward of the text protocol's transcripts, read as prompt and response in one string.
    [<CompiledName "Released">]
    let released: RewardRule =
        outcomeRule "auto_coa_released" (fun trajectory ->
            score (trajectory.PromptText + trajectory.Response) trajectory.Question.Answers)

    /// The reward of a trajectory of either protocol, 1 or 0: 1 if it ended in a right answer and no search begins in the
    /// response after thinking ended. Other than in `released`, only the protocol's own answer counts, not an announcement
    /// or a last sentence. The embedded world does not think, so there the answer alone decides.
    [<CompiledName "Reward">]
    let reward: RewardRule =
        outcomeRule "auto_coa" (fun trajectory ->
            match trajectory.Ending with
            | Ending.Answered answer when
                isRight answer trajectory.Question.Answers
                && not (
                    trajectory.Response.Contains(TextProtocol.ThinkClose, StringComparison.Ordinal)
                    && searchesAfterThinking trajectory.Response
                )
                ->
                1.0
            | _ -> 0.0)
