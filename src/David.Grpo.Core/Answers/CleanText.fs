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

    /// Whether a character is neither left out nor written otherwise, whatever stands around it. Most are; asked first, since
    /// texts are long.
    let internal isPlain (character: char) =
        character < '\u00AD'
        || (match character with
            | '\u00AD'
            | '\u034F'
            | '\u061C' -> false
            | _ ->
                character < '\u180B'
                || (character > '\u206F' && character < '\uD800')
                || (character > '\u180F' && character < '\u200B'))

    let private isSelf (rune: Rune) = rune.IsBmp && isPlain (char rune.Value)

    /// A text to be read and searched: without invisible characters, its ligatures as letters. Zero-width joiners stay where
    /// they are part of a word's spelling, zero-width spaces where they part the words of Thai, Lao, Burmese and Khmer.
    [<CompiledName "Of">]
    let ofText (text: string) : string =
        let rec nextOdd at =
            if at < text.Length && isPlain text[at] then
                nextOdd (at + 1)
            else
                at

        if nextOdd 0 = text.Length then
            text
        else
            let cleaned = StringBuilder text.Length

            let runeAt at =
                let mutable rune = Rune.ReplacementChar

                if Rune.TryGetRuneAt(text, at, &rune) then
                    rune
                else
                    Rune.ReplacementChar

            // The nearest rune that is seen, before and after a place.
            let rec seenBefore at =
                if at <= 0 then
                    Rune ' '
                else
                    let start =
                        if at >= 2 && Char.IsSurrogatePair(text[at - 2], text[at - 1]) then
                            at - 2
                        else
                            at - 1

                    let rune = runeAt start
                    if isInvisible rune then seenBefore start else rune

            let rec seenFrom at =
                if at >= text.Length then
                    Rune ' '
                else
                    let rune = runeAt at

                    if isInvisible rune then
                        seenFrom (at + rune.Utf16SequenceLength)
                    else
                        rune

            let mutable at = 0

            while at < text.Length do
                let odd = nextOdd at
                cleaned.Append(text, at, odd - at) |> ignore
                at <- odd

                if at < text.Length then
                    let rune = runeAt at
                    let length = rune.Utf16SequenceLength

                    if not (isInvisible rune) then
                        match meaning rune with
                        | null -> cleaned.Append(text, at, length)
                        | letters -> cleaned.Append letters
                        |> ignore
                    elif belongs rune (seenBefore at) (seenFrom (at + length)) then
                        cleaned.Append(text, at, length) |> ignore

                    at <- at + length

            cleaned.ToString()

    /// Calls a function for each character as words are compared: none of the invisible ones, letters for ligatures and
    /// full-width forms.
    let internal fold (add: Rune -> unit) (text: string) : unit =
        for rune in text.EnumerateRunes() do
            if isSelf rune then
                add rune
            elif not (isInvisible rune) then
                match meaning rune with
                | null when between 0xFF01 0xFF5E rune.Value -> add (Rune(rune.Value - 0xFEE0))
                | null -> add rune
                | letters ->
                    for letter in letters.EnumerateRunes() do
                        add letter
