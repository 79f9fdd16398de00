namespace David.Grpo.Figures

/// A point of a curve. A point that has no place on its axes (NaN, infinite, beyond ±1e300, not positive on a logarithmic
/// axis) is left out, and the line is interrupted there.
[<Struct>]
type CurvePoint =
    {
        /// Where it was measured.
        X: float
        /// What was measured, with its interval.
        Y: Estimate
    }

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
        /// Which decides its colour.
        Series: string
        /// Its estimate.
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
        /// What stands beside it.
        Name: string
        /// Along the first axis.
        X: Estimate
        /// Along the second axis.
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
        /// What is drawn in it.
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
