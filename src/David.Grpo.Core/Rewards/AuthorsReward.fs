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
    /// Training only: the four search tags do not occur equally often after the last `<think>`.
    | UnbalancedTags
    /// Training only: two queries are equal, letter by letter.
    | RepeatedQuery
    /// There is no box after the last `</think>`.
    | NoBox

/// The authors' reward with its parts: Total = 0.5 · Coverage + Answer, where all are 0 unless the gate is Passed.
[<Struct>]
type AuthorsScore =
    {
        /// Which of the reward's gates the response passed.
        Gate: AuthorsGate
        /// The share of gold titles that was found, in [0, 1]; 0 in validation, which does not pay for it.
        Coverage: float
        /// Points for the answer: 0, 0.25 or 0.5 in training, 0, 0.5 or 1 in validation.
        Answer: float
        /// In [0, 1].
        Total: float
    }

/// Where evidence-guided continuation cuts the best trajectory of a group.
[<Struct>]
type AuthorsCut =
    {
        /// UTF-16 units of the response that are kept.
        Offset: int
        /// The same in code points, as Python counts.
        CodePoints: int
        /// Searches that the continuation may still make: max(0, limit − result blocks kept).
        SearchesLeft: int
    }

/// What the authors do with a scored group.
[<Struct>]
type AuthorsGroup =
    {
        /// Index of the highest reward, the first of several.
        Best: int
        /// Index of the lowest reward, the first of several.
        Worst: int
        /// The best reward is below 1: continue the best trajectory, and let the best continuation take the worst one's
        /// place if it scores above the best.
        Expand: bool
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

    /// The gate at which the whole text fails, gold answers aside. `training` closes the two training-only ones.
    let private gate training (text: string) =
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
        elif training && Array.exists ((<>) counts.Value[0]) counts.Value then
            AuthorsGate.UnbalancedTags
        elif training && repeats.Value then
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

    let private score training (prompt: string) (response: string) (golds: string[]) (goldTitles: string[]) =
        let text = prompt + response
        let accepted = golds |> Array.filter ((<>) "")

        if accepted.Length = 0 then
            failed AuthorsGate.NoGold
        else
            match gate training text with
            | AuthorsGate.Passed ->
                match strictAnswer prompt response with
                | null -> failed AuthorsGate.NoBox
                | answer ->
                    let share = accepted |> Seq.map (normalizeAnswer >> answerShare answer) |> Seq.max

                    if training then
                        let coverage = coverage (afterLast "<think>" text) goldTitles

                        {
                            Gate = AuthorsGate.Passed
                            Coverage = coverage
                            Answer = 0.5 * share
                            Total = 0.5 * coverage + 0.5 * share
                        }
                    else
                        {
                            Gate = AuthorsGate.Passed
                            Coverage = 0.0
                            Answer = share
                            Total = share
                        }
            | gate -> failed gate

    /// The reward of training, in [0, 1]; 0 where a gate fails, else
    ///     0.5 · coverage + answer.
    /// `coverage` is that of `resp` by gold titles. `answer`, the best over the gold answers: 0.5 where the normalised
    /// texts are equal, else 0.25 where one contains the other, else 0.5 where the answer has at least 70 % of the gold
    /// answer's distinct words, else 0.
    /// `golds` are the alternatives that the authors join with `<ans_split>`. Expert trajectories earn 1 whatever this
    /// says. The holes listed at the module are the authors' and stay.
    [<CompiledName "Training">]
    let training (prompt: string) (response: string) (golds: string[]) (goldTitles: string[]) : AuthorsScore =
        score true prompt response golds goldTitles

    /// The score of validation, in [0, 1]: as `training` without the gates on balanced tags and repeated queries and
    /// without coverage, with twice the points for the answer.
    [<CompiledName "Validation">]
    let validation (prompt: string) (response: string) (golds: string[]) : AuthorsScore =
        score false prompt response golds [||]

    /// An empty line that begins at most this many code points after the last kept block is kept too.
    let private alignment = 32

    /// Where the best trajectory is cut: at the end of the first result block of the response after which the number of
    /// distinct gold titles found no longer rises, then just past the next empty line (two line feeds) if that begins
    /// within 32 code points. Offset 0, the whole response anew, where no gold title was found; the whole response where
    /// there is no gold title at all. `searchLimit` is that of a whole rollout (the authors': 10), 0 or more.
    /// Source: the paper's figure 2 (c), t' = min{t : R(τ≤t) = r_M}, with evidence coverage for R.
    [<CompiledName "Cut">]
    let cut (prompt: string) (response: string) (goldTitles: string[]) (searchLimit: int) : AuthorsCut =
        if searchLimit < 0 then
            invalidArg
                (nameof searchLimit)
                $"The search limit is {searchLimit}; it must be at least 0, the number of searches that a whole rollout may make."

        let gold = goldSet goldTitles

        let keep offset =
            {
                Offset = offset
                CodePoints = PythonText.codePoints response 0 offset
                SearchesLeft =
                    max 0 (searchLimit - (spans resultOpening resultClosing (response.Substring(0, offset))).Length)
            }

        let align stop =
            match indexOf "\n\n" stop response with
            | -1 -> stop
            | line when PythonText.codePoints response stop (line - stop) <= alignment -> line + 2
            | _ -> stop

        if gold.Count = 0 then
            keep response.Length
        else
            let text = prompt + response

            // A block that begins in the prompt is the prompt's, even if it ends in the response.
            let _, last =
                spans resultOpening resultClosing text
                |> Seq.filter (fun struct (start, _) -> start >= prompt.Length)
                |> Seq.fold
                    (fun (found: Set<string>, last) struct (start, stop) ->
                        let titles = Set.ofArray (titlesOf (text.Substring(start, stop - start)))
                        let more = found + Set.intersect gold titles
                        more, (if more.Count > found.Count then Some stop else last))
                    (Set.empty, None)

            match last with
            | Some stop -> keep (align (stop - prompt.Length))
            | None -> keep 0

    /// Best, worst and whether to expand, of the rewards of one group, [G] with G ≥ 1.
    [<CompiledName "Group">]
    let group (rewards: float[]) : AuthorsGroup =
        if rewards.Length = 0 then
            invalidArg (nameof rewards) "The group has 0 rewards; it needs at least 1, one of each member."

        let indexOfFirst reward = Array.findIndex ((=) reward) rewards

        let best = Array.max rewards

        {
            Best = indexOfFirst best
            Worst = indexOfFirst (Array.min rewards)
            Expand = best < 1.0
        }
