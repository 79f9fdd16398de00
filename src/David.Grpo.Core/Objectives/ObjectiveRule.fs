namespace David.Grpo

/// What an objective is given of an update, or of some of its sequences.
type ObjectiveContext =
    {
        /// [N] an aggregation's, with the factors that a run puts on them.
        Weights: float[]
        /// The tokens, with what was known of them before the update.
        Batch: TokenBatch
        /// [N] in nats, under the policy in training.
        LogProbs: float[]
        /// [N] in nats, of the distributions that the tokens were drawn from, under the policy in training.
        Entropies: float[]
        /// Of the update, the same for all its parts.
        Seed: Seed
    }

/// Which tokens of an update an objective must see.
type ObjectiveScope =
    /// Sequences with an advantage, in parts of any size whose losses add up: the others have no slopes.
    | Advantaged = 0
    /// All sequences, in parts of any size whose losses add up: one without an advantage has slopes too.
    | Sequences = 1
    /// All of the update's tokens at once. Where they are several passes of the policy, one more forward pass is computed.
    | Update = 2

/// How a policy term is computed and summed.
type ObjectiveRule =
    {
        /// In snake_case.
        Name: string
        /// How token losses become one number.
        Aggregation: Aggregation
        /// What it must be given.
        Scope: ObjectiveScope
        /// Whether it weighs by SamplerLogProbs itself, so that no factor of the weights may.
        CorrectsSampler: bool
        /// The loss and its slopes by the log-probabilities, [N].
        Loss: ObjectiveContext -> Loss
        /// How far the update has gone, and what its own clip does about it.
        Diagnose: ObjectiveContext -> Diagnostics
    }

    /// `Loss`, for C#.
    member rule.Of(context: ObjectiveContext) : Loss = rule.Loss context

    /// `Diagnose`, for C#.
    member rule.DiagnosticsOf(context: ObjectiveContext) : Diagnostics = rule.Diagnose context

    /// A rule of one's own, without a clip to report.
    static member Create
        (name: string, aggregation: Aggregation, scope: ObjectiveScope, loss: System.Func<ObjectiveContext, Loss>)
        : ObjectiveRule =
        {
            Name = name
            Aggregation = aggregation
            Scope = scope
            CorrectsSampler = false
            Loss = loss.Invoke
            Diagnose =
                fun context ->
                    Objective.diagnose (Clip.Symmetric infinity) context.Batch context.LogProbs context.Entropies
        }

    /// The same with diagnostics of one's own.
    member rule.WithDiagnostics(diagnose: System.Func<ObjectiveContext, Diagnostics>) : ObjectiveRule =
        { rule with Diagnose = diagnose.Invoke }
