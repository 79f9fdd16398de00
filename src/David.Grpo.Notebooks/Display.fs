namespace David.Grpo.Notebooks

open System
open System.Collections
open System.Collections.Concurrent
open System.Globalization
open System.IO
open System.Net
open System.Reflection
open System.Runtime.CompilerServices
open Microsoft.FSharp.Reflection

/// A value as a notebook shows it: MIME types with their text, the best first. Types that end in "json" hold JSON.
type MimeBundle = (string * string) list

/// Formatters that cells register, by type and MIME type.
module internal RegisteredFormatters =

    let all = ConcurrentDictionary<struct (Type * string), Func<obj, string>>()

    let find (shown: Type) : (string * (obj -> string)) list =
        [
            for entry in all do
                let struct (target, mimeType) = entry.Key

                if target.IsAssignableFrom shown then
                    mimeType, entry.Value.Invoke
        ]

/// Values by .NET Interactive's convention: the attribute TypeFormatterSource, found by its name, names a type whose
/// `CreateTypeFormatters()` gives objects with a `MimeType` and a `Format(object, TextWriter)`.
module internal FormatterConvention =

    let private attributeName = "TypeFormatterSourceAttribute"

    let private format (formatter: obj) (value: obj) : string option =
        formatter.GetType().GetMethods(BindingFlags.Instance ||| BindingFlags.Public)
        |> Array.tryFind (fun candidate ->
            candidate.Name = "Format"
            && candidate.GetParameters() |> Array.map _.ParameterType = [| typeof<obj>; typeof<TextWriter> |])
        |> Option.bind (fun candidate ->
            use writer = new StringWriter(CultureInfo.InvariantCulture)

            match candidate.Invoke(formatter, [| value; writer |]) with
            | :? bool as isHandled when not isHandled -> None
            | _ -> Some(writer.ToString()))

    let private property (name: string) (owner: obj) =
        match owner.GetType().GetProperty name with
        | null -> null
        | found -> found.GetValue owner

    let private sourceOf (shown: Type) =
        Seq.append
            (Seq.unfold
                (fun (at: Type | null) ->
                    match at with
                    | null -> None
                    | at -> Some(at, at.BaseType))
                shown)
            (shown.GetInterfaces())
        |> Seq.tryPick (fun candidate ->
            candidate.GetCustomAttributes false
            |> Array.tryFind (fun attribute -> attribute.GetType().Name = attributeName))

    /// The value in each MIME type that its source gives, in its order; empty where it has no source.
    let bundle (value: obj) : MimeBundle =
        match sourceOf (value.GetType()) with
        | None -> []
        | Some attribute ->
            match property "FormatterSourceType" attribute with
            | :? Type as source ->
                let made = Activator.CreateInstance(source, nonPublic = true)

                match source.GetMethod "CreateTypeFormatters" with
                | null -> []
                | create ->
                    match create.Invoke(made, null) with
                    | :? IEnumerable as formatters ->
                        [
                            for formatter in formatters do
                                match formatter with
                                | null -> ()
                                | formatter ->
                                    match property "MimeType" formatter, format formatter value with
                                    | (:? string as mimeType), Some text -> mimeType, text
                                    | _ -> ()
                        ]
                    | _ -> []
            | _ -> []

/// Charts of Plotly.NET, found by their name, so that nothing here refers to it: what it tells notebooks of them itself
/// loads plotly.js from the net.
module internal PlotlyCharts =

    let private chartName = "Plotly.NET.GenericChart"

    let rec private chartOf (shown: Type | null) : Type option =
        match shown with
        | null -> None
        | shown when shown.FullName = chartName -> Some shown
        | shown -> chartOf shown.BaseType

    /// As plotly.js's JSON, and its name; empty for what is no chart.
    let bundle (value: obj) : MimeBundle =
        match chartOf (value.GetType()) with
        | None -> []
        | Some chart ->
            match chart.GetMethod "toFigureJson" with
            | null -> []
            | toJson ->
                [
                    "application/vnd.plotly.v1+json", string (toJson.Invoke(null, [| value |]))
                    "text/plain", chartName
                ]

