namespace David.Grpo

open System

/// An episode to pretrain on.
type PretrainingEpisode =
    {
        /// Prompt and response, [T].
        Tokens: int[]
        /// The loss weight of predicting token t from the tokens before it, [T], at least 0; 0 throughout the prompt.
        Weights: float[]
    }

/// How much needless searching skill episodes contain, so that reading survives it. Its actions are never trained on.
type Clutter =
    {
        /// The probability, before each needed search, of a bad query.
        BadQuery: float
        /// The probability, once all evidence is there, of one more search, asked again after each.
        Redundant: float
    }

/// A stretch of the base policy's pretraining. Skill episodes teach to word queries and to read, habit episodes teach when
/// to search: what is skill is separated from what is habit by the weights of the decision tokens, those after `?` or
/// `</info>`.
type PretrainingStage =
    {
        /// As progress is reported under.
        Name: string
        /// Optimizer steps.
        Updates: int
        /// Episodes in a step.
        BatchSize: int
        /// The peak learning rate.
        LearningRate: float
        /// The probability that an episode is a skill episode.
        SkillShare: float
        /// Passages that say nothing of the question, a search.
        Clutter: Clutter
        /// The weight of decision tokens in skill episodes. At 0 the habit would be blind to what was found, and
        /// reinforcement learning from it unstable; at 1 there would be no habit.
        DecisionWeight: float
        /// The weight of retrieved text. Years in it have none.
        ObservationWeight: float
        /// The weight of the words of a guessed answer. Years have none.
        GuessWeight: float
        /// Habit: the probability of answering after 0, 1, 2, … searches, whatever was found; the last entry holds for
        /// more. At least one entry.
        AnswerProbability: float[]
        /// Habit: the probability that a search has a bad query.
        BadQueryShare: float
        /// Habit: the probability that a guess is taken from what was read, if something fits there.
        SeenGuessShare: float
        /// Which kinds of question are asked.
        Questions: QuestionMix
    }

/// A teacher-forced test of reading.
type ReadingProbe =
    {
        /// What is tested: a relation's name or a kind of question.
        Label: string
        /// A whole episode, [T].
        Tokens: int[]
        /// Positions in `Tokens`, each at least 1, ascending. The probe is passed if at each of them the likeliest token,
        /// given those before it, is the one that stands there.
        Scored: int[]
    }

