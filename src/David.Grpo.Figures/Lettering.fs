namespace David.Grpo.Figures

open System

/// Where lettering goes, reckoned without a font at hand.
[<RequireQualifiedAccess>]
module Lettering =

    /// The advance of a character in ems: upper bounds over the usual sans-serif fonts (DejaVu Sans is the widest), by class.
    let private advance (character: char) : float =
        if "ijlI'|.,:;! ".Contains character then
            0.34
        elif "ftr()[]-/\"".Contains character then
            0.47
        elif "\u202F\u2009".Contains character then
            0.2
        elif "mwMW%@—…".Contains character then
            1.0
        elif "±×+=<>\u2212".Contains character then
            0.84
        elif Char.IsUpper character then
            0.79
        elif character < ' ' || (character >= '\u1100' && (character < '\u2000' || character > '\u2BFF')) then
            1.02
        else
            0.64

    /// An upper bound of the width of a line of text, in the unit of `size`, its font size.
    [<CompiledName "Width">]
    let width (size: float) (text: string) : float = size * Seq.sumBy advance text

    /// As much of the text as fits with "…" behind it, at least one character.
    let private opening (limit: float) (size: float) (text: string) : string =
        let text = text.TrimEnd '…'

        let fits length =
            width size (text.Substring(0, length) + "…") <= limit

        let length =
            seq { text.Length .. -1 .. 2 } |> Seq.tryFind fits |> Option.defaultValue (min 1 text.Length)
        // Half a surrogate pair is no character.
        let halved = length > 0 && Char.IsHighSurrogate text[length - 1]
        text.Substring(0, (if halved then length - 1 else length)) + "…"

    let private afterHyphens (word: string) : string[] =
        Text.RegularExpressions.Regex.Split(word, "(?<=[-/_])") |> Array.filter (fun piece -> piece <> "")

    /// The text in lines no wider than `limit`, broken at white space. A word that is too long is broken after hyphens,
    /// slashes and underscores too; a piece that is still too long is cut short with "…", and so is the last of `most`
    /// lines if there is more. No lines for blank text.
    [<CompiledName "Wrap">]
    let wrap (limit: float) (size: float) (most: int) (text: string) : string[] =
        let lines = ResizeArray<string>()

        let add (space: string) (piece: string) =
            if lines.Count > 0 && width size (lines[lines.Count - 1] + space + piece) <= limit then
                lines[lines.Count - 1] <- lines[lines.Count - 1] + space + piece
            elif width size piece <= limit then
                lines.Add piece
            else
                lines.Add(opening limit size piece)

        for word in text.Split(Array.empty<char>, StringSplitOptions.RemoveEmptyEntries) do
            if width size word <= limit then
                add " " word
            else
                afterHyphens word |> Array.iteri (fun i piece -> add (if i = 0 then " " else "") piece)

        if lines.Count <= most then
            lines.ToArray()
        else
            Array.init most (fun i ->
                if i < most - 1 then
                    lines[i]
                else
                    opening limit size lines[i])

    /// Tops of labels of the given heights, [n], as near as can be to their wished centres and without overlap: the tops
    /// minimise Σ(topᵢ + heightᵢ/2 − centreᵢ)² subject to topᵢ + heightᵢ ≤ topᵢ₊₁ in the order of the centres (ties by
    /// index), within `low` … `high`. Labels that together are taller than the room start at `low` and run past `high`.
    /// With zᵢ = topᵢ − Σⱼ﹤ᵢ heightⱼ this is isotonic regression, solved by pooling adjacent violators (Barlow et al. 1972).
    [<CompiledName "Spread">]
    let spread (low: float) (high: float) (centres: float[]) (heights: float[]) : float[] =
        let order = Array.init centres.Length id |> Array.sortBy (fun i -> centres[i], i)
        let before = order |> Array.map (fun i -> heights[i]) |> Array.scan (+) 0.0

        let wished =
            order |> Array.mapi (fun rank i -> centres[i] - heights[i] / 2.0 - before[rank])

        // Blocks of neighbours that share one z: its mean and their number, last block first.
        let rec pool (blocks: struct (float * int) list) (mean: float) (count: int) =
            match blocks with
            | struct (above, members) :: rest when above > mean ->
                let pooled = (above * float members + mean * float count) / float (members + count)
                pool rest pooled (members + count)
            | _ -> struct (mean, count) :: blocks

        let blocks = wished |> Array.fold (fun blocks z -> pool blocks z 1) []
        let limit = max low (high - before[centres.Length])

        let tops = Array.zeroCreate centres.Length

        blocks
        |> List.rev
        |> Seq.collect (fun (struct (mean, count)) -> Seq.replicate count mean)
        |> Seq.iteri (fun rank z -> tops[order[rank]] <- (z |> max low |> min limit) + before[rank])

        tops
