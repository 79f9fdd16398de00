namespace David.Grpo

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

/// Tests of reading.
[<RequireQualifiedAccess>]
module WorldProbes =

    /// Only what the policy says once the right decisions are given: queries, closing tags, answers.
    let private contentOf clutter =
        { WorldPretrainingStages.defaults[0] with
            Clutter = clutter
            DecisionWeight = 0.0
            ObservationWeight = 0.0
        }

    /// Tests of reading one relation: one right search for an entity, then the relation's object must be copied. `cases`
    /// probes for each relation, [11 · cases]; the scored positions are the answer's words, the label is the relation.
    [<CompiledName "OfRelations">]
    let ofRelations (world: EmbeddedWorld) (index: WorldIndex) (cases: int) (seed: Seed) : ReadingProbe[] =
        [|
            for relation in World.allRelations () do
                for case in 0 .. cases - 1 do
                    let seed = seed |> Seed.named (string relation) |> Seed.child (int64 case)
                    let question = WorldQuestions.askRelation relation world seed
                    let trajectory = WorldEpisode.expert index question
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
    [<CompiledName "OfChains">]
    let ofChains
        (mix: QuestionMix)
        (clutter: Clutter)
        (world: EmbeddedWorld)
        (index: WorldIndex)
        (count: int)
        (seed: Seed)
        : ReadingProbe[] =
        WorldQuestions.ofMix mix world count (Seed.named "questions" seed)
        |> Array.mapi (fun i question ->
            let episode =
                WorldPretrainingEpisodes.skill
                    (contentOf clutter)
                    world
                    index
                    question
                    (Seed.path [| int64 i |] (Seed.named "episodes" seed))

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