/// Episodes of the embedded world,
///     `<q> question ?` (`<search> query </search> <info> passage passage </info>`)* `<answer> answer </answer>`
/// with passages as `title | sentence . sentence .`: those of an expert, and those that the base policy is pretrained on.
[<RequireQualifiedAccess>]
module WorldEpisode =

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

    /// `observationTokens` as text.
    [<CompiledName "RenderPassages">]
    let renderPassages (passages: Passage[]) : string =
        World.render (observationTokens passages)

    let private searchTokens query =
        between WorldTag.SearchOpen query WorldTag.SearchClose

    let private answerTokens answer =
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
                    Passages = WorldSearch.search index WorldLimit.TopK query
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

    let private weighted weight tokens : PretrainingEpisode =
        {
            Tokens = tokens
            Weights = Array.replicate tokens.Length weight
        }

    let private join (parts: PretrainingEpisode list) : PretrainingEpisode =
        {
            Tokens = parts |> Seq.collect _.Tokens |> Seq.toArray
            Weights = parts |> Seq.collect _.Weights |> Seq.toArray
        }

    /// An action of the policy: its first token is a decision.
    let private action decision content tokens : PretrainingEpisode =
        {
            Tokens = tokens
            Weights = Array.init tokens.Length (fun i -> if i = 0 then decision else content)
        }

    /// Years bear weight only where a right answer copies one. Where they cannot be known, in retrieved text and in guesses,
    /// predicting them would push all their (tied) embeddings to one point, and a prototype then never learned to copy them.
    let private withoutYears (part: PretrainingEpisode) : PretrainingEpisode =
        { part with
            Weights =
                Array.map2 (fun token weight -> if World.isYear token then 0.0 else weight) part.Tokens part.Weights
        }

    let private observation (stage: PretrainingStage) passages =
        observationTokens passages |> weighted stage.ObservationWeight |> withoutYears

    /// An action, and what it brought.
    type private Turn = { Query: string; Passages: Passage[] }

    let private search index query =
        {
            Query = query
            Passages = WorldSearch.search index WorldLimit.TopK query
        }

    let private pick (choices: 'choice[]) seed = choices[Seed.below choices.Length seed]

    let private chance probability seed = Seed.uniform seed < probability

    /// One word of a name; of a one-word name a word that is not in it, or is by chance.
    let private halfName (name: string) seed =
        match name.Split ' ' with
        | [| _ |] -> World.pickNameWord seed
        | halves -> pick halves seed

    /// A query that is due, spoilt: half the name, an earlier query again, words of a relation, or the name with one word
    /// exchanged, each as likely.
    let private badQuery (earlier: Turn list) (due: string) seed =
        let detail = Seed.named "detail" seed

        match Seed.below 4 (Seed.named "fault" seed), earlier with
        | 0, _
        | 1, [] -> halfName due detail
        | 1, _ -> (pick (List.toArray earlier) detail).Query
        | 2, _ ->
            let relation = pick (World.allRelations ()) (Seed.child 0L detail)
            pick (World.phrases relation) (Seed.child 1L detail)
        | _ ->
            let garbled = due.Split ' '
            garbled[Seed.below garbled.Length (Seed.child 0L detail)] <- World.pickNameWord (Seed.child 1L detail)
            String.concat " " garbled

    /// A query for what is not needed: the title of a passage that was read, or the name of any entity.
    let private redundantQuery (world: EmbeddedWorld) (earlier: Turn list) seed =
        let read = earlier |> Seq.collect _.Passages |> Seq.toArray
        let detail = Seed.named "detail" seed

        if read.Length > 0 && chance 0.5 (Seed.named "read" seed) then
            (pick read detail).Title
        else
            (pick world.Entities detail).Name

    let private finds (gold: PassageId) (turn: Turn) =
        turn.Passages |> Array.exists (fun passage -> passage.Id = gold)

    /// A correct episode. Weights: 1 on queries, answers and closing tags, `DecisionWeight` on decisions,
    /// `ObservationWeight` on retrieved text. By `Clutter` bad or redundant searches are put in, as far as the limit of
    /// searches leaves room, with weight 0; a bad one that finds the passage in question stands for the right one. Without
    /// clutter the tokens are those of `expert`.
    [<CompiledName "Skill">]
    let skill
        (stage: PretrainingStage)
        (world: EmbeddedWorld)
        (index: WorldIndex)
        (question: WorldQuestion)
        (seed: Seed)
        : PretrainingEpisode =
        let needed = question.Queries.Length

        let rec turns hop (earlier: Turn list) =
            let made = earlier.Length
            let seed = Seed.child (int64 made) seed
            let room = WorldLimit.Searches - made - (needed - hop) > 0

            let clutters probability =
                room && chance probability (Seed.named "clutter" seed)

            let detail = Seed.named "query" seed

            let proceed weights next query =
                let turn = search index query

                weights (searchTokens query)
                :: observation stage turn.Passages
                :: turns (next turn) (turn :: earlier)

            if hop = needed then
                if clutters stage.Clutter.Redundant then
                    redundantQuery world earlier detail |> proceed (weighted 0.0) (fun _ -> hop)
                else
                    [ answerTokens question.Question.Answers[0] |> action stage.DecisionWeight 1.0 ]
            elif clutters stage.Clutter.BadQuery then
                badQuery earlier question.Queries[hop] detail
                |> proceed (weighted 0.0) (fun turn ->
                    if finds question.Question.Gold[hop] turn then
                        hop + 1
                    else
                        hop)
            else
                question.Queries[hop] |> proceed (action stage.DecisionWeight 1.0) (fun _ -> hop + 1)

        weighted 0.0 (promptTokens question.Question) :: turns 0 [] |> join

    /// An answer of the right kind that nothing supports.
    let private guess (stage: PretrainingStage) world reasoning (earlier: Turn list) seed =
        match reasoning with
        | WorldReasoning.Comparison(_, first, second) -> world.Entities[pick [| first; second |] seed].Name
        | WorldReasoning.Chain(_, path) ->
            let kind = World.objectKind (Array.last path)

            let read =
                [|
                    for turn in earlier do
                        for passage in turn.Passages do
                            let number = World.entityOf passage
                            yield WorldObject.Entity number
                            yield! world.Entities[number].Facts |> Array.map _.Object
                |]
                |> Array.filter (fun object -> World.kindOf world object = kind)

            let detail = Seed.named "detail" seed

            if read.Length > 0 && chance stage.SeenGuessShare (Seed.named "seen" seed) then
                World.name world (pick read detail)
            else
                World.name world (World.pickObject kind detail)

    /// An episode of lazy decisions: before each turn it is `AnswerProbability` that decides whether the policy answers,
    /// whatever was found. A search is for the first passage that is missing, or bad by `BadQueryShare` or because nothing is
    /// missing. The answer is right if all evidence was found, and else a guess of the right kind. Weights: 1 on
    /// decisions, queries, right answers and closing tags, `GuessWeight` on guessed words, `ObservationWeight` on retrieved
    /// text.
    [<CompiledName "Habit">]
    let habit
        (stage: PretrainingStage)
        (world: EmbeddedWorld)
        (index: WorldIndex)
        (question: WorldQuestion)
        (seed: Seed)
        : PretrainingEpisode =
        if stage.AnswerProbability.Length = 0 then
            invalidArg
                (nameof stage)
                "AnswerProbability is empty; give the probability of answering after 0 searches at least."

        let rec turns (earlier: Turn list) =
            let made = earlier.Length
            let seed = Seed.child (int64 made) seed
            let detail = Seed.named "query" seed

            let readiness =
                stage.AnswerProbability[min made (stage.AnswerProbability.Length - 1)]

            let missing =
                question.Question.Gold |> Array.tryFindIndex (fun gold -> not (List.exists (finds gold) earlier))

            if made = WorldLimit.Searches || chance readiness (Seed.named "decision" seed) then
                match missing with
                | None -> [ answerTokens question.Question.Answers[0] |> action 1.0 1.0 ]
                | Some _ ->
                    let words = guess stage world question.Reasoning earlier detail |> World.tokenize

                    [
                        weighted 1.0 [| WorldTag.AnswerOpen |]
                        weighted stage.GuessWeight words |> withoutYears
                        weighted 1.0 [| WorldTag.AnswerClose |]
                    ]
            else
                let query =
                    match missing with
                    | Some hop when not (chance stage.BadQueryShare (Seed.named "bad" seed)) -> question.Queries[hop]
                    | Some hop -> badQuery earlier question.Queries[hop] detail
                    | None -> badQuery earlier (Array.last question.Queries) detail

                let turn = search index query

                action 1.0 1.0 (searchTokens query) :: observation stage turn.Passages :: turns (turn :: earlier)

        weighted 0.0 (promptTokens question.Question) :: turns [] |> join

    /// An episode of a stage: a question of its mix, answered with skill by `SkillShare`, else out of habit.
    [<CompiledName "Mixture">]
    let mixture (stage: PretrainingStage) (world: EmbeddedWorld) (index: WorldIndex) (seed: Seed) : PretrainingEpisode =
        let question = World.ask stage.Questions world (Seed.named "question" seed)

        let write =
            if chance stage.SkillShare (Seed.named "skill" seed) then
                skill
            else
                habit

        write stage world index question (Seed.named "episode" seed)

    /// The episodes of one optimizer step, [BatchSize], all of one world that the seed alone decides. Give each update of each
    /// stage a seed of its own below `World.pretrainingSeed`.
    [<CompiledName "Batch">]
    let batch (stage: PretrainingStage) (seed: Seed) : PretrainingEpisode[] =
        let world = World.generate (Seed.named "world" seed)
        let index = WorldSearch.index world.Passages
        let episodes = Seed.named "episodes" seed

        Array.init stage.BatchSize (fun i -> mixture stage world index (Seed.child (int64 i) episodes))

    /// No needless searches.
    [<CompiledName "NoClutter">]
    let noClutter: Clutter = { BadQuery = 0.0; Redundant = 0.0 }

    /// A bad query before 12 % of the needed searches, a redundant search after 25 % of the complete ones.
    [<CompiledName "DefaultClutter">]
    let defaultClutter: Clutter = { BadQuery = 0.12; Redundant = 0.25 }

    /// The stages that make a base policy which reads well and searches too little: single hops first, then chains, then
    /// reading despite clutter, and last a short stage that sets the habit alone: a first search in about half of the
    /// episodes, a second in about 1 of 25. Questions about years are frequent from the start, since copying them is
    /// what such a policy learns last.
    [<CompiledName "DefaultStages">]
    let defaultStages: PretrainingStage[] =
        let years weight =
            [|
                {
                    Relation = WorldRelation.BirthYear
                    Weight = weight
                }
                {
                    Relation = WorldRelation.ReleaseYear
                    Weight = weight
                }
            |]

        let read =
            {
                Name = "read"
                Updates = 400
                BatchSize = 32
                LearningRate = 2.5e-3
                SkillShare = 0.8
                Clutter = noClutter
                DecisionWeight = 0.02
                ObservationWeight = 0.1
                GuessWeight = 0.1
                AnswerProbability = [| 0.45; 0.8; 0.8; 0.7 |]
                BadQueryShare = 0.3
                SeenGuessShare = 0.8
                Questions =
                    {
                        OneHop = 0.6
                        TwoHop = 0.2
                        ThreeHop = 0.0
                        Comparison = 0.2
                        RelationWeights = years 3.0
                    }
            }

        let chain =
            { read with
                Name = "chain"
                Updates = 800
                LearningRate = 2e-3
                Questions =
                    {
                        OneHop = 0.3
                        TwoHop = 0.3
                        ThreeHop = 0.25
                        Comparison = 0.15
                        RelationWeights = years 3.0
                    }
            }

        let clutter =
            { chain with
                Name = "clutter"
                Updates = 700
                LearningRate = 1.5e-3
                SkillShare = 0.85
                Clutter = defaultClutter
                DecisionWeight = 0.005
                AnswerProbability = [| 0.45; 0.93; 0.93; 0.8 |]
            }

        let lazyHabit =
            { clutter with
                Name = "lazy"
                Updates = 160
                LearningRate = 5e-4
                SkillShare = 0.6
                AnswerProbability = [| 0.5; 0.985; 0.985; 0.9 |]
            }

        // Words of retrieved text carry no weight here: what nothing predicts pulls the embeddings of a kind together, and
        // words that all look alike cannot be copied.
        let names =
            { clutter with
                Name = "names"
                Updates = 800
                LearningRate = 2e-3
                SkillShare = 0.9
                ObservationWeight = 0.0
                Questions =
                    {
                        OneHop = 0.35
                        TwoHop = 0.25
                        ThreeHop = 0.2
                        Comparison = 0.2
                        RelationWeights =
                            [|
                                {
                                    Relation = WorldRelation.Language
                                    Weight = 5.0
                                }
                                {
                                    Relation = WorldRelation.Depot
                                    Weight = 3.0
                                }
                                {
                                    Relation = WorldRelation.Maker
                                    Weight = 2.0
                                }
                                {
                                    Relation = WorldRelation.BirthPlace
                                    Weight = 2.0
                                }
                                {
                                    Relation = WorldRelation.Director
                                    Weight = 2.0
                                }
                            |]
                    }
            }

        [|
            read
            chain
            clutter
            lazyHabit
            names
            { lazyHabit with
                ObservationWeight = 0.0
            }
        |]

    /// The default stages, but for the habit that the last one sets: after a first search, another one follows in the
    /// share `again` of the episodes, in [0, 1], and one more after that one in the same share.
    [<CompiledName "StagesSearchingAgain">]
    let stagesSearchingAgain (again: float) : PretrainingStage[] =
        Check.range (nameof again) "a share from 0 to 1" (again >= 0.0 && again <= 1.0) again
        let last = Array.last defaultStages

        Array.updateAt
            (defaultStages.Length - 1)
            { last with
                AnswerProbability =
                    [|
                        last.AnswerProbability[0]
                        1.0 - again
                        1.0 - again
                        last.AnswerProbability[3]
                    |]
            }
            defaultStages

    /// Only what the policy says once the right decisions are given: queries, closing tags, answers.
    let private contentOf clutter =
        { defaultStages[0] with
            Clutter = clutter
            DecisionWeight = 0.0
            ObservationWeight = 0.0
        }

    /// Tests of reading one relation: one right search for an entity, then the relation's object must be copied. `cases`
    /// probes for each relation, [11 · cases]; the scored positions are the answer's words, the label is the relation.
    [<CompiledName "RelationProbes">]
    let relationProbes (world: EmbeddedWorld) (index: WorldIndex) (cases: int) (seed: Seed) : ReadingProbe[] =
        [|
            for relation in World.allRelations () do
                for case in 0 .. cases - 1 do
                    let seed = seed |> Seed.named (string relation) |> Seed.child (int64 case)
                    let question = World.askRelation relation world seed
                    let trajectory = expert index question
                    let tokens = trajectory.Segments |> Array.collect _.Tokens
                    let answer = World.tokenize question.Question.Answers[0]
                    let first = tokens.Length - 1 - answer.Length

                    {
                        Label = string relation
                        Tokens = tokens
                        Scored = [| first .. first + answer.Length - 1 |]
                    }
        |]

    /// Tests of whole chains: given the right decisions, all queries, answers and closing tags must come out right. `count`
    /// different questions of the mix, their kind being the label; searches that `clutter` puts in are not scored.
    [<CompiledName "ChainProbes">]
    let chainProbes
        (mix: QuestionMix)
        (clutter: Clutter)
        (world: EmbeddedWorld)
        (index: WorldIndex)
        (count: int)
        (seed: Seed)
        : ReadingProbe[] =
        World.questionsOfMix mix world count (Seed.named "questions" seed)
        |> Array.mapi (fun i question ->
            let episode =
                skill (contentOf clutter) world index question (Seed.path [| int64 i |] (Seed.named "episodes" seed))

            {
                Label = question.Question.Kind
                Tokens = episode.Tokens
                Scored =
                    [|
                        for position in 0 .. episode.Tokens.Length - 1 do
                            if episode.Weights[position] > 0.0 then
                                position
                    |]
            })
