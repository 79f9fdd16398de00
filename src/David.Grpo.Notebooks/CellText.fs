namespace David.Grpo.Notebooks

open System
open System.Text.RegularExpressions

/// The languages that cells are written in.
[<RequireQualifiedAccess>]
type CellLanguage =
    /// As F# scripts are written.
    | FSharp
    /// As C# scripts are written.
    | CSharp

    /// "fsharp" or "csharp", as magic commands name it.
    member language.Name =
        match language with
        | FSharp -> "fsharp"
        | CSharp -> "csharp"

/// A step of a cell. Lines count from 1.
[<RequireQualifiedAccess>]
type internal CellStep =
    /// Code, with empty lines before it so that its lines are those of the cell.
    | Code of language: CellLanguage * text: string
    /// Text to show as it is.
    | Text of mimeType: string * text: string
    /// A value of another language under a name of this one.
    | Share of from: CellLanguage * name: string * into: CellLanguage * alias: string * line: int
    /// Where packages are looked for from here on.
    | Source of source: string
    /// A value under a name.
    | Set of into: CellLanguage * name: string * value: string * line: int

/// A cell's text as steps. Its magic commands are those of .NET Interactive.
[<RequireQualifiedAccess>]
module internal CellText =

    let private word = Regex(@"""(?:[^""\\]|\\.)*""|\S+", RegexOptions.CultureInvariant)

    let private words (line: string) =
        word.Matches line
        |> Seq.map (fun found ->
            let text = found.Value

            if text.Length > 1 && text.StartsWith '"' && text.EndsWith '"' then
                Regex.Unescape(text.Substring(1, text.Length - 2))
            else
                text)
        |> List.ofSeq

    let tryLanguage (name: string) : CellLanguage option =
        match name.ToLowerInvariant() with
        | "fsharp"
        | "f#"
        | "fs"
        | "david-fsharp"
        | ".net-fsharp" -> Some CellLanguage.FSharp
        | "csharp"
        | "c#"
        | "cs"
        | "david-csharp"
        | ".net-csharp" -> Some CellLanguage.CSharp
        | _ -> None

    let private fail line text =
        raise (ScriptException $"line {line}: {text}")

    let private language line name =
        match tryLanguage name with
        | Some found -> found
        | None -> fail line $"'{name}' is no language here; expected fsharp or csharp."

    // #!share --from fsharp name [--as other], in any order.
    let private share into line arguments =
        let rec read from name alias rest =
            match rest with
            | "--from" :: kernel :: rest -> read (Some kernel) name alias rest
            | "--as" :: other :: rest -> read from name (Some other) rest
            | "--mime-type" :: _ :: rest -> read from name alias rest
            | other :: rest when name = None && not (other.StartsWith "--") -> read from (Some other) alias rest
            | [] ->
                match from, name with
                | Some kernel, Some name ->
                    CellStep.Share(language line kernel, name, into, defaultArg alias name, line)
                | _ -> fail line "#!share needs a language and a name: #!share --from fsharp x [--as y]"
            | other :: _ -> fail line $"#!share does not know '{other}'; write #!share --from fsharp x [--as y]"

        read None None None arguments

    // #!set --name x --value @fsharp:y, or --value text.
    let private set into line arguments =
        let rec read name value rest =
            match rest with
            | "--name" :: given :: rest -> read (Some given) value rest
            | "--value" :: given :: rest -> read name (Some given) rest
            | "--mime-type" :: _ :: rest -> read name value rest
            | "--byref" :: rest -> read name value rest
            | [] ->
                match name, value with
                | Some name, Some value when value.StartsWith '@' ->
                    match value.Substring(1).Split(':', 2) with
                    | [| kernel; other |] -> CellStep.Share(language line kernel, other, into, name, line)
                    | _ -> fail line $"#!set got --value {value}; write @fsharp:name or @csharp:name, or a value."
                | Some name, Some value -> CellStep.Set(into, name, value, line)
                | _ -> fail line "#!set needs a name and a value: #!set --name x --value @fsharp:y"
            | other :: _ -> fail line $"#!set does not know '{other}'; write #!set --name x --value @fsharp:y"

        read None None arguments

    type private Mode =
        | In of CellLanguage
        | As of mimeType: string

    /// The steps of a cell, in a language until a magic command says otherwise; `folder` is the notebook's. Raises ScriptException, with the line, for
    /// a command that is not known.
    let steps (folder: string) (language: CellLanguage) (text: string) : CellStep list =
        let lines = text.Replace("\r\n", "\n").Split '\n'
        let steps = ResizeArray<CellStep>()
        let mutable mode = In language
        // Lines of code keep their place: all others are empty.
        let mutable pending = ResizeArray<string>()

        let flush (line: int) =
            if pending.Exists(fun text -> not (String.IsNullOrWhiteSpace text)) then
                let text = String.Join('\n', pending)

                match mode with
                | In language -> steps.Add(CellStep.Code(language, text))
                | As mimeType -> steps.Add(CellStep.Text(mimeType, text.Trim '\n'))

            pending <- ResizeArray(Seq.replicate line "")

        let into line =
            match mode with
            | In language -> language
            | As _ -> fail line "this command belongs under #!fsharp or #!csharp."

        lines
        |> Array.iteri (fun i text ->
            let line = i + 1

            if text.StartsWith("#!", StringComparison.Ordinal) then
                flush line

                match words (text.Substring 2) with
                | [ one ] when (tryLanguage one).IsSome -> mode <- In (tryLanguage one).Value
                | [ "markdown" ] -> mode <- As "text/markdown"
                | [ "html" ] -> mode <- As "text/html"
                | [ "svg" ] -> mode <- As "image/svg+xml"
                | [ "javascript" ]
                | [ "js" ] -> mode <- As "application/javascript"
                | "share" :: arguments -> steps.Add(share (into line) line arguments)
                | "set" :: arguments -> steps.Add(set (into line) line arguments)
                | name :: _ ->
                    fail
                        line
                        $"#!{name} is not known here; there are #!fsharp, #!csharp, #!share, #!set, #!markdown, #!html, #!svg and #!javascript."
                | [] -> fail line "#! names no command."
            else
                let source =
                    match mode with
                    | In _ ->
                        try
                            Packages.trySource folder text
                        with ScriptException reason ->
                            fail line reason
                    | As _ -> None

                match source with
                | Some source ->
                    steps.Add(CellStep.Source source)
                    pending.Add ""
                | None -> pending.Add text)

        flush lines.Length
        List.ofSeq steps

    /// The language at a place: that of the last #!fsharp or #!csharp before it, and where its text begins.
    let languageAt (standard: CellLanguage) (code: string) (cursor: int) =
        let rec last (from: int) (language: CellLanguage) (start: int) =
            let next = code.IndexOf('\n', from)
            let finish = if next < 0 then code.Length else next

            if from >= code.Length || from > cursor then
                language, start
            else
                let line = code.Substring(from, finish - from).Trim()

                let language, start =
                    if line.StartsWith("#!", StringComparison.Ordinal) then
                        match tryLanguage (line.Substring 2) with
                        | Some found -> found, min (finish + 1) code.Length
                        | None -> language, start
                    else
                        language, start

                if next < 0 then
                    language, start
                else
                    last (next + 1) language start

        last 0 standard 0

    /// Jupyter counts code points, .NET counts UTF-16 units.
    let toUnits (code: string) (points: int) =
        code.EnumerateRunes() |> Seq.truncate points |> Seq.sumBy _.Utf16SequenceLength

    /// The code points of so many UTF-16 units.
    let toPoints (code: string) (units: int) =
        code.Substring(0, min units code.Length).EnumerateRunes() |> Seq.length
