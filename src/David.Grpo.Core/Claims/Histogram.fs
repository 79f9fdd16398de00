namespace David.Grpo

open System

/// Values counted by buckets, with the moments of the values themselves.
/// The functions take finite values, at least 1 of them, and raise ArgumentException otherwise.
type Histogram =
    {
        /// The number of values, at least 1.
        Count: int
        /// The smallest value.
        Min: float
        /// The largest value.
        Max: float
        /// Σ x.
        Sum: float
        /// Σ x².
        SumOfSquares: float
        /// [B] upper limits, ascending; the last is Max. Bucket b holds the values from the limit before it (the first:
        /// Min) up to, not including, its own; the last bucket includes its own.
        Limits: float[]
        /// [B] values in each bucket; their sum is Count.
        Counts: int[]
    }

    static member private count (limits: float[]) (values: float[]) =
        Statistics.checkValues (nameof values) values
        let counts = Array.zeroCreate limits.Length
        let last = limits.Length - 1

        for value in values do
            // The first limit above the value; the largest value is in the last bucket.
            let at = Array.BinarySearch(limits, value)
            let bucket = if at >= 0 then at + 1 else ~~~at
            counts[min last bucket] <- counts[min last bucket] + 1

        {
            Count = values.Length
            Min = Array.min values
            Max = Array.max values
            Sum = Numerics.sum values
            SumOfSquares = values |> Array.map (fun value -> value * value) |> Numerics.sum
            Limits = limits
            Counts = counts
        }

    static member private checkAny(values: 'value[]) =
        if values.Length = 0 then
            invalidArg (nameof values) "No values, so no histogram; at least 1 is needed."

    /// `buckets` (at least 1) of equal width from the smallest to the largest value; one bucket for equal values.
    [<CompiledName "OfValues">]
    static member ofValues (buckets: int) (values: float[]) : Histogram =
        Check.range (nameof buckets) "at least 1" (buckets >= 1) (float buckets)
        Histogram.checkAny values
        Statistics.checkValues (nameof values) values
        let low, high = Array.min values, Array.max values

        // The width of one bucket first: the whole range may overflow.
        let limit b =
            low + (high / float buckets - low / float buckets) * float (b + 1)

        let limits =
            Array.init (buckets - 1) limit
            |> Array.filter (fun limit -> limit > low && limit < high)
            |> Array.distinct

        Histogram.count (Array.append limits [| high |]) values

    /// A bucket a whole number, limits halfway between them; where that were more than `buckets` (at least 1), as many
    /// whole numbers a bucket as needed.
    [<CompiledName "OfWholes">]
    static member ofWholes (buckets: int) (values: int[]) : Histogram =
        Check.range (nameof buckets) "at least 1" (buckets >= 1) (float buckets)
        Histogram.checkAny values
        let low, high = int64 (Array.min values), int64 (Array.max values)
        let numbers = high - low + 1L
        let width = (numbers + int64 buckets - 1L) / int64 buckets
        let filled = int ((numbers + width - 1L) / width)

        let limits =
            Array.init filled (fun b ->
                if b = filled - 1 then
                    float high
                else
                    float low - 0.5 + float width * float (b + 1))

        Histogram.count limits (Array.map float values)
