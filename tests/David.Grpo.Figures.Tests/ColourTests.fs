/// Colours as people see them: with each kind of colour-blindness, in grey print, on each ground.
module David.Grpo.Figures.Tests.ColourTests

open System
open System.Text.RegularExpressions
open Expecto
open David.Grpo.Tests
open David.Grpo.Figures

let private linear (hex: string) =
    [| 1; 3; 5 |]
    |> Array.map (fun i ->
        let share = float (Convert.ToInt32(hex.Substring(i, 2), 16)) / 255.0

        if share <= 0.04045 then
            share / 12.92
        else
            ((share + 0.055) / 1.055) ** 2.4)

/// What a dichromat sees of linear RGB, at severity 1: Machado, Oliveira and Fernandes, "A Physiologically-based Model for
/// Simulation of Color Vision Deficiency" (2009), table 1.
let private sights =
    Map.ofList [
        "normal", [| [| 1.0; 0.0; 0.0 |]; [| 0.0; 1.0; 0.0 |]; [| 0.0; 0.0; 1.0 |] |]
        "protanopia",
        [|
            [| 0.152286; 1.052583; -0.204868 |]
            [| 0.114503; 0.786281; 0.099216 |]
            [| -0.003882; -0.048116; 1.051998 |]
        |]
        "deuteranopia",
        [|
            [| 0.367322; 0.860646; -0.227968 |]
            [| 0.280085; 0.672501; 0.047413 |]
            [| -0.011820; 0.042940; 0.968881 |]
        |]
    ]

/// A colour as it is seen, in Oklab (Ottosson 2020).
let private seen (sight: string) (hex: string) =
    let times (matrix: float[][]) (vector: float[]) =
        matrix |> Array.map (fun row -> Array.fold2 (fun sum a b -> sum + a * b) 0.0 row vector)

    linear hex
    |> times sights[sight]
    |> Array.map (max 0.0)
    |> times [|
        [| 0.4122214708; 0.5363325363; 0.0514459929 |]
        [| 0.2119034982; 0.6806995451; 0.1073969566 |]
        [| 0.0883024619; 0.2817188376; 0.6299787005 |]
    |]
    |> Array.map Math.Cbrt
    |> times [|
        [| 0.2104542553; 0.7936177850; -0.0040720468 |]
        [| 1.9779984951; -2.4285922050; 0.4505937099 |]
        [| 0.0259040371; 0.7827717662; -0.8086757660 |]
    |]

let private apart (sight: string) (one: string) (other: string) =
    Array.fold2 (fun sum a b -> sum + (a - b) ** 2.0) 0.0 (seen sight one) (seen sight other) |> sqrt

/// Contrast by WCAG 2.2.
let private contrast (one: string) (other: string) =
    let luminance hex =
        let rgb = linear hex
        0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2] + 0.05

    let a, b = luminance one, luminance other
    max a b / min a b

/// The colours, dashes and markers of the first series of a figure in a medium.
let private styles (medium: Medium) (count: int) =
    let names = Array.init count (fun i -> $"arm {i:D2}")

    let figure =
        (column (Panel.Curves("", rollouts, exactMatch, curves names))).StyledBy names

    let text = Svg.renderFor medium figure
    let ink = Regex.Match(text, " color=\"(#[0-9A-F]{6})\"").Groups[1].Value

    Regex.Matches(text, "<path class=\"line\"[^>]*>")
    |> Seq.map (fun line ->
        let attribute name =
            Regex.Match(line.Value, $" {name}=\"([^\"]*)\"").Groups[1].Value

        (attribute "stroke").Replace("currentColor", ink), attribute "stroke-dasharray")
    |> Array.ofSeq

/// A heat map of 33 steps from 0 to 1, and its letters.
let private steps (map: ColourMap) =
    let values = [| [| for i in 0..32 -> float i / 32.0 |] |]
    let names = values[0] |> Array.map string

    let root =
        parse (
            Figure.Page(
                "",
                "",
                1,
                [|
                    Panel.Heat(
                        "",
                        Axis.Linear("", ""),
                        { HeatMap.Sequential("", [| "" |], "", names, values) with
                            Map = map
                        }
                    )
                |]
            )
        )

    classed "cell" root |> Array.map (attribute "fill")

