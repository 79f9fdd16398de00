namespace David.Grpo

open System
open System.Collections.Generic

/// How well a prediction fits the gold answers. All numbers in [0, 1].
[<Struct>]
type AnswerScore =
    {
        /// The normalised prediction equals a normalised gold answer.
        ExactMatch: bool
        /// Harmonic mean of precision and recall over the words of the normalised texts, counted as bags.
        F1: float
        /// Shared words / words of the prediction.
        Precision: float
        /// Shared words / words of the gold answer.
        Recall: float
    }

/// Whose rules score an answer. All normalise alike (`Answer.normalize`) and count words alike; they differ in three
/// places, so a number is only comparable under its own scorer.
[<RequireQualifiedAccess>]
type AnswerScorer =
    /// Ours, for evaluation: EM over all gold answers; F1 the best over all gold answers, with HotpotQA's yes/no rule,
    /// precision and recall those of the (first) gold answer with the best F1.
    | Standard
    /// `hotpot_evaluate_v1.py`: the first gold answer only. Yes/no rule: if either side normalises to "yes", "no" or
    /// "noanswer" and the other is not the same, F1, precision and recall are 0.
    | HotpotQa
    /// `evaluate-v1.1.py`: the best over all gold answers, no yes/no rule.
    | Squad
    /// `metrics/answer.py` of MuSiQue: as SQuAD, but where a side has no words, F1 is 1 if both have none.
    | MuSiQue
    /// `2wikimultihop_evaluate_v1.1.py`, and FlashRAG's metrics: HotpotQA's yes/no rule; F1, precision and recall each
    /// the best over all gold answers, maybe of different ones.
    | TwoWiki

