using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Serialization;
using David.Grpo.Configuration;

namespace David.Grpo.Learning;

/// <summary>How token losses become one number.</summary>
public enum Mean
{
    /// <summary>Over all tokens.</summary>
    Token,

    /// <summary>Token, then sequence.</summary>
    Sequence,

    /// <summary>Token, then sequence, then question (the authors').</summary>
    Question,
}

/// <summary>What spending costs in the reward.</summary>
public enum Spending
{
    /// <summary>Nothing.</summary>
    Free,

    /// <summary>The price a search.</summary>
    Searches,

    /// <summary>The price for each search more or less than the group's evidence needed.</summary>
    DepthGap,

    /// <summary>OTC's factor: right answers earn most with the fewest searches of the group's right ones.</summary>
    GatedByCalls,
}

/// <summary>How the learner corrects for a sampler whose log-probabilities differ from its own.</summary>
public enum SamplerCorrection
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Each token's ratio, truncated at the bound (TIS).</summary>
    TokenTruncate,

    /// <summary>Each token's ratio; tokens beyond the bound, or below its inverse, are left out (IcePop).</summary>
    TokenMask,

    /// <summary>The sequence's ratio, truncated at the bound.</summary>
    SequenceTruncate,

    /// <summary>The sequence's ratio; sequences beyond the bound, or below its inverse, are left out.</summary>
    SequenceMask,

    /// <summary>The geometric mean of the sequence's ratios; sequences beyond the bound, or below its inverse, are left out.</summary>
    GeometricMask,
}

/// <summary>What moves the price of spending to hold spend_target.</summary>
public enum Controller
{
    /// <summary>Proportional, integral and derivative of the excess.</summary>
    Pid,

    /// <summary>The excess alone.</summary>
    DualAscent,

    /// <summary>
    /// The relative excess; only what a rollout spends above the target is charged, being under it is never paid (LACONIC).
    /// </summary>
    OneSided,
}

/// <summary>What a run learns by. The defaults are the authors' (method of arXiv 2601.21699, code of September 2026).</summary>
public record MethodOptions
{
    [Description("the compared method")]
    [NamedBy(typeof(Arms), nameof(Arms.Names))]
    public string Arm { get; init; } = "david";

    [Description("how rewards become advantages; leave out for the arm's own")]
    [NamedBy(typeof(AdvantageRules), nameof(AdvantageRules.Names))]
    public string? Advantage { get; init; }

    [Description("the policy's objective; leave out for the arm's own")]
    [NamedBy(typeof(ObjectiveRules), nameof(ObjectiveRules.Names))]
    public string? Objective { get; init; }

    [Description("which questions a main step samples, and how often each")]
    [NamedBy(typeof(AllocationRules), nameof(AllocationRules.Names))]
    public string Allocation { get; init; } = "uniform";

    [Description("what comes before the main phase; leave out for the arm's own")]
    public WarmUp? WarmUp { get; init; }

    [Description("pay coverage when it is found instead of at the end")]
    public bool CreditTurns { get; init; }

    [Description("weight of evidence coverage in the reward, of the arms that reward it")]
    [Range(0.0, 1.0)]
    public double Lambda { get; init; } = 0.5;

    [Description("steps of the arm's warm-up: expert bootstrapping or imitation")]
    [Range(0, int.MaxValue)]
    public int BootstrapSteps { get; init; } = 50;

    [Description("rollouts of a bootstrapping group")]
    [Range(1, 1024)]
    public int BootstrapGroupSize { get; init; } = 5;

    [Description("main steps at most; the budget may end the run before")]
    [Range(0, int.MaxValue)]
    public int MainSteps { get; init; } = 215;

    [Description("questions of a main step")]
    [Range(1, 65536)]
    public int QuestionsPerStep { get; init; } = 24;

    [Description("rollouts of a main group; some arms fix it")]
    [Range(1, 1024)]
    public int GroupSize { get; init; } = 5;

    [Description("continuations of a group without a perfect trajectory (david's arms)")]
    [Range(0, 1024)]
    public int Continuations { get; init; } = 5;

    [Description("where a continuation starts")]
    public CutPoint Cut { get; init; } = CutPoint.EvidenceOfBest;

    [Description("when a continuation takes the worst member's place")]
    public ReplacementCriterion Replacement { get; init; } = ReplacementCriterion.BetterThanBest;

    [Description("what spending costs in the reward")]
    public Spending Spending { get; init; } = Spending.Free;

    [Description("the price of what is spent; with spend_target the price that the run begins with")]
    [Range(0.0, 100.0)]
    public double Price { get; init; } = 0.05;

    [Description("what a rollout may spend on the average: the price is moved to hold it; leave out to keep the price")]
    [Range(0.0, 1e9)]
    public double? SpendTarget { get; init; }

    [Description("what moves the price to hold spend_target")]
    public Controller Controller { get; init; } = Controller.Pid;

