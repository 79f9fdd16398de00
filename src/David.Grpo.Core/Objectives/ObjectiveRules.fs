namespace David.Grpo

/// Policy objectives as a run can choose them, with their authors' constants.
[<RequireQualifiedAccess>]
module ObjectiveRules =

    let private onTokens (loss: float[] -> TokenBatch -> float[] -> Loss) (context: ObjectiveContext) =
        loss context.Weights context.Batch context.LogProbs

    let private diagnosedBy (diagnose: TokenBatch -> float[] -> float[] -> Diagnostics) (context: ObjectiveContext) =
        diagnose context.Batch context.LogProbs context.Entropies

    let private rule name aggregation loss diagnose : ObjectiveRule =
        {
            Name = name
            Aggregation = aggregation
            Scope = ObjectiveScope.Advantaged
            CorrectsSampler = false
            Loss = onTokens loss
            Diagnose = diagnosedBy diagnose
        }

    let private clipped name aggregation level clip =
        rule name aggregation (Objective.clippedSurrogateAt level clip) (Objective.diagnoseAt level clip)

    let private unclipped = Objective.diagnose (Clip.Symmetric infinity)

    let private ofToken limit =
        {
            Level = RatioLevel.Token
            LogRatio = LogRatioBound.Within 20.0
            Limit = limit
        }

    /// PPO's clipped surrogate, with the run's clip.
    let private clippedSurrogate clip aggregation =
        clipped "clipped_surrogate" aggregation RatioLevel.Token clip

    /// ε₊ = 0.28, every token the same (arXiv 2503.14476, section 3).
    let private dapo clip _ =
        clipped
            "dapo"
            Aggregation.TokenMean
            RatioLevel.Token
            { clip with
                EpsilonLow = 0.2
                EpsilonHigh = 0.28
            }

    /// c = 3 (verl).
    let private dualClip clip aggregation =
        clipped "dual_clip" aggregation RatioLevel.Token { clip with Dual = DualClip.At 3.0 }

    /// ε 3e-4 and 4e-4 (arXiv 2507.18071, section 5.1).
    let private gspo clip _ =
        clipped
            "gspo"
            Aggregation.SequenceMeanTokenMean
            RatioLevel.SequenceMean
            { clip with
                EpsilonLow = 3e-4
                EpsilonHigh = 4e-4
            }

    /// The weight is truncated, no gradient is dropped (arXiv 2506.13585); bounds as verl's clip.
    let private cispo (clip: Clip) _ =
        let weight =
            { ofToken (RatioLimit.Truncate(max 0.0 (1.0 - clip.EpsilonLow), 1.0 + clip.EpsilonHigh)) with
                LogRatio = clip.LogRatio
            }

        rule "cispo" Aggregation.TokenMean (ReinforceObjective.cispo weight) (ReinforceObjective.diagnoseCispo weight)

    /// e^±0.4 (arXiv 2507.20673).
    let private gmpo (_: Clip) aggregation =
        let clip: LogClip = { EpsilonLow = 0.4; EpsilonHigh = 0.4 }
        rule "gmpo" aggregation (RatioObjective.gmpo clip) (RatioObjective.diagnoseGmpo clip)

    /// Temperatures 1 and 1.05 (arXiv 2511.20347).
    let private sapo (clip: Clip) _ =
        let gate =
            {
                TemperaturePositive = 1.0
                TemperatureNegative = 1.05
                LogRatio = clip.LogRatio
            }

        rule "sapo" Aggregation.SequenceMeanTokenMean (RatioObjective.sapo RatioLevel.Token gate) unclipped

    let private reinforce (_: Clip) aggregation =
        rule "reinforce" aggregation ReinforceObjective.policyGradient unclipped

    /// Total variation of at most 0.15 from the policy that sampled, weights truncated at 20: the numbers of our golden cases, the
    /// form of arXiv 2602.04879 (eq. 11 to 13). It knows two policies, the sampler and the one in training, so the old one takes
    /// no part.
    let private dppo (_: Clip) aggregation =
        let region =
            {
                Divergence = BinaryDivergence.TotalVariation
                ThresholdLow = 0.15
                ThresholdHigh = 0.15
                Weight = ofToken (RatioLimit.Truncate(0.0, 20.0))
            }

        let sinceSampling (context: ObjectiveContext) =
            { context with
                Batch = context.Batch.SinceSampling
            }

        { rule "dppo" aggregation (ReinforceObjective.dppo region) (ReinforceObjective.diagnoseDppo region) with
            CorrectsSampler = true
            Loss = sinceSampling >> onTokens (ReinforceObjective.dppo region)
            Diagnose = sinceSampling >> diagnosedBy (ReinforceObjective.diagnoseDppo region)
        }

    /// k 2 and λ 3 where Â ≥ 0, 3 and 2 else, the sampler's ratio in the weight, each token the same (arXiv 2602.10693; TRL).
    let private vespo (_: Clip) _ =
        let shape =
            {
                PowerPositive = 2.0
                DecayPositive = 3.0
                PowerNegative = 3.0
                DecayNegative = 2.0
            }

        let loss (weights: float[]) (batch: TokenBatch) =
            let sampler =
                ImportanceWeight.weights (ofToken RatioLimit.Unlimited) batch batch.OldLogProbs batch.SamplerLogProbs

            ReinforceObjective.vespo shape (SamplerWeights.PerToken sampler) weights batch

        { rule "vespo" Aggregation.TokenMean loss unclipped with
            CorrectsSampler = true
        }

    /// β = 0.05 is our choice: arXiv 2405.19107 and verl leave it to the user.
    let private dro (_: Clip) aggregation =
        { rule "dro" aggregation (ReinforceObjective.dro 0.05) unclipped with
            Scope = ObjectiveScope.Sequences
        }

    /// Share 0.0002, covariances from 1 to 5 (arXiv 2505.22617; verl). The fractions are those of PPO's clip.
    let private clipCov clip aggregation =
        let settings =
            {
                Clip = clip
                Share = 0.0002
                Above = 1.0
                Below = 5.0
            }

        { clipped "clip_cov" aggregation RatioLevel.Token clip with
            Scope = ObjectiveScope.Update
            Loss =
                fun context ->
                    context |> onTokens (CovarianceObjective.clipCov settings (CandidateOrder.Drawn context.Seed))
        }

    /// Share 0.0002, coefficient 1 (arXiv 2505.22617; verl).
    let private klCov (_: Clip) aggregation =
        { rule "kl_cov" aggregation (CovarianceObjective.klCov { Share = 0.0002; Coefficient = 1.0 }) unclipped with
            Scope = ObjectiveScope.Update
        }

    let private makers: (string * (Clip -> Aggregation -> ObjectiveRule))[] =
        [|
            "clipped_surrogate", clippedSurrogate
            "dapo", dapo
            "dual_clip", dualClip
            "gspo", gspo
            "cispo", cispo
            "gmpo", gmpo
            "sapo", sapo
            "reinforce", reinforce
            "dppo", dppo
            "vespo", vespo
            "dro", dro
            "clip_cov", clipCov
            "kl_cov", klCov
        |]

    /// Names of the objectives that a run can choose.
    [<CompiledName "Names">]
    let names: string[] = makers |> Array.map fst

    /// An objective by its name. `clip` and `aggregation` are the run's, of those that leave them open. Raises
    /// ArgumentException, which lists the names, where there is none.
    [<CompiledName "Create">]
    let create (name: string) (clip: Clip) (aggregation: Aggregation) : ObjectiveRule =
        match makers |> Array.tryFind (fun (own, _) -> own = name) with
        | Some(_, make) -> make clip aggregation
        | None ->
            let known = System.String.Join(", ", names)
            invalidArg (nameof name) $"There is no objective \"{name}\"; there are {known}."
