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

    /// Runs of letters, digits and combining marks, in lower case, in the order of the text.
    [<CompiledName "Words">]
    let words (text: string) : string[] =
        let found = ResizeArray()
        let word = StringBuilder()

        let finish () =
            if word.Length > 0 then
                found.Add(word.ToString())
                word.Clear() |> ignore

        for rune in text.EnumerateRunes() do
            if isWordCharacter rune then
                word.Append(Rune.ToLowerInvariant(rune).ToString()) |> ignore
            else
                finish ()

        finish ()
        found.ToArray()

    /// The words of a text, each once, without stop words unless there is nothing else (The Who).
    [<CompiledName "Of">]
    let ofText (text: string) : string[] =
        let all = words text

        match all |> Array.filter (isStopWord >> not) with
        | [||] -> Array.distinct all
        | telling -> Array.distinct telling

    let private sharedLetters (left: string) (right: string) =
        let limit = min left.Length right.Length

        let rec count i =
            if i < limit && left[i] = right[i] then count (i + 1) else i

        count 0

    /// Whether two words are forms of one: equal, or, where neither holds a digit, alike in their first letters, at least 4
    /// and at least three fifths of the longer word (reimburse, reimbursement). Our own rule; it also takes station for
    /// stationery.
    [<CompiledName "AreForms">]
    let areForms (left: string) (right: string) : bool =
        String.Equals(left, right, StringComparison.Ordinal)
        || (let shared = sharedLetters left right

            shared >= 4
            && 5 * shared >= 3 * max left.Length right.Length
            && not (Seq.exists Char.IsDigit left || Seq.exists Char.IsDigit right))
