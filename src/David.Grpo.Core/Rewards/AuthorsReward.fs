namespace David.Grpo

open System

/// The gate of the authors' reward at which a text fails, in the order in which they are tried.
[<RequireQualifiedAccess>]
type AuthorsGate =
    /// None: the text is scored.
    | Passed
    /// There is no gold answer, or only empty ones.
    | NoGold
    /// There is no `</think>` in prompt and response.
    | NeverStopsThinking
    /// A search tag stands after the last `</think>`.
    | SearchAfterThinking
    /// There is no `<begin_search>` after the last `<think>`.
    | NoSearch
    /// The four search tags do not occur equally often after the last `<think>`.
    | UnbalancedTags
    /// Two queries are equal, letter by letter.
    | RepeatedQuery
    /// There is no box after the last `</think>`.
    | NoBox

/// The authors' reward with its parts: Total = 0.5 · Coverage + Answer, where all are 0 unless the gate is Passed.
[<Struct>]
type AuthorsScore =
    {
        /// Which of the reward's gates the response passed.
        Gate: AuthorsGate
        /// The share of gold titles that was found, in [0, 1].
        Coverage: float
        /// Points for the answer: 0, 0.25 or 0.5.
        Answer: float
        /// In [0, 1].
        Total: float
    }

/// The reward of David-GRPO's authors exactly as their code has it, on text: repository AsadalJung/David-GRPO,
/// `hotpotqa.py` and `vllm_rollout_coa.py` at commit 58c9a25.
///
/// It reads prompt and response as one string. `resp` is what follows the last `<think>` and `tail` what follows the last
/// `</think>` of that string; their prompt mentions both tags, so that a response without tags of its own has both begin
/// inside the prompt. A prompt that mentions neither behaves otherwise: a response without `</think>` fails.
///
/// Known holes, kept on purpose, since numbers are to be compared with the authors':
/// - an empty box earns the points of a contained answer, as does one letter of the answer, or a long text that contains
///   it;
/// - coverage asks for no use of the evidence, and a search costs nothing;
/// - a title with a double quote in it can never be found, and a box ends at its first `}`;
/// - whatever stands in `<search_result>` tags counts as found, even if the policy wrote it.
/// A reward that closes one of them is another reward, with another name.
[<RequireQualifiedAccess>]
module AuthorsReward =

    let private resultOpening = "<search_result>"
    let private resultClosing = "</search_result>"
    let private queryOpening = "<begin_search>"
    let private queryClosing = "</end_search>"

    let private searchTags =
        [| queryOpening; queryClosing; resultOpening; resultClosing |]

    let private indexOf (part: string) (from: int) (text: string) =
        text.IndexOf(part, from, StringComparison.Ordinal)

    let private contains (part: string) (text: string) =
        text.Contains(part, StringComparison.Ordinal)

    /// The text after the last `tag`, or all of it.
    let internal afterLast (tag: string) (text: string) =
        match text.LastIndexOf(tag, StringComparison.Ordinal) with
        | -1 -> text
        | found -> text.Substring(found + tag.Length)

    /// How often `part` occurs, without overlap.
    let private occurrences (part: string) (text: string) =
        let rec count total from =
            match indexOf part from text with
            | -1 -> total
            | found -> count (total + 1) (found + part.Length)

        count 0 0

    /// The spans [start, end) of all `opening…closing`, tags included, in order; each ends at the first closing tag.
    let internal spans (opening: string) (closing: string) (text: string) : struct (int * int)[] =
        let found = ResizeArray()

        let rec scan from =
            match indexOf opening from text with
            | -1 -> ()
            | start ->
                match indexOf closing (start + opening.Length) text with
                | -1 -> ()
                | stop ->
                    found.Add(struct (start, stop + closing.Length))
                    scan (stop + closing.Length)

        scan 0
        found.ToArray()

    /// An answer in the form in which the authors compare answers: `Answer.normalize`, and then corner brackets go, the
    /// words zero to nine become digits, and fillers (well, so, basically, actually, literally, simply, just, um, uh) go.
    [<CompiledName "NormalizeAnswer">]
    let normalizeAnswer (answer: string) : string =
        Answer.normalize answer
        |> String.filter (fun letter -> not (contains (string letter) "「」『』"))
        |> PythonText.mapWords (function
            | "zero" -> "0"
            | "one" -> "1"
            | "two" -> "2"
            | "three" -> "3"
            | "four" -> "4"
            | "five" -> "5"
            | "six" -> "6"
            | "seven" -> "7"
            | "eight" -> "8"
            | "nine" -> "9"
            | "well"
            | "so"
            | "basically"
            | "actually"
            | "literally"
            | "simply"
            | "just"
            | "um"
            | "uh" -> " "
            | word -> word)
        |> PythonText.collapseSpaces

    /// The end of a decimal number, a colon, spaces and a double quote at `from`, or -1: `\s+\d+:\s*"`.
    let private skipTitleHead (text: string) (from: int) =
        let digits = PythonText.skipSpaces text from
        let colon = PythonText.skipDigits text digits

        if digits = from || colon = digits || colon = text.Length || text[colon] <> ':' then
            -1
        else
            let quote = PythonText.skipSpaces text (colon + 1)

            if quote < text.Length && text[quote] = '"' then
                quote + 1
            else
                -1

    /// The normalised titles of a result block, in order: what `result\s+\d+:\s*"([^"]+)"` matches.
    let private titlesOf (block: string) : string[] =
        let titles = ResizeArray()
        let word = "result"

        let rec scan from =
            match indexOf word from block with
            | -1 -> ()
            | found ->
                match skipTitleHead block (found + word.Length) with
                | -1 -> scan (found + word.Length)
                | start ->
                    match block.IndexOf('"', start) with
                    | -1 -> ()
                    | stop when stop = start -> scan (found + word.Length)
                    | stop ->
                        titles.Add(Evidence.normalizeTitle (block.Substring(start, stop - start)))
                        scan (stop + 1)

        scan 0
        titles.ToArray()

    let private goldSet (goldTitles: string[]) =
        goldTitles |> Seq.map Evidence.normalizeTitle |> Set.ofSeq

    /// Evidence coverage of a text, in [0, 1]:  |gold ∩ found| / |gold|  over distinct normalised titles, where found are
    /// the titles in all `<search_result>` blocks of the text. 0 where there is no gold title. No gates.
    [<CompiledName "Coverage">]
    let coverage (text: string) (goldTitles: string[]) : float =
        let gold = goldSet goldTitles

        if gold.Count = 0 then
            0.0
        else
            let found =
                spans resultOpening resultClosing text
                |> Seq.collect (fun struct (start, stop) -> titlesOf (text.Substring(start, stop - start)))
                |> Set.ofSeq

            float (Set.intersect gold found).Count / float gold.Count

    /// The normalised content of the last box after the last `</think>` of prompt and response, or null where there is
    /// none. A box is what `\\boxed{([^}]*)}` matches: it ends at the first closing brace.
    [<CompiledName "StrictAnswer">]
    let strictAnswer (prompt: string) (response: string) : string | null =
        let tail = afterLast "</think>" (prompt + response)

        let boxes = spans @"\boxed{" "}" tail

        match Array.tryLast boxes with
        | None -> null
        | Some(struct (start, stop)) ->
            let inside = start + @"\boxed{".Length
            normalizeAnswer (tail.Substring(inside, stop - 1 - inside))

    /// The gate at which the whole text fails, gold answers aside.
    let private gate (text: string) =
        let tail = afterLast "</think>" text
        let resp = afterLast "<think>" text
        let counts = lazy (searchTags |> Array.map (fun tag -> occurrences tag resp))

        let repeats =
            lazy
                (let queries =
                    spans queryOpening queryClosing resp
                    |> Array.map (fun struct (start, stop) -> resp.Substring(start, stop - start))

                 (Array.distinct queries).Length < queries.Length)

        if not (contains "</think>" text) then
            AuthorsGate.NeverStopsThinking
        elif searchTags |> Array.exists (fun tag -> contains tag tail) then
            AuthorsGate.SearchAfterThinking
        elif not (contains queryOpening resp) then
            AuthorsGate.NoSearch
        elif Array.exists ((<>) counts.Value[0]) counts.Value then
            AuthorsGate.UnbalancedTags
        elif repeats.Value then
            AuthorsGate.RepeatedQuery
        else
            AuthorsGate.Passed

    /// Points for an answer against one gold answer, both normalised, as a share of the full points.
    let internal answerShare (answer: string) (gold: string) =
        let keywordShare = 0.7

        if answer = gold then
            1.0
        elif contains gold answer || contains answer gold then
            0.5
        else
            let wanted = Set.ofArray (PythonText.split gold)
            let common = Set.intersect wanted (Set.ofArray (PythonText.split answer))

            if float common.Count >= float wanted.Count * keywordShare then
                1.0
            else
                0.0

    let private failed gate =
        {
            Gate = gate
            Coverage = 0.0
            Answer = 0.0
            Total = 0.0
        }

    /// The reward of training, in [0, 1]; 0 where a gate fails, else
    ///     0.5 · coverage + answer.
    /// `coverage` is that of `resp` by gold titles. `answer`, the best over the gold answers: 0.5 where the normalised
    /// texts are equal, else 0.25 where one contains the other, else 0.5 where the answer has at least 70 % of the gold
    /// answer's distinct words, else 0.
    /// `golds` are the alternatives that the authors join with `<ans_split>`. Expert trajectories earn 1 whatever this
    /// says. The holes listed at the module are the authors' and stay.
    [<CompiledName "Training">]
    let training (prompt: string) (response: string) (golds: string[]) (goldTitles: string[]) : AuthorsScore =
        let text = prompt + response
        let accepted = golds |> Array.filter ((<>) "")

        if accepted.Length = 0 then
            failed AuthorsGate.NoGold
        else
            match gate text with
            | AuthorsGate.Passed ->
                match strictAnswer prompt response with
                | null -> failed AuthorsGate.NoBox
                | answer ->
                    let share = accepted |> Seq.map (normalizeAnswer >> answerShare answer) |> Seq.max
                    let coverage = coverage (afterLast "<think>" text) goldTitles

                    {
                        Gate = AuthorsGate.Passed
                        Coverage = coverage
                        Answer = 0.5 * share
                        Total = 0.5 * coverage + 0.5 * share
                    }
            | gate -> failed gate
