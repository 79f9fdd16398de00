/// What the functions of the Core do not take, by chapter.
module David.Grpo.Tests.RefusalTests

open Expecto
open David.Grpo

let nothing: (string * float list * float list) list = []

/// Above 0 and below 1; from 0 to 1; at least 0; above 0.
let private inside name =
    name, [ 0.0; 1.0; 1.01 ], [ 1e-9; 0.999 ]

let share name = name, [ -0.01; 1.01 ], [ 0.0; 1.0 ]
let notNegative name = name, [ -0.01; infinity ], [ 0.0; 2.0 ]

let positive name =
    name, [ -1.0; 0.0; infinity ], [ 1e-9; 2.0 ]

let unchecked name : string * float list * float list = name, [], []

let pair = [| 0.25; 0.5 |]
let private rows = [| [| 0.25; 0.5 |]; [| 0.75; 0.0 |] |]
let private scale = Scale.SampleDeviation 1e-6

let private pid: PidOptions =
    {
        Budget = 2.0
        Proportional = 0.1
        Integral = 0.1
        Derivative = 0.1
        ProportionalSmoothing = 0.5
        DerivativeSmoothing = 0.5
        Delay = 2
        Initial = 0.1
        Ceiling = 1.0
    }

let private ascent: DualAscentOptions =
    {
        Budget = 2.0
        StepSize = 0.1
        Initial = 0.1
        Ceiling = 1.0
    }

let private fromNothing = { ascent with Initial = 0.0 }

let private boundsOfPrice =
    [
        "Initial", [ -0.01; 1.01 ], [ 0.0; 1.0 ]
        "Ceiling", [ -0.01; 0.05 ], [ 0.1; infinity ]
    ]

let private skipping: SkipOptions =
    {
        EasyFrom = 0.9
        HardUpTo = 0.1
        Target = 0.5
        Step = 0.1
        Lowest = 0.2
        Highest = 0.8
        LeastKept = 0.1
    }

let private exit: ExitThreshold =
    {
        Measure = ConfidenceMeasure.VoteShare
        Threshold = 0.5
        Patience = 1
        Floor = 0
    }

let private noText = System.Func<PassageId, string | null>(fun _ -> null)

let private check: ExitCheck =
    {
        Confidence = 0.5
        Score = 1.0
        Cost = 1.0
    }

let private token: TrialToken =
    {
        TopLogProb = -0.5
        SecondLogProb = -1.0
        Entropy = 0.5
    }

