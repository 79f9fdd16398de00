module David.Grpo.Tests.WorldSearchTests

open System
open Expecto
open David.Grpo
open David.Grpo.Tests.WorldReader

[<Tests>]
let tests =
    testList "WorldSearchTests" [
        test "a full name finds its passage first, in either order of its words" {
            for world, index in worlds.Value do
                for passage in world.Passages do
                    for query in [ passage.Title; passage.Title |> wordsOf |> Array.rev |> String.concat " " ] do
                        let best = WorldSearch.search index TagProtocol.defaults.TopK query |> Array.head
                        best.Id |> equals passage.Id
        }

        test "half a name is ambiguous: its passage is among the first two for about half of the halves" {
            let found =
                [|
                    for world, index in worlds.Value do
                        for passage in world.Passages do
                            match wordsOf passage.Title with
                            | [| first; second |] ->
                                for half in [ first; second ] do
                                    let results = WorldSearch.search index TagProtocol.defaults.TopK half

                                    if results |> Array.exists (fun result -> result.Id = passage.Id) then
                                        1.0
                                    else
                                        0.0
                            | _ -> ()
                |]

            // A name word is in 3.25 titles on average, so that its two best places go to a given one of them with probability
            // about .55; a prototype of this world measured .56.
            Array.average found |> isBetween 0.45 0.70
        }

        test "scores are BM25's, with the title counted three times" {
            let passages =
                [|
                    {
                        Id = { Value = "0" }
                        Title = "Badon"
                        Text = "Badon is the site of Belin ."
                    }
                    {
                        Id = { Value = "1" }
                        Title = "Belin"
                        Text = "Belin lies in Almaria ."
                    }
                |]

            // Lengths 5 and 5, N = 2. "Badon": f = 4, 0. "Belin": f = 1 and 4 with n = 2, so passage 1 leads; both match.
            let order query =
                WorldSearch.search (WorldSearch.index passages) 2 query |> Array.map _.Id.Value

            order "Belin" |> equals [| "1"; "0" |]
            order "Badon" |> equals [| "0" |]
            // ln(1 + .5 / 2.5) (4 · 2.2 / 5.2 − 1) = .126 for Belin's lead, ln(1 + 1.5 / 1.5) · 4 · 2.2 / 5.2 = 1.17 for Badon's.
            order "Belin Badon" |> equals [| "0"; "1" |]
            // A repeated word counts once: ten times .126 would win.
            order (String.replicate 12 "Belin " + "Badon") |> equals [| "0"; "1" |]
        }

        test "a word of one passage is worth a little more than three times one of two" {
            let texts =
                [|
                    "Belin Belin Belin"
                    "Belin Belin Belin"
                    "Almaria Cormark Cormark"
                    "Cormark Cormark Cormark"
                    "Cormark Cormark Cormark"
                |]

            let passages =
                texts
                |> Array.mapi (fun number text ->
                    {
                        Id = { Value = string number }
                        Title = "Badon"
                        Text = text
                    })

            // Of equal lengths: ln(1 + 4.5 / 1.5) · 2.2 / 2.2 = 1.386 and ln(1 + 3.5 / 2.5) · 3 · 2.2 / 4.2 = 1.376.
            WorldSearch.search (WorldSearch.index passages) 3 "Belin Almaria"
            |> Array.map _.Id.Value
            |> equals [| "2"; "0"; "1" |]
        }

        test "equal scores keep the corpus's order" {
            let passages =
                [|
                    for number in 0..4 ->
                        {
                            Id = { Value = string number }
                            Title = "Badon"
                            Text = "Badon lies in Almaria ."
                        }
                |]

            let found =
                WorldSearch.search (WorldSearch.index passages) 3 "Almaria" |> Array.map _.Id.Value

            found |> equals [| "0"; "1"; "2" |]
        }

        test "a query without content words finds nothing, and unknown words are passed over" {
            let world, index = firstWorld ()

            for query in [ ""; "   "; "birthplace of the"; "<search> ? . |"; "unheard-of" ] do
                isEmpty (WorldSearch.search index 2 query)

            let name = world.Entities[100].Name

            WorldSearch.search index 2 ("the unheard-of " + name + " ?")
            |> equals (WorldSearch.search index 2 name)

            throws<ArgumentException>(fun () -> WorldSearch.search index 0 name |> ignore) |> ignore
            isEmpty (WorldSearch.search (WorldSearch.index Array.empty) 2 name)
        }

        test "a passage in other words than the world's cannot be indexed" {
            let passage =
                {
                    Id = { Value = "0" }
                    Title = "Paris"
                    Text = "Paris lies in Almaria ."
                }

            let error =
                throws<ArgumentException>(fun () -> WorldSearch.index [| passage |] |> ignore)

            error.Message |> containsText "'Paris'"
        }
    ]
