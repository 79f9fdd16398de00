using System.Text.Json;
using System.Text.Json.Serialization;
using David.Grpo.Rollout;
using David.Grpo.Runs;

namespace David.Grpo.Exits;

/// <summary>What a calibrated exit goes by.</summary>
public enum ExitMeasure
{
    /// <summary>The least probability of the trial answer's tokens.</summary>
    Min,

    /// <summary>Their arithmetic mean.</summary>
    Mean,

    /// <summary>Their geometric mean.</summary>
    Geometric,

    /// <summary>1 less the mean entropy of the tokens, over that of all words being alike.</summary>
    Entropy,

    /// <summary>The mean of the best less the second-best probability.</summary>
    Margin,

    /// <summary>How long the trial answer has stayed the same.</summary>
    Stability,

    /// <summary>The expected gain of the search that is asked: a gate on searches.</summary>
    Gain,
}

/// <summary>How a calibrated threshold was chosen.</summary>
public enum ExitMethod
{
    /// <summary>Learn then test.</summary>
    Ltt,

    /// <summary>Conformal risk control.</summary>
    Crc,
}

/// <summary>What is looked at to exit, besides the threshold.</summary>
public sealed record ExitSettings
{
    /// <summary>Of confidence.</summary>
    public required ExitMeasure Measure { get; init; }

    /// <summary>Whether the first token of a trial answer is left out of the confidence.</summary>
    public bool SkipFirst { get; init; }

    /// <summary>Turns that a trial answer must stay the same for full stability, at least 1.</summary>
    public int StableTurns { get; init; } = 2;

    /// <summary>Checks in a row that must reach the threshold, at least 1.</summary>
    public int Patience { get; init; } = 1;

    /// <summary>Searches before which nothing exits, at least 0.</summary>
    public int Floor { get; init; }

    /// <summary>A query as like an earlier one as this is not searched, by a gate on gains; null: no such cut.</summary>
    public double? Redundancy { get; init; } = 1;

    /// <summary>Tokens of a trial answer, at least 1.</summary>
    public int TrialTokens { get; init; } = 20;

    /// <summary>What decides an exit.</summary>
    /// <param name="vocabulary">Of the policy.</param>
    /// <param name="weights">Of a gain; null for other measures.</param>
    public ExitCriterion Criterion(int vocabulary, GateWeights? weights)
    {
        FirstToken first = SkipFirst ? FirstToken.Skipped : FirstToken.Counted;
        ExitCriterion Tokens(TokenMeasure measure) =>
            ExitCriterion.NewConfidence(ConfidenceMeasure.NewTokens(measure, first), Patience, Floor);
        return Measure switch
        {
            ExitMeasure.Min => Tokens(TokenMeasure.Least),
            ExitMeasure.Mean => Tokens(TokenMeasure.ArithmeticMean),
            ExitMeasure.Geometric => Tokens(TokenMeasure.GeometricMean),
            ExitMeasure.Entropy => Tokens(TokenMeasure.NewNormalizedEntropy(vocabulary)),
            ExitMeasure.Margin => Tokens(TokenMeasure.Margin),
            ExitMeasure.Stability => ExitCriterion.NewConfidence(
                ConfidenceMeasure.NewStability(StableTurns),
                Patience,
                Floor
            ),
            _ => ExitCriterion.NewGain(
                weights ?? throw new ArgumentNullException(nameof(weights), "A gain needs fitted weights."),
                Redundancy ?? double.PositiveInfinity
            ),
        };
    }

    /// <summary>Forces a trial answer at every check and lets every episode go to its end: what calibration records.</summary>
    public static ExitPolicy Recording(int trialTokens) =>
        new()
        {
            Rule = new ExitThreshold(ConfidenceMeasure.NewStability(1), double.PositiveInfinity, 1, 0),
            TrialTokens = trialTokens,
        };

    /// <summary>The criterion at a threshold, for the engine; none safe never exits and forces no trial.</summary>
    public static ExitPolicy? Policy(ExitCriterion criterion, Threshold threshold, int trialTokens) =>
        (criterion, threshold) switch
        {
            (_, { IsNoneSafe: true }) => null,
            (ExitCriterion.Gain gain, Threshold.At at) => new ExitPolicy
            {
                Gate = new SearchGate(gain.weights, 1, -at.tau, gain.redundancy),
                TrialTokens = trialTokens,
            },
            _ => new ExitPolicy { Rule = ExitCalibration.Rule(criterion, threshold), TrialTokens = trialTokens },
        };

    internal string? Fault() =>
        StableTurns < 1 ? $"stable_turns is {StableTurns}; expected at least 1"
        : Patience < 1 ? $"patience is {Patience}; expected at least 1"
        : Floor < 0 ? $"floor is {Floor}; expected at least 0"
        : TrialTokens < 1 ? $"trial_tokens is {TrialTokens}; expected at least 1"
        : Redundancy is { } cut && !(cut > 0) ? $"redundancy is {cut}; expected a number above 0, or null"
        : null;
}

/// <summary>What a policy was asked in, when it was calibrated or is used.</summary>
/// <param name="Policy">Fingerprint of the policy.</param>
/// <param name="Protocol">"text" or "world".</param>
/// <param name="Temperature">0 is greedy.</param>
/// <param name="MaxSearches">Searches that were answered at most.</param>
/// <param name="TopK">Passages a search.</param>
public sealed record ExitConditions(string Policy, string Protocol, double Temperature, int MaxSearches, int TopK);

/// <summary>What the gate's weights are, as a file holds them.</summary>
public sealed record GateFit
{
    /// <summary>Of 1.</summary>
    public required double Bias { get; init; }

