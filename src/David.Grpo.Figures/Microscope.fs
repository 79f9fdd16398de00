namespace David.Grpo.Figures

open System
open System.Collections.Generic
open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json
open System.Text.Unicode

/// The trajectory microscope: a page over all trajectories of a run that works from disk. Browsers do not let such a page
/// read files, so its data are scripts: one index, and parts of some hundred kilobytes that are loaded when they are looked
/// at.
[<RequireQualifiedAccess>]
module Microscope =

    /// Tokens of a part, at least; groups are never split.
    [<Literal>]
    let TokensPerPart = 40_000

    let private resource (name: string) : string =
        use stream =
            typeof<ScopeGroup>.Assembly.GetManifestResourceStream("Microscope." + name) |> Unchecked.nonNull

        use reader = new StreamReader(stream, Encoding.UTF8)
        reader.ReadToEnd()

    let private fileNames =
        [|
            "index.html"
            "microscope.css"
            "data.js"
            "filter.js"
            "list.js"
            "group.js"
            "trajectory.js"
            "keys.js"
        |]

    /// The page and what it is made of: names and texts. They are the same for every run.
    [<CompiledName "Files">]
    let files () : struct (string * string)[] =
        fileNames |> Array.map (fun name -> struct (name, resource name))

    /// The name of a part's file, parts counted from 0.
    [<CompiledName "PartName">]
    let partName (part: int) : string = $"part-{part + 1:D4}.js"

    /// Letters of all languages stay; '<', '&' and whatever could end a script are escaped.
    let private options =
        JsonWriterOptions(Encoder = JavaScriptEncoder.Create UnicodeRanges.All, SkipValidation = true)

    /// `call(json)` as a script.
    let private script (call: string) (write: Utf8JsonWriter -> unit) : byte[] =
        use out = new MemoryStream()
        out.Write(Encoding.UTF8.GetBytes(call + "("))

        (use json = new Utf8JsonWriter(out, options)
         write json)

        out.Write(Encoding.UTF8.GetBytes ");\n")
        out.ToArray()

    let private list (json: Utf8JsonWriter) (name: string) (items: 'a seq) (write: 'a -> unit) =
        json.WriteStartArray name
        Seq.iter write items
        json.WriteEndArray()

    /// Four significant digits: what a colour and a tooltip need.
    let private number (json: Utf8JsonWriter) (value: float) =
        if not (Double.IsFinite value) then
            json.WriteNullValue()
        elif value = Math.Round value && abs value < 1e15 then
            json.WriteNumberValue(int64 value)
        else
            json.WriteRawValue(value.ToString("G4", Globalization.CultureInfo.InvariantCulture), true)

    let private author =
        function
        | Author.Prompt -> "prompt"
        | Author.Policy -> "policy"
        | Author.Observation -> "observation"
        | Author.Expert -> "expert"

    let private role =
        function
        | ScopeRole.Member -> "member"
        | ScopeRole.Displaced -> "displaced"
        | ScopeRole.Candidate -> "candidate"
        | ScopeRole.Unselected -> "unselected"

    let private outcome (trajectory: ScopeTrajectory) =
        if trajectory.IsRight then "right"
        elif trajectory.Ending = "answered" then "wrong"
        else "unanswered"

    /// Numbers that stand for strings, in the order in which these came first.
    type private Table() =
        let numbers = Dictionary<string, int>(StringComparer.Ordinal)
        let strings = List<string>()

        member _.Of(text: string) : int =
            match numbers.TryGetValue text with
            | true, number -> number
            | _ ->
                numbers.Add(text, strings.Count)
                strings.Add text
                strings.Count - 1

        member _.Strings: string seq = strings

    let private numberList (json: Utf8JsonWriter) (name: string) (values: float[]) = list json name values (number json)

    /// A part: whole groups with all their tokens. Words are numbers in the part's own table. Log-probabilities are
    /// hundredths, negated and rounded: 0 for certainty, 69 for one half.
    [<CompiledName "Part">]
    let part (index: int) (groups: ScopeGroup[]) : byte[] =
        let words = Table()

        script $"microscope.part" (fun json ->
            json.WriteStartObject()
            json.WriteNumber("part", index)

            list json "groups" groups (fun group ->
                json.WriteStartObject()
                list json "gold" group.Gold json.WriteStringValue
                list json "prompt" group.Prompt (words.Of >> json.WriteNumberValue)

                list json "trajectories" group.Trajectories (fun trajectory ->
                    json.WriteStartObject()

                    list json "terms" trajectory.Terms (fun term ->
                        json.WriteStartArray()
                        json.WriteStringValue term.Name
                        number json term.Weight
                        number json term.Value
                        json.WriteEndArray())

                    numberList json "advantages" trajectory.Advantages
                    numberList json "slopes" trajectory.Slopes

                    list json "segments" trajectory.Segments (fun segment ->
                        json.WriteStartObject()
                        json.WriteString("author", author segment.Author)
                        list json "words" segment.Words (words.Of >> json.WriteNumberValue)

                        if segment.LogProbs.Length > 0 then
                            list json "logProbs" segment.LogProbs (fun value ->
                                if Double.IsFinite value then
                                    json.WriteNumberValue(int (Math.Round(-100.0 * max -1e6 value)))
                                else
                                    json.WriteNullValue())

                            json.WriteNumber("version", segment.Version)

                        if segment.IsSearch then
                            json.WriteString("query", segment.Query)

                        if segment.Passages.Length > 0 then
                            list json "passages" segment.Passages (fun passage ->
                                json.WriteStartArray()
                                json.WriteStringValue passage.Id
                                json.WriteStringValue passage.Title
                                json.WriteBooleanValue passage.IsGold
                                json.WriteEndArray())

                            list json "marks" segment.Marks (fun mark ->
                                json.WriteStartArray()
                                json.WriteNumberValue mark.From
                                json.WriteNumberValue mark.Until
                                json.WriteNumberValue mark.Passage
                                json.WriteEndArray())

                        json.WriteEndObject())

                    json.WriteEndObject())

                json.WriteEndObject())

            list json "words" words.Strings json.WriteStringValue
            json.WriteEndObject())

    /// The index of a run's microscope, group by group as they are read: what the list shows, and what is searched, filtered
    /// and sorted by. It holds no tokens.
    [<Sealed>]
    type Index(title: string) =
        let titles = Table()
        let groups = new MemoryStream()
        let rows = new MemoryStream()
        let groupJson = new Utf8JsonWriter(groups, options)
        let rowJson = new Utf8JsonWriter(rows, options)
        let mutable count = 0
        let mutable trajectories = 0
        let mutable parts = 0

        do
            groupJson.WriteStartArray()
            rowJson.WriteStartArray()

        /// Trajectories so far.
        member _.Trajectories: int = trajectories

        /// Groups so far.
        member _.Groups: int = count

        /// Adds the groups of a part, in the order in which they stand there.
        member _.Add(part: int, added: ScopeGroup[]) : unit =
            parts <- max parts (part + 1)

            for place, group in Array.indexed added do
                let json = groupJson
                json.WriteStartArray()
                json.WriteNumberValue part
                json.WriteNumberValue place
                json.WriteNumberValue group.Step
                json.WriteStringValue group.Phase
                json.WriteNumberValue group.Key
                json.WriteStringValue group.Question
                json.WriteStringValue(String.Join("; ", group.Answers))
                json.WriteStringValue group.Kind
                json.WriteNumberValue group.Hops
                json.WriteNumberValue(if group.IsDead then 1 else 0)
                json.WriteEndArray()

                for place, trajectory in Array.indexed group.Trajectories do
                    let json = rowJson

                    let searches = trajectory.Segments |> Array.filter _.IsSearch

                    let generated =
                        trajectory.Segments
                        |> Array.sumBy (fun segment ->
                            if segment.LogProbs.Length > 0 then
                                segment.Words.Length
                            else
                                0)

                    let mean (values: float[]) =
                        if values.Length = 0 then
                            Double.NaN
                        else
                            Array.average values

                    let largest (values: float[]) =
                        values |> Array.fold (fun most value -> max most (abs value)) 0.0

                    json.WriteStartArray()
                    json.WriteNumberValue count
                    json.WriteNumberValue place
                    json.WriteNumberValue trajectory.Member
                    json.WriteStringValue(outcome trajectory)
                    json.WriteStringValue(role trajectory.Role)
                    json.WriteNumberValue(if trajectory.IsExpert then 1 else 0)
                    json.WriteNumberValue trajectory.KeptSegments
                    number json trajectory.Reward
                    number json trajectory.Coverage
                    number json (mean trajectory.Advantages)
                    number json (largest trajectory.Advantages)
                    number json (largest trajectory.Slopes)
                    json.WriteNumberValue generated
                    json.WriteStringValue trajectory.Answer
                    json.WriteStartArray()
                    searches |> Array.iter (fun search -> json.WriteStringValue search.Query)
                    json.WriteEndArray()
                    json.WriteStartArray()

                    searches
                    |> Array.collect _.Passages
                    |> Array.map _.Title
                    |> Array.distinct
                    |> Array.iter (titles.Of >> json.WriteNumberValue)

                    json.WriteEndArray()
                    json.WriteEndArray()
                    trajectories <- trajectories + 1

                count <- count + 1

        /// The index as a script. Nothing can be added after it.
        member _.Script() : byte[] =
            groupJson.WriteEndArray()
            rowJson.WriteEndArray()
            groupJson.Flush()
            rowJson.Flush()

            script "microscope.index" (fun json ->
                json.WriteStartObject()
                json.WriteString("title", title)
                json.WriteNumber("parts", parts)

                list
                    json
                    "groupColumns"
                    ("part place step phase key question answers kind hops dead".Split ' ')
                    json.WriteStringValue

                list
                    json
                    "columns"
                    ("group place member outcome role expert kept reward coverage advantage largestAdvantage largestSlope tokens answer queries found"
                        .Split
                        ' ')
                    json.WriteStringValue

                list json "titles" titles.Strings json.WriteStringValue
                json.WritePropertyName "groups"
                json.WriteRawValue(ReadOnlySpan<byte>(groups.GetBuffer(), 0, int groups.Length), true)
                json.WritePropertyName "rows"
                json.WriteRawValue(ReadOnlySpan<byte>(rows.GetBuffer(), 0, int rows.Length), true)
                json.WriteEndObject())

        interface IDisposable with
            member _.Dispose() =
                groupJson.Dispose()
                rowJson.Dispose()
                groups.Dispose()
                rows.Dispose()
