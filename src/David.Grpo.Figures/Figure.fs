namespace David.Grpo.Figures

/// A value with the interval around it, Low ≤ Value ≤ High; a value without one has Low = High = Value.
[<Struct>]
type Estimate =
    {
        Value: float
        Low: float
        High: float
    }

    /// A value in an interval that need not be symmetric, such as a bootstrap's.
    static member Between(value: float, low: float, high: float) : Estimate =
        {
            Value = value
            Low = low
            High = high
        }

    /// value ± halfWidth.
    static member PlusMinus(value: float, halfWidth: float) : Estimate =
        Estimate.Between(value, value - halfWidth, value + halfWidth)

    /// A value without an interval.
    static member Exact(value: float) : Estimate = Estimate.Between(value, value, value)

/// How an axis maps values to places.
[<RequireQualifiedAccess>]
type AxisScale =
    | Linear
    /// Base 10; zero and negative values have no place and are left out.
    | Logarithmic

/// Which values an axis shows.
[<RequireQualifiedAccess>]
type AxisRange =
    /// All finite data with their intervals; the y axis of curves is rounded out to ticks.
    | OfData
    /// As OfData, and zero too. For a linear axis.
    | WithZero
    /// Exactly low to high, low < high; curves are cut off at the edges.
    | Between of low: float * high: float

/// An axis: what it measures, in which unit, and how.
type Axis =
    {
        Label: string
        /// "%", "s", "tokens"; empty for a pure number.
        Unit: string
        Scale: AxisScale
        Range: AxisRange
    }

    /// A linear axis over all data.
    static member Linear(label: string, unit: string) : Axis =
        {
            Label = label
            Unit = unit
            Scale = AxisScale.Linear
            Range = AxisRange.OfData
        }

    /// A logarithmic axis over all positive data.
    static member Logarithmic(label: string, unit: string) : Axis =
        { Axis.Linear(label, unit) with
            Scale = AxisScale.Logarithmic
        }

    /// The same axis with another range.
    member axis.Over(range: AxisRange) : Axis = { axis with Range = range }

    /// "Exact match (%)", or the label alone where there is no unit.
    member axis.Name: string =
        if axis.Unit = "" then
            axis.Label
        else
            $"{axis.Label} ({axis.Unit})"

/// A point of a curve. A point that has no place on its axes (NaN, infinite, beyond ±1e300, not positive on a logarithmic
/// axis) is left out, and the line is interrupted there.
[<Struct>]
type CurvePoint = { X: float; Y: Estimate }

/// A line with a band around it: a mean over seeds with its 95 % interval, say. A curve of one point is a point with a
/// whisker.
type Curve =
    {
        /// Arms keep colour, dashes and marker wherever they have the same name in a figure.
        Name: string
        /// In any order; drawn by ascending x.
        Points: CurvePoint[]
    }

    /// A line without a band. x and y: [n].
    static member Line(name: string, x: float[], y: float[]) : Curve = Curve.Band(name, x, y, y, y)

    /// A line and its band. x, y, low and high: [n]. Raises ArgumentException when their lengths differ.
    static member Band(name: string, x: float[], y: float[], low: float[], high: float[]) : Curve =
        if y.Length <> x.Length || low.Length <> x.Length || high.Length <> x.Length then
            invalidArg
                (nameof y)
                $"Curve '{name}' has {x.Length} x, {y.Length} y, {low.Length} low and {high.Length} high values; give equally many."

        let point i =
            {
                X = x[i]
                Y = Estimate.Between(y[i], low[i], high[i])
            }

        {
            Name = name
            Points = Array.init x.Length point
        }

/// A row of a categorical panel: what one series reached in one category ("HotpotQA", "David-GRPO", 51.2 ± 3.1).
type Row =
    {
        /// Rows of one category stand together, under its name where a panel has several categories and series.
        Category: string
        Series: string
        Value: Estimate
    }

    /// A row of a panel that has one category only.
    static member Of(series: string, value: Estimate) : Row =
        {
            Category = ""
            Series = series
            Value = value
        }

/// A point of a scatter plot with a whisker in each direction: what an arm costs, and what it reaches.
type ScatterPoint =
    {
        Name: string
        X: Estimate
        Y: Estimate
        /// Whether the front runs through it. The front is drawn from point to point by ascending x, in steps to the right
        /// and then up or down, as what is reached at each x; behind its last point it runs on to the right edge.
        IsOnFront: bool
    }

