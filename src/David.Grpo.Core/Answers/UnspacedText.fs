namespace David.Grpo

open System
open System.Globalization
open System.Text

/// Scripts without blanks between words.
type internal UnspacedScript =
    | Han
    | Hiragana
    | Katakana
    | SoutheastAsian

/// Chinese, Japanese, Thai, Lao, Burmese and Khmer have no blanks between words. Their words are taken to be the runs of
/// n neighbouring letters, as Lucene's CJKAnalyzer has it: n = 2 of Chinese and Japanese, 3 of the others, whose letters
/// are those of an alphabet. No dictionary is asked.
[<RequireQualifiedAccess>]
module internal UnspacedText =

    let private between first last value = value >= first && value <= last

    let private isMark (rune: Rune) =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.NonSpacingMark
        | UnicodeCategory.SpacingCombiningMark
        | UnicodeCategory.EnclosingMark -> true
        | _ -> false

    /// None for letters of other scripts, and for what is no letter.
    let scriptOf (rune: Rune) : UnspacedScript voption =
        match rune.Value with
        | value when value < 0xE00 -> ValueNone
        | _ when CleanText.isSoutheastAsian rune && (Rune.IsLetter rune || isMark rune) -> ValueSome SoutheastAsian
        | value when value < 0x2E80 -> ValueNone
        | value when between 0x3041 0x309F value && value <> 0x309B && value <> 0x309C -> ValueSome Hiragana
        | 0x30FB -> ValueNone
        | value when between 0x30A1 0x30FF value || between 0x31F0 0x31FF value || between 0xFF66 0xFF9F value ->
            ValueSome Katakana
        | 0x3005
        | 0x3007
        | 0x303B -> ValueSome Han
        | value when
            between 0x2E80 0x2FDF value
            || between 0x3105 0x312F value
            || between 0x3400 0x4DBF value
            || between 0x4E00 0x9FFF value
            || between 0xF900 0xFAFF value
            || between 0x20000 0x3FFFF value
            ->
            ValueSome Han
        | _ -> ValueNone

    /// The letters of a run, each with the marks on it.
    let letters (run: string) : string[] =
        let found = ResizeArray<string>()

        for rune in run.EnumerateRunes() do
            if isMark rune && found.Count > 0 then
                found[found.Count - 1] <- found[found.Count - 1] + rune.ToString()
            else
                found.Add(rune.ToString())

        found.ToArray()

    let private size script =
        match script with
        | SoutheastAsian -> 3
        | _ -> 2

    /// The runs of n letters, or the whole where there are not more.
    let grams (script: UnspacedScript) (run: string) : string[] =
        let letters = letters run

        if letters.Length <= size script then
            [| run |]
        else
            letters |> Array.windowed (size script) |> Array.map String.Concat

    // What questions ask with, and words that join others. Longer ones first, so that 在哪里 is not cut to 哪里.
    let private hanStops =
        "在哪里 在哪裡 在哪儿 为什么 為什麼 是什么 是什麼 是多少 有多少 什么 什麼 甚么 甚麼 哪里 哪裡 哪儿 哪个 哪個 哪些 哪位 怎么 怎麼 怎样 怎樣 如何 多少 几个 幾個 何时 何時 请问 請問 是谁 是誰 谁 誰 吗 嗎 呢 吧 的 了 是 何"
            .Split
            ' '

    let private hiraganaStops =
        "でしょうか でしたか ましたか ますか ですか ください でした ました から まで より です ます という どこ いつ だれ なに なん どう なぜ どれ どの どんな どちら いくら いくつ ある いる する した して とは には では へは は が を に で と も の へ や か な だ よ ね"
            .Split
            ' '

    let private southeastAsianStops =
        "เมื่อไหร่ เมื่อไร เท่าไหร่ เท่าไร อย่างไร ที่ไหน อะไร ทำไม ใคร ไหน กี่ คือ เป็น ของ และ ครับ คะ ค่ะ ຫຍັງ ໃຜ ໃສ ເມື່ອໃດ ແມ່ນ ຂອງ អ្វី អ្នកណា ឯណា ពេលណា របស់ ဘာ ဘယ်သူ ဘယ်မှာ ဘယ်"
            .Split
            ' '

    let private startsWith (text: string) at (word: string) =
        String.CompareOrdinal(text, at, word, 0, word.Length) = 0

    /// Without the small words at its end, and at its beginning where another script stands before it (the particle of
    /// what is written there).
    let private trimmed (run: string) =
        let rec fromEnd (text: string) =
            match hiraganaStops |> Array.tryFind (fun word -> text.EndsWith(word, StringComparison.Ordinal)) with
            | Some word -> fromEnd (text.Substring(0, text.Length - word.Length))
            | None -> text

        let rec fromStart (text: string) =
            match hiraganaStops |> Array.tryFind (startsWith text 0) with
            | Some word -> fromStart (text.Substring word.Length)
            | None -> text

        // はどこですか is small words alone, from whichever side.
        if fromStart run = "" then "" else fromEnd run

    let private segments (stops: string[]) (run: string) =
        let found = ResizeArray<string>()
        let mutable start = 0
        let mutable at = 0

        while at < run.Length do
            match stops |> Array.tryFind (startsWith run at) with
            | Some word ->
                found.Add(run.Substring(start, at - start))
                at <- at + word.Length
                start <- at
            | None -> at <- at + 1

        found.Add(run.Substring start)
        found |> Seq.filter (fun segment -> segment <> "") |> Seq.toArray

    /// The words of a run that say what it is about.
    let telling (script: UnspacedScript) (run: string) : string[] =
        match script with
        | Han -> segments hanStops run
        | SoutheastAsian -> segments southeastAsianStops run
        | Hiragana -> [| trimmed run |] |> Array.filter (fun rest -> rest <> "")
        | Katakana -> [| run |]
        |> Array.collect (grams script)

    /// Whether a word is of these scripts.
    let isUnspaced (word: string) =
        word <> "" && scriptOf (Rune.GetRuneAt(word, 0)) <> ValueNone