[<Tests>]
let tests =
    testList "ColourTests" [
        test "the eight colours keep apart under deuteranopia and protanopia, on light and dark ground" {
            for medium in [| Medium.Light; Medium.Dark; Medium.Paper |] do
                let colours = styles medium 8 |> Array.map fst
                (Array.distinct colours).Length |> equals 8

                for KeyValue(sight, _) in sights do
                    for i in 0..7 do
                        for j in 0 .. i - 1 do
                            // 0.02 is what a trained eye just tells apart in large areas; thin lines need some more.
                            Expect.isTrue
                                (apart sight colours[i] colours[j] > 0.07)
                                $"{colours[i]} and {colours[j]} under {sight}, {medium}"
        }

        test "lines differ by more than colour, so that grey print keeps them" {
            let dashes = styles Medium.Paper 5 |> Array.map snd
            (Array.distinct dashes).Length |> equals 5
        }

        test "all but the palest colours stand out from their ground" {
            for medium, ground in [| Medium.Light, "#FFFFFF"; Medium.Dark, "#15181C" |] do
                for colour, _ in styles medium 4 do
                    Expect.isTrue (contrast colour ground >= 2.9) $"{colour} on {ground}"
        }

        test "letters are read on every ground" {
            for medium, ground in [| Medium.Light, "#FFFFFF"; Medium.Dark, "#15181C"; Medium.Paper, "#FFFFFF" |] do
                let text = Svg.renderFor medium whole
                let ink = Regex.Match(text, " color=\"(#[0-9A-F]{6})\"").Groups[1].Value
                isTrue (contrast ink ground > 12.0)
        }

        test "the sequential map darkens steadily, whoever looks, in grey print too" {
            let colours = steps ColourMap.Sequential
            colours.Length |> equals 33

            for KeyValue(sight, _) in sights do
                let lightness = colours |> Array.map (fun colour -> (seen sight colour)[0])

                for lighter, darker in Array.pairwise lightness do
                    Expect.isTrue (darker < lighter - 0.005) sight

            let luminance colour = contrast "#000000" colour
            isTrue (luminance colours[0] > 15.0 * luminance colours[32] / 2.0)
        }

        test "the two sides of the diverging map keep apart, whoever looks" {
            let colours = steps (ColourMap.Diverging 0.5)

            for KeyValue(sight, _) in sights do
                for i in 1..16 do
                    let distance = apart sight colours[16 - i] colours[16 + i]
                    Expect.isTrue (distance > 0.012 * float i) $"{i} steps from the centre, {sight}: {distance}"

                    // Stronger the farther from the centre.
                    isTrue (
                        apart sight colours[16] colours[16 + i] > apart sight colours[16] colours[15 + i]
                        && apart sight colours[16] colours[16 - i] > apart sight colours[16] colours[17 - i]
                    )
        }

        test "values are read on their cells" {
            for colour in Array.append (steps ColourMap.Sequential) (steps (ColourMap.Diverging 0.5)) do
                isTrue (max (contrast "#000000" colour) (contrast "#FFFFFF" colour) >= 4.5)

            let root =
                parse (
                    column (
                        Panel.Heat(
                            "",
                            exactMatch,
                            HeatMap.Sequential(
                                "",
                                [| ""; ""; "" |],
                                "",
                                Array.replicate 6 "",
                                Array.init 3 (fun i -> Array.init 6 (fun j -> float (6 * i + j)))
                            )
                        )
                    )
                )

            let letters =
                named "text" root |> Array.map (attribute "fill") |> Array.filter ((<>) "")

            let cells = classed "cell" root |> Array.map (attribute "fill")
            letters.Length |> equals 18

            for letter, cell in Array.zip letters cells do
                isTrue (contrast letter cell >= 4.5)
        }
    ]
