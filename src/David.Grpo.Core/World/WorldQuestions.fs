namespace David.Grpo

open System
open System.Collections.Generic

/// How a question is answered.
[<RequireQualifiedAccess>]
type WorldReasoning =
    /// Follow the relations of `path` in order from the entity `start`.
    | Chain of start: int * path: WorldRelation[]
    /// Say which of the cities `first` and `second` lies in `country`; exactly one does.
    | Comparison of country: int * first: int * second: int

/// A question of a world.
type WorldQuestion =
    {
        /// Its `Text` is the words between `<q>` and `?`, without both.
        Question: Question
        /// The ideal query of each search, in order: the full name of each gold passage's entity, [Hops].
        Queries: string[]
        /// The chain of facts that answers it.
        Reasoning: WorldReasoning
    }

/// How often a relation is asked about; 1 where nothing is said.
type RelationWeight =
    {
        /// Of the world.
        Relation: WorldRelation
        /// Above 0.
        Weight: float
    }

/// Shares of the kinds of question, at least 0; only their ratios count.
type QuestionMix =
    {
        /// Of questions that need one search.
        OneHop: float
        /// Of questions that need two searches.
        TwoHop: float
        /// Of questions that need three searches.
        ThreeHop: float
        /// Of questions that compare two entities.
        Comparison: float
        /// Within a number of hops, a chain of relations is as frequent as the product of its relations' weights.
        RelationWeights: RelationWeight[]
    }

