namespace David.Grpo.Tests

open FsCheck
open FsCheck.FSharp
open David.Grpo

/// A padded matrix with a mask, as other implementations have it, into flat tokens.
[<RequireQualifiedAccess>]
module Masked =

    let private positions (mask: float[][]) =
        [|
            for row in 0 .. mask.Length - 1 do
                for column in 0 .. mask[row].Length - 1 do
                    if mask[row][column] > 0.0 then
                        row, column
        |]

    /// [N] the entries of a matrix that the mask keeps.
    let flatten (mask: float[][]) (matrix: float[][]) : float[] =
        positions mask |> Array.map (fun (row, column) -> matrix[row][column])

    /// [N] the row of each token kept.
    let rows (mask: float[][]) : int[] = positions mask |> Array.map fst

    /// A batch without advantages or probabilities, for weights alone.
    let shape (question: int[]) (mask: float[][]) : TokenBatch =
        let rows = rows mask
        let zeros = Array.zeroCreate rows.Length
        TokenBatch.Create(rows, question, zeros, zeros, [||])

/// verl's aggregation modes by ours. Its numbers for a global batch only change the denominators.
[<RequireQualifiedAccess>]
module VerlAggregation =

    /// [N] weights of `mode` for a mask; `info` may bear dp_size, batch_num_tokens, global_batch_size, loss_scale_factor.
    let weights (mode: string) (mask: float[][]) (info: System.Text.Json.JsonElement) : float[] =
        let batch = Masked.shape (Array.create mask.Length 0) mask

        let present =
            mask |> Array.filter (fun row -> Array.sum row > 0.0) |> Array.length |> float

        let info name fallback =
            if GoldenCase.has name info then
                GoldenCase.number name info
            else
                fallback

        let workers = info "dp_size" 1.0
        let sequences = info "global_batch_size" present

        match mode with
        | "token-mean" when info "batch_num_tokens" 0.0 = 0.0 -> Aggregation.weights Aggregation.TokenMean batch
        | "token-mean" -> Aggregation.weights (Aggregation.TokenSum(info "batch_num_tokens" 0.0 / workers)) batch
        | "token-sum" -> Aggregation.weights (Aggregation.TokenSum(1.0 / workers)) batch
        | "seq-mean-token-sum" when sequences = present ->
            Aggregation.weights Aggregation.SequenceMeanTokenSum batch
            |> Array.map (fun weight -> weight * workers)
        | "seq-mean-token-sum" -> Aggregation.weights (Aggregation.TokenSum(sequences / workers)) batch
        | "seq-mean-token-sum-norm" ->
            let longest = info "loss_scale_factor" (float mask[0].Length)
            Aggregation.weights (Aggregation.TokenSum(sequences * longest / workers)) batch
        | "seq-mean-token-mean" ->
            // verl divides a sequence by n + 1e-8.
            let lengths = mask |> Array.map Array.sum

            Array.map2
                (fun weight row -> weight * lengths[row] / (lengths[row] + 1e-8))
                (Aggregation.weights (Aggregation.SequenceSumTokenMean(sequences / workers)) batch)
                (Masked.rows mask)
        | other -> failwith $"unknown mode {other}"

