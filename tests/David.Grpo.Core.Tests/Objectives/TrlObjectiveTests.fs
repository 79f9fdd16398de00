module David.Grpo.Tests.TrlObjectiveTests

open Expecto
open David.Grpo

let private parameters (tokens: GoldenTokens) =
    tokens.Case.Inputs.GetProperty "parameters"

let private number name tokens =
    GoldenCase.number name (parameters tokens)

let private isOn (name: string) tokens =
    ((parameters tokens).GetProperty name).GetBoolean()

let private level tokens =
    match string ((parameters tokens).GetProperty "importance_sampling_level") with
    | "sequence" -> RatioLevel.SequenceMean
    | _ -> RatioLevel.Token

/// Accumulation counts while it trains alone.
let private accumulation tokens =
    if GoldenCase.has "mode" (parameters tokens) then
        1.0
    else
        number "current_gradient_accumulation_steps" tokens

/// TRL's denominators: all rows, those without tokens too; all tokens; or the items of the generation batch.
let private weights kind (tokens: GoldenTokens) =
    let rows, accumulated = float tokens.Mask.Length, accumulation tokens

    let items =
        max 1.0 (number "num_items_in_batch" tokens)
        * (if GoldenCase.has "mode" (parameters tokens) then
               1.0
           else
               accumulated / number "steps_per_generation" tokens)

    let aggregation =
        match kind with
        | "grpo"
        | "sapo" -> Aggregation.SequenceSumTokenMean(rows * accumulated)
        | "bnpo" -> Aggregation.TokenSum(float tokens.Batch.Tokens * accumulated)
        | "dr_grpo" -> Aggregation.TokenSum(rows * number "max_completion_length" tokens * accumulated)
        | "luspo" -> Aggregation.TokenSum(rows * accumulated)
        | _ -> Aggregation.TokenSum items

    Aggregation.weights aggregation tokens.Batch

/// The sampler's ratio by token or by row.
let private sampler (tokens: GoldenTokens) =
    if isOn "use_vllm" tokens then
        let ratio = GoldenCase.matrix "importance_sampling_ratio" tokens.Case.Inputs

        if ratio[0].Length = 1 then
            SamplerWeights.PerSequence(Array.map Array.head ratio)
        else
            SamplerWeights.PerToken(Masked.flatten tokens.Mask ratio)
    else
        SamplerWeights.None

let private clip tokens =
    {
        EpsilonLow = number "epsilon_low" tokens
        EpsilonHigh = number "epsilon_high" tokens
        Dual =
            if GoldenCase.has "delta" (parameters tokens) then
                DualClip.Ratio(number "delta" tokens)
            else
                DualClip.Off
        LogRatio = LogRatioBound.Unbounded
    }

let private policyTerm kind tokens =
    match kind with
    | "cispo" ->
        ReinforceObjective.cispo
            {
                Level = level tokens
                LogRatio = LogRatioBound.Unbounded
                Limit = RatioLimit.Truncate(0.0, number "epsilon_high" tokens)
            }
    | "sapo" ->
        RatioObjective.sapo
            (level tokens)
            {
                TemperaturePositive = number "sapo_temperature_pos" tokens
                TemperatureNegative = number "sapo_temperature_neg" tokens
                LogRatio = LogRatioBound.Unbounded
            }
    | "vespo" ->
        ReinforceObjective.vespo
            {
                PowerPositive = number "vespo_k_pos" tokens
                DecayPositive = number "vespo_lambda_pos" tokens
                PowerNegative = number "vespo_k_neg" tokens
                DecayNegative = number "vespo_lambda_neg" tokens
            }
            (sampler tokens)
    | _ -> Objective.clippedSurrogateAt (level tokens) (clip tokens)

/// The tokens that the top-entropy mask keeps.
let private uncertain (tokens: GoldenTokens) =
    match number "top_entropy_quantile" tokens with
    | 1.0 -> Array.replicate tokens.Batch.Tokens true
    | share -> TokenMask.highEntropy share (GoldenTokens.flat "entropies" tokens.Case.Inputs tokens)

