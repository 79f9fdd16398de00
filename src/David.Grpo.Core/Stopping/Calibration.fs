namespace David.Grpo

open System

/// How confidences are binned. At least 1 bin.
[<RequireQualifiedAccess>]
type Binning =
    /// Equal widths, (i/bins, (i + 1)/bins], the first with 0 too: the common one (Guo et al., 2017).
    | RightClosed of bins: int
    /// Equal widths, [i/bins, (i + 1)/bins), the last with 1 too.
    | LeftClosed of bins: int
    /// Sorted by confidence and cut into `bins` parts whose sizes differ by at most 1, the larger first; equal confidences
    /// may be parted, in input order (numpy's `array_split`). Parts without a value are left out.
    | EqualMass of bins: int

/// The answers of one bin; at least 1. A reliability diagram draws accuracy over confidence.
type CalibrationBin =
    {
        /// From 0.
        Index: int
        /// Answers in the bin.
        Count: int
        /// Mean confidence.
        Confidence: float
        /// The share of right answers.
        Accuracy: float
    }

/// How answers of equal confidence are ordered.
[<RequireQualifiedAccess>]
type TieOrder =
    /// As given.
    | Input
    /// At random, in the mean: errors spread evenly over the tie.
    | Averaged

/// The risk at each coverage, [n]: answering only the k + 1 most confident questions.
type RiskCoverage =
    {
        /// (k + 1)/n.
        Coverage: float[]
        /// The share of wrong answers among them.
        Risk: float[]
    }

/// An area that needs both right and wrong answers.
[<RequireQualifiedAccess>]
type Area =
    /// One of the two kinds is missing.
    | Undefined
    /// In [0, 1].
    | Known of value: float

