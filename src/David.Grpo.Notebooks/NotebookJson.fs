namespace David.Grpo.Notebooks

open System
open System.Globalization
open System.IO
open System.Text
open System.Text.Json
open System.Text.Json.Nodes

/// JSON as Jupyter writes it, so that a notebook run here and one saved there differ in nothing but what changed.
[<RequireQualifiedAccess>]
module internal NotebookJson =

    let private quote (out: StringBuilder) (text: string) =
        out.Append '"' |> ignore

        for letter in text do
            match letter with
            | '"' -> out.Append "\\\""
            | '\\' -> out.Append "\\\\"
            | '\n' -> out.Append "\\n"
            | '\r' -> out.Append "\\r"
            | '\t' -> out.Append "\\t"
            | '\b' -> out.Append "\\b"
            | '\f' -> out.Append "\\f"
            | control when control < ' ' ->
                out.Append("\\u").Append((int control).ToString("x4", CultureInfo.InvariantCulture))
            | other -> out.Append other
            |> ignore

        out.Append '"' |> ignore

    let rec private write (out: StringBuilder) (depth: int) (node: JsonNode | null) : unit =
        let line (depth: int) =
            out.Append('\n').Append(' ', depth) |> ignore

        let many (first: char) (last: char) (items: 'item seq) (writeItem: 'item -> unit) =
            out.Append first |> ignore
            let mutable isFirst = true

            for item in items do
                if not isFirst then
                    out.Append ',' |> ignore

                isFirst <- false
                line (depth + 1)
                writeItem item

            if not isFirst then
                line depth

            out.Append last |> ignore

        match node with
        | null -> out.Append "null" |> ignore
        | :? JsonObject as fields ->
            many '{' '}' fields (fun field ->
                quote out field.Key
                out.Append ": " |> ignore
                write out (depth + 1) field.Value)
        | :? JsonArray as items -> many '[' ']' items (write out (depth + 1))
        | value when value.GetValueKind() = JsonValueKind.String -> quote out (value.GetValue<string>())
        | value -> out.Append(value.ToJsonString()) |> ignore

    let text (node: JsonNode) : string =
        let out = StringBuilder()
        write out 0 node
        out.Append('\n').ToString()

    /// Text as a list of lines that keep their ends.
    let lines (text: string) : JsonArray =
        let result = JsonArray()
        let mutable start = 0

        while start < text.Length do
            let next =
                match text.IndexOf('\n', start) with
                | -1 -> text.Length
                | at -> at + 1

            result.Add(JsonValue.Create(text.Substring(start, next - start)))
            start <- next

        result

    /// A text that is one string or a list of lines.
    let joined (node: JsonNode | null) : string =
        match node with
        | :? JsonArray as lines -> lines |> Seq.map (fun line -> (nonNull line).GetValue<string>()) |> String.concat ""
        | :? JsonValue as value -> value.GetValue<string>()
        | _ -> ""

    /// A bundle as Jupyter's data: JSON as JSON, text as it is or as lines.
    let data (asLines: bool) (bundle: MimeBundle) : JsonObject =
        let result = JsonObject()

        for mimeType, text in bundle do
            let isJson =
                mimeType = "application/json"
                || (mimeType.StartsWith("application/", StringComparison.Ordinal)
                    && mimeType.EndsWith("+json", StringComparison.Ordinal))

            result[mimeType] <-
                if isJson then JsonNode.Parse text
                elif asLines then lines text
                else JsonValue.Create text

        result