    [Description("let no cost put a right trajectory below a wrong one of its group")]
    public bool KeepOrder { get; init; } = true;

    [Description("supervised updates after a main step on trajectories that the run solved before (self-imitation)")]
    [Range(0, 1000)]
    public int Rehearsals { get; init; }

    [Description("solved trajectories of such an update, one a question")]
    [Range(1, 65536)]
    public int RehearsalSize { get; init; } = 48;

    [Description("optimizer batches that a main step's groups are split into")]
    [Range(1, 65536)]
    public int Minibatches { get; init; } = 2;

    [Description("optimizer batches that a bootstrapping step's groups are split into")]
    [Range(1, 65536)]
    public int BootstrapMinibatches { get; init; } = 1;

    [Description("passes over a step's groups")]
    [Range(1, 1024)]
    public int Epochs { get; init; } = 1;

    [Description("sampling temperature in training; log-probabilities in the objective are taken at it too")]
    [Range(0.01, 10.0)]
    public double Temperature { get; init; } = 0.6;

    [Description("learning rate of the main phase")]
    [Range(0.0, 1.0)]
    public double LearningRate { get; init; } = 1e-6;

    [Description("learning rate of the bootstrapping phase")]
    [Range(0.0, 1.0)]
    public double BootstrapLearningRate { get; init; } = 1e-5;

    [Description("learning rate of the critic, of the arms that have one")]
    [Range(0.0, 1.0)]
    public double CriticLearningRate { get; init; } = 1e-5;

    [Description("clip of the surrogate, both sides")]
    [Range(0.0, 1.0)]
    public double ClipEpsilon { get; init; } = 0.2;

    [Description("weight of the KL divergence from the reference (k2), main phase only")]
    [Range(0.0, 100.0)]
    public double KlCoefficient { get; init; } = 0.001;

    [Description("weight of the entropy bonus")]
    [Range(0.0, 100.0)]
    public double EntropyCoefficient { get; init; } = 0.001;

    [Description("added to the standard deviation of a group's rewards")]
    [Range(0.0, 1.0)]
    public double AdvantageEpsilon { get; init; } = 1e-6;

    [Description("token, sequence or question")]
    public Mean Mean { get; init; } = Mean.Question;

    [Description("take old log-probabilities from the learner instead of the sampler")]
    public bool RecomputeOldLogProbs { get; init; } = true;

    [Description("how tokens are weighted where sampler and learner disagree; needs recompute_old_log_probs")]
    public SamplerCorrection SamplerCorrection { get; init; } = SamplerCorrection.None;

    [Description("the largest ratio of learner to sampler that sampler_correction lets pass")]
    [Range(1.0, 1e9)]
    public double SamplerBound { get; init; } = 2;

    [Description("the share of tokens that is learned from, the most uncertain ones; 0.2 in 'Beyond the 80/20 Rule'")]
    [Range(0.0, 1.0)]
    public double LearnedShare { get; init; } = 1;

    /// <summary>Decoupled weight decay of AdamW.</summary>
    [Range(0.0, 1.0)]
    public double WeightDecay { get; init; } = 0.01;

    [Description("AdamW's second decay")]
    [Range(0.0, 1.0)]
    public double Beta2 { get; init; } = 0.999;

    [Description("Euclidean norm that gradients are scaled down to; 0 leaves them")]
    [Range(0.0, 1e9)]
    public double MaxGradientNorm { get; init; } = 1;

    /// <summary>
    /// How the price of spending is set. Gains are per search: one search too many a question raises PID's price by 0.1 at once
    /// and by 0.05 a step, dual ascent's by 0.05 a step; the one-sided price rises by 0.1 a step where the mean is twice the target.
    /// </summary>
    [JsonIgnore]
    public PriceControl PriceControl =>
        SpendTarget is not { } target
            ? PriceControl.NewFixed(Price)
            : Controller switch
            {
                Controller.DualAscent => PriceControl.NewAscent(Ascent(target, 0.05)),
                Controller.OneSided => PriceControl.NewOneSided(Ascent(target, 0.1)),
                _ => PriceControl.NewPid(
                    new PidOptions(
                        budget: target,
                        proportional: 0.1,
                        integral: 0.05,
                        derivative: 0.05,
                        proportionalSmoothing: 0.5,
                        derivativeSmoothing: 0.5,
                        delay: 1,
                        initial: Price,
                        ceiling: 10
                    )
                ),
            };

    private DualAscentOptions Ascent(double target, double stepSize) =>
        new(budget: target, stepSize: stepSize, initial: Price, ceiling: 10);

