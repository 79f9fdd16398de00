namespace David.Grpo

open System

/// What the policy's writing of the current turn amounts to.
[<RequireQualifiedAccess>]
type Move =
    /// The turn goes on.
    | Continue
    /// The turn ended in a search.
    | Search of query: string
    /// The turn ended the episode with a final answer.
    | Answer of answer: string
    /// The turn ended the episode without an answer.
    | Stop

/// The protocol of the David-GRPO authors, in textual tags (inherited from AutoCoA; method described in arXiv 2601.21699
/// and read off the authors' rollout code): thinking that may hold `<begin_search>query</end_search>`, results in
/// `<search_result> … </search_result>`, `</think>`, and the final answer in `\boxed{…}`.
[<RequireQualifiedAccess>]
module TextProtocol =

    /// Limits of an episode.
    type Settings =
        {
            /// Searches that are answered; one more is refused, then the policy writes its last turn.
            MaxSearches: int
            /// Tokens of the first turn, and of the last one after a refusal.
            FirstTurnTokens: int
            /// Tokens of the turns between.
            TurnTokens: int
            /// Tokens of the whole response, observations included.
            ResponseTokens: int
            /// Passages a search.
            TopK: int
        }

    /// The authors' limits of main training: 10 searches, 2,048 and 1,024 tokens a turn, 8,192 a response, 3 passages.
    [<CompiledName "Default">]
    let defaults =
        {
            MaxSearches = 10
            FirstTurnTokens = 2048
            TurnTokens = 1024
            ResponseTokens = 8192
            TopK = 3
        }

    /// What begins a query.
    [<Literal>]
    let SearchOpen = "<begin_search>"

    /// What ends a query.
    [<Literal>]
    let SearchClose = "</end_search>"

    /// What begins a search's results.
    [<Literal>]
    let ResultOpen = "<search_result>"

    /// What ends a search's results.
    [<Literal>]
    let ResultClose = "</search_result>"

    /// What begins the reasoning.
    [<Literal>]
    let ThinkOpen = "<think>"

    /// What ends the reasoning.
    [<Literal>]
    let ThinkClose = "</think>"

    /// The instruction that comes before the question, in our words; a run's configuration may name another text.
    [<CompiledName "Instruction">]
    let instruction =
        "Answer the question below. Think first, inside <think></think>. When you are not sure of a fact, search for it \
while you think, as often as you need: write <begin_search> your query </end_search> and stop; the results are then \
given to you as <search_result> result 1: \"title\" text ... </search_result>. Search only inside your thinking. When \
you know the answer, close your thinking with </think> and give the final answer, as short as possible, as \
\\boxed{answer}.\nQuestion:"

    let private tags =
        [| SearchOpen; SearchClose; ResultOpen; ResultClose; ThinkOpen; ThinkClose |]

    /// Text of a question or a passage in which no tag of the protocol can be read, nor a box: `<` of a tag becomes `‹`,
    /// and the backslash of `\boxed` becomes `＼`. So nothing that the environment writes can pass for the policy's action.
    [<CompiledName "Neutral">]
    let neutral (text: string) : string =
        tags
        |> Array.fold
            (fun (text: string) tag -> text.Replace(tag, "‹" + tag.Substring 1, StringComparison.Ordinal))
            text
        |> _.Replace("\\boxed", "＼boxed", StringComparison.Ordinal)

    /// The user message of a question.
    [<CompiledName "UserMessage">]
    let userMessage (instruction: string) (question: string) : string = instruction + "\n" + neutral question

    /// The query of a turn: what stands in the first `<begin_search>…</end_search>` before the first `</think>`,
    /// stripped; null where there is none or it is empty.
    [<CompiledName "QueryOrNull">]
    let queryOrNull (turn: string) : string | null =
        let thinking =
            match turn.IndexOf(ThinkClose, StringComparison.Ordinal) with
            | -1 -> turn
            | at -> turn.Substring(0, at)

        match thinking.IndexOf(SearchOpen, StringComparison.Ordinal) with
        | -1 -> null
        | start ->
            let start = start + SearchOpen.Length

            match thinking.IndexOf(SearchClose, start, StringComparison.Ordinal) with
            | -1 -> null
            | stop ->
                match thinking.Substring(start, stop - start).Trim() with
                | "" -> null
                | query -> query

    /// The final answer of what the policy wrote in all its turns: the last box after the last `</think>`; null where
    /// there is none. Observations are not part of `written`, so they cannot answer.
    [<CompiledName "AnswerOrNull">]
    let answerOrNull (written: string) : string | null =
        match written.LastIndexOf(ThinkClose, StringComparison.Ordinal) with
        | -1 -> null
        | at -> Answer.lastBoxed (written.Substring(at + ThinkClose.Length))

    /// What makes the policy answer at once: it closes the thinking and opens the box.
    [<Literal>]
    let AnswerOpening = "</think>\n\n\\boxed{"

    /// The answer that `text` is after `AnswerOpening`, as soon as it closes the box; null before.
    [<CompiledName "ForcedAnswerOrNull">]
    let forcedAnswerOrNull (text: string) : string | null = answerOrNull (AnswerOpening + text)

    /// What a turn amounts to. `turn` is the policy's text since the last observation, `written` its text of all turns,
    /// `ended` tells that it sampled an end token or used up the turn's tokens.
    [<CompiledName "Move">]
    let move (turn: string) (written: string) (ended: bool) : Move =
        if not ended && not (turn.Contains(SearchClose, StringComparison.Ordinal)) then
            Move.Continue
        else
            match queryOrNull turn with
            | null ->
                match answerOrNull written with
                | null -> Move.Stop
                | answer -> Move.Answer answer
            | query -> Move.Search query

    /// The observation of an answered search, with the empty lines around it.
    [<CompiledName "Observation">]
    let observation (passages: Passage[]) : string =
        let results =
            passages
            |> Array.mapi (fun i passage -> $"result {i + 1}: \"{neutral passage.Title}\"\n{neutral passage.Text}")
            |> String.concat "\n"

        $"\n\n{ResultOpen} {results} {ResultClose}\n\n\n\n"

    /// The observation of a refused search.
    [<CompiledName "Refusal">]
    let refusal = $"\n\n{ResultOpen} Reach the limit of search times. {ResultClose}\n\n"

    /// The observation of a search that failed for `reason`; the episode goes on.
    [<CompiledName "Failure">]
    let failure (reason: string) : string =
        $"\n\n{ResultOpen} Retrieval failed: {neutral reason} {ResultClose}\n\n\n\n"

