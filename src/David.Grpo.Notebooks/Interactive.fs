namespace David.Grpo.Notebooks.Interactive

open System
open System.Runtime.CompilerServices
open David.Grpo.Notebooks

/// Text of another MIME type than plain, such as HTML; shown as it is.
[<Sealed>]
type Rich(mimeType: string, text: string) =
    /// Such as "text/html".
    member _.MimeType = mimeType
    /// As it is shown.
    member _.Text = text
    override _.ToString() = text

/// Where the cell that runs shows things.
module internal Screen =
    let mutable show: MimeBundle -> unit = ignore

    let bundle (value: obj | null) =
        match value with
        | :? Rich as rich -> [ rich.MimeType, rich.Text ]
        | other -> Display.bundle other

/// How values of one's own types are shown.
[<Sealed; AbstractClass>]
type Formatter =

    /// Shows values of a type, and of those derived from it, by a function to the text of a MIME type.
    static member Register<'value>(formatter: Func<'value, string>, mimeType: string) : unit =
        RegisteredFormatters.all[struct (typeof<'value>, mimeType)] <-
            Func<obj, string>(fun value -> formatter.Invoke(unbox value))

    /// Shows values of a type as HTML.
    static member Register<'value>(formatter: Func<'value, string>) : unit =
        Formatter.Register(formatter, "text/html")

/// What every cell can call.
[<Extension>]
type DisplayExtensions =

    /// Shows the value below the cell, and goes on.
    [<Extension>]
    static member Display(value: 'value) : unit = Screen.show (Screen.bundle (box value))

    /// Shows the value as one MIME type: as that of its own if it has it, else its text.
    [<Extension>]
    static member Display(value: 'value, mimeType: string) : unit =
        match Screen.bundle (box value) |> List.tryFind (fun (own, _) -> own = mimeType) with
        | Some own -> Screen.show [ own ]
        | None -> Screen.show [ mimeType, Display.plain (box value) ]

/// A value on its way from one language to another.
[<Sealed; AbstractClass>]
type SharedValue =
    static let mutable value: obj | null = null
    static member internal Put(shared: obj | null) : unit = value <- shared

    /// Whether code can name the type: it is public and lies in a file.
    static member internal CanName(shown: Type) : bool =
        shown.IsVisible
        && not shown.Assembly.IsDynamic
        && shown.Assembly.Location <> ""
        && (not shown.IsGenericType || shown.GetGenericArguments() |> Array.forall SharedValue.CanName)
        && (not shown.HasElementType || SharedValue.CanName(nonNull (shown.GetElementType())))

    /// The full name of a type that is no array, its arguments written by `written`.
    static member internal NameOf(shown: Type, written: Type -> string, root: string) : string =
        // Names such as A`1+B`2: each part takes its arguments in turn.
        let parts = (string shown.FullName).Split('[').[0].Replace('+', '.').Split '.'

        let names, _ =
            parts
            |> Array.mapFold
                (fun left part ->
                    match part.Split '`' with
                    | [| name; count |] ->
                        let taken, others = List.splitAt (int count) left
                        let arguments = taken |> List.map written |> String.concat ", "
                        $"{name}<{arguments}>", others
                    | _ -> part, left)
                (List.ofArray (shown.GetGenericArguments()))

        root + String.concat "." names

    /// The value that was put last.
    static member Take() : obj | null = value

/// What C# cells can call without naming anything.
[<AllowNullLiteral>]
type CellGlobals() =

    /// Shows the value below the cell, and goes on.
    member _.display(value: obj) : unit = Screen.show (Screen.bundle value)

    /// Shows the value as one MIME type.
    member _.display(value: obj, mimeType: string) : unit = value.Display mimeType

    /// HTML to be shown.
    member _.HTML(text: string) : Rich = Rich("text/html", text)

/// What F# cells can call.
[<AutoOpen>]
module CellFunctions =

    /// Shows the value below the cell, and goes on.
    let display (value: 'value) : unit = Screen.show (Screen.bundle (box value))

    /// HTML to be shown.
    let HTML (text: string) : Rich = Rich("text/html", text)
