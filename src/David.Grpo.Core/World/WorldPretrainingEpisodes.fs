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

/// Episodes that the base policy is pretrained on.
[<RequireQualifiedAccess>]
module WorldPretrainingEpisodes =

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
        WorldEpisode.observationTokens passages |> weighted stage.ObservationWeight |> withoutYears

    /// An action, and what it brought.
    type private Turn = { Query: string; Passages: Passage[] }

    let private search index query =
        {
            Query = query
            Passages = WorldSearch.search index TagProtocol.defaults.TopK query
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
            let room = TagProtocol.defaults.MaxSearches - made - (needed - hop) > 0

            let clutters probability =
                room && chance probability (Seed.named "clutter" seed)

            let detail = Seed.named "query" seed

            let proceed weights next query =
                let turn = search index query

                weights (WorldEpisode.searchTokens query)
                :: observation stage turn.Passages
                :: turns (next turn) (turn :: earlier)

            if hop = needed then
                if clutters stage.Clutter.Redundant then
                    redundantQuery world earlier detail |> proceed (weighted 0.0) (fun _ -> hop)
                else
                    [
                        WorldEpisode.answerTokens question.Question.Answers[0] |> action stage.DecisionWeight 1.0
                    ]
            elif clutters stage.Clutter.BadQuery then
                badQuery earlier question.Queries[hop] detail
                |> proceed (weighted 0.0) (fun turn ->
                    if finds question.Question.Gold[hop] turn then
                        hop + 1
                    else
                        hop)
            else
                question.Queries[hop] |> proceed (action stage.DecisionWeight 1.0) (fun _ -> hop + 1)

        weighted 0.0 (WorldEpisode.promptTokens question.Question) :: turns 0 [] |> join

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

            if made = TagProtocol.defaults.MaxSearches || chance readiness (Seed.named "decision" seed) then
                match missing with
                | None -> [ WorldEpisode.answerTokens question.Question.Answers[0] |> action 1.0 1.0 ]
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

                action 1.0 1.0 (WorldEpisode.searchTokens query)
                :: observation stage turn.Passages
                :: turns (turn :: earlier)

        weighted 0.0 (WorldEpisode.promptTokens question.Question) :: turns [] |> join

    /// An episode of a stage: a question of its mix, answered with skill by `SkillShare`, else out of habit.
    [<CompiledName "Mixture">]
    let mixture (stage: PretrainingStage) (world: EmbeddedWorld) (index: WorldIndex) (seed: Seed) : PretrainingEpisode =
        let question = WorldQuestions.ask stage.Questions world (Seed.named "question" seed)

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