/// The embedded world's protocol, in single tokens: `<search> words </search>` and `<answer> words </answer>`, nothing
/// else. Tags are tokens of their own that no word of a passage can spell.
[<RequireQualifiedAccess>]
module TagProtocol =

    /// Limits of an episode.
    type Settings =
        {
            /// Searches that are answered; asking once more ends the episode unanswered.
            MaxSearches: int
            /// Words of a query.
            QueryWords: int
            /// Words of an answer.
            AnswerWords: int
            /// Passages a search.
            TopK: int
        }

    /// 4 searches, 6 words a query, 5 an answer, 2 passages.
    [<CompiledName "Default">]
    let defaults =
        {
            MaxSearches = 4
            QueryWords = 6
            AnswerWords = 5
            TopK = 2
        }

    /// Ids of the tags.
    type Tags =
        {
            SearchOpen: int
            SearchClose: int
            AnswerOpen: int
            AnswerClose: int
            /// Ids that are not words: every tag, and whatever else a query or an answer must not hold.
            Special: Set<int>
        }

    /// What a turn amounts to; `turn` are the policy's tokens since the last observation, `render` their text. A token
    /// that the protocol does not allow stops the episode.
    [<CompiledName "Move">]
    let move (settings: Settings) (tags: Tags) (render: Func<int[], string>) (turn: int[]) : Move =
        let within limit close (finish: string -> Move) =
            let body = turn.Length - 1
            let last = turn[body]

            if last = close then
                finish (render.Invoke turn[1 .. body - 1])
            elif body > 0 && (body > limit || tags.Special.Contains last) then
                Move.Stop
            else
                Move.Continue

        match turn with
        | [||] -> Move.Continue
        | _ when turn[0] = tags.SearchOpen -> within settings.QueryWords tags.SearchClose Move.Search
        | _ when turn[0] = tags.AnswerOpen -> within settings.AnswerWords tags.AnswerClose Move.Answer
        | _ -> Move.Stop