    /// <summary>Of the gap between the first scores.</summary>
    public required double ScoreGap { get; init; }

    /// <summary>Of the entropy of the trial answer.</summary>
    public required double AnswerEntropy { get; init; }

    /// <summary>Of the searches still needed.</summary>
    public required double HopsLeft { get; init; }

    /// <summary>Of the query's likeness to earlier ones.</summary>
    public required double Redundancy { get; init; }

    /// <summary>Questions that they were fitted to; none of them chose the threshold.</summary>
    public required int Questions { get; init; }

    /// <summary>The record of fitted weights.</summary>
    public static GateFit Of(GateWeights weights, int questions) =>
        new()
        {
            Bias = weights.Bias,
            ScoreGap = weights.ScoreGap,
            AnswerEntropy = weights.AnswerEntropy,
            HopsLeft = weights.HopsLeft,
            Redundancy = weights.Redundancy,
            Questions = questions,
        };

    /// <summary>As the gate takes them.</summary>
    public GateWeights Weights() => new(Bias, ScoreGap, AnswerEntropy, HopsLeft, Redundancy);
}

/// <summary>A calibrated exit: what <c>david calibrate</c> writes and <c>david eval --exit</c> reads.</summary>
public sealed record ExitFile
{
    private const int CurrentFormat = 1;

    private static readonly JsonSerializerOptions Strict = new(RunJson.Document)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Of the file; another is refused.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>What is measured.</summary>
    public required ExitSettings Settings { get; init; }

    /// <summary>Of a gain; null for other measures.</summary>
    public GateFit? Gate { get; init; }

    /// <summary>
    /// τ: an exit wherever the measure reaches it (for a gain minus the price of a search); null where none is safe, so that
    /// nothing exits.
    /// </summary>
    public required double? Threshold { get; init; }

    /// <summary>Of calibration.</summary>
    public required ExitMethod Method { get; init; }

    /// <summary>What the excess risk is held to.</summary>
    public required double Risk { get; init; }

    /// <summary>With what probability it may be missed, for learn then test; null for conformal risk control.</summary>
    public required double? Delta { get; init; }

    /// <summary>Questions that chose the threshold, and what it does to them.</summary>
    public required int Questions { get; init; }

    /// <summary>On the calibration questions.</summary>
    public required double ExcessRisk { get; init; }

    /// <summary>The share of calibration questions answered early.</summary>
    public required double EarlyExits { get; init; }

    /// <summary>Under which it was calibrated.</summary>
    public required ExitConditions Conditions { get; init; }

    /// <summary>What decides an exit.</summary>
    public ExitCriterion Criterion(int vocabulary) => Settings.Criterion(vocabulary, Gate?.Weights());

    /// <summary>The threshold.</summary>
    [JsonIgnore]
    public Threshold Tau => Threshold is { } tau ? Grpo.Threshold.NewAt(0, tau) : Grpo.Threshold.NoneSafe;

    /// <summary>What an engine exits by.</summary>
    public ExitPolicy? Policy(int vocabulary) => ExitSettings.Policy(Criterion(vocabulary), Tau, Settings.TrialTokens);

    /// <summary>Writes it as JSON.</summary>
    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Strict) + "\n");

    /// <summary>Reads what Write wrote.</summary>
    /// <exception cref="InvalidDataException">It is no such file, or a value is out of range; the text says which.</exception>
    public static ExitFile Read(string path)
    {
        InvalidDataException Fault(string what, Exception? inner = null) =>
            new($"{path} is no calibrated exit: {what}. Write one with david calibrate.", inner);
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path} does not exist. Write it with david calibrate.", path);
        ExitFile file;
        try
        {
            file = JsonSerializer.Deserialize<ExitFile>(File.ReadAllText(path), Strict) ?? throw Fault("it holds null");
        }
        catch (JsonException wrong)
        {
            throw Fault(wrong.Message.TrimEnd('.'), wrong);
        }
        string? fault =
            file.Format != CurrentFormat ? $"its format is {file.Format}; this program reads {CurrentFormat}"
            : file.Settings.Measure == ExitMeasure.Gain && file.Gate is null ? "its measure is gain, but it has no gate"
            : file.Settings.Measure == ExitMeasure.Gain && file.Threshold > 0
                ? $"its threshold is {file.Threshold}; that of a gain is minus a price, so at most 0"
            : file.Settings.Fault();
        return fault is null ? file : throw Fault(fault);
    }

    /// <summary>Refuses another policy or protocol than it was calibrated with.</summary>
    /// <returns>What else differs, so that the risk may not be held; null where nothing does.</returns>
    /// <exception cref="InvalidDataException">The policy or the protocol is another one.</exception>
    public string? Check(ExitConditions used, string path)
    {
        if (used.Policy != Conditions.Policy)
            throw new InvalidDataException(
                $"{path} was calibrated for another policy ({Conditions.Policy[..Math.Min(12, Conditions.Policy.Length)]}…, not "
                    + $"{used.Policy[..Math.Min(12, used.Policy.Length)]}…). Confidence means something else in each: run "
                    + "david calibrate with this one."
            );
        if (used.Protocol != Conditions.Protocol)
            throw new InvalidDataException(
                $"{path} was calibrated with --protocol {Conditions.Protocol}, not {used.Protocol}. Run david calibrate with "
                    + $"--protocol {used.Protocol}."
            );
        return used == Conditions
            ? null
            : $"calibrated at temperature {Conditions.Temperature}, {Conditions.MaxSearches} searches and "
                + $"{Conditions.TopK} passages, used at {used.Temperature}, {used.MaxSearches} and {used.TopK}: "
                + "the risk is not vouched for";
    }
}