/// Scores of short answers, and the answer in a text.
[<RequireQualifiedAccess>]
module Answer =

    /// The normal form in which answers are compared: lower case, then without ASCII punctuation, then without the words
    /// a, an and the, then with single blanks; in this order, so that "a-n" first becomes "an" and then
    /// goes, while "the_the" becomes the word "thethe". Source: SQuAD v1.1, taken over by HotpotQA, MuSiQue, 2WikiMultiHopQA, Search-R1, FlashRAG.
    [<CompiledName "Normalize">]
    let normalize (answer: string) : string =
        PythonText.lower answer
        |> PythonText.removePunctuation
        |> PythonText.mapWords (function
            | "a"
            | "an"
            | "the" -> " "
            | word -> word)
        |> PythonText.collapseSpaces

    let private requireGold (golds: string[]) =
        if golds.Length = 0 then
            invalidArg
                (nameof golds)
                "There are 0 gold answers; at least 1 is needed. Leave questions without an answer out of the scoring, or give the empty answer as [| \"\" |]."

    /// Words that two bags share, each counted as often as in the bag that has it less often.
    let private shared (left: string[]) (right: string[]) : int =
        let counts = Dictionary(StringComparer.Ordinal)

        for word in left do
            counts[word] <- counts.GetValueOrDefault(word, 0) + 1

        let mutable total = 0

        for word in right do
            match counts.GetValueOrDefault(word, 0) with
            | 0 -> ()
            | unmatched ->
                counts[word] <- unmatched - 1
                total <- total + 1

        total

    /// F1, precision and recall of two normalised texts; all 0 where no word is shared.
    let private overlap (prediction: string) (gold: string) : AnswerScore =
        let predicted, wanted = PythonText.split prediction, PythonText.split gold
        let both = shared predicted wanted

        if both = 0 then
            {
                ExactMatch = (prediction = gold)
                F1 = 0.0
                Precision = 0.0
                Recall = 0.0
            }
        else
            let precision, recall =
                float both / float predicted.Length, float both / float wanted.Length

            {
                ExactMatch = (prediction = gold)
                F1 = 2.0 * precision * recall / (precision + recall)
                Precision = precision
                Recall = recall
            }

    let private isVerdict normalized =
        match normalized with
        | "yes"
        | "no"
        | "noanswer" -> true
        | _ -> false

    /// The overlap, or 0 where one side is a verdict (yes, no, noanswer) and the other is not the same verdict.
    let private overlapWithVerdicts prediction gold =
        if prediction <> gold && (isVerdict prediction || isVerdict gold) then
            {
                ExactMatch = false
                F1 = 0.0
                Precision = 0.0
                Recall = 0.0
            }
        else
            overlap prediction gold

    /// The overlap, or equality as 0 or 1 where a side has no words.
    let private overlapWithEmpty prediction gold =
        if prediction = "" || gold = "" then
            let equal = if prediction = gold then 1.0 else 0.0

            {
                ExactMatch = (prediction = gold)
                F1 = equal
                Precision = equal
                Recall = equal
            }
        else
            overlap prediction gold

    /// The score of a prediction by the rules of `scorer`. Throws where `golds` is empty.
    /// "the" against "a" is an exact match with F1 0 (both normalise to nothing), except by MuSiQue's rules.
    [<CompiledName "Score">]
    let score (scorer: AnswerScorer) (prediction: string) (golds: string[]) : AnswerScore =
        requireGold golds

        let against rule golds =
            let prediction = normalize prediction
            golds |> Array.map (normalize >> rule prediction)

        let best scores =
            { Array.maxBy _.F1 scores with
                ExactMatch = Array.exists _.ExactMatch scores
            }

        match scorer with
        | AnswerScorer.Standard -> best (against overlapWithVerdicts golds)
        | AnswerScorer.HotpotQa -> best (against overlapWithVerdicts [| golds[0] |])
        | AnswerScorer.Squad -> best (against overlap golds)
        | AnswerScorer.MuSiQue -> best (against overlapWithEmpty golds)
        | AnswerScorer.TwoWiki ->
            let scores = against overlapWithVerdicts golds

            { best scores with
                Precision = scores |> Seq.map _.Precision |> Seq.max
                Recall = scores |> Seq.map _.Recall |> Seq.max
            }

    /// Exact match: the normalised prediction equals one of the normalised gold answers. Throws where `golds` is empty.
    [<CompiledName "ExactMatch">]
    let exactMatch (prediction: string) (golds: string[]) : bool =
        requireGold golds
        let prediction = normalize prediction
        golds |> Array.exists (fun gold -> normalize gold = prediction)

    /// 1 if the trajectory's final answer matches an accepted one, else 0, also without an answer.
    [<CompiledName "ExactMatchOf">]
    let exactMatchOf (trajectory: Trajectory) : float =
        match trajectory.Ending with
        | Ending.Answered answer when exactMatch answer trajectory.Question.Answers -> 1.0
        | _ -> 0.0

    /// The best F1 over the gold answers, with HotpotQA's yes/no rule (`AnswerScorer.Standard`), in [0, 1]. Throws where
    /// `golds` is empty.
    [<CompiledName "F1">]
    let f1 (prediction: string) (golds: string[]) : float =
        (score AnswerScorer.Standard prediction golds).F1

    /// Whether the normalised prediction contains one of the normalised gold answers, as text. An empty gold answer is
    /// contained in everything. Source: `subem_check` of Search-R1, `Sub_ExactMatch` of FlashRAG. Throws where `golds` is
    /// empty.
    [<CompiledName "ContainsGold">]
    let containsGold (prediction: string) (golds: string[]) : bool =
        requireGold golds
        let prediction = normalize prediction

        golds |> Array.exists (fun gold -> prediction.Contains(normalize gold, StringComparison.Ordinal))

    /// For every `{` of the text the position of the `}` that closes it, and -1 for every other position and for braces
    /// that stay open. A brace after an odd number of backslashes is a letter.
    let private partners (text: string) : int[] =
        let partner = Array.create text.Length -1
        let opened = Stack<int>()
        let mutable escaped = false

        for position in 0 .. text.Length - 1 do
            match text[position] with
            | '\\' -> escaped <- not escaped
            | letter ->
                match letter with
                | '{' when not escaped -> opened.Push position
                | '}' when not escaped && opened.Count > 0 -> partner[opened.Pop()] <- position
                | _ -> ()

                escaped <- false

        partner

    /// The contents of all boxes, in order and untrimmed: `\boxed`, spaces or none, and braces that balance, where `\{`
    /// and `\}` do not count. A box that is never closed is none, though boxes inside it count; of boxes in boxes only the
    /// outermost counts. Linear time.
    [<CompiledName "AllBoxed">]
    let allBoxed (text: string) : string[] =
        let boxes = ResizeArray()
        let command = @"\boxed"

        let rec scan (partner: int[]) (from: int) =
            match text.IndexOf(command, from, StringComparison.Ordinal) with
            | -1 -> boxes.ToArray()
            | found ->
                let after = found + command.Length
                let brace = PythonText.skipSpaces text after

                if brace < text.Length && partner[brace] >= 0 then
                    boxes.Add(text.Substring(brace + 1, partner[brace] - brace - 1))
                    scan partner (partner[brace] + 1)
                else
                    scan partner after

        if text.Contains(command, StringComparison.Ordinal) then
            scan (partners text) 0
        else
            [||]

    /// The content of the last box, untrimmed, or null where there is none. An empty box is a box: "".
    [<CompiledName "LastBoxed">]
    let lastBoxed (text: string) : string | null =
        match allBoxed text with
        | [||] -> null
        | boxes -> Array.last boxes
