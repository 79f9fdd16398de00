namespace David.Grpo

/// How a policy term is computed and summed.
type ObjectiveRule =
    {
        /// In snake_case.
        Name: string
        /// How token losses become one number.
        Aggregation: Aggregation
        /// From the aggregation's weights [N], the batch and the log-probabilities [N] to the loss and its slopes.
        Loss: float[] -> TokenBatch -> float[] -> Loss
    }

    /// `Loss`, for C#.
    member rule.Of(weights: float[], batch: TokenBatch, logProbs: float[]) : Loss = rule.Loss weights batch logProbs

    /// A rule of one's own.
    static member Create
        (name: string, aggregation: Aggregation, loss: System.Func<float[], TokenBatch, float[], Loss>)
        : ObjectiveRule =
        {
            Name = name
            Aggregation = aggregation
            Loss = fun weights batch logProbs -> loss.Invoke(weights, batch, logProbs)
        }
