namespace David.Grpo

open System
open System.Collections.Generic

/// The object of a fact.
[<RequireQualifiedAccess>]
type WorldObject =
    /// An entity, by its number.
    | Entity of number: int
    /// A year or a language: one word.
    | Word of word: string

/// One thing that a passage says of its entity.
type WorldFact =
    {
        /// How.
        Relation: WorldRelation
        /// What it is related to.
        Object: WorldObject
    }

/// A thing with a name and a passage. Countries have one word as name, all others two.
type WorldEntity =
    {
        /// What it is.
        Kind: WorldKind
        /// In words of the vocabulary.
        Name: string
        /// What is known of it.
        Facts: WorldFact[]
    }

/// An invented world. Passage number i is about entity number i, and its id is that number in digits.
type EmbeddedWorld =
    {
        /// All that the world knows of.
        Entities: WorldEntity[]
        /// One an entity.
        Passages: Passage[]
    }

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

/// Small invented worlds: typed entities, relations, passages and questions whose evidence is known. Names are drawn anew
/// for every world, two words each from one pool that all kinds share, so that nothing can be learned by heart and half a
/// name is ambiguous. One word is one token.
[<RequireQualifiedAccess>]
module World =

    /// All words, [V] with V ≤ 512; a word's index is its token id. First the words of `WorldTag`, then function and relation
    /// words, name words, countries, languages and years. Not to be changed: trained policies depend on it.
    [<CompiledName "Vocabulary">]
    let vocabulary: string[] =
        Array.concat
            [|
                WorldLanguage.specialWords
                WorldLanguage.functionWords
                WorldLanguage.nameWords
                WorldLanguage.countryWords
                WorldLanguage.languageWords
                WorldLanguage.yearWords
            |]

    let private idOf =
        let ids = Dictionary<string, int>(vocabulary.Length)
        vocabulary |> Array.iteri (fun id word -> ids.Add(word, id))
        ids

    let private firstContent =
        WorldLanguage.specialWords.Length + WorldLanguage.functionWords.Length

    let private firstYear = vocabulary.Length - WorldLanguage.yearWords.Length

    /// Whether the token is a word of a name, a country, a language or a year: what a search looks at.
    [<CompiledName "IsContent">]
    let isContent (id: int) : bool =
        id >= firstContent && id < vocabulary.Length

    /// Whether the token is a year.
    [<CompiledName "IsYear">]
    let isYear (id: int) : bool =
        id >= firstYear && id < vocabulary.Length

    /// The token ids of words set apart by blanks. A word outside the vocabulary is an ArgumentException that names it.
    [<CompiledName "Tokenize">]
    let tokenize (text: string) : int[] =
        WorldLanguage.words text
        |> Array.map (fun word ->
            match idOf.TryGetValue word with
            | true, id -> id
            | _ ->
                invalidArg
                    (nameof text)
                    $"'{word}' is not a word of the embedded world. Use the words of World.Vocabulary, set apart by blanks.")

    /// The content words of a text in order, as token ids; all other words, known or not, are passed over.
    [<CompiledName "ContentWords">]
    let contentWords (text: string) : int[] =
        WorldLanguage.words text
        |> Array.choose (fun word ->
            match idOf.TryGetValue word with
            | true, id when isContent id -> Some id
            | _ -> None)

    /// The words of token ids, joined by single blanks. An id outside the vocabulary is an ArgumentException.
    [<CompiledName "Render">]
    let render (ids: int[]) : string =
        ids
        |> Array.map (fun id ->
            if id >= 0 && id < vocabulary.Length then
                vocabulary[id]
            else
                invalidArg (nameof ids) $"Token {id} is none of the world's tokens, 0 … {vocabulary.Length - 1}.")
        |> String.concat " "

    /// Seeds of the worlds that the base policy is pretrained on.
    [<CompiledName "PretrainingSeed">]
    let pretrainingSeed (number: int64) : Seed =
        Seed.ofInt64 number |> Seed.named "world pretraining"

    /// Seeds of the worlds that reinforcement learning trains on.
    [<CompiledName "TrainingSeed">]
    let trainingSeed (number: int64) : Seed =
        Seed.ofInt64 number |> Seed.named "world training"

    /// Seeds of the worlds that policies are evaluated on.
    [<CompiledName "EvaluationSeed">]
    let evaluationSeed (number: int64) : Seed =
        Seed.ofInt64 number |> Seed.named "world evaluation"

    /// Entities by kind, in the order of their numbers.
    let private counts =
        [|
            WorldKind.Country, 16
            WorldKind.City, 50
            WorldKind.Person, 100
            WorldKind.Company, 50
            WorldKind.Film, 60
            WorldKind.Product, 50
            WorldKind.Warehouse, 30
            WorldKind.Shipment, 50
        |]

    let private kinds =
        counts |> Array.collect (fun (kind, count) -> Array.replicate count kind)

    let private numbersByKind =
        counts
        |> Array.map (fun (kind, _) ->
            kind, [| 0 .. kinds.Length - 1 |] |> Array.filter (fun number -> kinds[number] = kind))

    let private numbersOf kind =
        numbersByKind
        |> Array.tryPick (fun (candidate, numbers) -> if candidate = kind then Some numbers else None)
        |> Option.defaultValue [||]

    let private pick (choices: 'choice[]) seed = choices[Seed.below choices.Length seed]

    /// A thing of a kind, every one equally likely.
    [<CompiledName "Pick">]
    let pickObject (kind: WorldKind) (seed: Seed) : WorldObject =
        match kind with
        | WorldKind.Year -> WorldObject.Word(pick WorldLanguage.yearWords seed)
        | WorldKind.Language -> WorldObject.Word(pick WorldLanguage.languageWords seed)
        | kind -> WorldObject.Entity(pick (numbersOf kind) seed)

    /// A word of the pool that names are made of, every one equally likely.
    [<CompiledName "PickNameWord">]
    let pickNameWord (seed: Seed) : string = pick WorldLanguage.nameWords seed

    /// The kind of the entities that have a relation.
    [<CompiledName "SubjectKind">]
    let subjectKind (relation: WorldRelation) : WorldKind =
        (WorldLanguage.wording relation).Subject

    /// The kind of a relation's objects.
    [<CompiledName "ObjectKind">]
    let objectKind (relation: WorldRelation) : WorldKind = (WorldLanguage.wording relation).Object

    /// All relations.
    [<CompiledName "Relations">]
    let allRelations () : WorldRelation[] = Array.copy WorldLanguage.relations

    /// The wordings of a relation in questions, such as "birthplace of".
    [<CompiledName "Phrases">]
    let phrases (relation: WorldRelation) : string[] =
        (WorldLanguage.wording relation).Phrases

    /// A name for every entity.
    let private nameAll seed =
        let countries =
            Seed.permutation WorldLanguage.countryWords.Length (Seed.named "countries" seed)

        let nameSeed = Seed.named "names" seed
        let taken = HashSet<struct (int * int)>()

        /// Two words that no other entity has together, in whatever order.
        let rec fresh number attempt =
            let draw = Seed.path [| int64 number; attempt |] nameSeed
            let first = Seed.below WorldLanguage.nameWords.Length (Seed.child 0L draw)
            let second = Seed.below WorldLanguage.nameWords.Length (Seed.child 1L draw)

            if first <> second && taken.Add(struct (min first second, max first second)) then
                $"{WorldLanguage.nameWords[first]} {WorldLanguage.nameWords[second]}"
            else
                fresh number (attempt + 1L)

        kinds
        |> Array.mapi (fun number kind ->
            match kind with
            | WorldKind.Country -> WorldLanguage.countryWords[countries[number]]
            | _ -> fresh number 0L)

    /// The name of an object: an entity's name, or the word itself.
    [<CompiledName "Name">]
    let name (world: EmbeddedWorld) (object: WorldObject) : string =
        match object with
        | WorldObject.Entity number -> world.Entities[number].Name
        | WorldObject.Word word -> word

    /// The kind of an object.
    [<CompiledName "KindOf">]
    let kindOf (world: EmbeddedWorld) (object: WorldObject) : WorldKind =
        match object with
        | WorldObject.Entity number -> world.Entities[number].Kind
        | WorldObject.Word word when Array.contains word WorldLanguage.languageWords -> WorldKind.Language
        | WorldObject.Word _ -> WorldKind.Year

    let private sentence template (subject: string) (object: string) =
        WorldLanguage.words template
        |> Array.map (function
            | "S" -> subject
            | "O" -> object
            | word -> word)
        |> String.concat " "
        |> fun text -> text + " ."

    /// The world of a seed: 406 entities, 16 countries, 50 cities, 100 persons, 50 companies, 60 films, 50 products,
    /// 30 warehouses and 50 shipments; every fact's object is drawn uniformly. A passage's title is its entity's name, its
    /// text one sentence a fact, in random order and in one of two wordings (subject first or object first).
    [<CompiledName "Generate">]
    let generate (seed: Seed) : EmbeddedWorld =
        let names = nameAll seed
        let factSeed = Seed.named "facts" seed
        let textSeed = Seed.named "texts" seed

        let entities =
            Array.map2
                (fun number name ->
                    {
                        Kind = kinds[number]
                        Name = name
                        Facts =
                            WorldLanguage.relations
                            |> Array.filter (fun relation -> subjectKind relation = kinds[number])
                            |> Array.mapi (fun i relation ->
                                {
                                    Relation = relation
                                    Object =
                                        factSeed
                                        |> Seed.path [| int64 number; int64 i |]
                                        |> pickObject (objectKind relation)
                                })
                    })
                [| 0 .. kinds.Length - 1 |]
                names

        let textOf number (entity: WorldEntity) =
            let seed = Seed.child (int64 number) textSeed

            Seed.permutation entity.Facts.Length (Seed.named "order" seed)
            |> Array.map (fun i ->
                let fact = entity.Facts[i]

                let template =
                    pick (WorldLanguage.wording fact.Relation).Templates (Seed.child (int64 i) seed)

                let object =
                    match fact.Object with
                    | WorldObject.Entity number -> names[number]
                    | WorldObject.Word word -> word

                sentence template entity.Name object)
            |> String.concat " "

        {
            Entities = entities
            Passages =
                entities
                |> Array.mapi (fun number entity ->
                    {
                        Id = { Value = string number }
                        Title = entity.Name
                        Text = textOf number entity
                    })
        }

    /// The number of the entity that a passage is about.
    [<CompiledName "EntityOf">]
    let entityOf (passage: Passage) : int = int passage.Id.Value

    /// The object of an entity's relation. An ArgumentException where the entity's kind has no such relation.
    [<CompiledName "Object">]
    let objectOf (world: EmbeddedWorld) (number: int) (relation: WorldRelation) : WorldObject =
        let entity = world.Entities[number]

        match entity.Facts |> Array.tryFind (fun fact -> fact.Relation = relation) with
        | Some fact -> fact.Object
        | None ->
            invalidArg
                (nameof relation)
                $"Entity {number} is a {entity.Kind} and has no {relation}; this relation is of a {subjectKind relation}."

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
                        if objectKind (Array.last path) = subjectKind next then
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
        match objectOf world city WorldRelation.Country with
        | WorldObject.Entity country -> country
        | WorldObject.Word word -> invalidOp $"The country of city {city} is '{word}', which is no entity."

    let private draw (mix: QuestionMix) world shape seed =
        match shape with
        | Shape.Hops paths ->
            let path =
                paths[pickWeighted (Array.map (pathWeight mix) paths) (Seed.named "path" seed)]

            WorldReasoning.Chain(pick (numbersOf (subjectKind path[0])) (Seed.named "start" seed), path)
        | Shape.Comparison ->
            let cities = numbersOf WorldKind.City

            let rec differing attempt =
                let draw = Seed.child attempt (Seed.named "cities" seed)
                let first = pick cities (Seed.child 0L draw)
                let second = pick cities (Seed.child 1L draw)

                if countryOf world first <> countryOf world second then
                    first, second
                else
                    differing (attempt + 1L)

            let first, second = differing 0L
            let inside = pick [| first; second |] (Seed.named "inside" seed)
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
                        | WorldObject.Entity number -> objectOf world number relation
                        | WorldObject.Word word -> invalidOp $"'{word}' is no entity and has no {relation}.")
                    (WorldObject.Entity start)

            let visited =
                Array.truncate path.Length objects
                |> Array.choose (function
                    | WorldObject.Entity number -> Some number
                    | WorldObject.Word _ -> None)

            visited, name world (Array.last objects)
        | WorldReasoning.Comparison(country, first, second) ->
            let inside = if countryOf world first = country then first else second
            [| first; second |], world.Entities[inside].Name

    let private text world reasoning seed =
        match reasoning with
        | WorldReasoning.Chain(start, path) ->
            let asked =
                path
                |> Array.mapi (fun hop relation -> "the " + pick (phrases relation) (Seed.child (int64 hop) seed))
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
        compose world (draw mix world shape seed) seed

    /// One question of one hop about a relation, its entity drawn uniformly.
    [<CompiledName "AskRelation">]
    let askRelation (relation: WorldRelation) (world: EmbeddedWorld) (seed: Seed) : WorldQuestion =
        let start = pick (numbersOf (subjectKind relation)) (Seed.named "start" seed)
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
    [<CompiledName "QuestionsOfMix">]
    let questionsOfMix (mix: QuestionMix) (world: EmbeddedWorld) (count: int) (seed: Seed) : WorldQuestion[] =
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
            let reasoning = draw mix world shape seed

            if asked.Add(identity reasoning) then
                compose world reasoning seed
            else
                fresh shape slot (attempt + 1L)

        Seed.permutation count (Seed.named "order" seed)
        |> Array.mapi (fun slot i -> fresh slots[i] slot 0L)

    /// `count` different questions of the default mix.
    [<CompiledName "Questions">]
    let questions (world: EmbeddedWorld) (count: int) (seed: Seed) : WorldQuestion[] =
        questionsOfMix defaultMix world count seed
