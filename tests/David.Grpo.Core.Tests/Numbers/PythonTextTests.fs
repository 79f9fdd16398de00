module David.Grpo.Tests.PythonTextTests

open System
open System.Text
open FsCheck.FSharp
open Xunit
open David.Grpo

/// Text of the characters that .NET and Python see differently, among ordinary ones.
let awkwardText =
    Gen.elements
        [
            "a"
            "the"
            "An"
            "B"
            "1"
            "_"
            " "
            "\t"
            "\u001c"
            "\u0085"
            "\u00a0"
            "\u200b"
            "\u3000"
            "."
            "-"
            "'"
            "\""
            "—"
            "²"
            "½"
            "\u0301"
            "\u200d"
            "İ"
            "Σ"
            "Α"
            "ß"
            "東"
            "\U00010400"
            "\U0001f642"
            "\ud800"
        ]
    |> Gen.listOf
    |> Gen.map (String.concat "")

[<Fact>]
let ``lower maps every single code point as Python does`` () =
    // Python 3.11, chr(i).lower() of the 1,432 code points that have another one: FNV-1a over (i, lower).
    let newerThanUnicode14 value =
        (value >= 0x10D50 && value <= 0x10D65)
        || List.contains value [ 0x1C89; 0xA7CB; 0xA7CC; 0xA7CE; 0xA7D2; 0xA7D4; 0xA7DA; 0xA7DC ]
        || (value >= 0x16EA0 && value <= 0x16EB8)

    let mutable hash = 0xCBF29CE484222325UL
    let mutable count = 0

    for value in Seq.append (seq { 0..0xD7FF }) (seq { 0xE000..0x10FFFF }) do
        let text = Rune(value).ToString()
        let lowered = PythonText.lower text

        if lowered <> text && value <> 0x130 && not (newerThanUnicode14 value) then
            count <- count + 1

            for part in [ value; Rune.GetRuneAt(lowered, 0).Value ] do
                hash <- (hash ^^^ uint64 part) * 0x100000001B3UL

    Assert.Equal(1432, count)
    Assert.Equal(0x14D60F63AB3924D8UL, hash)

[<Theory>]
[<InlineData("İstanbul", "i\u0307stanbul")>]
[<InlineData("ΟΔΟΣ", "οδος")>]
[<InlineData("ΟΔΟΣ Α", "οδος α")>]
[<InlineData("ΟΔΟΣ'", "οδος'")>]
[<InlineData("ΟΔΟΣ'Α", "οδοσ'α")>]
[<InlineData("ΣΑΣ", "σας")>]
[<InlineData("Σ", "σ")>]
[<InlineData("1Σ", "1σ")>]
[<InlineData("ⒶΣ", "ⓐς")>]
[<InlineData("\U00010400Σ\U00010400", "\U00010428σ\U00010428")>]
[<InlineData("STRASSE ẞ", "strasse ß")>]
let ``lower knows the full mapping`` (text: string) (expected: string) =
    Assert.Equal(expected, PythonText.lower text)

[<Fact>]
let ``lower is idempotent`` () =
    lawFor awkwardText (fun text -> PythonText.lower (PythonText.lower text) = PythonText.lower text)

[<Fact>]
let ``lower keeps half a surrogate pair`` () =
    Assert.Equal("a\ud800b", PythonText.lower "A\ud800B")

[<Fact>]
let ``the spaces are Python's 29`` () =
    let spaces = Seq.filter PythonText.isSpace (seq { '\u0000' .. '\uffff' })

    let expected =
        "\u0009\u000a\u000b\u000c\u000d\u001c\u001d\u001e\u001f\u0020\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

    Assert.Equal(expected, String.Concat spaces)

[<Fact>]
let ``punctuation is string.punctuation`` () =
    let punctuation = Seq.filter PythonText.isPunctuation (seq { '\u0000' .. '\uffff' })
    Assert.Equal("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", String.Concat punctuation)

[<Fact>]
let ``word characters are letters, numbers and the underscore`` () =
    let isWord (text: string) =
        PythonText.isWord (Rune.GetRuneAt(text, 0))

    Assert.All([ "a"; "é"; "_"; "7"; "²"; "½"; "Ⅷ"; "東"; "ʰ"; "\U00010400" ], (fun text -> Assert.True(isWord text)))

    Assert.All(
        [ "\u0301"; "\u200c"; "\u200d"; "‿"; "-"; " "; "’"; "\U0001f642"; "ⓐ" ],
        fun text -> Assert.False(isWord text)
    )

[<Fact>]
let ``split joins back to the collapsed text`` () =
    lawFor awkwardText (fun text ->
        let pieces = PythonText.split text

        pieces |> Array.forall (fun piece -> piece <> "" && not (Seq.exists PythonText.isSpace piece))
        && String.Join(' ', pieces) = PythonText.collapseSpaces text
        && PythonText.split (PythonText.strip text) = pieces
        && PythonText.collapseSpaces (PythonText.collapseSpaces text) = PythonText.collapseSpaces text)

[<Fact>]
let ``strip leaves nothing to strip`` () =
    lawFor awkwardText (fun text ->
        let stripped = PythonText.strip text

        text.Contains(stripped, StringComparison.Ordinal)
        && (stripped = ""
            || not (PythonText.isSpace stripped[0] || PythonText.isSpace stripped[stripped.Length - 1])))

[<Fact>]
let ``mapping words to themselves changes nothing`` () =
    lawFor awkwardText (fun text -> PythonText.mapWords id text = text)

[<Fact>]
let ``the words that are mapped hold word characters only`` () =
    lawFor awkwardText (fun text ->
        let words = ResizeArray()

        PythonText.mapWords
            (fun word ->
                words.Add word
                word)
            text
        |> ignore

        words |> Seq.forall (fun word -> PythonText.keepWordsAndSpaces word = word)
        && String.Concat words = String.filter (PythonText.isSpace >> not) (PythonText.keepWordsAndSpaces text))

[<Fact>]
let ``a mark ends a word and a superscript does not`` () =
    let drop = PythonText.mapWords (fun word -> if word = "a" then "" else word)
    Assert.Equal("\u0301", drop "a\u0301")
    Assert.Equal("a²", drop "a²")
    Assert.Equal("\u200db", drop "a\u200db")

[<Fact>]
let ``code points are counted as Python counts`` () =
    lawFor awkwardText (fun text ->
        let withoutPairs = text.Replace("\U00010400", "x").Replace("\U0001f642", "x").Length

        PythonText.codePoints text 0 text.Length = withoutPairs)