/// How well confidences predict which answers are right: `confidences` [n] in [0, 1], `correct` [n], n at least 1. Every
/// function raises ArgumentException otherwise.
[<RequireQualifiedAccess>]
module Calibration =

    let private check (confidences: float[]) (correct: bool[]) =
        Check.length (nameof correct) confidences.Length "one for each confidence" correct

        if confidences.Length = 0 then
            invalidArg (nameof confidences) "No confidence; at least 1 is needed."

        match confidences |> Array.tryFindIndex (fun c -> not (c >= 0.0 && c <= 1.0)) with
        | Some index ->
            invalidArg (nameof confidences) $"confidences[{index}] is {confidences[index]}; expected 0 to 1."
        | None -> ()

    let private number right = if right then 1.0 else 0.0

    /// The bin of each confidence, [n]. Edges are i/bins as doubles.
    let private binOf binning (confidences: float[]) =
        let count =
            match binning with
            | Binning.RightClosed bins
            | Binning.LeftClosed bins
            | Binning.EqualMass bins -> bins

        Check.range "bins" "at least 1" (count >= 1) (float count)
        let edge i = float i / float count

        match binning with
        | Binning.RightClosed _ ->
            confidences
            |> Array.map (fun c -> seq { 0 .. count - 1 } |> Seq.find (fun i -> i = count - 1 || c <= edge (i + 1)))
        | Binning.LeftClosed _ ->
            confidences
            |> Array.map (fun c -> seq { 0 .. count - 1 } |> Seq.find (fun i -> i = count - 1 || c < edge (i + 1)))
        | Binning.EqualMass _ ->
            let order =
                [| 0 .. confidences.Length - 1 |] |> Array.sortBy (fun i -> confidences[i], i)

            let size, larger = confidences.Length / count, confidences.Length % count
            let result = Array.zeroCreate confidences.Length

            order
            |> Array.iteri (fun rank index ->
                let inLarger = larger * (size + 1)

                result[index] <-
                    if rank < inLarger then
                        rank / (size + 1)
                    else
                        larger + (rank - inLarger) / size)

            result

    /// The bins that hold an answer, in order.
    [<CompiledName "Bins">]
    let bins (binning: Binning) (confidences: float[]) (correct: bool[]) : CalibrationBin[] =
        check confidences correct

        Array.zip3 (binOf binning confidences) confidences correct
        |> Array.groupBy (fun (bin, _, _) -> bin)
        |> Array.sortBy fst
        |> Array.map (fun (index, members) ->
            {
                Index = index
                Count = members.Length
                Confidence = members |> Array.map (fun (_, confidence, _) -> confidence) |> Numerics.mean
                Accuracy = members |> Array.map (fun (_, _, right) -> number right) |> Numerics.mean
            })

    let private gap (bin: CalibrationBin) = abs (bin.Accuracy - bin.Confidence)

    /// Expected calibration error Σ_b n_b/n · |accuracy_b − mean confidence_b|, in [0, 1].
    /// Source: Naeini, Cooper and Hauskrecht, AAAI 2015; Guo et al. (arXiv 1706.04599), section 2; equal mass, Nixon et al.
    /// (arXiv 1904.01685).
    [<CompiledName "ExpectedError">]
    let expectedError (binning: Binning) (confidences: float[]) (correct: bool[]) : float =
        bins binning confidences correct
        |> Array.map (fun bin -> float bin.Count / float confidences.Length * gap bin)
        |> Numerics.sum

    /// Positions of the answers by falling confidence, ties in input order.
    let private mostConfidentFirst (confidences: float[]) =
        [| 0 .. confidences.Length - 1 |] |> Array.sortBy (fun i -> -confidences[i], i)

    /// The chance that a right answer has more confidence than a wrong one, ties half: the area under the ROC curve.
    /// Source: Hanley and McNeil, Radiology 143 (1982); scikit-learn's `roc_auc_score`.
    [<CompiledName "Auroc">]
    let auroc (confidences: float[]) (correct: bool[]) : Area =
        check confidences correct

        let of' kind =
            Array.zip confidences correct |> Array.filter (fun (_, right) -> right = kind) |> Array.map fst

        match of' true, of' false with
        | [||], _
        | _, [||] -> Area.Undefined
        | right, wrong -> Area.Known(Statistics.superiority right wrong)

    let private curve (errors: float[]) =
        let count = errors.Length

        {
            Coverage = Array.init count (fun k -> float (k + 1) / float count)
            Risk = errors |> Array.scan (+) 0.0 |> Array.tail |> Array.mapi (fun k wrong -> wrong / float (k + 1))
        }

    /// The risk–coverage curve, most confident answers first.
    /// Source: El-Yaniv and Wiener, JMLR 11 (2010); Geifman and El-Yaniv (arXiv 1705.08500).
    [<CompiledName "RiskCoverage">]
    let riskCoverage (ties: TieOrder) (confidences: float[]) (correct: bool[]) : RiskCoverage =
        check confidences correct
        let order = mostConfidentFirst confidences
        let wrong index = 1.0 - number correct[index]

        match ties with
        | TieOrder.Input -> order |> Array.map wrong |> curve
        | TieOrder.Averaged ->
            let share =
                order
                |> Array.groupBy (fun index -> confidences[index])
                |> Array.map (fun (confidence, members) -> confidence, members |> Array.map wrong |> Numerics.mean)
                |> dict

            order |> Array.map (fun index -> share[confidences[index]]) |> curve

    /// AURC: the mean risk over the coverages 1/n … 1, in [0, 1]; lower is better.
    /// Source: Geifman, Uziel and El-Yaniv (arXiv 1805.08206), section 3.
    [<CompiledName "Aurc">]
    let aurc (ties: TieOrder) (confidences: float[]) (correct: bool[]) : float =
        (riskCoverage ties confidences correct).Risk |> Numerics.mean

    /// The AURC of as many right and wrong answers with all right ones first: the least there can be at this accuracy.
    [<CompiledName "OptimalAurc">]
    let optimalAurc (correct: bool[]) : float =
        aurc TieOrder.Input (correct |> Array.map number) correct

    /// E-AURC: AURC − optimal AURC, in [0, 1]: what the order of confidences loses, whatever the accuracy.
    /// Source: arXiv 1805.08206, section 3.
    [<CompiledName "ExcessAurc">]
    let excessAurc (ties: TieOrder) (confidences: float[]) (correct: bool[]) : float =
        aurc ties confidences correct - optimalAurc correct
