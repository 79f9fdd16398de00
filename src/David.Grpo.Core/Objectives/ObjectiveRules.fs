namespace David.Grpo

/// Policy objectives as a run can choose them, with their authors' constants.
[<RequireQualifiedAccess>]
module ObjectiveRules =

    let private rule name aggregation loss : ObjectiveRule =
        {
            Name = name
            Aggregation = aggregation
            Loss = loss
        }

    let private makers: (string * (Clip -> Aggregation -> ObjectiveRule))[] =
        [|
            "clipped_surrogate",
            (fun clip aggregation -> rule "clipped_surrogate" aggregation (Objective.clippedSurrogate clip))
            // ε₊ = 0.28, every token the same (arXiv 2503.14476, section 3).
            "dapo",
            (fun clip _ ->
                rule
                    "dapo"
                    Aggregation.TokenMean
                    (Objective.clippedSurrogate
                        { clip with
                            EpsilonLow = 0.2
                            EpsilonHigh = 0.28
                        }))
            // c = 3 (verl).
            "dual_clip",
            (fun clip aggregation ->
                rule "dual_clip" aggregation (Objective.clippedSurrogate { clip with Dual = DualClip.At 3.0 }))
            // ε 3e-4 and 4e-4 (arXiv 2507.18071, section 5.1).
            "gspo",
            (fun clip _ ->
                rule
                    "gspo"
                    Aggregation.SequenceMeanTokenMean
                    (Objective.clippedSurrogateAt
                        RatioLevel.SequenceMean
                        { clip with
                            EpsilonLow = 3e-4
                            EpsilonHigh = 4e-4
                        }))
            // The weight is truncated, no gradient is dropped (arXiv 2506.13585); bounds as verl's clip.
            "cispo",
            (fun clip _ ->
                rule
                    "cispo"
                    Aggregation.TokenMean
                    (ReinforceObjective.cispo
                        {
                            Level = RatioLevel.Token
                            LogRatio = clip.LogRatio
                            Limit = RatioLimit.Truncate(max 0.0 (1.0 - clip.EpsilonLow), 1.0 + clip.EpsilonHigh)
                        }))
            // e^±0.4 (arXiv 2507.20673).
            "gmpo",
            (fun _ aggregation -> rule "gmpo" aggregation (RatioObjective.gmpo { EpsilonLow = 0.4; EpsilonHigh = 0.4 }))
            // Temperatures 1 and 1.05 (arXiv 2511.20347).
            "sapo",
            (fun clip _ ->
                rule
                    "sapo"
                    Aggregation.SequenceMeanTokenMean
                    (RatioObjective.sapo
                        RatioLevel.Token
                        {
                            TemperaturePositive = 1.0
                            TemperatureNegative = 1.05
                            LogRatio = clip.LogRatio
                        }))
            "reinforce", (fun _ aggregation -> rule "reinforce" aggregation ReinforceObjective.policyGradient)
            // Share 0.0002, covariances from 1 to 5 (arXiv 2505.22617; verl).
            "clip_cov",
            (fun clip aggregation ->
                rule
                    "clip_cov"
                    aggregation
                    (CovarianceObjective.clipCov
                        {
                            Clip = clip
                            Share = 0.0002
                            Above = 1.0
                            Below = 5.0
                        }
                        (CandidateOrder.Drawn(Seed.ofInt64 0L))))
            // Share 0.0002, coefficient 1 (arXiv 2505.22617; verl).
            "kl_cov",
            (fun _ aggregation ->
                rule "kl_cov" aggregation (CovarianceObjective.klCov { Share = 0.0002; Coefficient = 1.0 }))
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
