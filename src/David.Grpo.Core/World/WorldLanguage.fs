namespace David.Grpo

open System

/// Token ids of the words that give an episode its form: the first words of `World.vocabulary`, in its order.
[<RequireQualifiedAccess>]
module WorldTag =

    /// `<pad>`: fills a row of a batch behind its end. No text holds it.
    /// Fills a batch up; never sampled.
    [<Literal>]
    let Padding = 0

    /// `<q>`: the first token of a prompt.
    /// Begins a question.
    [<Literal>]
    let QuestionOpen = 1

    /// `?`: the last token of a prompt.
    /// Ends a question.
    [<Literal>]
    let QuestionMark = 2

    /// `<search>`: the policy begins a query.
    /// Begins a query.
    [<Literal>]
    let SearchOpen = 3

    /// `</search>`: the query is complete; the environment writes next.
    /// Ends a query.
    [<Literal>]
    let SearchClose = 4

    /// `<info>`: the first token of an observation.
    /// Begins a search's results.
    [<Literal>]
    let InfoOpen = 5

    /// `</info>`: the last token of an observation; the policy writes next.
    /// Ends a search's results.
    [<Literal>]
    let InfoClose = 6

    /// `<answer>`: the policy begins its answer.
    /// Begins an answer.
    [<Literal>]
    let AnswerOpen = 7

    /// `</answer>`: the end of an answered episode.
    /// Ends an answer.
    [<Literal>]
    let AnswerClose = 8

    /// `|`: stands between the title and the text of a passage.
    /// Stands between a passage's title and its text.
    [<Literal>]
    let TitleEnd = 9

    /// `.`: ends a sentence.
    [<Literal>]
    let SentenceEnd = 10

    /// `,`: sets off the two choices of a comparison.
    [<Literal>]
    let Comma = 11

/// The sorts of things in a world. All but years and languages are entities, that is have a passage of their own.
[<RequireQualifiedAccess>]
type WorldKind =
    /// A country.
    | Country
    /// A city.
    | City
    /// A person.
    | Person
    /// A company.
    | Company
    /// A film.
    | Film
    /// A product.
    | Product
    /// A warehouse.
    | Warehouse
    /// A shipment.
    | Shipment
    /// A year.
    | Year
    /// A language.
    | Language

/// The relations of a world; each gives every entity of its subject's kind exactly one object.
[<RequireQualifiedAccess>]
type WorldRelation =
    /// Person → city.
    | BirthPlace
    /// Person → year.
    | BirthYear
    /// City → country.
    | Country
    /// Country → language.
    | Language
    /// Company → city.
    | Headquarters
    /// Company → person.
    | Founder
    /// Film → person.
    | Director
    /// Film → year.
    | ReleaseYear
    /// Product → company.
    | Maker
    /// Shipment → warehouse.
    | Depot
    /// Warehouse → city.
    | Site

/// The words of worlds and the wordings of their relations.
[<RequireQualifiedAccess>]
module internal WorldLanguage =

    /// How a relation is typed and worded. In templates S stands for the subject, O for the object.
    type Wording =
        {
            Relation: WorldRelation
            Subject: WorldKind
            Object: WorldKind
            /// After "the", before the name or the next phrase.
            Phrases: string[]
            Templates: string[]
        }

    let wordings =
        let row relation subject object phrases templates =
            {
                Relation = relation
                Subject = subject
                Object = object
                Phrases = phrases
                Templates = templates
            }

        [|
            row
                WorldRelation.BirthPlace
                WorldKind.Person
                WorldKind.City
                [| "birthplace of"; "native city of" |]
                [| "S is a native of O"; "O is the birthplace of S" |]
            row
                WorldRelation.BirthYear
                WorldKind.Person
                WorldKind.Year
                [| "birth year of"; "year of birth of" |]
                [| "S was born in the year O"; "O is the birth year of S" |]
            row
                WorldRelation.Country
                WorldKind.City
                WorldKind.Country
                [| "country of"; "land around" |]
                [| "S lies in O"; "O is the country of S" |]
            row
                WorldRelation.Language
                WorldKind.Country
                WorldKind.Language
                [| "language of"; "tongue of" |]
                [| "people in S speak O"; "O is the language of S" |]
            row
                WorldRelation.Headquarters
                WorldKind.Company
                WorldKind.City
                [| "headquarters of"; "main office of" |]
                [| "S has headquarters in O"; "O hosts the main office of S" |]
            row
                WorldRelation.Founder
                WorldKind.Company
                WorldKind.Person
                [| "founder of"; "creator of" |]
                [| "S was founded by O"; "O is the founder of S" |]
            row
                WorldRelation.Director
                WorldKind.Film
                WorldKind.Person
                [| "director of"; "filmmaker behind" |]
                [| "S was directed by O"; "O is the director of S" |]
            row
                WorldRelation.ReleaseYear
                WorldKind.Film
                WorldKind.Year
                [| "release year of"; "premiere year of" |]
                [| "S was released in O"; "O is the release year of S" |]
            row
                WorldRelation.Maker
                WorldKind.Product
                WorldKind.Company
                [| "maker of"; "producer of" |]
                [| "S is made by O"; "O is the maker of S" |]
            row
                WorldRelation.Depot
                WorldKind.Shipment
                WorldKind.Warehouse
                [| "warehouse of"; "depot of" |]
                [| "S is stored in O"; "O holds S" |]
            row
                WorldRelation.Site
                WorldKind.Warehouse
                WorldKind.City
                [| "site of"; "location of" |]
                [| "S stands in O"; "O is the site of S" |]
        |]

    let relations = wordings |> Array.map _.Relation

    let wording relation =
        wordings |> Array.find (fun wording -> wording.Relation = relation)

    let words (text: string) =
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries)

    let combine stems endings =
        [|
            for stem in stems do
                for ending in endings -> stem + ending
        |]

    /// 24 × 10 words of which all two-word names are made.
    let nameWords =
        combine
            (words "B Br D Dr F G Gr H J K Kr L M N P Pr R S Sk St T Tr V Z")
            (words "adon amir elin enta ibor ilva oran osti uned uval")

    let countryWords =
        combine (words "Alm Cor Eth Fen Ilt Orm Quil Ulv Wes Yar") (words "aria mark onia vale")

    let languageWords =
        combine (words "Ach Chem Ekh Ghad Okl Thur Wyr Xan") (words "ese ic ish")

    let yearWords = Array.init 30 (fun i -> string (1950 + i))

    let specialWords =
        words "<pad> <q> ? <search> </search> <info> </info> <answer> </answer> | . ,"

    let functionWords =
        [|
            yield! words "what is the which in or"
            for wording in wordings do
                yield! Array.collect words wording.Phrases
                yield! wording.Templates |> Array.collect words |> Array.except [| "S"; "O" |]
        |]
        |> Array.distinct
