/// What the objectives do not take.
module David.Grpo.Tests.ObjectiveRefusalTests

open Expecto
open David.Grpo
open David.Grpo.Tests.RefusalTests

let private batch =
    TokenBatch.Create([| 0; 0 |], [| 0 |], [| 1.0; -0.5 |], [| -1.0; -0.5 |], [| -1.0; -0.5 |])

let private logProbs = [| -1.0; -0.75 |]
let private atLeastZero name = name, [ -0.01 ], [ 0.0; infinity ]
let private clip = Clip.Symmetric 0.2

let private importance: ImportanceWeight =
    {
        Level = RatioLevel.Token
        LogRatio = LogRatioBound.Within 20.0
        Limit = RatioLimit.Truncate(0.5, 2.0)
    }

let private region: DivergenceRegion =
    {
        Divergence = BinaryDivergence.TotalVariation
        ThresholdLow = 0.1
        ThresholdHigh = 0.1
        Weight = importance
    }

let private shape: VespoShape =
    {
        PowerPositive = 1.0
        DecayPositive = 1.0
        PowerNegative = 1.0
        DecayNegative = 1.0
    }

let private policy: Loss =
    {
        Value = 0.0
        Gradient = [| 0.0; 0.0 |]
    }

let private regularisation: Regularisation =
    {
        KlCoefficient = 0.1
        KlValue = Estimator.K3
        KlGradient = Estimator.K2
        EntropyCoefficient = 0.1
    }

let private calls =
    [
        <@@ TokenBatch.Create([| 0; 0 |], [| 0 |], [| 1.0; -0.5 |], [| -1.0; -0.5 |], [| -1.0; -0.5 |]) @@>, nothing
        <@@ batch.WithSampler logProbs @@>, nothing
        <@@ Objective.clippedSurrogate { clip with Dual = DualClip.At 3.0 } pair batch logProbs @@>,
        [
            atLeastZero "EpsilonLow"
            atLeastZero "EpsilonHigh"
            "c", [ 1.0 ], [ 1.01; infinity ]
        ]
        <@@
            Objective.clippedSurrogate
                { clip with
                    Dual = DualClip.Ratio 3.0
                    LogRatio = LogRatioBound.AtMost 3.0
                }
                pair
                batch
                logProbs
        @@>,
        [ "delta", [ 1.0 ], [ 1.01; infinity ]; "bound", [ 0.0 ], [ 1e-9; infinity ] ]
        <@@ Objective.diagnose { clip with Dual = DualClip.At 3.0 } batch logProbs pair @@>,
        [ atLeastZero "EpsilonLow"; atLeastZero "EpsilonHigh"; unchecked "entropies" ]
        <@@ Objective.negativeLogLikelihood pair logProbs @@>, nothing
        <@@ Objective.regularised regularisation policy pair batch logProbs pair @@>,
        [
            notNegative "KlCoefficient"
            notNegative "EntropyCoefficient"
            unchecked "Value"
            unchecked "Gradient"
        ]
        <@@ ValueObjective.clipped 0.2 pair pair pair pair @@>, [ atLeastZero "range" ]
        <@@
            RatioObjective.sapo
                RatioLevel.Token
                {
                    TemperaturePositive = 1.0
                    TemperatureNegative = 1.0
                    LogRatio = LogRatioBound.Within 20.0
                }
                pair
                batch
                logProbs
        @@>,
        [ positive "TemperaturePositive"; positive "TemperatureNegative" ]
        <@@ RatioObjective.gmpo { EpsilonLow = 0.4; EpsilonHigh = 0.4 } pair batch logProbs @@>,
        [ atLeastZero "EpsilonLow"; atLeastZero "EpsilonHigh" ]
        <@@
            RatioObjective.biasCorrectedKl
                RatioLevel.Token
                (LogRatioBound.Within 20.0)
                Estimator.K3
                0.1
                pair
                batch
                logProbs
        @@>,
        [ notNegative "beta" ]
        <@@ CovarianceObjective.covariances batch logProbs @@>, nothing
        <@@ CovarianceObjective.klCov { Share = 0.5; Coefficient = 1.0 } pair batch logProbs @@>,
        [ share "Share"; notNegative "Coefficient" ]
        <@@
            CovarianceObjective.clipCov
                {
                    Clip = clip
                    Share = 0.5
                    Above = -1.0
                    Below = 1.0
                }
                (CandidateOrder.Drawn(Seed.ofInt64 1L))
                pair
                batch
                logProbs
        @@>,
        [
            share "Share"
            unchecked "Above"
            unchecked "Below"
            atLeastZero "EpsilonLow"
        ]
        <@@ ReinforceObjective.policyGradient pair batch logProbs @@>, nothing
        <@@ ReinforceObjective.cispo importance pair batch logProbs @@>, [ "low", [ -0.01; 2.1 ], [ 0.0; 2.0 ] ]
        <@@ ReinforceObjective.withinRegion region batch logProbs @@>,
        [
            atLeastZero "ThresholdLow"
            atLeastZero "ThresholdHigh"
            unchecked "low"
            unchecked "high"
            unchecked "bound"
        ]
        <@@ ReinforceObjective.dppo region pair batch logProbs @@>, [ atLeastZero "ThresholdLow" ]
        <@@ ReinforceObjective.vespoWeights shape (SamplerWeights.PerToken [| 1.0; 1.0 |]) batch logProbs @@>,
        [
            notNegative "PowerPositive"
            notNegative "DecayPositive"
            notNegative "PowerNegative"
            notNegative "DecayNegative"
        ]
        <@@ ReinforceObjective.vespo shape (SamplerWeights.PerSequence [| 1.0 |]) pair batch logProbs @@>, nothing
        <@@ ReinforceObjective.dro 0.1 pair batch logProbs @@>, [ notNegative "beta" ]
        <@@ Aggregation.weights (Aggregation.TokenSum 2.0) batch @@>, [ positive "divisor" ]
        <@@ Aggregation.weights (Aggregation.SequenceSumTokenMean 2.0) batch @@>, [ positive "divisor" ]
        <@@ Aggregation.scaled pair pair @@>, nothing
        <@@ ImportanceWeight.weights importance batch logProbs logProbs @@>,
        [ "high", [ 0.4 ], [ 0.5; infinity ]; "bound", [ 0.0 ], [ 1e-9; infinity ] ]
        <@@ ImportanceWeight.normalised RatioLevel.Token batch pair @@>, nothing
        <@@ ImportanceWeight.effectiveShare pair @@>, nothing
        <@@ Mismatch.measure batch logProbs logProbs @@>, nothing
        <@@ TokenMask.highEntropy 0.5 pair @@>, [ share "share" ]
        <@@ TokenMask.offPolicy 0.5 batch logProbs logProbs @@>, [ "threshold", [], [ infinity; -1.0 ] ]
        <@@ TokenMask.accepted [||] (LogRatioBound.Within 20.0) batch logProbs logProbs @@>, nothing
    ]

[<Tests>]
let tests =
    testList "ObjectiveRefusalTests" [
        test "what is no number, of another length or out of its range is refused" {
            for call, ranges in calls do
                Refusal.holds call ranges
        }
    ]
