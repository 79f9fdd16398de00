namespace David.Grpo.Figures

open System
open System.IO
open System.Text
open System.Text.Encodings.Web
open System.Text.Json

/// A JSON value. What is not a finite number is written as null.
[<RequireQualifiedAccess; NoComparison; NoEquality>]
type internal Json =
    | Object of (string * Json) list
    | Array of Json seq
    | Number of float
    | String of string
    | Bool of bool
    | Null

/// JSON that may stand within a script of a page too: neither `<` nor `>` nor `&` is in it.
[<RequireQualifiedAccess>]
module internal Json =

    let numbers (values: float seq) : Json =
        values |> Seq.map Json.Number |> Json.Array

    let strings (values: string seq) : Json =
        values |> Seq.map Json.String |> Json.Array

    let rec private append (out: Utf8JsonWriter) (json: Json) =
        match json with
        | Json.Object fields ->
            out.WriteStartObject()

            for name, value in fields do
                out.WritePropertyName name
                append out value

            out.WriteEndObject()
        | Json.Array items ->
            out.WriteStartArray()

            for item in items do
                append out item

            out.WriteEndArray()
        | Json.Number value when Double.IsFinite value -> out.WriteNumberValue(value + 0.0)
        | Json.Number _
        | Json.Null -> out.WriteNullValue()
        | Json.String text ->
            // A lone surrogate has no UTF-8.
            text.EnumerateRunes()
            |> Seq.fold (fun (out: StringBuilder) rune -> out.Append(rune.ToString())) (StringBuilder())
            |> string
            |> out.WriteStringValue
        | Json.Bool value -> out.WriteBooleanValue value

    /// The text of a value, on one line.
    let write (json: Json) : string =
        use stream = new MemoryStream()

        let options =
            JsonWriterOptions(Encoder = JavaScriptEncoder.Create Unicode.UnicodeRanges.All)

        using (new Utf8JsonWriter(stream, options)) (fun out -> append out json)
        Encoding.UTF8.GetString(stream.ToArray())
