namespace David.Grpo

/// How the cells of a matrix [seeds][questions] are drawn again.
[<RequireQualifiedAccess>]
type Clustering =
    /// Seeds, and one draw of questions for all of them: every seed answered the same questions.
    | Crossed
    /// Seeds, and for each drawn seed questions of its own: every seed met other questions.
    | Nested

/// One draw with replacement from a matrix [seeds][questions].
[<RequireQualifiedAccess>]
type ClusteredDraw =
    /// The rows `seeds` [S] at the columns `questions` [Q].
    | Crossed of seeds: int[] * questions: int[]
    /// Of row seeds[i] the columns questions[i], [S] and [S][Q].
    | Nested of seeds: int[] * questions: int[][]

/// Whether row i of two arms belongs together.
[<RequireQualifiedAccess>]
type SeedPairing =
    /// The same seed, that is the same data order and starting policy: rows are drawn together.
    | Paired
    /// Runs of their own: the rows of each arm are drawn for themselves. The arms may have different numbers of seeds.
    | Independent

/// A mean over seeds and questions with its bootstrap error.
type ClusteredEstimate =
    {
        /// Rows of the matrix.
        Seeds: int
        /// Columns of the matrix.
        Questions: int
        /// Of all cells, or the difference of two such means.
        Mean: float
        /// The deviation (n − 1) of the bootstrap distribution; 0 for a single cell or a single resample.
        StandardError: float
        /// Percentile interval; Undefined for a single cell.
        Interval: Interval
    }

/// Intervals from drawing again with replacement. Draws are positions, made from a seed or given, so that an interval can
/// be repeated exactly. Values must be finite. Every function raises ArgumentException for input it cannot use.
/// Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 14.
[<RequireQualifiedAccess>]
module Bootstrap =

    let private checkResamples resamples =
        if resamples < 1 then
            invalidArg (nameof resamples) $"resamples is {resamples}; expected at least 1, for a report at least 1,000."

    let private drawn count seed =
        Array.init count (fun i -> Seed.below count (Seed.child (int64 i) seed))

    let private checkIndices (name: string) count (indices: int[]) =
        match indices |> Array.tryFind (fun index -> index < 0 || index >= count) with
        | Some index -> invalidArg name $"{name} has the position {index}; expected 0 to {count - 1}."
        | None -> ()

    /// `resamples` draws from a matrix of `seeds` rows and `questions` columns, each at least 1.
    [<CompiledName "DrawClustered">]
    let drawClustered
        (clustering: Clustering)
        (resamples: int)
        (seeds: int)
        (questions: int)
        (seed: Seed)
        : ClusteredDraw[] =
        checkResamples resamples

        Array.init resamples (fun resample ->
            let source = Seed.child (int64 resample) seed
            let rows = drawn seeds (Seed.named "seeds" source)
            let columns = Seed.named "questions" source

            match clustering with
            | Clustering.Crossed -> ClusteredDraw.Crossed(rows, drawn questions columns)
            | Clustering.Nested ->
                ClusteredDraw.Nested(
                    rows,
                    Array.init seeds (fun row -> drawn questions (Seed.child (int64 row) columns))
                ))

    /// The mean of the drawn cells of `scores` [seeds][questions] for each draw, [draws] → [draws].
    [<CompiledName "ClusteredDistribution">]
    let clusteredDistribution (draws: ClusteredDraw[]) (scores: float[][]) : float[] =
        Statistics.checkMatrix (nameof scores) scores

        let mean (rows: int[]) (columnsOf: int -> int[]) =
            checkIndices (nameof draws) scores.Length rows

            rows
            |> Array.mapi (fun i row ->
                let columns = columnsOf i
                checkIndices (nameof draws) scores[row].Length columns
                columns |> Array.map (fun column -> scores[row][column]))
            |> Array.concat
            |> Numerics.mean

        draws
        |> Array.map (function
            | ClusteredDraw.Crossed(rows, columns) -> mean rows (fun _ -> columns)
            | ClusteredDraw.Nested(rows, columns) ->
                Check.length (nameof draws) rows.Length "one array of questions for each drawn seed" columns
                mean rows (fun i -> columns[i]))

    let private estimateOf level seeds questions mean (resampled: float[]) =
        {
            Seeds = seeds
            Questions = questions
            Mean = mean
            StandardError =
                if resampled.Length < 2 then
                    0.0
                else
                    Numerics.deviation 1 resampled
            Interval =
                if seeds * questions < 2 then
                    Interval.Undefined
                else
                    Statistics.percentileInterval level resampled
        }

    /// The mean of `scores` [seeds][questions] with its two-level percentile bootstrap at `level`. Seeds and questions
    /// both vary, so an interval over questions alone is too narrow. One seed drawn again is itself: its interval speaks of
    /// the questions only. With very few seeds (below 5) it is too narrow still.
    /// Source: crossed, Owen and Eckles, Annals of Applied Statistics 6 (2012), the pigeonhole bootstrap; nested, Davison
    /// and Hinkley, Bootstrap Methods (1997), section 3.8.
    [<CompiledName "ClusteredMean">]
    let clusteredMean
        (clustering: Clustering)
        (level: float)
        (resamples: int)
        (seed: Seed)
        (scores: float[][])
        : ClusteredEstimate =
        Statistics.checkLevel level
        Statistics.checkMatrix (nameof scores) scores
        let seeds, questions = scores.Length, scores[0].Length

        clusteredDistribution (drawClustered clustering resamples seeds questions seed) scores
        |> estimateOf level seeds questions (Numerics.mean (Array.concat scores))

    /// mean x − mean y of two arms, [seeds][questions] each, on the same questions in the same order, with the crossed
    /// bootstrap: each resample has one draw of questions for both arms, and one of seeds or one an arm (`pairing`).
    /// `Seeds` of the result is that of x.
    [<CompiledName "ClusteredDifference">]
    let clusteredDifference
        (pairing: SeedPairing)
        (level: float)
        (resamples: int)
        (seed: Seed)
        (x: float[][])
        (y: float[][])
        : ClusteredEstimate =
        Statistics.checkLevel level
        Statistics.checkMatrix (nameof x) x
        Statistics.checkMatrix (nameof y) y
        let questions = x[0].Length
        Check.length "y[0]" questions "the questions of x, in the same order" y[0]

        match pairing with
        | SeedPairing.Paired ->
            Check.length (nameof y) x.Length "one for each seed of x, its partner" y
            Array.map2 (Array.map2 (-)) x y |> clusteredMean Clustering.Crossed level resamples seed
        | SeedPairing.Independent ->
            let forX = drawClustered Clustering.Crossed resamples x.Length questions seed

            let forY =
                drawClustered Clustering.Crossed resamples y.Length questions (Seed.named "second arm" seed)
                |> Array.map2
                    (fun ofX ofY ->
                        match ofX, ofY with
                        | ClusteredDraw.Crossed(_, columns), ClusteredDraw.Crossed(rows, _) ->
                            ClusteredDraw.Crossed(rows, columns)
                        | _, nested -> nested)
                    forX

            Array.map2 (-) (clusteredDistribution forX x) (clusteredDistribution forY y)
            |> estimateOf level x.Length questions (Numerics.mean (Array.concat x) - Numerics.mean (Array.concat y))