/// What a panel shows.
[<RequireQualifiedAccess>]
type Content =
    /// Lines with bands over a number.
    | Curves of x: Axis * y: Axis * curves: Curve[]
    /// Named points over a number, and the front of the best of them.
    | Points of x: Axis * y: Axis * points: ScatterPoint[]
    /// A dot with a whisker by row, values to the right, categories downwards in order of first appearance.
    | Dots of value: Axis * rows: Row[]
    /// A bar from zero by row, with a whisker. The axis must be linear.
    | Bars of value: Axis * rows: Row[]

/// One diagram.
type Panel =
    {
        /// Empty for none.
        Title: string
        Content: Content
    }

    /// Learning curves and their like.
    static member Curves(title: string, x: Axis, y: Axis, curves: Curve[]) : Panel =
        {
            Title = title
            Content = Content.Curves(x, y, curves)
        }

    /// A scatter plot whose points bear their names. A point without a place on its axes is left out, and so is a name for
    /// which the plot area has no room; `desc` has them all.
    static member Points(title: string, x: Axis, y: Axis, points: ScatterPoint[]) : Panel =
        {
            Title = title
            Content = Content.Points(x, y, points)
        }

    /// Dots with whiskers.
    static member Dots(title: string, value: Axis, rows: Row[]) : Panel =
        {
            Title = title
            Content = Content.Dots(value, rows)
        }

    /// Bars from zero.
    static member Bars(title: string, value: Axis, rows: Row[]) : Panel =
        {
            Title = title
            Content = Content.Bars(value, rows)
        }

/// The width a figure is laid out for; its lettering is readable there at its natural size.
[<RequireQualifiedAccess>]
type FigureWidth =
    /// A column of a two-column paper, 8.5 cm, and a phone.
    | Column
    /// A full page, 17 cm.
    | Page

/// Panels in a grid. Panels whose x axes are equal share the range of x, so they can be compared down and across.
type Figure =
    {
        /// Names the figure to readers of the page and of screens; not drawn into the figure itself.
        Title: string
        /// One or two sentences for those who cannot see it; the last values of each panel are added. May be empty.
        Description: string
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

/// How a series looks wherever it appears in a figure.
[<Struct>]
type SeriesStyle =
    {
        /// A CSS colour; the palette's black is `currentColor`, so that it turns white on a dark page.
        Colour: string
        /// Lengths of dash and gap; empty for a solid line.
        Dash: float[]
        /// 0 circle, 1 square, 2 triangle up, 3 diamond, 4 triangle down, 5 cross, 6 plus.
        Marker: int
    }

/// What every way of writing a figure needs to know of it.
[<RequireQualifiedAccess>]
module internal Figure =

    /// Okabe and Ito's palette (Color Universal Design, 2008), distinct under all common colour-blindness; ordered so
    /// that the first ones stand out on white and on black.
    let private palette =
        [|
            "#0072B2" // blue
            "#D55E00" // vermillion
            "#009E73" // bluish green
            "#CC79A7" // reddish purple
            "#E69F00" // orange
            "#56B4E9" // sky blue
            "currentColor" // black
            "#F0E442" // yellow
        |]

    let private dashes =
        [|
            [||]
            [| 6.0; 2.5 |]
            [| 2.0; 2.0 |]
            [| 7.0; 2.0; 2.0; 2.0 |]
            [| 10.0; 3.0 |]
        |]

    let private markers = 7

    /// The names of the series of a panel.
    let names (panel: Panel) : string[] =
        match panel.Content with
        | Content.Curves(_, _, curves) -> curves |> Array.map _.Name
        | Content.Points(_, _, points) -> points |> Array.map _.Name
        | Content.Dots(_, rows)
        | Content.Bars(_, rows) -> rows |> Array.map _.Series

    /// The style of each series: in the order of `Series`, then by the ordinal order of all names in the figure, so that
    /// neither the order of panels nor of series within them changes a colour. 8 · 5 · 7 = 280 styles before one repeats.
    let styles (figure: Figure) : Map<string, SeriesStyle> =
        figure.Panels
        |> Array.collect names
        |> Array.except figure.Series
        |> Array.sortWith (fun a b -> System.String.CompareOrdinal(a, b))
        |> Array.append (Array.distinct figure.Series)
        |> Array.mapi (fun i name ->
            name,
            {
                Colour = palette[i % palette.Length]
                Dash = dashes[i % dashes.Length]
                Marker = i % markers
            })
        |> Map.ofArray

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
