module David.Grpo.Figures.Tests.LetteringTests

open FsCheck.FSharp
open Expecto
open David.Grpo.Figures
open David.Grpo.Tests

let private labels =
    gen {
        let! count = Gen.choose (1, 12)
        let! centres = Gen.arrayOfLength count (Gen.choose (0, 150))
        let! heights = Gen.arrayOfLength count (Gen.choose (1, 30))
        return centres |> Array.map float, heights |> Array.map float
    }

let private spread (centres, heights) =
    Lettering.spread 0.0 400.0 centres heights

[<Tests>]
let tests =
    testList "LetteringTests" [
        test "spread labels never overlap and stay in their room" {
            lawFor labels (fun (centres, heights) ->
                let boxes =
                    Array.map2 (fun top height -> top, top + height) (spread (centres, heights)) heights |> Array.sort

                boxes |> Array.pairwise |> Array.forall (fun ((_, bottom), (top, _)) -> bottom <= top + 1e-9)
                && fst boxes[0] >= 0.0
                && snd (Array.last boxes) <= 400.0 + 1e-9)
        }

        test "labels that do not touch stay where they are" {
            let tops = Lettering.spread 0.0 100.0 [| 80.0; 20.0; 50.0 |] [| 10.0; 10.0; 10.0 |]
            tops |> equals [| 75.0; 15.0; 45.0 |]
        }

        test "labels of one place stand around it in their order" {
            let tops = Lettering.spread 0.0 100.0 [| 50.0; 50.0; 50.0 |] [| 10.0; 10.0; 10.0 |]
            tops |> equals [| 35.0; 45.0; 55.0 |]
        }

        test "no allowed nudge brings spread labels nearer to where they belong" {
            let cost (centres: float[]) (heights: float[]) (tops: float[]) =
                Array.sumBy (fun i -> (tops[i] + heights[i] / 2.0 - centres[i]) ** 2.0) [| 0 .. tops.Length - 1 |]

            let nudged =
                gen {
                    let! labels = labels
                    let! nudges = Gen.arrayOfLength (fst labels).Length (Gen.choose (-5, 5))
                    return labels, nudges |> Array.map float
                }

            lawFor nudged (fun ((centres, heights), nudges) ->
                let tops = spread (centres, heights)
                let other = Array.map2 (+) tops nudges
                let order = Array.init tops.Length id |> Array.sortBy (fun i -> tops[i])

                let allowed =
                    order |> Array.pairwise |> Array.forall (fun (a, b) -> other[a] + heights[a] <= other[b])
                    && other[order[0]] >= 0.0
                    && other[Array.last order] + heights[Array.last order] <= 400.0

                not allowed || cost centres heights tops <= cost centres heights other + 1e-6)
        }

        test "labels taller than their room start at its top" {
            Lettering.spread 0.0 15.0 [| 1.0; 2.0; 3.0 |] [| 10.0; 10.0; 10.0 |] |> equals [| 0.0; 10.0; 20.0 |]
        }

        test "no labels need no room" { isEmpty (Lettering.spread 0.0 10.0 [||] [||]) }

        test "wrapped lines are no wider than the limit" {
            let texts =
                Gen.arrayOf (Gen.elements [ 'i'; 'W'; 'a'; ' '; '-'; '…'; '漢'; '\uD83D'; '\uDE00'; '\n' ])
                |> Gen.map System.String

            lawFor texts (fun text ->
                let lines = Lettering.wrap 60.0 10.0 3 text
                lines.Length <= 3 && lines |> Array.forall (fun line -> Lettering.width 10.0 line <= 60.0))
        }

        test "a long name is broken at spaces, then at hyphens, then cut" {
            Lettering.wrap 64.0 10.5 3 "GRPO + coverage" |> equals [| "GRPO +"; "coverage" |]
            Lettering.wrap 64.0 10.5 3 "David-GRPO" |> equals [| "David-"; "GRPO" |]
            Lettering.wrap 52.0 10.5 3 "Uninterrupted" |> equals [| "Uninte…" |]
            Lettering.wrap 40.0 10.5 2 "one two three" |> equals [| "one"; "two…" |]
            isEmpty (Lettering.wrap 64.0 10.5 3 " \n")
        }
    ]