let private chapters =
    [
        "Rewards",
        [
            <@@ SearchR1.reward SearchR1.withRetrieval TranscriptProtocol.Tag @@>,
            [ share "Structure"; share "FinalFormat"; share "Retrieval" ]
            <@@ StepSearch.reward 1.0 noText @@>, [ notNegative "scale" ]
        ]
        "Advantages",
        [
            <@@ Advantage.groupRelative scale pair @@>, [ "epsilon", [ -1e-9; infinity ], [ 0.0 ] ]
            <@@ Advantage.leaveOneOut pair @@>, nothing
            <@@ Advantage.maximumLikelihood pair @@>, nothing
            <@@ Advantage.passAtK scale pair @@>, nothing
            <@@ Advantage.lengthWeighted Lone.Zero [| 1; 2 |] pair @@>, nothing
            <@@ Advantage.aboveGreedy 0.5 pair @@>, nothing
            <@@ Returns.toGo 0.9 pair @@>, [ share "discount" ]
            <@@ Returns.penalised 0.1 pair pair @@>,
            [ notNegative "coefficient"; unchecked "divergences"; unchecked "rewards" ]
            <@@ Returns.generalizedAdvantages 0.9 0.9 0.0 pair pair @@>, [ share "discount"; share "lambda" ]
            <@@ Whitening.overTokens Whitening.VerlMasked [| pair |] @@>, nothing
            <@@ Whitening.overBatch Whitening.VerlMasked (Population.Tokens [| [| 1; 2 |] |]) [| pair |] @@>, nothing
            <@@ BatchAdvantage.groupPolicyGradient Lone.Zero 1.0 [| pair |] @@>, [ positive "norm" ]
            <@@ GroupStructure.treeRelative scale [| 0; 1 |] pair @@>, nothing
            <@@ GroupStructure.stratified scale 0.5 [| 0; 1 |] pair @@>, [ share "alpha" ]
            <@@ TurnCredit.gains pair @@>, nothing
            <@@ TurnCredit.untilFound scale 1.0 [| 0.5 |] [| pair |] @@>, [ "weight", [ infinity ], [ -1.0 ] ]
        ]
        "Spending",
        [
            <@@ Multiplier.penalise Penalty.Plain 0.5 pair pair @@>, [ notNegative "multiplier" ]
            <@@ Multiplier.oneSidedCosts 2.0 pair @@>, [ positive "budget" ]
            <@@ Multiplier.startAscent ascent @@>, positive "Budget" :: notNegative "StepSize" :: boundsOfPrice
            <@@ Multiplier.ascend ascent { Multiplier = 0.1 } 1.0 @@>, unchecked "Multiplier" :: boundsOfPrice
            <@@ Multiplier.ascendOneSided ascent { Multiplier = 0.1 } 1.0 @@>, unchecked "Multiplier" :: boundsOfPrice
            <@@ Multiplier.startPid pid @@>,
            [
                "Budget", [ infinity ], [ -1.0; 0.0 ]
                notNegative "Proportional"
                notNegative "Integral"
                notNegative "Derivative"
                "ProportionalSmoothing", [ -0.01; 1.0 ], [ 0.0; 0.99 ]
                "DerivativeSmoothing", [ -0.01; 1.0 ], [ 0.0; 0.99 ]
                "Delay", [ 0.0 ], [ 1.0 ]
            ]
            @ boundsOfPrice
            <@@ Multiplier.startAscent fromNothing @@>, [ "Ceiling", [ -0.01 ], [ 0.0 ] ]
            <@@
                Multiplier.stepPid
                    pid
                    {
                        Integral = 0.0
                        Excess = 0.0
                        Cost = 0.0
                        Recent = [| 0.5 |]
                        Multiplier = 0.1
                    }
                    1.0
            @@>,
            [
                unchecked "Recent"
                unchecked "Integral"
                unchecked "Multiplier"
                unchecked "Excess"
                unchecked "Cost"
                "Delay", [ 0.0 ], [ 1.0 ]
            ]
            <@@ PriceControl.start (PriceControl.Fixed 0.5) @@>, [ notNegative "price" ]
            <@@ SpendingRules.optimalCallFactor 1.0 2.0 @@>, [ notNegative "fewest"; notNegative "calls" ]
            <@@ SpendingRules.liftCorrect [| true; false |] pair @@>, nothing
        ]
        "Allocation",
        [
            <@@ Allocation.informative 0.5 4 @@>, [ share "rate"; "size", [ -1.0 ], [ 0.0 ] ]
            <@@ Allocation.knapsack { Least = 1; Most = 4 } 4 pair @@>, [ "total", [ 1.0; 9.0 ], [ 2.0; 8.0 ] ]
            <@@ Allocation.inverseRoot { Least = 1; Most = 4 } 0.1 4 pair @@>,
            [
                "smallestRate", [ 0.0; 1.01 ], [ 1e-9; 1.0 ]
                "total", [ 1.0; 9.0 ], [ 2.0; 8.0 ]
            ]
            <@@
                Allocation.afterPilot
                    {
                        Pilot = 2
                        Additional = 4
                        DeferBelow = 0.1
                        SkipAbove = 0.9
                    }
                    [| true; false |]
            @@>,
            [
                "DeferBelow", [ -0.01; 0.91 ], [ 0.0; 0.9 ]
                "SkipAbove", [ 1.01; 0.09 ], [ 0.1; 1.0 ]
                "Additional", [ 0.0 ], [ 1.0 ]
                "Pilot", [ 0.0 ], [ 2.0 ]
            ]
            <@@ Allocation.byVariance 0.5 4 rows @@>,
            [
                unchecked "rewards"
                "share", [ 0.0; 1.01 ], [ 1e-9; 1.0 ]
                "total", [ -1.0 ], [ 0.0 ]
            ]
            <@@ Selection.skipProbability skipping { Easy = 0.5; Hard = 0.5 } pair @@>,
            [
                unchecked "Easy"
                unchecked "Hard"
                "EasyFrom", [ infinity; 0.1 ], [ 0.11 ]
                "HardUpTo", [ 0.9 ], [ 0.89; -1.0 ]
                share "Target"
                share "Step"
                "Highest", [ 0.19; 1.01 ], [ 0.2; 1.0 ]
                "Lowest", [ 0.0; 0.81 ], [ 1e-9; 0.8 ]
                "LeastKept", [ 0.0; 1.01 ], [ 1e-9; 1.0 ]
            ]
            <@@ Selection.adapt skipping { Easy = 0.5; Hard = 0.5 } 0.5 0.5 @@>,
            [ unchecked "Easy"; unchecked "Hard"; share "easyShare"; share "hardShare" ]
            <@@ Selection.maximalVariance 1 pair @@>, [ "count", [ -1.0; 3.0 ], [ 0.0; 2.0 ] ]
            <@@ Selection.recycle { Spent = [| false; true |] } [| 0; 1 |] [| true; false |] @@>, [ unchecked "Spent" ]
            <@@ GroupStopping.quantile 0.5 pair @@>, [ inside "delta" ]
            <@@ GroupStopping.deltaOf 0.5 @@>, [ share "solveRate" ]
        ]
        "Training",
        [
            <@@ Schedule.rate 1.0 (Schedule.CosineWithWarmup(1, 4, 0.1)) 2 @@>,
            [
                notNegative "peak"
                share "floor"
                "step", [ -1.0 ], [ 0.0 ]
                "warmupSteps", [ -1.0; 5.0 ], [ 0.0; 4.0 ]
            ]
            <@@ Schedule.rate 1.0 (Schedule.LinearWithWarmup(1, 4)) 2 @@>, [ "totalSteps", [ 0.0 ], [ 1.0 ] ]
        ]
        "Numbers and Claims",
        [
            <@@ Statistics.mean pair @@>, nothing
            <@@ Statistics.sampleDeviation pair @@>, nothing
            <@@ Statistics.meanOverSeeds 0.95 pair @@>, [ inside "level" ]
            <@@ Statistics.differenceFrom 0.95 0.5 pair @@>, [ inside "level" ]
            <@@ Statistics.pairedDifference 0.95 pair [| 0.5; 0.0 |] @@>, nothing
            <@@ Statistics.quantile 0.5 pair @@>, [ share "share" ]
            <@@ Statistics.percentileInterval 0.95 pair @@>, [ inside "level" ]
            <@@ Statistics.bootstrapMean 0.95 9 (Seed.ofInt64 1L) pair @@>,
            [ inside "level"; "resamples", [ 0.0 ], [ 1.0 ] ]
            <@@ Statistics.holm pair @@>, nothing
            <@@ Power.ofTTest TTestDesign.Paired Alternative.TwoSided 0.05 5 1.0 @@>,
            [
                "alpha", [ 0.0; 0.5 ], [ 1e-3; 0.49 ]
                "count", [ 1.0 ], [ 2.0 ]
                "effect", [ infinity ], [ -1.0 ]
            ]
            <@@ Power.minimumDetectableEffect TTestDesign.Paired Alternative.Greater 0.05 0.8 5 @@>,
            [
                "alpha", [ 0.0; 0.5 ], [ 1e-3; 0.49 ]
                "power", [ 0.05; 1.0 ], [ 0.06; 0.99 ]
                "count", [ 1.0 ], [ 2.0 ]
            ]
            <@@ ComparisonStatistics.interquartileMean rows @@>, nothing
            <@@ ComparisonStatistics.probabilityOfImprovement rows [| [| 0.5; 0.5 |] |] @@>, nothing
            <@@ ComparisonStatistics.paretoFront [| { Cost = 1.0; Score = 0.5 } |] @@>, nothing
            <@@ Histogram.ofValues 3 pair @@>, [ "buckets", [ 0.0 ], [ 1.0 ] ]
            <@@ Histogram.ofWholes 3 [| 1; 5 |] @@>, [ "buckets", [ 0.0 ], [ 1.0 ] ]
            <@@ ComparisonStatistics.meanScore 0.95 rows @@>, [ inside "level" ]
            <@@ ComparisonStatistics.scoreDifference 0.95 true rows rows @@>, [ inside "level" ]
            <@@ ComparisonStatistics.scoreDifference 0.95 false rows rows @@>, [ inside "level" ]
        ]
        "Stopping",
        [
            <@@ RiskControl.conformalRiskControl 0.1 1.0 pair [| [| 0.5; 0.5 |] |] @@>,
            [ inside "alpha"; "bound", [ 0.0; 0.49; infinity ], [ 0.5 ] ]
            <@@ RiskControl.hoeffdingBentkus 0.1 5 0.05 @@>, [ inside "alpha"; "count", [ 0.0 ], [ 1.0 ]; share "risk" ]
            <@@ RiskControl.fixedSequence 0.1 [| 0.25; 0.5 |] [| 0.5; 0.05 |] @@>,
            [ inside "delta"; unchecked "taus"; unchecked "pValues" ]
            <@@ RiskControl.learnThenTest 0.1 0.1 pair [| [| 0.5; 0.5 |] |] @@>, [ inside "epsilon"; inside "delta" ]
            <@@ EarlyExit.decide exit pair @@>,
            [
                "Threshold", [], [ infinity; -infinity ]
                "Patience", [ 0.0 ], [ 1.0 ]
                "Floor", [ -1.0 ], [ 0.0 ]
            ]
            <@@
                EarlyExit.utility 0.1 [|
                    [|
                        {
                            Confidence = 0.5
                            Score = 1.0
                            Cost = 1.0
                        }
                    |]
                    [|
                        {
                            Confidence = 0.5
                            Score = 1.0
                            Cost = 1.0
                        }
                    |]
                |] [| 0; 0 |]
            @@>,
            [ notNegative "price" ]
            <@@ Confidence.evidenceReliance pair [| 0.5; 0.5 |] @@>, nothing
            <@@
                Confidence.sufficiency
                    {
                        Bias = 0.0
                        Best = 1.0
                        Gap = 1.0
                        Fresh = 1.0
                    }
                    { Best = 0.5; Gap = 0.5; Fresh = 0.5 }
            @@>,
            nothing
            <@@ EarlyExit.exitSteps exit [| [| check; check |] |] @@>,
            [
                share "Score"
                "Cost", [ -0.01; infinity ], [ 0.0; 1.0 ]
                "Confidence", [], [ infinity ]
                "Patience", [ 0.0 ], [ 1.0 ]
            ]
            <@@ EarlyExit.losses ExitLoss.Wrong exit [| 0.25; 0.5 |] [| [| check; check |] |] @@>,
            [
                share "Score"
                unchecked "thresholds"
                "Patience", [ 0.0 ], [ 1.0 ]
                unchecked "Threshold"
            ]
            <@@ Confidence.ofTokens TokenMeasure.Margin FirstToken.Counted [| token |] @@>,
            [
                "TopLogProb", [ 0.1; -1.5; -infinity ], [ 0.0; -1.0 ]
                "SecondLogProb", [ -0.4 ], [ -0.5; -infinity ]
                "Entropy", [ -0.1; infinity ], [ 0.0 ]
            ]
            <@@ Calibration.bins (Binning.EqualMass 2) pair [| true; false |] @@>, [ "bins", [ 0.0 ], [ 1.0 ] ]
            <@@ Calibration.expectedError (Binning.LeftClosed 2) pair [| true; false |] @@>,
            [ "bins", [ 0.0 ], [ 1.0 ] ]
            <@@ Calibration.auroc pair [| true; false |] @@>, nothing
            <@@ Calibration.riskCoverage TieOrder.Averaged pair [| true; false |] @@>, nothing
            <@@ SelectiveAnswer.pValue 0.1 5 1 @@>, [ inside "risk"; "wrong", [ -1.0; 6.0 ], [ 0.0; 5.0 ] ]
            <@@ SelectiveAnswer.summarize 0.5 [| { Confidence = 0.5; IsRight = true } |] @@>,
            [ share "Confidence"; unchecked "tau" ]
            <@@ SelectiveAnswer.pick 0.1 0.1 [| { Confidence = 0.5; IsRight = true } |] @@>, [ inside "delta" ]
            <@@
                Selectivity.fitGate [|
                    {
                        ScoreGap = 0.5
                        AnswerEntropy = 0.5
                        HopsLeft = 1.0
                        Redundancy = 0.0
                    }
                |] [| 0.5 |]
            @@>,
            [
                unchecked "ScoreGap"
                unchecked "AnswerEntropy"
                unchecked "HopsLeft"
                unchecked "Redundancy"
            ]
            <@@ Selectivity.searchPays 1.0 0.5 0.7 @@>, [ notNegative "multiplier"; notNegative "price" ]
        ]
    ]

[<Tests>]
let tests =
    testList "RefusalTests" [
        for chapter, calls in chapters do
            test $"{chapter}: what is no number, of another length or out of its range is refused" {
                for call, ranges in calls do
                    Refusal.holds call ranges
            }
    ]