/// Batches for laws, with log-probabilities that keep off the edges of the clips that the tests use, so that slopes
/// exist: log-ratios are 0.01 above a multiple of 0.05.
[<RequireQualifiedAccess>]
module TokenBatches =

    type Sample =
        {
            Batch: TokenBatch
            LogProbs: float[]
            Entropies: float[]
        }

    let private grid from upTo step offset =
        Gen.choose (from, upTo) |> Gen.map (fun k -> float k * step + offset)

    let sample: Gen<Sample> =
        gen {
            let! first = Gen.choose (1, 5)
            let! others = Gen.choose (0, 5) |> Gen.listOf |> Gen.map (List.truncate 4)
            let lengths = first :: others
            let! question = Gen.choose (0, 2) |> Gen.listOfLength lengths.Length

            let sequence =
                lengths |> List.mapi (fun s length -> List.replicate length s) |> List.concat

            let floats = Gen.listOfLength sequence.Length >> Gen.map Array.ofList
            let! logProbs = floats (grid -40 -1 0.125 0.0)
            let! logRatios = floats (grid -60 60 0.05 0.01)
            let! referenceRatios = floats (grid -60 60 0.05 0.01)
            let! advantages = floats (grid -16 16 0.125 0.0)
            let! entropies = floats (grid 0 40 0.125 0.0)

            return
                {
                    Batch =
                        TokenBatch.Create(
                            Array.ofList sequence,
                            Array.ofList question,
                            advantages,
                            Array.map2 (-) logProbs logRatios,
                            Array.map2 (-) logProbs referenceRatios
                        )
                    LogProbs = logProbs
                    Entropies = entropies
                }
        }

    /// The sample as an objective is given it.
    let context (weights: float[]) (sample: Sample) : ObjectiveContext =
        {
            Weights = weights
            Batch = sample.Batch
            LogProbs = sample.LogProbs
            Entropies = sample.Entropies
            Seed = Seed.ofInt64 3L
        }

    /// The tokens at these places.
    let pick (places: int[]) (sample: Sample) : Sample =
        let at (values: float[]) =
            places |> Array.map (fun place -> values[place])

        {
            Batch = sample.Batch.Pick places
            LogProbs = at sample.LogProbs
            Entropies = at sample.Entropies
        }

    /// The same tokens in another order, with the order.
    let reorder (sample: Sample) : int[] * Sample =
        let order = Seed.permutation sample.Batch.Tokens (Seed.ofInt64 7L)

        order, pick order sample

    /// The same tokens, each a sequence of its own.
    let oneTokenEach (sample: Sample) : Sample =
        let batch = sample.Batch
        let indices = [| 0 .. batch.Tokens - 1 |]

        { sample with
            Batch = TokenBatch.Create(indices, indices, batch.Advantages, batch.OldLogProbs, batch.ReferenceLogProbs)
        }

    /// The same tokens with one advantage a sequence, that of its first token.
    let oneAdvantageEach (sample: Sample) : Sample =
        let batch = sample.Batch

        let advantages =
            batch.Sequence
            |> Array.map (fun sequence -> batch.Advantages[Array.findIndex ((=) sequence) batch.Sequence])

        { sample with
            Batch =
                TokenBatch.Create(
                    batch.Sequence,
                    batch.Question,
                    advantages,
                    batch.OldLogProbs,
                    batch.ReferenceLogProbs
                )
        }

    /// The batch twice, its second half as sequences and questions of their own.
    let duplicate (sample: Sample) : Sample =
        let batch = sample.Batch
        let twice (values: float[]) = Array.append values values

        let shifted by (indices: int[]) =
            Array.append indices (indices |> Array.map ((+) by))

        {
            Batch =
                TokenBatch.Create(
                    shifted batch.Sequences batch.Sequence,
                    shifted 100 batch.Question,
                    twice batch.Advantages,
                    twice batch.OldLogProbs,
                    twice batch.ReferenceLogProbs
                )
            LogProbs = twice sample.LogProbs
            Entropies = twice sample.Entropies
        }

