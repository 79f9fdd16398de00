namespace David.Grpo.Figures

/// The key of a figure with too many curves to name each at its end.
[<RequireQualifiedAccess>]
module internal Key =

    open Drawing

    /// Panels with more curves than these have no names at their ends.
    let private mostNamed = 8

    let private swatch = 26.0
    let private gap = 18.0
    let private rowHeight = 15.0

    /// The series that the key explains, in the order that styles are given out in; none for a figure without a key.
    let series (figure: Figure) : string[] =
        let curves =
            figure.Panels
            |> Array.filter _.Content.IsCurves
            |> Array.map (Figure.names >> Array.filter ((<>) "") >> Array.distinct)

        if curves |> Array.exists (fun names -> names.Length > mostNamed) then
            let all = curves |> Array.concat |> Array.distinct

            Array.append
                (figure.Series |> Array.distinct |> Array.filter (fun name -> Array.contains name all))
                (all |> Array.except figure.Series |> Array.sort)
        else
            [||]

    /// Columns of the key within a width, their width, and the rows of each.
    let private layout (width: float) (names: string[]) =
        let wanted = swatch + 6.0 + widest labelSize names + gap
        let columns = width / min width wanted |> int |> max 1 |> min names.Length
        let rows = (names.Length + columns - 1) / columns
        struct (rows, width / float columns)

    /// The height of the key; 0 without one.
    let height (width: float) (names: string[]) : float =
        if names.Length = 0 then
            0.0
        else
            let struct (rows, _) = layout width names
            rowHeight * float rows + 8.0

    /// The key, its names downwards and then across.
    let draw (look: Look) (left: float) (top: float) (width: float) (names: string[]) : Markup list =
        if names.Length = 0 then
            []
        else
            let struct (rows, columnWidth) = layout width names

            [
                for i, name in Array.indexed names do
                    let x = left + columnWidth * float (i / rows)
                    let y = top + 8.0 + rowHeight * (float (i % rows) + 0.5)
                    let style = look.Of name

                    stroke
                        x
                        y
                        (x + swatch)
                        y
                        ([ "class", "key"; "stroke", style.Colour; look.Width 1.8 ] @ CurvePanel.dashes style)

                    markerOf "key-marker" style (x + swatch / 2.0) y 3.0

                    yield!
                        Lettering.wrap (columnWidth - swatch - 12.0) labelSize 1 name
                        |> block (x + swatch + 6.0) (y + 0.35 * labelSize) labelSize []
            ]