/// Masks and the sampler's ratio are constants on the tokens' policy losses, and in no denominator.
let private policyWeights kind (tokens: GoldenTokens) weights =
    let batch = tokens.Batch

    let onPolicy =
        if GoldenCase.has "off_policy_mask_threshold" (parameters tokens) then
            let sampled =
                if GoldenCase.has "sampling_log_prob" tokens.Case.Inputs then
                    GoldenTokens.flat "sampling_log_prob" tokens.Case.Inputs tokens
                else
                    batch.OldLogProbs

            TokenMask.offPolicy (number "off_policy_mask_threshold" tokens) batch sampled tokens.LogProbs
        else
            Array.replicate batch.Tokens true

    let masked =
        weights |> Aggregation.kept (uncertain tokens) |> Aggregation.kept onPolicy

    match sampler tokens with
    | SamplerWeights.PerToken ratio when kind <> "vespo" -> Aggregation.scaled ratio masked
    | SamplerWeights.PerSequence ratio when kind <> "vespo" ->
        Aggregation.scaled (batch.Sequence |> Array.map (fun row -> ratio[row])) masked
    | _ -> masked

let private penalty (tokens: GoldenTokens) weights =
    let batch, beta = tokens.Batch, number "beta" tokens

    if isOn "use_bias_correction_kl" tokens then
        RatioObjective.biasCorrectedKl
            (level tokens)
            LogRatioBound.Unbounded
            Estimator.K3
            beta
            weights
            batch
            tokens.LogProbs
    else
        let none =
            {
                Value = 0.0
                Gradient = Array.zeroCreate batch.Tokens
            }

        let ours =
            Objective.regularised
                {
                    KlCoefficient = beta
                    KlValue = Estimator.K3
                    KlGradient = Estimator.K3
                    EntropyCoefficient = 0.0
                }
                none
                weights
                batch
                tokens.LogProbs
                (Array.zeroCreate batch.Tokens)

        {
            Value = ours.Value
            Gradient = ours.Gradient
        }

let private agrees kind expected =
    let cases = GoldenCase.all $"golden/rl/trl_loss_{kind}.json"
    cases.Length |> equals expected

    for tokens in cases |> Array.map GoldenTokens.read do
        let batch = tokens.Batch
        let weights = weights kind tokens

        let policy =
            policyTerm kind tokens (policyWeights kind tokens weights) batch tokens.LogProbs

        let loss =
            if number "beta" tokens = 0.0 then
                policy
            else
                Loss.Add(policy, penalty tokens weights)

        let bonus = number "entropy_coef" tokens

        if bonus = 0.0 then
            GoldenTokens.assertLoss 1e-9 tokens loss
        else
            // The bonus is a mean over the tokens of the top-entropy mask, whatever the policy term's mean.
            let keep = uncertain tokens
            let count = keep |> Array.filter id |> Array.length |> float

            let ours =
                Objective.regularised
                    {
                        KlCoefficient = 0.0
                        KlValue = Estimator.K3
                        KlGradient = Estimator.K3
                        EntropyCoefficient = bonus
                    }
                    loss
                    (keep |> Array.map (fun keep -> if keep then 1.0 / (count * accumulation tokens) else 0.0))
                    batch
                    tokens.LogProbs
                    (GoldenTokens.flat "entropies" tokens.Case.Inputs tokens)

            GoldenTokens.assertLoss
                1e-9
                tokens
                {
                    Value = ours.Value
                    Gradient = ours.Gradient
                }

            GoldenCase.assertAllClose
                tokens.Case.Name
                1e-9
                (GoldenTokens.flat "grad_entropies" tokens.Case.Outputs tokens)
                ours.EntropyGradient

        let metrics = tokens.Case.Outputs.GetProperty "metrics"

        // Their metrics are float32 means, over rows at sequence level.
        if level tokens = RatioLevel.Token && GoldenCase.has "clip_ratio/low_mean" metrics then
            let diagnostics =
                Objective.diagnose (clip tokens) batch tokens.LogProbs (Array.zeroCreate batch.Tokens)

            let same name value =
                GoldenCase.assertClose $"{tokens.Case.Name} {name}" 1e-6 (GoldenCase.number name metrics) value

            same "clip_ratio/low_mean" diagnostics.ClipFractionLow
            same "clip_ratio/high_mean" diagnostics.ClipFractionHigh

