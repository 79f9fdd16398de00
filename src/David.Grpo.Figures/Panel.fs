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

    /// A line through values whose intervals are its band. x and values: [n]. Raises ArgumentException when their lengths
    /// differ.
    static member Estimates(name: string, x: float[], values: Estimate[]) : Curve =
        let each (pick: Estimate -> float) = values |> Array.map pick
        Curve.Band(name, x, each _.Value, each _.Low, each _.High)

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

/// Which colours stand for values. Both maps keep their order under the common colour-blindnesses; the sequential one in grey
/// print too.
[<RequireQualifiedAccess>]
type ColourMap =
    /// From pale to dark blue: more is darker.
    | Sequential
    /// From blue over white, at `centre`, to vermillion; equally far from the centre is equally strong.
    | Diverging of centre: float

/// Values over two lists of names, such as exact match by the group's size and λ.
type HeatMap =
    {
        /// What the rows are: "group size". May be empty.
        Down: string
        /// Downwards, R of them.
        Rows: string[]
        /// What the columns are: "λ". May be empty.
        Across: string
        /// To the right, C of them.
        Columns: string[]
        /// [R][C]; what has no place on the value's axis (NaN: not measured) is crossed out.
        Values: float[][]
        /// What the colours say of a value.
        Map: ColourMap
    }

    /// Pale for little, dark for much. values: [R][C].
    static member Sequential
        (down: string, rows: string[], across: string, columns: string[], values: float[][])
        : HeatMap =
        {
            Down = down
            Rows = rows
            Across = across
            Columns = columns
            Values = values
            Map = ColourMap.Sequential
        }

    /// Blue below the centre, vermillion above it. values: [R][C].
    static member Diverging
        (centre: float, down: string, rows: string[], across: string, columns: string[], values: float[][])
        : HeatMap =
        { HeatMap.Sequential(down, rows, across, columns, values) with
            Map = ColourMap.Diverging centre
        }

/// Who wrote a branch of a rollout tree.
[<RequireQualifiedAccess>]
type BranchOrigin =
    /// A prefix that several trajectories share.
    | Shared
    /// What the policy wrote, from the prompt or from a shared prefix on.
    | Policy
    /// An expert's trajectory.
    | Expert
    /// The policy, from the middle of a trajectory: behind the cut its parent's own text is left out.
    | Continuation

/// A branch of a group's rollout tree: a stretch of text from a position (tokens, turns) to another.
type Branch =
    {
        /// "member 3". A branch without a name and with branches of its own has no row of its own.
        Name: string
        /// What became of it: "EM 0, coverage 0.5". May be empty.
        Note: string
        /// Who wrote it.
        Origin: BranchOrigin
        /// Where it begins, on its parent, in the units of the panel's axis.
        Start: float
        /// Where it ends, in the same units; at least Start.
        End: float
        /// Whether it left the group, such as the trajectory that an expert's replaces.
        IsDropped: bool
        /// What grows from it; each starts within it.
        Branches: Branch[]
    }

    /// A branch without branches.
    static member Of(origin: BranchOrigin, name: string, start: float, finish: float) : Branch =
        {
            Name = name
            Note = ""
            Origin = origin
            Start = start
            End = finish
            IsDropped = false
            Branches = [||]
        }

    /// The same branch with a note.
    member branch.Noted(note: string) : Branch = { branch with Note = note }

    /// The same branch, which left the group.
    member branch.Dropped: Branch = { branch with IsDropped = true }

    /// The same branch with branches of its own.
    member branch.With([<System.ParamArray>] branches: Branch[]) : Branch = { branch with Branches = branches }

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
    /// A cell by row and column, and the bar that tells which colour is which value.
    | Heat of value: Axis * map: HeatMap
    /// A rollout tree: positions to the right, a line by trajectory.
    | Tree of position: Axis * root: Branch

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

    /// A heat map. Cells bear their values where there is room.
    static member Heat(title: string, value: Axis, map: HeatMap) : Panel =
        {
            Title = title
            Content = Content.Heat(value, map)
        }

    /// A group's rollout tree: what its trajectories share, where a continuation cuts in, which are an expert's. The axis
    /// must be linear.
    static member Tree(title: string, position: Axis, root: Branch) : Panel =
        {
            Title = title
            Content = Content.Tree(position, root)
        }
