namespace David.Grpo

open System

/// What Search-R1's structure reward pays beside a right answer, each in [0, 1].
type SearchR1Constants =
    {
        /// s: for a valid form without a right answer, and what a right answer in an invalid form loses.
        Structure: float
        /// f: for a wrong answer in an invalid form.
        FinalFormat: float
        /// ρ: on top of s, where a gold answer stands in what was retrieved.
        Retrieval: float
    }

/// The protocol that a trajectory was written in. Rewards of form need it: each protocol has a form of its own.
[<RequireQualifiedAccess>]
type TranscriptProtocol =
    /// `TagProtocol`, without thinking.
    | Tag
    /// `TextProtocol`: searches inside the thinking, then the answer in a box.
    | Text

/// The structure reward of Search-R1 v0.3 on trajectories of our protocols. Source: repository PeterGriffinJin/Search-R1, `qa_em.py` and `qa_em_format.py` at commit a14dc3a;
/// Tree-GRPO scores with the same code.
///
/// With s, f and ρ of `SearchR1Constants`:
///     valid form:    1 if the answer is right;  else s + ρ if a gold answer stands in what was retrieved;  else s
///     invalid form:  1 − s if the answer is right;  else f if there is an answer;  else 0
///
/// It pays for finding the answer's text, not the evidence, and never on top of a right answer.
[<RequireQualifiedAccess>]
module SearchR1 =

    /// s = 0.2, f = 0.1, ρ = 0.1: Search-R1 "with retrieval reward". The released script has ρ = 0; 0.1 is what a comment in
    /// its code implies, which has 0.3 for s + ρ.
    [<CompiledName "WithRetrieval">]
    let withRetrieval: SearchR1Constants =
        {
            Structure = 0.2
            FinalFormat = 0.1
            Retrieval = 0.1
        }

    /// s = 0.2, f = 0.1, ρ = 0: Tree-GRPO, and Search-R1's released script.
    [<CompiledName "WithoutRetrieval">]
    let withoutRetrieval: SearchR1Constants = { withRetrieval with Retrieval = 0.0 }

    /// What the reward depends on.
    type private Facts =
        {
            IsValid: bool
            IsAnswered: bool
            IsRight: bool
            /// A gold answer stands in what was retrieved.
            IsRetrieved: bool
        }

    let private check constants =
        let share name value =
            Check.range name "a share of the reward, in [0, 1]" (value >= 0.0 && value <= 1.0) value

        share (nameof constants.Structure) constants.Structure
        share (nameof constants.FinalFormat) constants.FinalFormat
        share (nameof constants.Retrieval) constants.Retrieval

    /// The addends; s is lost where the answer is right and the form is not.
    let private terms (constants: SearchR1Constants) (facts: Facts) : RewardTerm[] =
        let term name weight value : RewardTerm =
            {
                Name = name
                Weight = weight
                Value = value
            }

        let when' condition = if condition then 1.0 else 0.0
        let wrong = not facts.IsRight

        [|
            term "exact_match" 1.0 (when' facts.IsRight)
            term "structure" constants.Structure (when' facts.IsValid - when' facts.IsRight)
            term "retrieval" constants.Retrieval (when' (facts.IsValid && wrong && facts.IsRetrieved))
            term "final_format" constants.FinalFormat (when' (not facts.IsValid && wrong && facts.IsAnswered))
        |]

    let private total (terms: RewardTerm[]) =
        terms |> Array.sumBy (fun term -> term.Weight * term.Value)

    /// A transcript cut at its tags.
    [<RequireQualifiedAccess>]
    type private Piece =
        | Tag of string
        /// Stripped, not empty.
        | Content of string

    /// The pieces of a text, in order; blank content is left out. All tags begin with `<`.
    let private pieces (tags: string[]) (text: string) : Piece[] =
        let found = ResizeArray()

        let addContent start stop =
            match PythonText.strip (text.Substring(start, stop - start)) with
            | "" -> ()
            | content -> found.Add(Piece.Content content)

        let rec scan (start: int) (from: int) =
            match text.IndexOf('<', from) with
            | -1 -> addContent start text.Length
            | at ->
                match tags |> Array.tryFind (fun tag -> String.CompareOrdinal(text, at, tag, 0, tag.Length) = 0) with
                | None -> scan start (at + 1)
                | Some tag ->
                    addContent start at
                    found.Add(Piece.Tag tag)
                    scan (at + tag.Length) (at + tag.Length)

        scan 0 0
        found.ToArray()

    /// Where a response in the text protocol stands.
    [<RequireQualifiedAccess>]
    type private TextState =
        | Start
        | Thinking
        | InQuery
        | Asked
        | AfterQuery
        | InResult
        | Answering
        | Answered
        | Broken

    let private textTags =
        [|
            TextProtocol.ThinkOpen
            TextProtocol.ThinkClose
            TextProtocol.SearchOpen
            TextProtocol.SearchClose
            TextProtocol.ResultOpen
            TextProtocol.ResultClose
        |]

    let private textStep state piece =
        let boxes content = (Answer.allBoxed content).Length

        match state, piece with
        | TextState.Start, Piece.Tag TextProtocol.ThinkOpen -> TextState.Thinking
        | (TextState.Start | TextState.Thinking), Piece.Content thought when boxes thought = 0 -> TextState.Thinking
        | (TextState.Start | TextState.Thinking), Piece.Tag TextProtocol.SearchOpen -> TextState.InQuery
        | TextState.InQuery, Piece.Content query when boxes query = 0 -> TextState.Asked
        | TextState.Asked, Piece.Tag TextProtocol.SearchClose -> TextState.AfterQuery
        | TextState.AfterQuery, Piece.Tag TextProtocol.ResultOpen -> TextState.InResult
        | TextState.InResult, Piece.Content _ -> TextState.InResult
        | TextState.InResult, Piece.Tag TextProtocol.ResultClose -> TextState.Thinking
        | (TextState.Start | TextState.Thinking), Piece.Tag TextProtocol.ThinkClose -> TextState.Answering
        | TextState.Answering, Piece.Content answer when boxes answer = 1 -> TextState.Answered
        | _ -> TextState.Broken

    let private isTextInForm (searches: int) (response: string) =
        let parts = pieces textTags response

        let asked =
            parts |> Array.sumBy (fun piece -> if piece = Piece.Tag TextProtocol.SearchOpen then 1 else 0)

        asked = searches && Array.fold textStep TextState.Start parts = TextState.Answered

    /// Whether the policy, an expert included, and the environment wrote in turns, an observation for each search, and the
    /// policy wrote last.
    let private alternates (trajectory: Trajectory) =
        let isObservation =
            trajectory.Segments
            |> Array.filter (fun segment -> not segment.IsPrompt)
            |> Array.map _.IsObservation

        let turns =
            isObservation
            |> Array.indexed
            |> Array.filter (fun (i, observed) -> not observed && (i = 0 || isObservation[i - 1]))

        let observations = isObservation |> Array.filter id

        observations.Length = trajectory.Searches.Length
        && turns.Length = observations.Length + 1
        && not (Array.last isObservation)

    /// Whether a trajectory keeps to its protocol as strictly as a valid Search-R1 transcript to its own: every turn but the
    /// last is one answered search, the last one gives one answer, nothing was refused or cut off.
    /// - `TranscriptProtocol.Tag`: decided by the segments alone, since that protocol stops at anything else.
    /// - `TranscriptProtocol.Text`: moreover the response is
    ///       `<think>`? (thought `<begin_search>` query `</end_search>` `<search_result>` … `</search_result>`)* thought `</think>` answer
    ///   with as many searches as were answered, where thoughts may be empty and hold no box and the answer holds one, in
    ///   prose or not.
    [<CompiledName "IsInForm">]
    let isInForm (protocol: TranscriptProtocol) (trajectory: Trajectory) : bool =
        trajectory.Ending.IsAnswered
        && trajectory.RefusedSearches = 0
        && alternates trajectory
        && (match protocol with
            | TranscriptProtocol.Tag -> true
            | TranscriptProtocol.Text -> isTextInForm trajectory.Searches.Length trajectory.Response)

    /// The structure reward of trajectories of our protocols, in [0, 1] with constants up to 0.5. `isInForm` stands for the
    /// valid form, the trajectory's ending for the answer, and a gold answer is retrieved where it stands in the title or
    /// the text of a passage that a search returned (normalised; a match across two passages of a block, which the
    /// released code would take, is none).
    [<CompiledName "Reward">]
    let reward (constants: SearchR1Constants) (protocol: TranscriptProtocol) : RewardRule =
        check constants

        {
            Name = "search_r1"
            Score =
                fun trajectory ->
                    let exactMatch = Answer.exactMatchOf trajectory

                    let isRetrieved =
                        trajectory.Searches
                        |> Seq.collect _.Passages
                        |> Seq.exists (fun passage ->
                            Answer.containsGold $"{passage.Title} {passage.Text}" trajectory.Question.Answers)

                    let terms =
                        terms
                            constants
                            {
                                IsValid = isInForm protocol trajectory
                                IsAnswered = trajectory.Ending.IsAnswered
                                IsRight = (exactMatch = 1.0)
                                IsRetrieved = isRetrieved
                            }

                    RewardOutcome.Scored
                        {
                            Total = total terms
                            Answer = exactMatch
                            Coverage = Evidence.coverage trajectory
                            Terms = terms
                            Turns = [||]
                        }
        }
