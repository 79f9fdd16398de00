namespace David.Grpo.Figures

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

/// How a figure looks in its medium.
type internal Look =
    {
        Styles: Map<string, SeriesStyle>
        /// The palette's blue, as it is seen on the medium's ground.
        Blue: string
        /// The factor of the widths of all lines.
        Pen: float
    }

    /// The style of a series.
    member look.Of(series: string) : SeriesStyle = look.Styles[series]

    /// A width of a line.
    member look.Width(width: float) : string * string =
        "stroke-width",
        System.Math.Round(width * look.Pen, 2).ToString("0.##", System.Globalization.CultureInfo.InvariantCulture)

/// Colours, dashes, markers and lines.
[<RequireQualifiedAccess>]
module internal Look =

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

    /// The style of each series: in the order of `Series`, then by the ordinal order of all names in the figure, so that
    /// neither the order of panels nor of series within them changes a colour. 8 · 5 · 7 = 280 styles before one repeats.
    let private styles (figure: Figure) : Map<string, SeriesStyle> =
        figure.Panels
        |> Array.collect Figure.names
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

    /// How a branch of a tree looks.
    let ofOrigin (look: Look) (origin: BranchOrigin) : SeriesStyle =
        let style colour dash marker =
            {
                Colour = colour
                Dash = dash
                Marker = marker
            }

        match origin with
        | BranchOrigin.Shared -> style "currentColor" [||] 0
        | BranchOrigin.Policy -> style look.Blue [||] 0
        | BranchOrigin.Expert -> style palette[3] [| 6.0; 2.5 |] 1
        | BranchOrigin.Continuation -> style palette[2] [||] 3

    let isPrint (medium: Medium) : bool =
        medium = Medium.Paper || medium = Medium.PaperColumn

    /// The figure as it is laid out in a medium.
    let laidOut (medium: Medium) (figure: Figure) : Figure =
        let figure =
            if medium = Medium.PaperColumn && figure.Width = FigureWidth.Page then
                { figure with
                    Width = FigureWidth.Column
                    Columns = 1
                }
            else
                figure

        match figure.Panels with
        | [| lone |] when isPrint medium ->
            { figure with
                Panels = [| { lone with Title = "" } |]
            }
        | _ -> figure

    /// The palette's blue is too dim on a dark ground; all its other colours keep.
    let private inTheDark (style: SeriesStyle) =
        if style.Colour = Stylesheet.blue then
            { style with
                Colour = Stylesheet.blueInTheDark
            }
        else
            style

    /// The look of a figure in a medium.
    let ofFigure (medium: Medium) (figure: Figure) : Look =
        let styles = styles figure

        {
            Styles =
                if medium = Medium.Dark then
                    styles |> Map.map (fun _ style -> inTheDark style)
                else
                    styles
            Blue =
                (if medium = Medium.Dark then
                     Stylesheet.blueInTheDark
                 else
                     Stylesheet.blue)
            Pen = if isPrint medium then 0.75 else 1.0
        }
