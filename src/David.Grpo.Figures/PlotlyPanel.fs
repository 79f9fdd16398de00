namespace David.Grpo.Figures

open System.Text.Json.Nodes

/// A JSON value; null stands for what is no finite number.
type internal Json = JsonNode | null

/// The place of a panel in a plotly.js figure: the suffix of its axes ("", "2", "3", …).
[<NoComparison; NoEquality>]
type internal Subplot = { Suffix: string; Ink: string }

/// Where a plot area lies, in shares of the whole from the left and from below.
[<Struct>]
type internal PlotlyPlace =
    {
        Left: float
        Right: float
        Bottom: float
        Top: float
    }

/// A panel as traces and axes of plotly.js.
[<NoComparison; NoEquality>]
type internal PlotlyPanel =
    {
        Traces: PlotlyPlace -> Json list
        /// The horizontal and the vertical axis, without their domains and anchors.
        X: (string * Json) list
        Y: (string * Json) list
        /// The room that labels need to the left and to the right of the plot area, and its height, in pixels.
        Left: float
        Right: float
        Height: float
        /// Whether a panel with an equal horizontal axis shows the same range.
        SharesX: bool
    }
