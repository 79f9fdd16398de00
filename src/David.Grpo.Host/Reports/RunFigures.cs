using David.Grpo.Figures;
using David.Grpo.Runs;

namespace David.Grpo.Reports;

/// <summary>The figures of a run's page.</summary>
internal static class RunFigures
{
    private static readonly Axis Rollouts = Axis.Linear("rollouts", "");

    /// <summary>Evaluations with their intervals; null where there are fewer than two.</summary>
    public static Section? Learning(RunLog run)
    {
        if (run.Evaluations.Length < 2)
            return null;
        int[] sizes = [.. run.Evaluations.Select(evaluation => evaluation.Questions).Distinct()];
        Panel Of(
            string title,
            string label,
            string unit,
            double scale,
            string name,
            Func<EvaluationMetrics, double> pick
        ) =>
            Panel.Curves(
                title,
                Rollouts,
                Axis.Linear(label, unit),
                [
                    .. sizes.Select(questions =>
                    {
                        EvaluationMetrics[] own =
                        [
                            .. run.Evaluations.Where(evaluation => evaluation.Questions == questions),
                        ];
                        double End(EvaluationMetrics evaluation, int end) =>
                            scale
                            * (
                                evaluation.Intervals.TryGetValue(name, out double[]? interval)
                                    ? interval[end]
                                    : pick(evaluation)
                            );
                        return Curve.Band(
                            Questions(questions),
                            [.. own.Select(evaluation => (double)evaluation.Rollouts)],
                            [.. own.Select(evaluation => scale * pick(evaluation))],
                            [.. own.Select(evaluation => End(evaluation, 0))],
                            [.. own.Select(evaluation => End(evaluation, 1))]
                        );
                    }),
                ]
            );
        string parts =
            sizes.Length > 1
                ? $" Those during training are over the first {Number.Fixed(0, sizes.Min())} questions."
                : "";
        return Section.NewFigure(
            Figure
                .Page(
                    "Learning curves",
                    "Exact match, F1, evidence coverage and searches a question by rollouts.",
                    2,
                    [
                        Of("Exact match", "EM", "%", 100, "exact_match", own => own.ExactMatch),
                        Of("F1", "F1", "%", 100, "f1", own => own.F1),
                        Of("Evidence coverage", "coverage", "%", 100, "coverage", own => own.Coverage),
                        Of(
                            "Searches",
                            "searches a question",
                            "",
                            1,
                            "searches_per_question",
                            own => own.SearchesPerQuestion
                        ),
                    ]
                )
                .StyledBy([.. sizes.Select(Questions)]),
            $"Evaluations with 95 % bootstrap intervals over questions.{parts}"
        );
    }

    private static string Questions(int count) => $"{Number.Fixed(0, count)} questions";

    /// <summary>What each step did; null where none was made.</summary>
    public static Section[]? Training(RunLog run)
    {
        StepMetrics[] steps = [.. run.Steps.Where(step => step.Phase != "imitation")];
        if (steps.Length == 0)
            return null;
        double[] x = [.. steps.Select(step => (double)step.Rollouts)];
        Curve Of(string name, double scale, Func<StepMetrics, double> pick) =>
            Curve.Line(name, x, [.. steps.Select(step => scale * pick(step))]);
        // A panel's only curve needs no name beside the title.
        Panel One(string title, string label, string unit, double scale, Func<StepMetrics, double> pick) =>
            Panel.Curves(title, Rollouts, Axis.Linear(label, unit), [Of("", scale, pick)]);
        List<Panel> panels =
        [
            One("Reward", "mean reward", "", 1, step => step.Reward),
            One("Exact match in training", "EM", "%", 100, step => step.ExactMatch),
            One("Searches", "a rollout", "", 1, step => step.SearchesPerQuestion),
            One("Dead groups", "share", "%", 100, step => step.DeadGroups),
        ];
        if (steps.Any(step => step.Experts + step.Continued > 0))
            panels.Add(
                Panel.Curves(
                    "Exploration",
                    Rollouts,
                    Axis.Linear("groups", ""),
                    [
                        Of("an expert joined", 1, step => step.Experts),
                        Of("continued", 1, step => step.Continued),
                        Of("replaced", 1, step => step.Replaced),
                    ]
                )
            );
        if (steps.Any(step => step.Price != steps[0].Price))
            panels.Add(One("Price of spending", "price", "", 1, step => step.Price));
        Panel[] update =
        [
            One("Entropy", "nats a token", "", 1, step => step.Entropy),
            One("Divergence from the sampler", "nats a token", "", 1, step => step.ApproximateKl),
            One("Clipped tokens", "share", "%", 100, step => step.ClipFraction),
            One("Gradient norm", "before clipping", "", 1, step => step.GradientNorm),
        ];
        string[] terms = [.. steps.SelectMany(step => step.Terms.Keys).Distinct().Order(StringComparer.Ordinal)];
        return
        [
            Section.NewFigure(
                Figure.Page("Training", "Means over each step's rollouts, by rollouts.", 2, [.. panels]),
                "Means over each step's own rollouts; experts and continuations count in the groups only. A dead group has equal rewards throughout and teaches nothing."
            ),
            Section.NewDetails(
                "The updates",
                [
                    Section.NewFigure(
                        Figure.Page("Updates", "Diagnostics of each step's updates, by rollouts.", 2, update),
                        "Means over the optimizer steps of each training step."
                    ),
                ]
            ),
            .. terms.Length == 0
                ? (Section[])[]
                :
                [
                    Section.NewDetails(
                        "Terms of the reward",
                        [
                            Section.NewFigure(
                                Figure.Page(
                                    "Terms of the reward",
                                    "Each term of the reward by rollouts.",
                                    2,
                                    [
                                        .. terms.Select(term =>
                                            One(
                                                term.Replace('_', ' '),
                                                "before weighing",
                                                "",
                                                1,
                                                step => step.Terms.GetValueOrDefault(term)
                                            )
                                        ),
                                    ]
                                ),
                                "Each term before weighing, means over a step's rollouts."
                            ),
                        ]
                    ),
                ],
        ];
    }
}
