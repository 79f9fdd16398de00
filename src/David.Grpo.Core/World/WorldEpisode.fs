namespace David.Grpo

/// Episodes of the embedded world,
///     `<q> question ?` (`<search> query </search> <info> passage passage </info>`)* `<answer> answer </answer>`
/// with passages as `title | sentence . sentence .`.
[<RequireQualifiedAccess>]
module WorldEpisode =

    /// Tokens of an episode at most, prompt and observations included: none within `TagProtocol.defaults` is longer.
    [<Literal>]
    let MaxTokens = 256

    let private between opening text closing =
        Array.concat [| [| opening |]; World.tokenize text; [| closing |] |]

    /// The prompt of a question.
    [<CompiledName "PromptTokens">]
    let promptTokens (question: Question) : int[] =
        between WorldTag.QuestionOpen question.Text WorldTag.QuestionMark

    /// The observation that a search's passages make; without passages it is `<info> </info>`.
    [<CompiledName "ObservationTokens">]
    let observationTokens (passages: Passage[]) : int[] =
        [|
            yield WorldTag.InfoOpen
            for passage in passages do
                yield! World.tokenize passage.Title
                yield WorldTag.TitleEnd
                yield! World.tokenize passage.Text
            yield WorldTag.InfoClose
        |]

    let internal searchTokens query =
        between WorldTag.SearchOpen query WorldTag.SearchClose

    let internal answerTokens answer =
        between WorldTag.AnswerOpen answer WorldTag.AnswerClose

    /// The ideal trajectory: one search a gold passage, by the full name of its entity and in the order of the hops, then the
    /// right answer. Its actions are `Segment.Expert`.
    [<CompiledName "Expert">]
    let expert (index: WorldIndex) (question: WorldQuestion) : Trajectory =
        let searches =
            question.Queries
            |> Array.mapi (fun hop query ->
                {
                    Query = query
                    Passages = WorldSearch.search index TagProtocol.defaults.TopK query
                    SegmentsThrough = 1 + 2 * (hop + 1)
                })

        let answer = question.Question.Answers[0]
        let prompt = promptTokens question.Question

        let response =
            [|
                for search in searches do
                    Segment.Expert(searchTokens search.Query)
                    Segment.Observation(observationTokens search.Passages)
                Segment.Expert(answerTokens answer)
            |]

        {
            Question = question.Question
            Segments = Array.append [| Segment.Prompt prompt |] response
            Searches = searches
            RefusedSearches = 0
            Ending = Ending.Answered answer
            Response = response |> Array.collect _.Tokens |> World.render
            PromptText = World.render prompt
        }
