namespace David.Grpo.Figures

/// The width a figure is laid out for; its lettering is readable there at its natural size.
[<RequireQualifiedAccess>]
type FigureWidth =
    /// A column of a two-column paper, 8.5 cm, and a phone.
    | Column
    /// A full page, 17 cm.
    | Page

/// Panels in a grid. Panels whose x axes are equal share the range of x, so they can be compared down and across. Notebooks
/// show it as it is; `For` shows it for another medium there, such as a dark notebook.
[<TypeFormatterSource("David.Grpo.Figures.FigureFormatterSource",
                      "application/vnd.plotly.v1+json",
                      "text/html",
                      "text/plain")>]
type Figure =
    {
        /// Names the figure to readers of the page and of screens; not drawn into the figure itself.
        Title: string
        /// One or two sentences for those who cannot see it; the last values of each panel are added. May be empty.
        Description: string
        /// What it is drawn for.
        Width: FigureWidth
        /// Panels side by side, 1 to 2 in a column and 1 to 4 on a page.
        Columns: int
        /// In reading order.
        Panels: Panel[]
        /// Names of series in the order that colours, dashes and markers are given out in, so that figures with the same
        /// names here look alike whatever they show; names that are not here come after, in ordinal order. May be empty.
        Series: string[]
    }

    /// The same figure with styles given out in this order.
    member figure.StyledBy(series: string[]) : Figure = { figure with Series = series }

    /// The figure as a notebook is to show it.
    member figure.For(medium: Medium) : FigureIn = { Figure = figure; Medium = medium }

    /// A figure for a column, panels below each other.
    static member Column(title: string, description: string, panels: Panel[]) : Figure =
        {
            Title = title
            Description = description
            Width = FigureWidth.Column
            Columns = 1
            Panels = panels
            Series = [||]
        }

    /// A figure for a full page, `columns` panels side by side.
    static member Page(title: string, description: string, columns: int, panels: Panel[]) : Figure =
        {
            Title = title
            Description = description
            Width = FigureWidth.Page
            Columns = columns
            Panels = panels
            Series = [||]
        }

/// A figure and where it is looked at.
and [<TypeFormatterSource("David.Grpo.Figures.FigureInFormatterSource",
                          "application/vnd.plotly.v1+json",
                          "text/html",
                          "text/plain")>] FigureIn =
    {
        /// What is shown.
        Figure: Figure
        /// What it is shown on.
        Medium: Medium
    }

/// What every way of writing a figure needs to know of it.
[<RequireQualifiedAccess>]
module internal Figure =

    /// The names of the series of a panel.
    let names (panel: Panel) : string[] =
        match panel.Content with
        | Content.Curves(_, _, curves) -> curves |> Array.map _.Name
        | Content.Points(_, _, points) -> points |> Array.map _.Name
        | Content.Dots(_, rows)
        | Content.Bars(_, rows) -> rows |> Array.map _.Series
        | Content.Heat _
        | Content.Tree _ -> [||]

    let private checkAxis (panel: string) (name: string) (axis: Axis) =
        match axis.Range, axis.Scale with
        | AxisRange.Between(low, high), scale ->
            if not (System.Double.IsFinite low && System.Double.IsFinite high && low < high) then
                invalidArg
                    "figure"
                    $"Panel '{panel}', {name} axis: the range is {low} to {high}; give finite ends, low below high."

            if scale = AxisScale.Logarithmic && low <= 0.0 then
                invalidArg
                    "figure"
                    $"Panel '{panel}', {name} axis: a logarithmic range starts at {low}; it must start above 0."
        | AxisRange.WithZero, AxisScale.Logarithmic ->
            invalidArg
                "figure"
                $"Panel '{panel}', {name} axis: zero has no place on a logarithmic axis; use a linear one or AxisRange.OfData."
        | _ -> ()

    let private checkHeat (panel: string) (value: Axis) (map: HeatMap) =
        if
            map.Values.Length <> map.Rows.Length
            || map.Values |> Array.exists (fun row -> row.Length <> map.Columns.Length)
        then
            invalidArg
                "figure"
                $"Panel '{panel}': the heat map has {map.Rows.Length} rows and {map.Columns.Length} columns; give as many rows of values, each of as many. Use NaN for what was not measured."

        match map.Map with
        | ColourMap.Diverging centre when not (abs centre <= 1e300) ->
            invalidArg
                "figure"
                $"Panel '{panel}': the centre of the colours is {centre}; it must be finite, within ±1e300."
        | ColourMap.Diverging centre when value.Scale = AxisScale.Logarithmic && centre <= 0.0 ->
            invalidArg
                "figure"
                $"Panel '{panel}': the centre of the colours is {centre}; on a logarithmic axis it must be above 0."
        | _ -> ()

    let rec private checkBranch (panel: string) (branch: Branch) =
        if not (abs branch.Start <= 1e300 && abs branch.End <= 1e300) || branch.Start > branch.End then
            invalidArg
                "figure"
                $"Panel '{panel}': branch '{branch.Name}' runs from {branch.Start} to {branch.End}; give finite ends in order."

        for child in branch.Branches do
            if child.Start < branch.Start || child.Start > branch.End then
                invalidArg
                    "figure"
                    $"Panel '{panel}': branch '{child.Name}' starts at {child.Start}, beside its parent '{branch.Name}', which runs from {branch.Start} to {branch.End}."

            checkBranch panel child

    /// Raises ArgumentException, with the panel, what is wrong and the mend, for a figure that cannot be drawn.
    let check (figure: Figure) : unit =
        let most =
            match figure.Width with
            | FigureWidth.Column -> 2
            | FigureWidth.Page -> 4

        if figure.Columns < 1 || figure.Columns > most then
            invalidArg
                "figure"
                $"Figure '{figure.Title}' has {figure.Columns} columns of panels; its width takes 1 to {most}."

        for panel in figure.Panels do
            match panel.Content with
            | Content.Curves(x, y, _)
            | Content.Points(x, y, _) ->
                checkAxis panel.Title "x" x
                checkAxis panel.Title "y" y
            | Content.Dots(value, _) -> checkAxis panel.Title "value" value
            | Content.Bars(value, _) ->
                checkAxis panel.Title "value" value

                if value.Scale = AxisScale.Logarithmic then
                    invalidArg
                        "figure"
                        $"Panel '{panel.Title}': bars start at zero, which a logarithmic axis lacks; use dots or a linear axis."
            | Content.Heat(value, map) ->
                checkAxis panel.Title "value" value
                checkHeat panel.Title value map
            | Content.Tree(position, root) ->
                checkAxis panel.Title "position" position
                checkBranch panel.Title root

                if position.Scale = AxisScale.Logarithmic then
                    invalidArg "figure" $"Panel '{panel.Title}': a tree starts at zero; use a linear axis."
