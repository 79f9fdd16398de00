namespace David.Grpo

open System
open System.Collections.Generic
open System.Globalization
open System.Security.Cryptography
open System.Text

/// A stretch of a document that stands under one heading.
type DocumentSection =
    {
        /// From the outermost on; empty before the first heading.
        Headings: string[]
        /// What stands below, without the heading and without the sections below it.
        Text: string
    }

/// Cuts documents into passages that a small model can read.
[<RequireQualifiedAccess>]
module Chunking =

    /// Characters of a passage that fit small models: about 200 tokens, so that three passages take 600.
    [<Literal>]
    let DefaultCharacters = 800

    /// Set between the title and the headings of a passage.
    [<Literal>]
    let HeadingSeparator = " › "

    let private startsCharacter (text: string) at =
        not (Char.IsLowSurrogate text[at])
        && (match CharUnicodeInfo.GetUnicodeCategory(text, at) with
            | UnicodeCategory.NonSpacingMark
            | UnicodeCategory.EnclosingMark
            | UnicodeCategory.SpacingCombiningMark -> false
            | _ -> text[at] <> '\u200D' && text[at - 1] <> '\u200D')

    /// Where a text may be cut, the best first: between paragraphs, lines, sentences, words, characters, anywhere but within
    /// a surrogate pair.
    let private mayCut: (string -> int -> bool)[] =
        let isSpace (text: string) at = Char.IsWhiteSpace text[at]

        [|
            fun text at -> at >= 2 && text[at - 1] = '\n' && text[at - 2] = '\n'
            fun text at -> text[at - 1] = '\n'
            fun text at ->
                if isSpace text (at - 1) then
                    at >= 2 && (";:".Contains text[at - 2] || Sentences.endsBefore text (at - 1))
                else
                    Sentences.endsBefore text at
            fun text at -> isSpace text (at - 1)
            startsCharacter
            fun text at -> not (Char.IsLowSurrogate text[at])
        |]

    /// Neighbours joined as long as they stay within the limit.
    let private pack limit (pieces: ResizeArray<struct (int * int)>) =
        let packed = ResizeArray<struct (int * int)>()

        for struct (start, stop) in pieces do
            match packed.Count with
            | 0 -> packed.Add(struct (start, stop))
            | count ->
                let struct (first, _) = packed[count - 1]

                if stop - first <= limit then
                    packed[count - 1] <- struct (first, stop)
                else
                    packed.Add(struct (start, stop))

        packed

    let rec private cut (text: string) limit level start stop : ResizeArray<struct (int * int)> =
        if stop - start <= limit || level = mayCut.Length then
            ResizeArray [ struct (start, stop) ]
        else
            let pieces = ResizeArray<struct (int * int)>()
            let mutable from = start

            let take till =
                if till - from <= limit then
                    pieces.Add(struct (from, till))
                else
                    pieces.AddRange(cut text limit (level + 1) from till)

                from <- till

            for at in start + 1 .. stop - 1 do
                if mayCut[level] text at then
                    take at

            take stop
            pack limit pieces

    let private trimmed (text: string) (struct (start, stop)) =
        let mutable first = start
        let mutable last = stop

        while first < last && Char.IsWhiteSpace text[first] do
            first <- first + 1

        while last > first && Char.IsWhiteSpace text[last - 1] do
            last <- last - 1

        struct (first, last)

    /// The parts of a text, each of at most `limit` characters (UTF-16 units, at least 2) and without white space at its
    /// ends: from where to before where. They do not overlap, come in order, and hold every character that is no white space.
    /// Cut between paragraphs where that suffices, else between lines, sentences, words, characters.
    [<CompiledName "Cut">]
    let ranges (limit: int) (text: string) : struct (int * int)[] =
        Check.range (nameof limit) "at least 2" (limit >= 2) (float limit)

        cut text limit 0 0 text.Length
        |> Seq.map (trimmed text)
        |> Seq.filter (fun (struct (first, last)) -> last > first)
        |> Seq.toArray

    /// The document's title and the headings, without a heading that says what stands before it.
    [<CompiledName "Title">]
    let title (document: string) (headings: string[]) : string =
        Array.append [| document |] headings
        |> Array.map (fun part ->
            String.Join(' ', part.Split(Array.empty<char>, StringSplitOptions.RemoveEmptyEntries)))
        |> Array.filter (fun part -> part <> "")
        |> Array.fold
            (fun kept part ->
                match kept with
                | last :: _ when String.Equals(last, part, StringComparison.OrdinalIgnoreCase) -> kept
                | _ -> part :: kept)
            []
        |> List.rev
        |> String.concat HeadingSeparator

    let private digest (parts: string seq) =
        let bytes =
            parts |> String.concat "\u001F" |> Encoding.UTF8.GetBytes |> SHA256.HashData

        Convert.ToHexStringLower(bytes.AsSpan(0, 4))

    /// The passages of each section of a document, in its order. An id is `path#digest` (eight hex digits of the headings and the text), with
    /// `-2`, `-3` … for the same text once more under the same heading: so an edit changes the ids of the passages that it
    /// touches, and of others of its section where that is cut anew, but none of another section or document. A heading with
    /// nothing below it, neither text nor further headings, is a passage by itself.
    [<CompiledName "Passages">]
    let passages (limit: int) (path: string) (document: string) (sections: DocumentSection[]) : Passage[][] =
        let seen = Dictionary<string, int>()

        let isBare index =
            let section = sections[index]
            let depth = section.Headings.Length

            depth > 0
            && String.IsNullOrWhiteSpace section.Text
            && not (index + 1 < sections.Length && Array.truncate depth sections[index + 1].Headings = section.Headings)

        [|
            for index, section in Array.indexed sections do
                let body =
                    if isBare index then
                        Array.last section.Headings
                    else
                        section.Text

                [|
                    for struct (first, last) in ranges limit body do
                        let text = body.Substring(first, last - first)
                        let name = $"{path}#{digest (Seq.append section.Headings [ text ])}"
                        let times = seen.GetValueOrDefault(name, 0) + 1
                        seen[name] <- times

                        {
                            Id =
                                {
                                    Value = if times = 1 then name else $"{name}-{times}"
                                }
                            Title = title document section.Headings
                            Text = text
                        }
                |]
        |]
