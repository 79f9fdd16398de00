module David.Grpo.Figures.Tests.MicroscopeTests

open System
open System.Text
open System.Text.Json
open System.Text.RegularExpressions
open Expecto
open David.Grpo.Tests
open David.Grpo.Figures

let private hostile = "</script><!-- \u2028 & \"' \\ \uD800 ünï 中"

let private segment author (words: string[]) logProbs : ScopeSegment =
    {
        Author = author
        Words = words
        LogProbs = logProbs
        Version = if Array.isEmpty logProbs then -1 else 7
        IsSearch = false
        Query = ""
        Passages = [||]
        Marks = [||]
    }

let private trajectory: ScopeTrajectory =
    {
        Member = 2
        Role = ScopeRole.Member
        IsExpert = false
        KeptSegments = 0
        Reward = 0.75
        Coverage = 0.5
        Terms =
            [|
                {
                    Name = "coverage"
                    Weight = 0.5
                    Value = 0.5
                }
                {
                    Name = "unweighed"
                    Weight = nan
                    Value = 1.0
                }
            |]
        IsRight = false
        Ending = "answered"
        Answer = hostile
        Advantages = [| -1.25 |]
        Slopes = [| -0.00123456; 0.0 |]
        Segments =
            [|
                segment Author.Policy [| "who"; " who"; "who" |] [| -log 2.0; 0.0; Double.NegativeInfinity |]
                { segment Author.Observation [| hostile |] [||] with
                    IsSearch = true
                    Query = hostile
                    Passages =
                        [|
                            {
                                Id = "1"
                                Title = hostile
                                IsGold = true
                            }
                        |]
                    Marks = [| { From = 0; Until = 1; Passage = 0 } |]
                }
            |]
    }

let private group: ScopeGroup =
    {
        Step = 3
        Phase = "main"
        Key = -1L
        Question = hostile
        Answers = [| hostile; "other" |]
        Kind = "bridge"
        Hops = 2
        Gold = [| hostile |]
        Prompt = [| "who" |]
        IsDead = false
        Trajectories = [| trajectory; { trajectory with Ending = "truncated" } |]
    }

/// The argument of a script that is one call.
let private argument (call: string) (script: byte[]) : JsonElement =
    let text = Encoding.UTF8.GetString script
    text |> startsWith (call + "(")
    text |> endsWith ");\n"
    JsonElement.Parse(text.Substring(call.Length + 1, text.Length - call.Length - 4))

let private strings (element: JsonElement) =
    element.EnumerateArray() |> Seq.map (fun item -> nonNull (item.GetString())) |> Array.ofSeq

[<Tests>]
let tests =
    testList "MicroscopeTests" [
        test "a part holds every token of every trajectory, and a word once" {
            let part = Microscope.part 4 [| group |] |> argument "microscope.part"
            part.GetProperty("part").GetInt32() |> equals 4
            let words = part.GetProperty "words" |> strings
            (Array.distinct words).Length |> equals words.Length

            let first = part.GetProperty("groups").[0].GetProperty("trajectories").[0]
            let said = first.GetProperty("segments").[0]

            let told =
                said.GetProperty("words").EnumerateArray() |> Seq.map (fun word -> words[word.GetInt32()])

            List.ofSeq told |> equals (List.ofSeq [ "who"; " who"; "who" ])

            // One half is 69 hundredths; a probability of 0 is still a number.
            let hundredths =
                said.GetProperty("logProbs").EnumerateArray() |> Seq.map _.ToString() |> Array.ofSeq

            hundredths |> equals [| "69"; "0"; "" |]
            first.GetProperty("slopes").[0].GetRawText() |> equals "-0.001235"
            first.GetProperty("terms").[1].[1].ValueKind |> equals JsonValueKind.Null
        }

        test "the index tells of each trajectory what it became, without its tokens" {
            use index = new Microscope.Index("a run")
            index.Add(0, [| group |])
            index.Add(1, [| { group with Step = 4 } |])
            index.Trajectories |> equals 4
            let data = index.Script() |> argument "microscope.index"
            let columns = data.GetProperty "columns" |> strings

            let of' (name: string) (row: int) =
                data.GetProperty("rows").[row].[Array.IndexOf(columns, name)]

            (of' "outcome" 0).GetString() |> equals "wrong"
            (of' "outcome" 1).GetString() |> equals "unanswered"
            (of' "advantage" 0).GetDouble() |> equals -1.25
            (of' "tokens" 0).GetInt32() |> equals 3
            data.GetProperty("parts").GetInt32() |> equals 2
            data.GetProperty("groups").[1].[0].GetInt32() |> equals 1

            for row in data.GetProperty("rows").EnumerateArray() do
                row.GetArrayLength() |> equals columns.Length

            for row in data.GetProperty("groups").EnumerateArray() do
                row.GetArrayLength() |> equals (data.GetProperty("groupColumns").GetArrayLength())
        }

        test "no text can end a script or a line of one" {
            use index = new Microscope.Index(hostile)
            index.Add(0, [| group |])

            for script in [ Microscope.part 0 [| group |]; index.Script() ] do
                let text = Encoding.UTF8.GetString script
                text |> lacksText "</"
                text |> lacksText "<!--"
                text |> lacksText "\u2028"
                // Other alphabets stay as they are.
                text |> containsText "ünï"
        }

        test "the page refers only to files that lie beside it" {
            let files = Microscope.files () |> Array.map (fun struct (name, text) -> name, text)
            let page = snd files[0]

            let referred =
                Regex.Matches(page, "(?:src|href)=\"([^\"]*)\"")
                |> Seq.map (fun reference -> reference.Groups[1].Value)
                |> Seq.except [ "../index.html"; "data:,"; "data/index.js" ]
                |> Seq.sort

            List.ofSeq referred
            |> equals (List.ofSeq (files |> Seq.map fst |> Seq.except [ "index.html" ] |> Seq.sort))

            for name, text in files do
                Expect.isFalse (Regex.IsMatch(text, "https?://")) $"{name} refers to the net"
        }
    ]