/// Questions of a world whose answer, evidence and number of searches are known.
[<RequireQualifiedAccess>]
module WorldQuestions =

    /// One hop .25, two .30, three .30, comparison .15; all relations alike.
    [<CompiledName "DefaultMix">]
    let defaultMix: QuestionMix =
        {
            OneHop = 0.25
            TwoHop = 0.30
            ThreeHop = 0.30
            Comparison = 0.15
            RelationWeights = [||]
        }

    [<RequireQualifiedAccess>]
    type private Shape =
        | Hops of paths: WorldRelation[][]
        | Comparison

    /// All chains of `hops` relations whose kinds fit: 11 of one, 11 of two and 9 of three.
    let private paths hops =
        let extend paths =
            [|
                for path: WorldRelation[] in paths do
                    for next in WorldLanguage.relations do
                        if World.objectKind (Array.last path) = World.subjectKind next then
                            Array.append path [| next |]
            |]

        Seq.init (hops - 1) ignore
        |> Seq.fold (fun paths () -> extend paths) (Array.map Array.singleton WorldLanguage.relations)

    let private shapes =
        [|
            Shape.Hops(paths 1)
            Shape.Hops(paths 2)
            Shape.Hops(paths 3)
            Shape.Comparison
        |]

    let private shares (mix: QuestionMix) =
        let shares = [| mix.OneHop; mix.TwoHop; mix.ThreeHop; mix.Comparison |]
        let total = Array.sum shares

        if
            shares |> Array.exists (fun share -> not (share >= 0.0))
            || not (total > 0.0 && Double.IsFinite total)
        then
            invalidArg
                (nameof mix)
                $"The mix has the shares {mix.OneHop}, {mix.TwoHop}, {mix.ThreeHop}, {mix.Comparison}; each must be at least 0 and one above 0."

        for weight in mix.RelationWeights do
            if not (weight.Weight > 0.0 && Double.IsFinite weight.Weight) then
                invalidArg
                    (nameof mix)
                    $"RelationWeights gives {weight.Relation} the weight {weight.Weight}; it must be above 0."

        shares |> Array.map (fun share -> share / total)

    /// An index, as likely as its weight.
    let private pickWeighted (weights: float[]) seed =
        let target = Seed.uniform seed * Array.sum weights
        let cumulative = Array.scan (+) 0.0 weights |> Array.tail

        match cumulative |> Array.tryFindIndex (fun edge -> target < edge) with
        | Some index -> index
        | None -> Array.findIndexBack (fun weight -> weight > 0.0) weights

    let private pathWeight (mix: QuestionMix) path =
        let weightOf relation =
            mix.RelationWeights
            |> Array.tryFind (fun weight -> weight.Relation = relation)
            |> Option.fold (fun _ weight -> weight.Weight) 1.0

        path |> Array.fold (fun product relation -> product * weightOf relation) 1.0

    let private countryOf world city =
        match World.objectOf world city WorldRelation.Country with
        | WorldObject.Entity country -> country
        | WorldObject.Word word -> invalidOp $"The country of city {city} is '{word}', which is no entity."

    let private reason (mix: QuestionMix) world shape seed =
        match shape with
        | Shape.Hops paths ->
            let path =
                paths[pickWeighted (Array.map (pathWeight mix) paths) (Seed.named "path" seed)]

            WorldReasoning.Chain(
                World.pick (World.numbersOf (World.subjectKind path[0])) (Seed.named "start" seed),
                path
            )
        | Shape.Comparison ->
            let cities = World.numbersOf WorldKind.City

            let rec differing attempt =
                let draw = Seed.child attempt (Seed.named "cities" seed)
                let first = World.pick cities (Seed.child 0L draw)
                let second = World.pick cities (Seed.child 1L draw)

                if countryOf world first <> countryOf world second then
                    first, second
                else
                    differing (attempt + 1L)

            let first, second = differing 0L
            let inside = World.pick [| first; second |] (Seed.named "inside" seed)
            WorldReasoning.Comparison(countryOf world inside, first, second)

    /// The entities whose passages are needed, in the order of the searches, and the answer.
    let private solve world reasoning =
        match reasoning with
        | WorldReasoning.Chain(start, path) ->
            let objects =
                path
                |> Array.scan
                    (fun object relation ->
                        match object with
                        | WorldObject.Entity number -> World.objectOf world number relation
                        | WorldObject.Word word -> invalidOp $"'{word}' is no entity and has no {relation}.")
                    (WorldObject.Entity start)

            let visited =
                Array.truncate path.Length objects
                |> Array.choose (function
                    | WorldObject.Entity number -> Some number
                    | WorldObject.Word _ -> None)

            visited, World.name world (Array.last objects)
        | WorldReasoning.Comparison(country, first, second) ->
            let inside = if countryOf world first = country then first else second
            [| first; second |], world.Entities[inside].Name

    let private text world reasoning seed =
        match reasoning with
        | WorldReasoning.Chain(start, path) ->
            let asked =
                path
                |> Array.mapi (fun hop relation ->
                    "the " + World.pick (World.phrases relation) (Seed.child (int64 hop) seed))
                |> Array.rev
                |> String.concat " "

            $"what is {asked} {world.Entities[start].Name}"
        | WorldReasoning.Comparison(country, first, second) ->
            let named number = world.Entities[number].Name
            $"which is in {named country} , {named first} or {named second}"

    let private compose world reasoning (seed: Seed) : WorldQuestion =
        let evidence, answer = solve world reasoning
        let titles = evidence |> Array.map (fun number -> world.Entities[number].Name)

        {
            Question =
                {
                    Id = seed.Key.ToString "x16"
                    Text = text world reasoning (Seed.named "phrases" seed)
                    Answers = [| answer |]
                    Gold = evidence |> Array.map (fun number -> world.Passages[number].Id)
                    GoldTitles = titles
                    Kind =
                        match reasoning with
                        | WorldReasoning.Chain(_, path) -> $"{path.Length}-hop"
                        | WorldReasoning.Comparison _ -> "comparison"
                    Hops = evidence.Length
                }
            Queries = titles
            Reasoning = reasoning
        }

    /// One question, drawn from a mix: its kind by the shares, then its chain of relations by their weights, then its
    /// first entity (or, in a comparison, its two cities of different countries and which of these is asked for) uniformly.
    [<CompiledName "Ask">]
    let ask (mix: QuestionMix) (world: EmbeddedWorld) (seed: Seed) : WorldQuestion =
        let shape = shapes[pickWeighted (shares mix) (Seed.named "kind" seed)]
        compose world (reason mix world shape seed) seed

    /// One question of one hop about a relation, its entity drawn uniformly.
    [<CompiledName "AskRelation">]
    let askRelation (relation: WorldRelation) (world: EmbeddedWorld) (seed: Seed) : WorldQuestion =
        let start =
            World.pick (World.numbersOf (World.subjectKind relation)) (Seed.named "start" seed)

        compose world (WorldReasoning.Chain(start, [| relation |])) seed

    /// `count` shared out in proportion, whole numbers: the parts that rounding down lost go to the largest fractions.
    let private quotas count (shares: float[]) =
        let exact = shares |> Array.map (fun share -> share * float count)
        let least = exact |> Array.map int
        let missing = count - Array.sum least

        let favoured =
            [| 0 .. shares.Length - 1 |]
            |> Array.sortBy (fun i -> float least[i] - exact[i])
            |> Array.truncate missing
            |> Set.ofArray

        least |> Array.mapi (fun i quota -> if favoured.Contains i then quota + 1 else quota)

    /// What makes two questions the same, whatever their wording.
    let private identity reasoning =
        match reasoning with
        | WorldReasoning.Comparison(country, first, second) ->
            WorldReasoning.Comparison(country, min first second, max first second)
        | chain -> chain

    /// Draws after which a world counts as having no further question of a kind.
    [<Literal>]
    let private attempts = 20000L

    /// `count` different questions of a mix, in random order; kinds are shared out exactly, by largest remainders, so that
    /// four questions of the default mix are one of each kind. A chain and its paraphrase, and a comparison and its mirror
    /// image, are the same question. An ArgumentException if the world has too few (a world has 490 questions of three hops,
    /// so about 1,600 of the default mix).
    [<CompiledName "OfMix">]
    let ofMix (mix: QuestionMix) (world: EmbeddedWorld) (count: int) (seed: Seed) : WorldQuestion[] =
        if count < 0 then
            invalidArg (nameof count) $"The count is {count}; it must be at least 0."

        let slots =
            quotas count (shares mix)
            |> Array.mapi (fun i quota -> Array.replicate quota shapes[i])
            |> Array.concat

        let asked = HashSet<WorldReasoning>()

        let rec fresh shape slot attempt =
            if attempt = attempts then
                invalidArg
                    (nameof count)
                    $"The world has too few different questions for {count} of this mix; ask for fewer."

            let seed = Seed.path [| int64 slot; attempt |] seed
            let reasoning = reason mix world shape seed

            if asked.Add(identity reasoning) then
                compose world reasoning seed
            else
                fresh shape slot (attempt + 1L)

        Seed.permutation count (Seed.named "order" seed)
        |> Array.mapi (fun slot i -> fresh slots[i] slot 0L)

    /// `count` different questions of the default mix.
    [<CompiledName "Draw">]
    let draw (world: EmbeddedWorld) (count: int) (seed: Seed) : WorldQuestion[] = ofMix defaultMix world count seed
