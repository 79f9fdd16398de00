namespace David.Grpo

open System
open System.Text

/// Texts without what nobody sees in them: the marks that word processors, browsers and typesetters leave inside words.
[<RequireQualifiedAccess>]
module CleanText =

    let private between first last value = value >= first && value <= last

    /// Whether a character shows nothing and says nothing: soft hyphens, zero-width spaces and joiners, marks of direction,
    /// variation selectors, byte-order marks, tags.
    [<CompiledName "IsInvisible">]
    let isInvisible (rune: Rune) : bool =
        match rune.Value with
        | 0xAD
        | 0x34F
        | 0x61C
        | 0xFEFF -> true
        | value ->
            between 0x200B 0x200F value
            || between 0x202A 0x202E value
            || between 0x2060 0x206F value
            || between 0x180B 0x180F value
            || between 0xFE00 0xFE0F value
            || between 0xFFF9 0xFFFB value
            || between 0xE0000 0xE0FFF value

    /// Thai, Lao, Burmese and Khmer, which are written without blanks between words.
    let internal isSoutheastAsian (rune: Rune) =
        between 0xE00 0xEFF rune.Value
        || between 0x1000 0x109F rune.Value
        || between 0x1780 0x17FF rune.Value
        || between 0x1950 0x19DF rune.Value
        || between 0x1A20 0x1AAF rune.Value
        || between 0xA9E0 0xA9FF rune.Value
        || between 0xAA60 0xAA7F rune.Value

    /// The letters of Arabic's presentation forms from U+FE80 on, as PDFs hold them (Unicode's compatibility mappings).
    let private arabicForms =
        "ءآآأأؤؤإإئئئئااببببةةتتتتثثثثججججححححخخخخددذذررززسسسسششششصصصصضضضضططططظظظظععععغغغغففففققققككككللللممممننننههههووىىيييي"

    let private latinLigatures = [| "ff"; "fi"; "fl"; "ffi"; "ffl"; "st"; "st" |]

    /// What a ligature or a letter's presentation form stands for; null for any other character.
    let private meaning (rune: Rune) : string | null =
        match rune.Value with
        | value when between 0xFB00 0xFB06 value -> latinLigatures[value - 0xFB00]
        | value when between 0xFE80 0xFEF4 value -> string arabicForms[value - 0xFE80]
        | 0xFEF5
        | 0xFEF6 -> "لآ"
        | 0xFEF7
        | 0xFEF8 -> "لأ"
        | 0xFEF9
        | 0xFEFA -> "لإ"
        | 0xFEFB
        | 0xFEFC -> "لا"
        | _ -> null

    /// Joiners are letters' spelling from Arabic to Mongolian (Persian's half space), and join pictures to one.
    let private belongs (joiner: Rune) (before: Rune) (after: Rune) =
        let spells (rune: Rune) =
            between 0x600 0x1DFF rune.Value && Rune.IsLetter rune

        let isPicture (rune: Rune) =
            between 0x2190 0x2BFF rune.Value || between 0x1F000 0x1FAFF rune.Value

        match joiner.Value with
        | 0x200B -> isSoutheastAsian before && isSoutheastAsian after
        | 0x200C -> spells before && spells after
        | 0x200D -> (spells before && spells after) || (isPicture before && isPicture after)
        | _ -> false

    let private isAscii (text: string) = Ascii.IsValid text

    /// A text to be read and searched: without invisible characters, its ligatures as letters. Zero-width joiners stay where
    /// they are part of a word's spelling, zero-width spaces where they part the words of Thai, Lao, Burmese and Khmer.
    [<CompiledName "Of">]
    let ofText (text: string) : string =
        if isAscii text then
            text
        else
            let runes = text.EnumerateRunes() |> Seq.toArray
            let cleaned = StringBuilder text.Length

            // The nearest rune in a direction that is seen.
            let rec seen step at =
                if at < 0 || at >= runes.Length then Rune ' '
                elif isInvisible runes[at] then seen step (at + step)
                else runes[at]

            for at in 0 .. runes.Length - 1 do
                let rune = runes[at]

                if isInvisible rune then
                    if belongs rune (seen -1 (at - 1)) (seen 1 (at + 1)) then
                        cleaned.Append(rune.ToString()) |> ignore
                else
                    match meaning rune with
                    | null -> cleaned.Append(rune.ToString()) |> ignore
                    | letters -> cleaned.Append letters |> ignore

            cleaned.ToString()

    /// A character as words are compared: none of the invisible ones, letters for ligatures and full-width forms.
    let internal folded (rune: Rune) : string =
        if isInvisible rune then
            ""
        else
            match meaning rune with
            | null when between 0xFF01 0xFF5E rune.Value -> string (char (rune.Value - 0xFEE0))
            | null -> rune.ToString()
            | letters -> letters
