namespace David.Grpo

/// What a trajectory found of its question's evidence set E. Passages are compared by id; where a question names its
/// evidence by titles only, by their normalised titles.
[<RequireQualifiedAccess>]
module Evidence =

    /// A title in the form in which titles are compared: ten HTML entities decoded in turn, lower case, nothing but word
    /// characters and single blanks.
    [<CompiledName "NormalizeTitle">]
    let normalizeTitle (title: string) : string =
        title
            .Replace("&amp;", "&")
            .Replace("&lt;", "<")
            .Replace("&gt;", ">")
            .Replace("&quot;", "\"")
            .Replace("&#39;", "'")
            .Replace("&apos;", "'")
            .Replace("&nbsp;", " ")
            .Replace("&copy;", "©")
            .Replace("&reg;", "®")
            .Replace("&trade;", "™")
        |> PythonText.lower
        |> PythonText.keepWordsAndSpaces
        |> PythonText.collapseSpaces

    let private goldOf (question: Question) : Set<string> =
        if question.Gold.Length > 0 then
            question.Gold |> Seq.map _.Value |> Set.ofSeq
        else
            question.GoldTitles |> Seq.map normalizeTitle |> Set.ofSeq

    let private keyOf (question: Question) (passage: Passage) =
        if question.Gold.Length > 0 then
            passage.Id.Value
        else
            normalizeTitle passage.Title

    /// |E|.
    [<CompiledName "Size">]
    let size (question: Question) : int = (goldOf question).Count

    /// The number of distinct gold passages found after each search, [searches + 1]; the first is 0.
    [<CompiledName "FoundBySearch">]
    let foundBySearch (trajectory: Trajectory) : int[] =
        let gold = goldOf trajectory.Question

        trajectory.Searches
        |> Array.scan
            (fun (found: Set<string>) search ->
                search.Passages
                |> Seq.map (keyOf trajectory.Question)
                |> Seq.filter gold.Contains
                |> Set.ofSeq
                |> Set.union found)
            Set.empty
        |> Array.map _.Count

    /// Evidence coverage: the share of the gold passages that some search of the trajectory returned,
    ///     |E ∩ ⋃ₜ Dₜ| / |E|,   and 0 when E is empty.
    /// Dₜ is the observation of turn t. Source: David-GRPO (arXiv 2601.21699), figure 2 (b).
    [<CompiledName "Coverage">]
    let coverage (trajectory: Trajectory) : float =
        match size trajectory.Question with
        | 0 -> 0.0
        | total -> float (Array.last (foundBySearch trajectory)) / float total
