/// Stages and episodes that the tests of the world share, and a reader of the episodes' grammar.
module David.Grpo.Tests.WorldEpisodeSamples

open System
open Expecto
open David.Grpo
open David.Grpo.Tests.WorldReader

let plainStage =
    { WorldPretrainingStages.defaults[0] with
        Clutter = WorldPretrainingEpisodes.noClutter
        DecisionWeight = 0.02
    }

let clutteredStage =
    { plainStage with
        Clutter = { BadQuery = 0.5; Redundant = 0.5 }
    }

let habitStage =
    { plainStage with
        AnswerProbability = [| 0.4; 0.7; 0.6; 0.5 |]
    }

/// An episode taken apart by the grammar of episodes, with the position of every part; fails where the grammar does not
/// hold.
type Parsed =
    {
        Prompt: int[]
        /// The position of `<search>`, the query's words, the observation with its tags and its position.
        Turns: (int * int[] * int[] * int)[]
        AnswerAt: int
        Answer: int[]
    }

let parse (tokens: int[]) =
    let until closing start =
        let length = Array.IndexOf(tokens, closing, start) - start
        Expect.isTrue (length >= 0) $"{World.vocabulary[closing]} is missing in '{World.render tokens}'"
        tokens[start .. start + length - 1]

    let prompt = until WorldTag.QuestionMark 0
    prompt[0] |> equals WorldTag.QuestionOpen

    let rec turns at found =
        if tokens[at] = WorldTag.SearchOpen then
            let query = until WorldTag.SearchClose (at + 1)
            let observed = at + query.Length + 2
            tokens[observed] |> equals WorldTag.InfoOpen

            let observation =
                Array.append (until WorldTag.InfoClose observed) [| WorldTag.InfoClose |]

            turns (observed + observation.Length) ((at, query, observation, observed) :: found)
        else
            tokens[at] |> equals WorldTag.AnswerOpen
            at, List.rev found

    let answerAt, turns = turns (prompt.Length + 1) []
    let answer = until WorldTag.AnswerClose (answerAt + 1)
    answerAt + answer.Length + 2 |> equals tokens.Length

    {
        Prompt = prompt[1..]
        Turns = Array.ofList turns
        AnswerAt = answerAt
        Answer = answer
    }

/// Episodes of a stage's skill or habit with their questions.
let episodes write count =
    let world, index = firstWorld ()

    [|
        for i in 0 .. count - 1 do
            let seed = Seed.child (int64 i) (Seed.ofInt64 11L)
            let question = WorldQuestions.ask evenMix world (Seed.named "question" seed)

            let episode: PretrainingEpisode =
                write world index question (Seed.named "episode" seed)

            question, episode, parse episode.Tokens
    |]