/// How values are shown in notebooks.
[<RequireQualifiedAccess>]
module Display =

    /// Rows and members shown at most.
    let limit = 25

    let private escape (text: string) = WebUtility.HtmlEncode text

    let private isScalar (shown: Type) =
        shown.IsPrimitive
        || shown.IsEnum
        || shown = typeof<string>
        || shown = typeof<decimal>
        || shown = typeof<DateTime>
        || shown = typeof<DateTimeOffset>
        || shown = typeof<TimeSpan>
        || shown = typeof<Guid>
        || typeof<Type>.IsAssignableFrom shown
        || shown.Name.StartsWith("Nullable`", StringComparison.Ordinal)

    let private scalarText (value: obj) : string =
        match value with
        | :? bool as truth -> if truth then "true" else "false"
        | :? IFormattable as formattable -> formattable.ToString(null, CultureInfo.InvariantCulture)
        | other -> string other

    let private isCompilerGenerated (shown: Type) =
        shown.IsDefined(typeof<CompilerGeneratedAttribute>, false)

    /// Whether the type says itself how it reads.
    let private hasOwnText (shown: Type) =
        match shown.GetMethod("ToString", Type.EmptyTypes) with
        | null -> false
        | found ->
            found.DeclaringType <> typeof<obj>
            && found.DeclaringType <> typeof<ValueType>
            && not (FSharpType.IsRecord(shown, true))
            && not (FSharpType.IsUnion(shown, true))
            && not (isCompilerGenerated shown)

    /// A value in plain text.
    let plain (value: obj | null) : string =
        match value with
        | null -> "null"
        | :? string as text -> text
        | value when isScalar (value.GetType()) -> scalarText value
        | :? IEnumerable -> sprintf "%A" value
        | value when hasOwnText (value.GetType()) -> string value
        | value -> sprintf "%A" value

    let private members (shown: Type) : (string * (obj -> obj | null))[] =
        if FSharpType.IsTuple shown then
            FSharpType.GetTupleElements shown
            |> Array.mapi (fun i _ -> $"Item{i + 1}", (fun value -> FSharpValue.GetTupleField(value, i)))
        else
            Array.append
                (shown.GetProperties(BindingFlags.Instance ||| BindingFlags.Public)
                 |> Array.filter (fun property -> property.CanRead && property.GetIndexParameters().Length = 0)
                 |> Array.map (fun property -> property.Name, property.GetValue))
                (shown.GetFields(BindingFlags.Instance ||| BindingFlags.Public)
                 |> Array.map (fun field -> field.Name, field.GetValue))

    let private memberText (get: obj -> obj | null) (owner: obj) : string =
        let text =
            try
                plain (get owner)
            with
            | :? TargetInvocationException as failure when not (isNull failure.InnerException) ->
                (nonNull failure.InnerException).Message
            | failure -> failure.Message

        if text.Length > 400 then
            text.Substring(0, 399) + "…"
        else
            text

    let private row (cells: string seq) =
        $"<tr>{String.concat String.Empty cells}</tr>"

    let private cell (value: obj | null) (text: string) =
        match value with
        | :? IFormattable as number when number.GetType().IsPrimitive ->
            $"""<td style="text-align: right">{escape text}</td>"""
        | _ -> $"""<td style="text-align: left">{escape text}</td>"""

    let private heads (names: string seq) =
        names |> Seq.map (fun name -> $"""<th style="text-align: left">{escape name}</th>""") |> row

    let private table (head: string) (rows: string seq) =
        $"<table><thead>{head}</thead><tbody>{String.concat String.Empty rows}</tbody></table>"

    let private rest (items: int) (isMore: bool) (whole: int option) =
        match isMore, whole with
        | false, _ -> ""
        | true, Some count -> $"<p>{count - items} more of {count}</p>"
        | true, None -> "<p>… and more</p>"

    let private objectTable (columns: (string * (obj -> obj | null))[]) (items: obj[]) =
        let value get item =
            try
                get item
            with _ ->
                null

        table
            (heads (Seq.append [ "" ] (Seq.map fst columns)))
            (items
             |> Array.mapi (fun i item ->
                 row
                     [
                         $"<th>{i}</th>"
                         for _, get in columns do
                             cell (value get item) (memberText get item)
                     ]))

    let private ofSequence (values: IEnumerable) : string option =
        let items =
            values |> Seq.cast<obj | null> |> Seq.truncate (limit + 1) |> Array.ofSeq

        let shown = Array.truncate limit items

        let whole =
            match values with
            | :? ICollection as collection -> Some collection.Count
            | _ -> None

        let more = rest shown.Length (items.Length > limit) whole

        match values with
        | :? IDictionary as dictionary when dictionary.Count > 0 ->
            let rows =
                [
                    for key in dictionary.Keys |> Seq.cast<obj> |> Seq.truncate limit do
                        row [ cell null (plain key); cell dictionary[key] (plain dictionary[key]) ]
                ]

            Some(table (heads [ "Key"; "Value" ]) rows + more)
        | _ when shown.Length = 0 || shown |> Array.exists isNull -> None
        | _ ->
            let shown = shown |> Array.map nonNull

            match shown |> Array.map _.GetType() |> Array.distinct with
            | [| one |] when isScalar one || FSharpType.IsUnion(one, true) || typeof<IEnumerable>.IsAssignableFrom one ->
                None
            | [| one |] when (members one).Length > 0 -> Some(objectTable (members one) shown + more)
            | _ -> None

    let private html (value: obj) : string option =
        let shown = value.GetType()

        match value with
        | _ when isScalar shown -> None
        | :? IEnumerable as values -> ofSequence values
        | _ when FSharpType.IsUnion(shown, true) || FSharpType.IsFunction shown -> None
        | _ when hasOwnText shown && not (FSharpType.IsTuple shown) -> None
        | _ ->
            match Array.truncate limit (members shown) with
            | [||] -> None
            | members ->
                Some(
                    table
                        ""
                        [
                            for name, get in members do
                                row
                                    [
                                        $"""<th style="text-align: left">{escape name}</th>"""
                                        cell null (memberText get value)
                                    ]
                        ]
                )

    /// A value in every MIME type that is known for it, the best first, plain text always among them: by what cells
    /// registered, by the type's own TypeFormatterSource, as a chart of Plotly.NET, else as a table or text. It never fails: what a formatter throws
    /// is shown in its place.
    let bundle (value: obj | null) : MimeBundle =
        match value with
        | null -> [ "text/plain", "null" ]
        | value ->
            let withPlain (shown: MimeBundle) =
                if shown |> List.exists (fun (mimeType, _) -> mimeType = "text/plain") then
                    shown
                else
                    shown @ [ "text/plain", plain value ]

            try
                let registered =
                    RegisteredFormatters.find (value.GetType())
                    |> List.map (fun (mimeType, render) -> mimeType, render value)

                let ways =
                    [
                        (fun () -> registered)
                        (fun () -> FormatterConvention.bundle value)
                        (fun () -> PlotlyCharts.bundle value)
                        (fun () -> [ for table in Option.toList (html value) -> "text/html", table ])
                    ]

                ways
                |> List.tryPick (fun way ->
                    match way () with
                    | [] -> None
                    | shown -> Some shown)
                |> Option.defaultValue []
                |> withPlain
            with failure ->
                let failure =
                    match failure.InnerException with
                    | null -> failure
                    | inner -> inner

                [
                    "text/plain", $"A {value.GetType().Name} that could not be shown: {failure.Message}"
                ]