[<Tests>]
let tests =
    testList "TrlObjectiveTests" [
        test "TRL's grpo, value, slopes and clip fractions" { agrees "grpo" 86 }

        test "TRL's bnpo, value, slopes and clip fractions" { agrees "bnpo" 84 }

        test "TRL's dr_grpo, value, slopes and clip fractions" { agrees "dr_grpo" 84 }

        test "TRL's dapo, value, slopes and clip fractions" { agrees "dapo" 86 }

        test "TRL's luspo, value, slopes and clip fractions" { agrees "luspo" 84 }

        test "TRL's cispo, value and slopes" { agrees "cispo" 78 }

        test "TRL's sapo, value and slopes" { agrees "sapo" 81 }

        test "TRL's vespo, value and slopes" { agrees "vespo" 81 }

        test "the surrogate of whole sequences is TRL's RLOO loss" {
            let cases = GoldenCase.all "golden/rl/trl_rloo_loss.json"
            isNotEmpty cases

            for tokens in cases |> Array.map GoldenTokens.read do
                let rows = float tokens.Mask.Length

                let ours =
                    Objective.clippedSurrogateAt
                        RatioLevel.SequenceProduct
                        {
                            EpsilonLow = number "epsilon_low" tokens
                            EpsilonHigh = number "epsilon_high" tokens
                            Dual = DualClip.Off
                            LogRatio = LogRatioBound.Unbounded
                        }
                        (Aggregation.weights (Aggregation.SequenceSumTokenMean rows) tokens.Batch)
                        tokens.Batch
                        tokens.LogProbs

                // A row without tokens has ratio 1 there and adds a constant.
                let constant =
                    Array.map2
                        (fun row advantage -> if Array.sum row = 0.0 then -advantage / rows else 0.0)
                        tokens.Mask
                        (GoldenCase.numbers "advantages" tokens.Case.Inputs)
                    |> Array.sum

                GoldenTokens.assertLoss
                    1e-9
                    tokens
                    { ours with
                        Value = ours.Value + constant
                    }
        }

        test "vespo by its name is TRL's, the sampler's ratio by log-probabilities" {
            let meant =
                GoldenCase.all "golden/rl/trl_loss_vespo.json"
                |> Array.map GoldenTokens.read
                |> Array.filter (fun tokens ->
                    [
                        "vespo_k_pos", 2.0
                        "vespo_lambda_pos", 3.0
                        "vespo_k_neg", 3.0
                        "vespo_lambda_neg", 2.0
                    ]
                    |> List.forall (fun (key, value) -> number key tokens = value)
                    && number "beta" tokens = 0.0
                    && number "entropy_coef" tokens = 0.0
                    && (match sampler tokens with
                        | SamplerWeights.None -> true
                        | SamplerWeights.PerToken ratios -> ratios |> Array.forall ((<) 0.0)
                        | SamplerWeights.PerSequence _ -> false))

            isNotEmpty meant

            for tokens in meant do
                let rule =
                    ObjectiveRules.create "vespo" (Clip.Symmetric 0.1) Aggregation.SequenceMeanTokenMean

                let batch =
                    match sampler tokens with
                    | SamplerWeights.PerToken ratios ->
                        Array.map2 (fun old ratio -> old - log ratio) tokens.Batch.OldLogProbs ratios
                        |> tokens.Batch.WithSampler
                    | _ -> tokens.Batch

                rule.Loss
                    {
                        Weights = policyWeights "vespo" tokens (weights "vespo" tokens)
                        Batch = batch
                        LogProbs = tokens.LogProbs
                        Entropies = Array.zeroCreate batch.Tokens
                        Seed = Seed.ofInt64 0L
                    }
                |> GoldenTokens.assertLoss 1e-9 tokens
        }

        test "VESPO's weights are TRL's" {
            let cases = GoldenCase.all "golden/rl/trl_gamma_weights.json"
            isNotEmpty cases

            for tokens in cases |> Array.map GoldenTokens.read do
                let inputs = tokens.Case.Inputs

                let sampler =
                    if GoldenCase.has "importance_sampling_ratio" inputs then
                        SamplerWeights.PerToken(GoldenTokens.flat "importance_sampling_ratio" inputs tokens)
                    else
                        SamplerWeights.None

                let shape =
                    {
                        PowerPositive = GoldenCase.number "k_pos" inputs
                        DecayPositive = GoldenCase.number "lambda_pos" inputs
                        PowerNegative = GoldenCase.number "k_neg" inputs
                        DecayNegative = GoldenCase.number "lambda_neg" inputs
                    }

                let theirs = GoldenCase.matrix "phi" tokens.Case.Outputs

                let expected =
                    if theirs[0].Length = tokens.Mask[0].Length then
                        Masked.flatten tokens.Mask theirs
                    else
                        tokens.Batch.Sequence |> Array.map (fun row -> theirs[row][0])

                ReinforceObjective.vespoWeights shape sampler tokens.Batch tokens.LogProbs
                |> GoldenCase.assertAllClose tokens.Case.Name 1e-9 expected
        }
    ]
