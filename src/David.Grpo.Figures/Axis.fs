namespace David.Grpo.Figures

/// A value with the interval around it, Low ≤ Value ≤ High; a value without one has Low = High = Value.
[<Struct>]
type Estimate =
    {
        /// The estimate itself.
        Value: float
        /// The interval's lower end.
        Low: float
        /// The interval's upper end.
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
    /// Equal distances for equal differences.
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
        /// What stands beside it, with the unit.
        Label: string
        /// "%", "s", "tokens"; empty for a pure number.
        Unit: string
        /// Linear or logarithmic.
        Scale: AxisScale
        /// What it shows; from the data where it is not given.
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
