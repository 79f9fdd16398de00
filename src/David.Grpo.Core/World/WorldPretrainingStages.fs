namespace David.Grpo

/// How the base policy is pretrained.
[<RequireQualifiedAccess>]
module WorldPretrainingStages =

    /// The stages that make a base policy which reads well and searches too little: single hops first, then chains, then
    /// reading despite clutter, and last a short stage that sets the habit alone: a first search in about half of the
    /// episodes, a second in about 1 of 25. Questions about years are frequent from the start, since copying them is
    /// what such a policy learns last.
    [<CompiledName "Defaults">]
    let defaults: PretrainingStage[] =
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
                Clutter = WorldPretrainingEpisodes.noClutter
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
                Clutter = WorldPretrainingEpisodes.defaultClutter
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
    [<CompiledName "SearchingAgain">]
    let searchingAgain (again: float) : PretrainingStage[] =
        Check.range (nameof again) "a share from 0 to 1" (again >= 0.0 && again <= 1.0) again
        let last = Array.last defaults

        Array.updateAt
            (defaults.Length - 1)
            { last with
                AnswerProbability =
                    [|
                        last.AnswerProbability[0]
                        1.0 - again
                        1.0 - again
                        last.AnswerProbability[3]
                    |]
            }
            defaults
