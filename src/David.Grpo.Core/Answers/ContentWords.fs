namespace David.Grpo

open System
open System.Text

/// The words of a text that say what it is about.
[<RequireQualifiedAccess>]
module ContentWords =

    /// English words that say nothing about a passage, and the tails that apostrophes leave.
    [<CompiledName "StopWords">]
    let stopWords: string[] =
        ("a about above after again all also am an and any are as at be because been before being between both but by "
         + "can could d did do does doing during each for from had has have having he her here hers him his how i if in "
         + "into is it its just ll m me more most my no nor not of off on once only or other our out over own re s same "
         + "she should so some such t than that the their them then there these they this those through to too under "
         + "until up us ve very was we were what when where which while who whom whose why will with would you your")
            .Split
            ' '

    let private isStopWord =
        let words = System.Collections.Generic.HashSet(stopWords, StringComparer.Ordinal)
        fun (word: string) -> words.Contains word

    let private isWordCharacter (rune: Rune) =
        Rune.IsLetterOrDigit rune
        || (match Rune.GetUnicodeCategory rune with
            | Globalization.UnicodeCategory.NonSpacingMark
            | Globalization.UnicodeCategory.SpacingCombiningMark
            | Globalization.UnicodeCategory.LetterNumber
            | Globalization.UnicodeCategory.OtherNumber -> true
            | _ -> false)

    /// Runs of one kind in the order of a text, folded to small letters: (script, run), without a script for the words of
    /// scripts with blanks.
    let private runs (text: string) =
        let found = ResizeArray<struct (UnspacedScript voption * string)>()
        let run = StringBuilder()
        let mutable script = ValueNone

        let finish () =
            if run.Length > 0 then
                found.Add(struct (script, run.ToString()))
                run.Clear() |> ignore

        let add (rune: Rune) =
            let its =
                match UnspacedText.scriptOf rune with
                // The mark that lengthens a vowel stands in both kinds of kana.
                | ValueSome Katakana when rune.Value = 0x30FC && script = ValueSome Hiragana -> script
                | its -> its

            if isWordCharacter rune || its <> ValueNone then
                if its <> script then
                    finish ()
                    script <- its

                run.Append(Rune.ToLowerInvariant(rune).ToString()) |> ignore
            else
                finish ()

        CleanText.fold add text
        finish ()
        found

    /// Runs of letters, digits and combining marks, in lower case, in the order of the text; of scripts without blanks
    /// between words (Chinese, Japanese, Thai …) all neighbouring letters, two or three at a time. Invisible characters part
    /// no word, and ligatures are letters.
    [<CompiledName "Words">]
    let words (text: string) : string[] =
        [|
            for struct (script, run) in runs text do
                match script with
                | ValueNone -> run
                | ValueSome script -> yield! UnspacedText.grams script run
        |]

    /// The words of a text, each once, without stop words unless there is nothing else (The Who).
    [<CompiledName "Of">]
    let ofText (text: string) : string[] =
        let telling =
            [|
                for struct (script, run) in runs text do
                    match script with
                    | ValueNone when isStopWord run -> ()
                    | ValueNone -> run
                    | ValueSome script -> yield! UnspacedText.telling script run
            |]

        match telling with
        | [||] -> Array.distinct (words text)
        | _ -> Array.distinct telling

    /// A text as a full-text index takes it, which parts words at blanks: folded, and each letter of a script without blanks a
    /// word. Neighbouring ones make a phrase. Texts of other scripts mostly stay as they are.
    [<CompiledName "Indexed">]
    let indexed (text: string) : string =
        // No script without blanks begins below Thai.
        let isEasy character =
            character < '\u0E00' && CleanText.isPlain character

        if Ascii.IsValid text || String.forall isEasy text then
            text
        else
            let parted = StringBuilder text.Length
            let pair = Array.zeroCreate<char> 2

            CleanText.fold
                (fun rune ->
                    let isApart = UnspacedText.scriptOf rune <> ValueNone

                    if not isApart || Rune.IsLetter rune || Rune.IsNumber rune then
                        if isApart then
                            parted.Append ' ' |> ignore

                        parted.Append(pair, 0, rune.EncodeToUtf16(pair.AsSpan())) |> ignore

                        if isApart then
                            parted.Append ' ' |> ignore)
                text

            parted.ToString()

    let private sharedLetters (left: string) (right: string) =
        let limit = min left.Length right.Length

        let rec count i =
            if i < limit && left[i] = right[i] then count (i + 1) else i

        count 0

    /// Whether two words are forms of one: equal, or, where neither holds a digit, alike in their first letters, at least 4
    /// and at least three fifths of the longer word (reimburse, reimbursement). Our own rule; it also takes station for
    /// stationery. In scripts without blanks a word of fewer letters is a form of one that holds it.
    [<CompiledName "AreForms">]
    let areForms (left: string) (right: string) : bool =
        String.Equals(left, right, StringComparison.Ordinal)
        || (UnspacedText.isUnspaced left
            && UnspacedText.isUnspaced right
            && left.Length <> right.Length
            && (left.Contains(right, StringComparison.Ordinal) || right.Contains(left, StringComparison.Ordinal)))
        || (let shared = sharedLetters left right

            shared >= 4
            && 5 * shared >= 3 * max left.Length right.Length
            && not (Seq.exists Char.IsDigit left || Seq.exists Char.IsDigit right))