    /// <summary>How tokens are weighted where sampler and learner disagree; null for not at all.</summary>
    [JsonIgnore]
    public ImportanceWeight? SamplerWeight =>
        SamplerCorrection switch
        {
            SamplerCorrection.TokenTruncate => Weight(RatioLevel.Token, Truncated),
            SamplerCorrection.TokenMask => Weight(RatioLevel.Token, Masked),
            SamplerCorrection.SequenceTruncate => Weight(RatioLevel.SequenceProduct, Truncated),
            SamplerCorrection.SequenceMask => Weight(RatioLevel.SequenceProduct, Masked),
            SamplerCorrection.GeometricMask => Weight(RatioLevel.SequenceMean, Masked),
            _ => null,
        };

    private RatioLimit Truncated => RatioLimit.NewTruncate(0, SamplerBound);

    private RatioLimit Masked => RatioLimit.NewMask(1 / SamplerBound, SamplerBound);

    // The bound of the log-ratio is verl's.
    private static ImportanceWeight Weight(RatioLevel level, RatioLimit limit) =>
        new(level, LogRatioBound.NewWithin(20), limit);

    private SpendingRule SpendingRule()
    {
        SpendingRule rule = Spending switch
        {
            Spending.Searches => SpendingRules.Searches,
            Spending.DepthGap => SpendingRules.DepthGap,
            Spending.GatedByCalls => SpendingRules.GatedByCalls,
            _ => SpendingRules.Free,
        };
        if (Controller == Controller.OneSided && SpendTarget is { } target)
            rule = SpendingRules.Above(target, rule);
        return KeepOrder && Spending != Spending.Free ? SpendingRules.KeepOrder(rule) : rule;
    }

    /// <summary>Refuses options that would do nothing to an arm, or that contradict it.</summary>
    /// <exception cref="ArgumentException">There are such; the text says what to do.</exception>
    public void Check(Arm arm)
    {
        MethodOptions defaults = new();
        bool isFree = arm.Spending.Name == SpendingRules.Free.Name;
        string? inert =
            isFree && SpendTarget is { } target
                ? $"spend_target is {target}, but nothing is charged for. Say for what: spending: searches (or depth_gap, gated_by_calls)"
            : isFree && Price != defaults.Price && Price != 0
                ? $"price is {Price}, but nothing is charged for. Say for what: spending: searches (or depth_gap, gated_by_calls)"
            : SpendTarget is null && Controller != defaults.Controller
                ? $"controller is {Name(Controller)}, but there is no spend_target for it to hold. Set one"
            : CreditTurns && !arm.Advantage.ReadsTurns
                ? $"credit_turns is true, but the estimator {arm.Advantage.Name} looks at totals alone. "
                    + "Take one that looks at turns: advantage: same_turn (or until_found, gae, gigpo)"
            : SamplerCorrection == SamplerCorrection.None && SamplerBound != defaults.SamplerBound
                ? $"sampler_bound is {SamplerBound}, but sampler_correction is none. Name one"
            : null;
        if (inert is not null)
            throw new ArgumentException($"{inert}, or leave it out.");
    }

    private static string Name<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName($"{value}");

    /// <summary>The arm that these options name, with its settings filled in.</summary>
    /// <param name="task">What the task gives to reward by.</param>
    /// <exception cref="ArgumentException">There is no such arm, or options contradict each other.</exception>
    public Arm Create(TaskRewards task)
    {
        if (SamplerCorrection != SamplerCorrection.None && !RecomputeOldLogProbs)
            throw new ArgumentException(
                $"sampler_correction is {SamplerCorrection}, but recompute_old_log_probs is false: the old log-probabilities are then the sampler's own. Set it to true."
            );
        Scale scale = Scale.NewSampleDeviation(AdvantageEpsilon);
        Clip clip = Clip.Symmetric(ClipEpsilon);
        Aggregation aggregation = Mean switch
        {
            Mean.Token => Aggregation.TokenMean,
            Mean.Sequence => Aggregation.SequenceMeanTokenMean,
            _ => Aggregation.QuestionMean,
        };
        Arm arm = Arms.Create(
            Arm,
            new ArmSettings(
                task: task,
                lambda: Lambda,
                groupSize: GroupSize,
                continuations: Continuations,
                cut: Cut,
                replacement: Replacement,
                scale: scale,
                clip: clip,
                aggregation: aggregation,
                spending: SpendingRule(),
                allocation: AllocationRules.Create(Allocation)
            )
        );
        if (CreditTurns)
            arm = arm.WithReward(Reward.CreditTurns(Lambda, arm.Reward));
        if (Advantage is not null)
            arm = arm.WithAdvantage(AdvantageRules.Create(Advantage, scale));
        if (Objective is not null)
            arm = arm.WithObjective(ObjectiveRules.Create(Objective, clip, aggregation));
        if (SamplerCorrection != SamplerCorrection.None && arm.Objective.CorrectsSampler)
            throw new ArgumentException(
                $"sampler_correction is {SamplerCorrection}, but the objective {arm.Objective.Name} corrects for the sampler itself. Set it to none."
            );
        return arm.WithWarmUp(WarmUp ?? arm.WarmUp);
    }
}
