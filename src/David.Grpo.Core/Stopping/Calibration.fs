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

/// A temperature fitted to logits, or why there is none.
[<RequireQualifiedAccess>]
type TemperatureFit =
    /// The minimum, and the mean negative log-likelihood there, in nats.
    | At of temperature: float * loss: float
    /// Every label has the largest logit: the likelihood grows for ever as the temperature falls to 0.
    | Separable
    /// The logits say no more than chance, or the opposite: it grows for ever as the temperature rises.
    | Uninformative

/// A step function that never falls, linear between its points and level outside.
type IsotonicCurve =
    {
        /// Ascending, [points].
        X: float[]
        /// Never falling, [points].
        Y: float[]
    }

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

    /// Maximum calibration error: the largest gap of a bin, in [0, 1]. Source: as for `expectedError`.
    [<CompiledName "MaximumError">]
    let maximumError (binning: Binning) (confidences: float[]) (correct: bool[]) : float =
        bins binning confidences correct |> Array.map gap |> Array.max

    /// Brier score, the mean of (confidence − right)², in [0, 1]. Source: Brier, Monthly Weather Review 78 (1950), the form
    /// for two outcomes; scikit-learn's `brier_score_loss`.
    [<CompiledName "Brier">]
    let brier (confidences: float[]) (correct: bool[]) : float =
        check confidences correct

        Array.map2 (fun c right -> (c - number right) ** 2.0) confidences correct |> Numerics.mean

    /// The mean negative log-likelihood in nats, at least 0; confidences are first clipped to [1e-15, 1 − 1e-15], so that one
    /// wrong answer given with certainty costs 34.5 and not ∞. Source: scikit-learn's `log_loss` on clipped values.
    [<CompiledName "LogLoss">]
    let logLoss (confidences: float[]) (correct: bool[]) : float =
        check confidences correct

        Array.map2
            (fun c right ->
                let p = Math.Clamp(c, 1e-15, 1.0 - 1e-15)
                -(if right then log p else log (1.0 - p)))
            confidences
            correct
        |> Numerics.mean

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

    /// Average precision: Σ over falling distinct confidences of (recallₖ − recallₖ₋₁) · precisionₖ, right answers the ones
    /// to find. Undefined without right answers. Source: scikit-learn's `average_precision_score`.
    [<CompiledName "AveragePrecision">]
    let averagePrecision (confidences: float[]) (correct: bool[]) : Area =
        check confidences correct
        let right = correct |> Array.sumBy number

        if right = 0.0 then
            Area.Undefined
        else
            Array.zip confidences correct
            |> Array.groupBy fst
            |> Array.sortByDescending fst
            |> Array.mapFold
                (fun (found, answered) (_, members) ->
                    let hits = members |> Array.sumBy (snd >> number)
                    let found, answered = found + hits, answered + float members.Length
                    hits / right * (found / answered), (found, answered))
                (0.0, 0.0)
            |> fst
            |> Numerics.sum
            |> Area.Known

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

    /// softmax(logits / temperature), [classes] → [classes], for at least 1 finite logit and a temperature above 0.
    [<CompiledName "SoftmaxAt">]
    let softmaxAt (temperature: float) (logits: float[]) : float[] =
        Check.range
            (nameof temperature)
            "a finite number above 0"
            (temperature > 0.0 && Double.IsFinite temperature)
            temperature

        Statistics.checkValues (nameof logits) logits

        if logits.Length = 0 then
            invalidArg (nameof logits) "No logit; at least 1 is needed."

        let largest = Array.max logits

        let powers =
            logits |> Array.map (fun logit -> exp ((logit - largest) / temperature))

        let total = Numerics.sum powers
        powers |> Array.map (fun power -> power / total)

    /// The temperature that minimises the mean negative log-likelihood of `labels` [n] under softmax(logits / T),
    /// `logits` [n][classes], n at least 1, at least 2 classes. For a binary logit z give [| 0; z |], for a confidence p
    /// [| 0; log(p / (1 − p)) |]. The loss is convex in 1/T; its slope is bisected down to neighbouring floats.
    /// Source: Guo et al. (arXiv 1706.04599), section 4.2.
    [<CompiledName "FitTemperature">]
    let fitTemperature (logits: float[][]) (labels: int[]) : TemperatureFit =
        Check.length (nameof labels) logits.Length "one for each row of logits" labels

        if logits.Length = 0 then
            invalidArg (nameof logits) "No row of logits; at least 1 is needed."

        Array.iteri2
            (fun row (scores: float[]) label ->
                Check.length $"{nameof logits}[{row}]" (max 2 logits[0].Length) "the classes, at least 2" scores
                Statistics.checkValues $"{nameof logits}[{row}]" scores

                if label < 0 || label >= scores.Length then
                    invalidArg (nameof labels) $"labels[{row}] is {label}; expected 0 to {scores.Length - 1}.")
            logits
            labels

        /// d loss / d (1/T): mean of (expected logit − label's logit).
        let slope inverse =
            Array.map2
                (fun (scores: float[]) label ->
                    let largest = Array.max scores
                    let powers = scores |> Array.map (fun z -> exp ((z - largest) * inverse))
                    let total = Numerics.sum powers
                    let chances = powers |> Array.map (fun power -> power / total)
                    Numerics.sum (Array.map2 (fun p z -> p * (z - scores[label])) chances scores))
                logits
                labels
            |> Numerics.mean

        let slopeAtZero =
            Array.map2 (fun (scores: float[]) label -> Numerics.mean scores - scores[label]) logits labels
            |> Numerics.mean

        if slopeAtZero >= 0.0 then
            TemperatureFit.Uninformative
        elif Array.forall2 (fun (scores: float[]) label -> scores[label] = Array.max scores) logits labels then
            TemperatureFit.Separable
        else
            let rec above inverse =
                if slope inverse < 0.0 then
                    above (2.0 * inverse)
                else
                    inverse

            let rec narrow low high =
                let middle = 0.5 * (low + high)

                if middle <= low || middle >= high then middle
                elif slope middle < 0.0 then narrow middle high
                else narrow low middle

            let temperature = 1.0 / narrow 0.0 (above 1.0)

            if not (Double.IsFinite temperature) then
                // The slope at 0 was negative by rounding alone.
                TemperatureFit.Uninformative
            else

                let loss =
                    Array.map2
                        (fun (scores: float[]) label ->
                            let largest = Array.max scores

                            let total =
                                scores |> Array.map (fun z -> exp ((z - largest) / temperature)) |> Numerics.sum

                            log total + (largest - scores[label]) / temperature)
                        logits
                        labels
                    |> Numerics.mean

                TemperatureFit.At(temperature, loss)

    /// The values that never fall and are nearest to `values` [n] in Σ wᵢ (yᵢ − ŷᵢ)², `weights` [n] above 0: neighbours
    /// that fall are pooled into their weighted mean. In the order given; for values that never rise, negate both.
    /// Source: Ayer et al., Annals of Mathematical Statistics 26 (1955).
    [<CompiledName "Isotonic">]
    let isotonic (weights: float[]) (values: float[]) : float[] =
        Statistics.checkValues (nameof values) values
        Statistics.checkValues (nameof weights) weights
        Check.length (nameof weights) values.Length "one for each value" weights

        match weights |> Array.tryFindIndex (fun w -> w <= 0.0) with
        | Some index -> invalidArg (nameof weights) $"weights[{index}] is {weights[index]}; expected a number above 0."
        | None -> ()

        let rec pool blocks =
            match blocks with
            | struct (y, w, n) :: struct (before, weight, count) :: rest when before > y ->
                pool (struct ((y * w + before * weight) / (w + weight), w + weight, n + count) :: rest)
            | _ -> blocks

        Array.fold2 (fun blocks y w -> pool (struct (y, w, 1) :: blocks)) [] values weights
        |> List.rev
        |> List.toArray
        |> Array.collect (fun (struct (y, _, count)) -> Array.create count y)

    /// Isotonic regression of `y` [n] on `x` [n] with `weights` [n] above 0, n at least 1: y is averaged over equal x first.
    /// For calibration x are confidences and y is 1 for a right answer, else 0.
    /// Source: Zadrozny and Elkan, KDD 2002; scikit-learn's `IsotonicRegression`.
    [<CompiledName "FitIsotonic">]
    let fitIsotonic (weights: float[]) (x: float[]) (y: float[]) : IsotonicCurve =
        Statistics.checkValues (nameof x) x
        Statistics.checkValues (nameof y) y
        Check.length (nameof y) x.Length "one for each entry of x" y
        Check.length (nameof weights) x.Length "one for each entry of x" weights

        if x.Length = 0 then
            invalidArg (nameof x) "No point, so no curve; at least 1 is needed."

        let groups =
            Array.zip3 x y weights |> Array.groupBy (fun (x, _, _) -> x) |> Array.sortBy fst

        let total =
            groups |> Array.map (snd >> Array.map (fun (_, _, w) -> w) >> Numerics.sum)

        let means =
            Array.map2
                (fun (_, members) total -> (members |> Array.map (fun (_, y, w) -> w * y) |> Numerics.sum) / total)
                groups
                total

        {
            X = groups |> Array.map fst
            Y = isotonic total means
        }

    /// The curve at `x`: linear between its points, level outside them.
    [<CompiledName "Predict">]
    let predict (curve: IsotonicCurve) (x: float) : float =
        Evaluation.interpolate curve.X curve.Y x
