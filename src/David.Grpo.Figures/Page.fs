namespace David.Grpo.Figures

open System

/// Reports as web pages.
[<RequireQualifiedAccess>]
module Page =

    let private element = Markup.element
    let private text = Markup.text

    /// Prompts and observations longer than this are folded.
    let private foldedFrom = 400

    let private table (table: Table) : Markup =
        TableContent.check table
        let best = TableContent.best table
        let halves = TableContent.writesHalves table

        // With many columns, intervals stand below their values.
        let look =
            if table.Columns.Length > 6 then
                [ "class", "dense" ]
            else
                []

        let classes (column: TableColumn) =
            if column.Numeric then "numeric" else "words"

        let head (column: TableColumn) =
            element
                "th"
                [ "scope", "col"; "class", classes column ]
                [
                    text column.Name
                    if column.Unit <> "" then
                        // The blank is for those who show no style sheet of ours.
                        text " "
                        element "small" [] [ text column.Unit ]
                ]

        let cell i j cell =
            let column = table.Columns[j]

            let content =
                match cell with
                | Cell.Words words -> [ text words ]
                | Cell.Missing -> [ text "–" ]
                | Cell.Number value ->
                    [
                        text (Number.fixedPoint column.Decimals value.Value)
                        match Number.intervalText column.Decimals (halves[j]) value with
                        | "" -> ()
                        | interval -> element "span" [ "class", "interval" ] [ text interval ]
                    ]

            let emphasis = if best[i][j] then " best" else ""

            // The first column names its row.
            if j = 0 && not column.Numeric then
                element "th" [ "scope", "row"; "class", classes column ] content
            else
                element "td" [ "class", classes column + emphasis ] content

        element
            "div"
            [ "class", "scroll" ]
            [
                element
                    "table"
                    look
                    [
                        if table.Caption <> "" then
                            element "caption" [] [ element "span" [] [ text table.Caption ] ]
                        element "thead" [] [ element "tr" [] (table.Columns |> Array.map head |> List.ofArray) ]
                        element
                            "tbody"
                            []
                            [
                                for i, row in Array.indexed table.Rows do
                                    element "tr" [] (row |> Array.mapi (cell i) |> List.ofArray)
                            ]
                    ]
            ]

    let private figure (figure: Figure) (caption: string) : Markup =
        let drawn shown figure =
            element "div" [ "class", shown ] [ Svg.markup false Medium.Page figure ]

        element
            "figure"
            []
            [
                // A figure for a full page is laid out again for a phone, its panels below each other.
                match figure.Width with
                | FigureWidth.Column -> drawn "scroll" figure
                | FigureWidth.Page ->
                    drawn "wide" figure

                    drawn
                        "narrow"
                        { figure with
                            Width = FigureWidth.Column
                            Columns = 1
                        }
                if caption <> "" then
                    element "figcaption" [] [ text caption ]
            ]

    let private span (span: Span) : Markup =
        let author =
            match span.Author with
            | Author.Prompt -> "prompt"
            | Author.Policy -> "policy"
            | Author.Observation -> "observation"
            | Author.Expert -> "expert"

        let kind, label =
            match span.Kind with
            | SpanKind.Text -> author, author
            | SpanKind.Search -> author + " search", author + " searches"
            | SpanKind.Answer -> author + " answer", author + " answers"

        let said =
            element "div" [ "class", "said" ] [ text (span.Text.Trim().ReplaceLineEndings "\n") ]

        let length = span.Text.Trim().Length

        let folded =
            length > foldedFrom
            && span.Kind = SpanKind.Text
            && (span.Author = Author.Prompt || span.Author = Author.Observation)

        element
            "div"
            [ "class", "span " + kind ]
            [
                element "div" [ "class", "who" ] [ text label ]
                if folded then
                    let words =
                        span.Text.Split(Array.empty<char>, StringSplitOptions.RemoveEmptyEntries)

                    let opening = words |> Array.truncate 12 |> String.concat " "

                    let opening =
                        if opening.Length > 90 then
                            opening.Substring(0, 90)
                        else
                            opening

                    element
                        "details"
                        []
                        [
                            element
                                "summary"
                                []
                                [ text $"{opening}… ({Number.fixedPoint 0 (float length)} characters)" ]
                            said
                        ]
                else
                    said
            ]

    let private transcript (transcript: Transcript) : Markup =
        element
            "div"
            [ "class", "transcript" ]
            [
                element "h3" [] [ text transcript.Title ]
                element "p" [ "class", "note" ] [ text transcript.Note ]
                yield! transcript.Spans |> Array.map span |> List.ofArray
            ]

    let private paragraphs (prose: string) : Markup list =
        prose
            .ReplaceLineEndings("\n")
            .Split("\n\n", StringSplitOptions.RemoveEmptyEntries ||| StringSplitOptions.TrimEntries)
        |> Array.map (fun paragraph -> element "p" [] [ text paragraph ])
        |> List.ofArray

    let private anchor (index: int) = $"section-{index + 1}"

    /// `index` counts the sections of the report, for the links to its headings; those within details have none.
    let rec private section (index: int voption) (content: Section) : Markup list =
        match content with
        | Section.Heading heading ->
            let id =
                match index with
                | ValueSome index -> [ "id", anchor index ]
                | ValueNone -> []

            [ element "h2" id [ text heading ] ]
        | Section.Subheading heading -> [ element "h3" [] [ text heading ] ]
        | Section.Prose prose -> paragraphs prose
        | Section.Facts facts ->
            [
                element
                    "dl"
                    []
                    [
                        for fact in facts do
                            element "dt" [] [ text fact.Name ]
                            element "dd" [] [ text fact.Text ]
                    ]
            ]
        | Section.Links groups ->
            [
                element
                    "dl"
                    [ "class", "links" ]
                    [
                        for group in groups do
                            element "dt" [] [ text group.Name ]

                            element
                                "dd"
                                []
                                [
                                    for link in group.Links do
                                        element "a" [ "href", link.Address ] [ text link.Text ]
                                ]
                    ]
            ]
        | Section.Table data -> [ table data ]
        | Section.Figure(drawing, caption) -> [ figure drawing caption ]
        | Section.Transcripts transcripts ->
            [
                element "div" [ "class", "transcripts" ] (transcripts |> Array.map transcript |> List.ofArray)
            ]
        | Section.Details(summary, sections) ->
            [
                element
                    "details"
                    [ "class", "section" ]
                    [
                        element "summary" [] [ text summary ]
                        yield! sections |> List.ofArray |> List.collect (section ValueNone)
                    ]
            ]

    /// The table alone, as an element for a page of others, which brings the style.
    let internal renderTable (content: Table) : string = Markup.write (table content)

    /// The report as one self-contained page that works from disk, without the net and without scripts (its content
    /// security policy forbids both), on wide and narrow screens, light and dark, and in print. All text is escaped; the
    /// page is HTML that is also well-formed XML. Equal reports give equal text. Raises ArgumentException, saying what to
    /// mend, for a table row without a cell for each column and for a figure that cannot be drawn (see `Svg.render`).
    [<CompiledName "Render">]
    let render (report: Report) : string =
        let headings =
            report.Sections
            |> Array.indexed
            |> Array.choose (fun (i, section) ->
                match section with
                | Section.Heading heading -> Some(i, heading)
                | _ -> None)

        let links =
            [
                for i, heading in headings do
                    element "a" [ "href", "#" + anchor i ] [ text heading ]
            ]

        let head =
            element
                "head"
                []
                [
                    element "meta" [ "charset", "utf-8" ] []
                    element "meta" [ "name", "viewport"; "content", "width=device-width, initial-scale=1" ] []
                    element
                        "meta"
                        [
                            "http-equiv", "Content-Security-Policy"
                            "content", "default-src 'none'; style-src 'unsafe-inline'"
                        ]
                        []
                    element "title" [] [ text report.Title ]
                    element "style" [] [ Markup.Style Stylesheet.page ]
                ]

        let header =
            element
                "header"
                []
                [
                    element "h1" [] [ text report.Title ]
                    if report.Subtitle <> "" then
                        element "p" [] [ text report.Subtitle ]
                    if headings.Length > 2 then
                        element "nav" [] links
                ]

        let sections =
            report.Sections |> Array.mapi (fun i -> section (ValueSome i)) |> List.concat

        let html =
            element "html" [ "lang", "en" ] [ head; element "body" [] [ element "main" [] (header :: sections) ] ]

        "<!DOCTYPE html>\n" + Markup.write html + "\n"
