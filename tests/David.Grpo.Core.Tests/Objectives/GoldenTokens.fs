namespace David.Grpo.Tests

open David.Grpo

/// A case of a golden file of losses: its tokens that the mask keeps, flat.
type GoldenTokens =
    {
        Case: GoldenCase.Case
        Mask: float[][]
        Batch: TokenBatch
        LogProbs: float[]
    }

[<RequireQualifiedAccess>]
module GoldenTokens =

    /// [N] a matrix of the inputs or outputs under the case's mask.
    let flat (name: string) (record: System.Text.Json.JsonElement) (tokens: GoldenTokens) : float[] =
        GoldenCase.matrix name record |> Masked.flatten tokens.Mask

    /// [N] per-row numbers or a matrix of the inputs, on the tokens.
    let private onTokens (mask: float[][]) (name: string) (record: System.Text.Json.JsonElement) =
        let given = record.GetProperty name

        if given[0].ValueKind = System.Text.Json.JsonValueKind.Array then
            GoldenCase.matrix name record |> Masked.flatten mask
        else
            let byRow = GoldenCase.numbers name record
            Masked.rows mask |> Array.map (fun row -> byRow[row])

    /// `old_log_prob` and `ref_log_prob` may be absent: the step is then the first one, and there is no reference.
    let read (case: GoldenCase.Case) : GoldenTokens =
        let mask = GoldenCase.matrix "mask" case.Inputs
        let logProbs = GoldenCase.matrix "log_prob" case.Inputs |> Masked.flatten mask

        let orElse fallback name =
            if GoldenCase.has name case.Inputs then
                GoldenCase.matrix name case.Inputs |> Masked.flatten mask
            else
                fallback

        {
            Case = case
            Mask = mask
            Batch =
                TokenBatch.Create(
                    Masked.rows mask,
                    Array.create mask.Length 0,
                    onTokens mask "advantages" case.Inputs,
                    orElse logProbs "old_log_prob",
                    orElse [||] "ref_log_prob"
                )
            LogProbs = logProbs
        }

    /// Value and gradient are the file's.
    let assertLoss (tolerance: float) (tokens: GoldenTokens) (ours: Loss) : unit =
        let name, outputs = tokens.Case.Name, tokens.Case.Outputs
        GoldenCase.assertClose name tolerance (GoldenCase.number "value" outputs) ours.Value
        GoldenCase.assertAllClose name tolerance (flat "grad_log_prob" outputs tokens) ours.Gradient

/// verl's golden losses.
[<RequireQualifiedAccess>]
module VerlLosses =

    open Expecto

    let cases (file: string) (expected: int) =
        let cases = GoldenCase.all $"golden/rl/verl_loss_{file}.json"
        cases.Length |> equals expected
        cases |> Array.map GoldenTokens.read

    let parameters (tokens: GoldenTokens) =
        tokens.Case.Inputs.GetProperty "parameters"

    let number name tokens =
        GoldenCase.number name (parameters tokens)

    let modeOf (tokens: GoldenTokens) =
        string (tokens.Case.Inputs.GetProperty "loss_agg_mode")

    /// The weights of a mode, times the sampler's importance weights, which are constants on the tokens' losses.
    let weightsBy mode (tokens: GoldenTokens) =
        let parameters = parameters tokens

        let globally =
            if GoldenCase.has "global_batch_info" parameters then
                parameters.GetProperty "global_batch_info"
            else
                parameters

        let aggregated = VerlAggregation.weights mode tokens.Mask globally

        if GoldenCase.has "rollout_is_weights" tokens.Case.Inputs then
            Aggregation.scaled (GoldenTokens.flat "rollout_is_weights" tokens.Case.Inputs tokens) aggregated
        else
            aggregated

    /// verl divides a count by n + 1e-8.
    let assertShare (tokens: GoldenTokens) name value =
        let n = float tokens.Batch.Tokens
        let expected = GoldenCase.number name (tokens.Case.Outputs.GetProperty "metrics")
        GoldenCase.assertClose $"{tokens.Case.Name} {name}" 1e-9 expected (value * n / (n + 1e-8))

    /// All rows count, and the sampler's weights as their geometric mean by row.
    let gmpoWeights (tokens: GoldenTokens) =
        let batch = tokens.Batch

        let weights =
            Aggregation.weights (Aggregation.SequenceSumTokenMean(float tokens.Mask.Length)) batch

        if GoldenCase.has "rollout_is_weights" tokens.Case.Inputs then
            let logs =
                GoldenTokens.flat "rollout_is_weights" tokens.Case.Inputs tokens
                |> Array.map (fun weight -> log (weight + 1e-10))

            let mean =
                {
                    Level = RatioLevel.SequenceMean
                    LogRatio = LogRatioBound.Unbounded
                    Limit = RatioLimit.Unlimited
                }

            Aggregation.scaled (ImportanceWeight.weights mean batch logs (Array.zeroCreate batch.Tokens)) weights
        else
            weights

    let permutation (tokens: GoldenTokens) =
        if GoldenCase.has "permutation" tokens.Case.Outputs then
            GoldenCase.numbers "permutation" tokens.Case.Outputs |> Array.map int
        else
            [||]
