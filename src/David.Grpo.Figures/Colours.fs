namespace David.Grpo.Figures

open System

/// The colours of heat maps, mixed in Oklab (Ottosson 2020), where equal steps look equally large.
[<RequireQualifiedAccess>]
module internal Colours =

    [<Struct>]
    type Oklab = { L: float; A: float; B: float }

    let private linear (part: int) =
        let share = float part / 255.0

        if share <= 0.04045 then
            share / 12.92
        else
            Math.Pow((share + 0.055) / 1.055, 2.4)

    let private part (linear: float) =
        let share =
            if linear <= 0.0031308 then
                12.92 * linear
            else
                1.055 * Math.Pow(linear, 1.0 / 2.4) - 0.055

        int (Math.Round(255.0 * (share |> max 0.0 |> min 1.0)))

    /// "#RRGGBB" → Oklab; L from 0, black, to 1, white.
    let oklab (hex: string) : Oklab =
        let at i =
            linear (Convert.ToInt32(hex.Substring(i, 2), 16))

        let r, g, b = at 1, at 3, at 5

        let l = Math.Cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)

        let m = Math.Cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)

        let s = Math.Cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)

        {
            L = 0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s
            A = 1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s
            B = 0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s
        }

    let private hex (colour: Oklab) : string =
        let cube x = x * x * x
        let l = cube (colour.L + 0.3963377774 * colour.A + 0.2158037573 * colour.B)
        let m = cube (colour.L - 0.1055613458 * colour.A - 0.0638541728 * colour.B)
        let s = cube (colour.L - 0.0894841775 * colour.A - 1.2914855480 * colour.B)
        let r = part (4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s)
        let g = part (-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s)
        let b = part (-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)
        $"#{r:X2}{g:X2}{b:X2}"

    let private sequential =
        [| "#FBF6E3"; "#C3E0CD"; "#66B4C6"; "#2B74AD"; "#14295A" |] |> Array.map oklab

    /// Its ends are the palette's blue and vermillion.
    let private diverging =
        [| "#0072B2"; "#8FBBDD"; "#F7F6F4"; "#EFB08A"; "#D55E00" |] |> Array.map oklab

    /// The colour of a share from 0 to 1 of a map; shares beyond are those of its ends.
    let at (map: ColourMap) (share: float) : string =
        let stops =
            match map with
            | ColourMap.Sequential -> sequential
            | ColourMap.Diverging _ -> diverging

        let place = (share |> max 0.0 |> min 1.0) * float (stops.Length - 1)
        let i = min (stops.Length - 2) (int place)
        let between (one: float) other = one + (other - one) * (place - float i)

        hex
            {
                L = between stops[i].L stops[i + 1].L
                A = between stops[i].A stops[i + 1].A
                B = between stops[i].B stops[i + 1].B
            }

    /// Relative luminance, from 0, black, to 1, white (WCAG 2.2).
    let luminance (hex: string) : float =
        let at i =
            linear (Convert.ToInt32(hex.Substring(i, 2), 16))

        0.2126 * at 1 + 0.7152 * at 3 + 0.0722 * at 5

    /// The letters that are read best on a colour, black or white: their contrast (L₁ + 0.05) / (L₂ + 0.05) is at least 4.58.
    let lettersOn (colour: string) : string =
        let own = luminance colour + 0.05
        if own / 0.05 >= 1.05 / own then "#000000" else "#FFFFFF"

    /// The range of the colours: all placeable values, and for a diverging map equally far to both sides of its centre.
    let range (value: Axis) (map: HeatMap) : struct (float * float) voption =
        let logarithmic = value.Scale = AxisScale.Logarithmic
        let place v = if logarithmic then log v else v
        let back p = if logarithmic then exp p else p

        match Drawing.rangeOf value (Array.concat map.Values), map.Map with
        | ValueSome(struct (low, high)), ColourMap.Diverging centre when not value.Range.IsBetween ->
            let half = max (abs (place high - place centre)) (abs (place centre - place low))
            ValueSome(struct (back (place centre - half), back (place centre + half)))
        | range, _ -> range

    /// Where a value lies among the colours, from 0 to 1. With a fixed range a diverging map has its centre where it is.
    let share (value: Axis) (map: HeatMap) (struct (low, high) as range: struct (float * float)) (v: float) : float =
        let share = Drawing.place value range 0.0 1.0 v

        match map.Map with
        | ColourMap.Diverging centre when low < centre && centre < high ->
            let middle = Drawing.place value range 0.0 1.0 centre
            0.5 + 0.5 * (share - middle) / max middle (1.0 - middle)
        | _ -> share
