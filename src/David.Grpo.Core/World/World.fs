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

/// Small invented worlds: typed entities, relations and passages. Names are drawn anew
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

    let internal numbersOf kind =
        numbersByKind
        |> Array.tryPick (fun (candidate, numbers) -> if candidate = kind then Some numbers else None)
        |> Option.defaultValue [||]

    let internal pick (choices: 'choice[]) seed = choices[Seed.below choices.Length seed]

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