module AggregationTests =

    open Expecto

    let private means =
        [
            Aggregation.TokenMean
            Aggregation.SequenceMeanTokenMean
            Aggregation.QuestionMean
        ]

    let private all =
        Aggregation.SequenceMeanTokenSum
        :: Aggregation.TokenSum 24.0
        :: Aggregation.SequenceSumTokenMean 7.0
        :: means

    let private total aggregation (batch: TokenBatch) (losses: float[]) =
        Array.map2 (*) (Aggregation.weights aggregation batch) losses |> Numerics.sum

    [<Tests>]
    let tests =
        testList "AggregationTests" [
            test "the weights of a mean add up to one" {
                lawFor TokenBatches.sample (fun sample ->
                    means
                    |> List.forall (fun mean ->
                        Golden.close 1e-12 1.0 (Array.sum (Aggregation.weights mean sample.Batch))))
            }

            test "weights follow their tokens through a permutation" {
                lawFor TokenBatches.sample (fun sample ->
                    let order, other = TokenBatches.reorder sample

                    all
                    |> List.forall (fun aggregation ->
                        let weights = Aggregation.weights aggregation sample.Batch

                        (order |> Array.map (fun token -> weights[token])) =
                            Aggregation.weights aggregation other.Batch))
            }

            test "a batch twice has the same means, and a fixed divisor twice the sum" {
                lawFor TokenBatches.sample (fun sample ->
                    let twice = TokenBatches.duplicate sample

                    let once aggregation =
                        total aggregation sample.Batch sample.Entropies

                    let double aggregation =
                        total aggregation twice.Batch twice.Entropies

                    (Aggregation.SequenceMeanTokenSum :: means)
                    |> List.forall (fun mean -> Golden.close 1e-12 (once mean) (double mean))
                    && ([ Aggregation.TokenSum 24.0; Aggregation.SequenceSumTokenMean 7.0 ]
                        |> List.forall (fun fixedly -> Golden.close 1e-12 (2.0 * once fixedly) (double fixedly))))
            }

            test "the mean of a constant is that constant" {
                lawFor TokenBatches.sample (fun sample ->
                    means
                    |> List.forall (fun mean ->
                        Golden.close 1e-12 3.5 (total mean sample.Batch (Array.replicate sample.Batch.Tokens 3.5))))
            }

            test "one question makes the question mean the sequence mean, one token each makes both the token mean" {
                let mask = [| [| 1.0; 1.0; 1.0 |]; [| 1.0; 0.0; 0.0 |]; [| 0.0; 0.0; 0.0 |] |]
                let oneQuestion = Masked.shape [| 4; 4; 4 |] mask

                Aggregation.weights Aggregation.QuestionMean oneQuestion
                |> equals (Aggregation.weights Aggregation.SequenceMeanTokenMean oneQuestion)

                let single = Masked.shape [| 0; 1; 2 |] [| [| 1.0 |]; [| 1.0 |]; [| 1.0 |] |]

                for mean in means do
                    GoldenCase.assertAllClose
                        "weights"
                        1e-15
                        (Array.replicate 3 (1.0 / 3.0))
                        (Aggregation.weights mean single)
            }

            test "a batch without tokens has no weights" {
                for aggregation in all do
                    isEmpty (Aggregation.weights aggregation (Masked.shape [| 0; 1 |] [| [| 0.0 |]; [| 0.0 |] |]))
            }

            test "divided by the sequences with tokens, the sum of means is the sequence mean" {
                lawFor TokenBatches.sample (fun sample ->
                    let present = sample.Batch.Sequence |> Array.distinct |> Array.length |> float

                    Aggregation.weights (Aggregation.SequenceSumTokenMean present) sample.Batch =
                        Aggregation.weights Aggregation.SequenceMeanTokenMean sample.Batch)
            }

            test "factors and masks leave the denominators as they are" {
                Aggregation.scaled [| 2.0; 0.0 |] [| 0.25; 0.75 |] |> equals [| 0.5; 0.0 |]
                Aggregation.kept [| true; false |] [| 0.25; 0.75 |] |> equals [| 0.25; 0.0 |]

                GoldenCase.refusal (fun () -> Aggregation.scaled [| -1.0 |] [| 1.0 |] |> ignore)
                |> containsText "factors[0] is -1"

                GoldenCase.refusal (fun () -> Aggregation.kept [||] [| 1.0 |] |> ignore)
                |> containsText "keep has 0 entries; expected 1"
            }

            test "a divisor of zero is refused" {
                GoldenCase.refusal (fun () ->
                    Aggregation.weights (Aggregation.TokenSum 0.0) (Masked.shape [| 0 |] [| [| 1.0 |] |]) |> ignore)
                |> containsText "divisor is 0"
            }

            test "a batch names what is wrong with its arrays" {
                let refusal (sequence, question, advantages, old, reference) =
                    GoldenCase.refusal (fun () ->
                        TokenBatch.Create(sequence, question, advantages, old, reference) |> ignore)

                refusal ([| 0; 0 |], [| 0 |], [| 1.0 |], [||], [||])
                |> containsText "advantages has 1 entries; expected 2"

                refusal ([| 0; 0 |], [| 0 |], [| 1.0; 1.0 |], [| -1.0; nan |], [||])
                |> containsText "oldLogProbs[1] is NaN"

                refusal ([| 0; 0 |], [| 0 |], [| 1.0; 1.0 |], [| -1.0; -1.0 |], [| -1.0 |])
                |> containsText "referenceLogProbs has 1 entries; expected 2"

                refusal ([| 1 |], [| 0 |], [| 1.0 |], [| -1.0 |], [||])
                |> containsText "sequence[0] is 1; expected 0 to 0"

                refusal ([| 0 |], [| -1 |], [| 1.0 |], [| -1.0 |], [||]) |> containsText "question[0] is -1"
            }

            test "a batch does not change with the arrays it was made from" {
                let advantages = [| 1.0 |]
                let batch = TokenBatch.Create([| 0 |], [| 0 |], advantages, [| -1.0 |], [||])
                advantages[0] <- 5.0
                batch.Advantages[0] |> equals 1.0
            }

            test "micro-batches share out a batch's tokens" {
                lawFor TokenBatches.sample (fun sample ->
                    let batch = sample.Batch

                    let odd, even =
                        [| 0 .. batch.Sequences - 1 |] |> Array.partition (fun s -> s % 2 = 1)

                    let parts = [| batch.TokensOf odd; batch.TokensOf even |]

                    Array.sort (Array.concat parts) = [| 0 .. batch.Tokens - 1 |]
                    && parts
                       |> Array.forall (fun tokens ->
                           let part = batch.Pick tokens

                           part.Sequences = batch.Sequences
                           && part.HasReference
                           && part.Advantages = (tokens |> Array.map (fun token -> batch.Advantages[token]))
                           && part.Sequence = (tokens |> Array.map (fun token -> batch.Sequence[token]))))
            }

            test "all five modes of verl have their values and slopes" {
                for case in GoldenCase.all "golden/rl/verl_agg_loss.json" do
                    let mask = GoldenCase.matrix "mask" case.Inputs
                    let losses = GoldenCase.matrix "loss_mat" case.Inputs |> Masked.flatten mask
                    let mode = string (case.Inputs.GetProperty "loss_agg_mode")
                    let weights = VerlAggregation.weights mode mask case.Inputs

                    Array.map2 (*) weights losses
                    |> Array.sum
                    |> GoldenCase.assertClose case.Name 1e-9 (GoldenCase.number "value" case.Outputs)

                    let slopes = GoldenCase.matrix "grad_loss_mat" case.Outputs
                    GoldenCase.assertAllClose case.Name 1e-9 (Masked.flatten mask slopes) weights
            }

            test "the question mean is that of David-GRPO's authors" {
                let cases =
                    (Golden.json "golden/david/token_weights.json.gz").EnumerateArray() |> Array.ofSeq

                isTrue (cases.Length > 0)

                for index, case in Array.indexed cases do
                    let mask = GoldenCase.matrix "mask" case
                    let question = GoldenCase.numbers "question" case |> Array.map int
                    let theirs = GoldenCase.matrix "weights" case

                    // Counted in float32 there.
                    Masked.shape question mask
                    |> Aggregation.weights Aggregation.QuestionMean
                    |> GoldenCase.assertAllClose $"case {index}" 1e-6 (Masked.flatten mask theirs)
            }
        ]
