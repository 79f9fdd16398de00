namespace David.Grpo

open System
open System.Globalization
open System.Text

/// Strings as Python's `str` and `re` see them. The scorers of this field are Python programs, and .NET's own notions of
/// a space, a word character and a lower-case letter differ from theirs; equal scores need these ones.
///
/// Checked against Python 3.11 (Unicode 14). All functions take linear time, count in UTF-16 units unless they say
/// otherwise, and keep unpaired surrogates as they are.
[<RequireQualifiedAccess>]
module PythonText =

    /// The rune that starts at `index`, or U+FFFD for half a surrogate pair, and the UTF-16 units that it takes.
    let private runeAt (text: string) (index: int) : struct (Rune * int) =
        let mutable rune = Rune.ReplacementChar

        if Rune.TryGetRuneAt(text, index, &rune) then
            struct (rune, rune.Utf16SequenceLength)
        else
            struct (Rune.ReplacementChar, 1)

    /// The rune that ends just before `index`, which is above 0, and the UTF-16 units that it takes.
    let private runeBefore (text: string) (index: int) : struct (Rune * int) =
        if index >= 2 && Char.IsSurrogatePair(text[index - 2], text[index - 1]) then
            runeAt text (index - 2)
        else
            runeAt text (index - 1)

    /// `str.isspace` of one character, which is also `\s`. More than `Char.IsWhiteSpace`: U+001C to U+001F are spaces.
    [<CompiledName "IsSpace">]
    let isSpace (character: char) : bool =
        Char.IsWhiteSpace character || (character >= '\u001c' && character <= '\u001f')

    /// `\w`: a letter or a number of any kind (`str.isalnum`: L*, N*), or `_`. Less than .NET's `\w` in that combining
    /// marks and joiners are no word characters, more in that ² and ½ are.
    [<CompiledName "IsWord">]
    let isWord (rune: Rune) : bool =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.UppercaseLetter
        | UnicodeCategory.LowercaseLetter
        | UnicodeCategory.TitlecaseLetter
        | UnicodeCategory.ModifierLetter
        | UnicodeCategory.OtherLetter
        | UnicodeCategory.DecimalDigitNumber
        | UnicodeCategory.LetterNumber
        | UnicodeCategory.OtherNumber -> true
        | _ -> rune.Value = int '_'

    /// One of the 32 characters of `string.punctuation`, all of them ASCII. Dashes, curly quotes and … are none.
    [<CompiledName "IsPunctuation">]
    let isPunctuation (character: char) : bool =
        Char.IsAscii character && (Char.IsPunctuation character || Char.IsSymbol character)

    /// Unicode's Case_Ignorable: what stands between a letter and its word's end without ending the word.
    let private isCaseIgnorable (rune: Rune) =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.NonSpacingMark
        | UnicodeCategory.EnclosingMark
        | UnicodeCategory.Format
        | UnicodeCategory.ModifierLetter
        | UnicodeCategory.ModifierSymbol -> true
        | _ ->
            match rune.Value with
            | 0x27
            | 0x2E
            | 0x3A
            | 0xB7
            | 0x387
            | 0x55F
            | 0x5F4
            | 0x2018
            | 0x2019
            | 0x2024
            | 0x2027
            | 0xFE13
            | 0xFE52
            | 0xFE55
            | 0xFF07
            | 0xFF0E
            | 0xFF1A -> true
            | _ -> false

    /// Unicode's Cased, of runes that are not case-ignorable.
    let private isCased (rune: Rune) =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.UppercaseLetter
        | UnicodeCategory.LowercaseLetter
        | UnicodeCategory.TitlecaseLetter -> true
        | _ ->
            let between first last =
                rune.Value >= first && rune.Value <= last

            rune.Value = 0xAA
            || rune.Value = 0xBA
            || between 0x2160 0x217F
            || between 0x24B6 0x24E9
            || between 0x1F130 0x1F149
            || between 0x1F150 0x1F169
            || between 0x1F170 0x1F189

    /// Whether the Σ at `index` ends a word: a cased letter before it and none after it, case-ignorable runes skipped
    /// (the condition Final_Sigma of the Unicode standard, section 3.13).
    let private isFinalSigma (text: string) (index: int) =
        let rec casedBefore position =
            position > 0
            && (let struct (rune, length) = runeBefore text position

                if isCaseIgnorable rune then
                    casedBefore (position - length)
                else
                    isCased rune)

        let rec casedFrom position =
            position < text.Length
            && (let struct (rune, length) = runeAt text position

                if isCaseIgnorable rune then
                    casedFrom (position + length)
                else
                    isCased rune)

        casedBefore index && not (casedFrom (index + 1))

    /// `str.lower`, Unicode's full mapping: İ becomes i and U+0307, a Σ that ends a word becomes ς, and letters above
    /// U+FFFF have their lower case too. No case folding: ß stays ß.
    [<CompiledName "Lower">]
    let lower (text: string) : string =
        if Ascii.IsValid text then
            text.ToLowerInvariant()
        else
            let lowered = StringBuilder text.Length
            let mutable position = 0

            while position < text.Length do
                let struct (rune, length) = runeAt text position

                match rune.Value with
                | 0x130 -> lowered.Append("i\u0307")
                | 0x3A3 when isFinalSigma text position -> lowered.Append 'ς'
                | 0xFFFD -> lowered.Append text[position]
                | _ -> lowered.Append((Rune.ToLowerInvariant rune).ToString())
                |> ignore

                position <- position + length

            lowered.ToString()

    /// `str.strip()`: no spaces (`isSpace`) at either end.
    [<CompiledName "Strip">]
    let strip (text: string) : string =
        let mutable first = 0
        let mutable last = text.Length

        while first < last && isSpace text[first] do
            first <- first + 1

        while last > first && isSpace text[last - 1] do
            last <- last - 1

        text.Substring(first, last - first)

    /// `str.split()`: the pieces between runs of spaces, none of them empty. Blank text has none.
    [<CompiledName "Split">]
    let split (text: string) : string[] =
        let pieces = ResizeArray()
        let mutable start = 0

        for position in 0 .. text.Length do
            if position = text.Length || isSpace text[position] then
                if position > start then
                    pieces.Add(text.Substring(start, position - start))

                start <- position + 1

        pieces.ToArray()

    /// `" ".join(text.split())`: one blank for each run of spaces, none at the ends.
    [<CompiledName "CollapseSpaces">]
    let collapseSpaces (text: string) : string = String.Join(' ', split text)

    /// The text without the characters that `isPunctuation` accepts.
    [<CompiledName "RemovePunctuation">]
    let removePunctuation (text: string) : string =
        String.filter (isPunctuation >> not) text

    /// The text with every word replaced by `replacement` of it. A word is a longest run of word characters, so
    /// `mapWords` is `re.sub` of an alternative of words between two `\b`.
    let mapWords (replacement: string -> string) (text: string) : string =
        let mapped = StringBuilder text.Length
        let mutable position = 0
        let mutable wordStart = 0

        let endWord () =
            if position > wordStart then
                mapped.Append(replacement (text.Substring(wordStart, position - wordStart))) |> ignore

        while position < text.Length do
            let struct (rune, length) = runeAt text position

            if not (isWord rune) then
                endWord ()
                mapped.Append(text, position, length) |> ignore
                wordStart <- position + length

            position <- position + length

        endWord ()
        mapped.ToString()

    /// The text without the runes that are neither word characters nor spaces: `re.sub(r"[^\w\s]", "", text)`.
    [<CompiledName "KeepWordsAndSpaces">]
    let keepWordsAndSpaces (text: string) : string =
        let kept = StringBuilder text.Length
        let mutable position = 0

        while position < text.Length do
            let struct (rune, length) = runeAt text position

            if isWord rune || isSpace text[position] then
                kept.Append(text, position, length) |> ignore

            position <- position + length

        kept.ToString()

    /// The end of the longest run of decimal digits (`\d`, any script) that starts at `start`.
    let internal skipDigits (text: string) (start: int) : int =
        let rec skip position =
            if position = text.Length then
                position
            else
                let struct (rune, length) = runeAt text position

                match Rune.GetUnicodeCategory rune with
                | UnicodeCategory.DecimalDigitNumber -> skip (position + length)
                | _ -> position

        skip start

    /// The end of the longest run of spaces that starts at `start`.
    let internal skipSpaces (text: string) (start: int) : int =
        let mutable position = start

        while position < text.Length && isSpace text[position] do
            position <- position + 1

        position

    /// Code points in the `length` UTF-16 units from `start`: what Python counts as their length. Half a surrogate pair
    /// counts as one.
    [<CompiledName "CodePoints">]
    let codePoints (text: string) (start: int) (length: int) : int =
        let mutable count = length

        for position in start + 1 .. start + length - 1 do
            if Char.IsSurrogatePair(text[position - 1], text[position]) then
                count <- count - 1

        count
