namespace David.Grpo

open MathNet.Numerics

/// What an answer cost and what it was worth, say means of an arm or of an exit threshold.
[<Struct>]
type CostScore =
    {
        /// In any unit.
        Cost: float
        /// More is better.
        Score: float
    }

/// Scores of several seeds and data sets, and comparisons that assume no distribution. Scores are [runs][tasks], each row
/// with the same tasks, at least 1 of each, and finite. Every function raises ArgumentException otherwise.
[<RequireQualifiedAccess>]
module ComparisonStatistics =

    let private overQuestions level (values: float[]) =
        Statistics.bootstrapMean level 2000 (Seed.ofInt64 0L) values

    /// The interquartile mean: the mean of all runs × tasks scores without the ⌊n/4⌋ smallest and as many largest. Less
    /// moved by one lucky seed than the mean, less wasteful than the median.
    /// Source: Agarwal et al., NeurIPS 2021 (arXiv 2108.13264), section 4.3; rliable 1.2.0 `aggregate_iqm`. No fractional
    /// weights, as there.
    [<CompiledName "InterquartileMean">]
    let interquartileMean (scores: float[][]) : float =
        Statistics.checkMatrix (nameof scores) scores
        let all = scores |> Array.concat |> Array.sort
        let cut = all.Length / 4
        all |> Array.skip cut |> Array.take (all.Length - 2 * cut) |> Statistics.mean

    /// The chance that a run of x beats a run of y on a task: ties count half, all pairs of runs within a task, mean over
    /// tasks. In [0, 1]; 1/2 where they are alike. x and y have the same tasks, not necessarily as many runs.
    /// Source: Agarwal et al. (2021), section 4.3; rliable 1.2.0 `probability_of_improvement`.
    [<CompiledName "ProbabilityOfImprovement">]
    let probabilityOfImprovement (x: float[][]) (y: float[][]) : float =
        Statistics.checkMatrix (nameof x) x
        Statistics.checkMatrix (nameof y) y
        Check.length "y[0]" x[0].Length "the tasks of x, in the same order" y[0]

        Array.map2 Statistics.superiority (Array.transpose x) (Array.transpose y) |> Numerics.mean

    /// What seeds claim, from scores [seeds][questions], the same questions for every seed: the mean with Student's t interval
    /// over the seeds' means. A single seed says nothing of others; its interval is the bootstrap's over the questions.
    /// Drawing seeds and questions again covers too little where seeds are few: 83 % in place of 95 % at three of them.
    [<CompiledName "MeanScore">]
    let meanScore (level: float) (scores: float[][]) : MeanEstimate =
        Statistics.checkMatrix (nameof scores) scores

        if scores.Length = 1 then
            overQuestions level scores[0]
        else
            Statistics.meanOverSeeds level (scores |> Array.map Statistics.mean)

    /// mean x − mean y of scores [seeds][questions], with the same questions on both sides. `arePaired`: row i of both had
    /// the same seed, that is the same order of data and the same policy to begin with; the interval is Student's over the
    /// seeds' differences. Runs of their own: Welch's over the seeds' means. Where a side has a single seed, the bootstrap's
    /// over the questions, which says nothing of other seeds.
    [<CompiledName "ScoreDifference">]
    let scoreDifference (level: float) (arePaired: bool) (x: float[][]) (y: float[][]) : MeanEstimate =
        Statistics.checkMatrix (nameof x) x
        Statistics.checkMatrix (nameof y) y
        Check.length "y[0]" x[0].Length "the questions of x, in the same order" y[0]
        let bySeed = Array.map Statistics.mean

        if x.Length = 1 || y.Length = 1 then
            let byQuestion = Array.transpose >> bySeed
            overQuestions level (Array.map2 (-) (byQuestion x) (byQuestion y))
        elif arePaired then
            Check.length (nameof y) x.Length "one row a seed of x" y
            Statistics.meanOverSeeds level (Array.map2 (-) (bySeed x) (bySeed y))
        else
            let difference = Statistics.independentDifference level (bySeed x) (bySeed y)

            {
                Count = difference.Count
                Mean = difference.Difference
                Interval = difference.Interval
            }

    /// The positions of the points that no other point dominates, by rising cost and then by position. A point dominates
    /// another that costs no less and scores no more, if one of the two is strict; so of equal points all are kept.
    [<CompiledName "ParetoFront">]
    let paretoFront (points: CostScore[]) : int[] =
        Statistics.checkValues (nameof points) (points |> Array.map _.Cost)
        Statistics.checkValues (nameof points) (points |> Array.map _.Score)

        let byCost =
            [| 0 .. points.Length - 1 |]
            |> Array.sortBy (fun index -> struct (points[index].Cost, -points[index].Score, index))

        let front = ResizeArray()

        for index in byCost do
            let isKept =
                front.Count = 0
                || points[index].Score > points[front[front.Count - 1]].Score
                || points[index] = points[front[front.Count - 1]]

            if isKept then
                front.Add index

        front.ToArray()
