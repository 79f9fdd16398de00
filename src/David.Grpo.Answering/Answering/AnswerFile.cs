using System.Text.Json;
using System.Text.Json.Serialization;
using David.Grpo.Search;

namespace David.Grpo.Answering;

/// <summary>Who answers, and how.</summary>
/// <param name="Reader">"quotes", "policy", "retrieve_first" or "policy_then_engine".</param>
/// <param name="Policy">Fingerprint of the policy; "none" for quotes.</param>
/// <param name="Temperature">0 is greedy.</param>
/// <param name="TopK">Passages a search.</param>
/// <param name="Depth">Searches in the policy's name at most.</param>
/// <param name="Exit">The exit that is in use; empty for none.</param>
public sealed record AnswerConditions(
    string Reader,
    string Policy,
    double Temperature,
    int TopK,
    int Depth,
    string Exit
);

/// <summary>A calibrated threshold on answers: what <c>david ask calibrate</c> writes and <c>david ask --calibrated</c> reads.</summary>
public sealed record AnswerFile
{
    private const int CurrentFormat = 1;

    private static readonly JsonSerializerOptions Strict = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Of the file's layout.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>Answers of this confidence and above are given; null: none is safe, so that none is given.</summary>
    public required double? Threshold { get; init; }

    /// <summary>The share of given answers that may be wrong.</summary>
    public required double Risk { get; init; }

    /// <summary>With what probability, over labelled questions, that may be missed.</summary>
    public required double Delta { get; init; }

    /// <summary>Labelled questions that picked the threshold.</summary>
    public required int Questions { get; init; }

    /// <summary>How many of them it answers.</summary>
    public required int Given { get; init; }

    /// <summary>How many of those it answers wrongly.</summary>
    public required int Wrong { get; init; }

    /// <summary>SHA-256 of the corpus.</summary>
    public required string Corpus { get; init; }

    /// <summary>Who answered, and how: the threshold holds for no other.</summary>
    public required AnswerConditions Conditions { get; init; }

    /// <summary>The threshold as a rule.</summary>
    [JsonIgnore]
    public AnswerThreshold Rule => Threshold is { } tau ? AnswerThreshold.NewAtLeast(tau) : AnswerThreshold.Never;

    /// <summary>Writes it as JSON; what was there is replaced.</summary>
    public void Write(string path) => File.WriteAllText(path, JsonSerializer.Serialize(this, Strict) + "\n");

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">It is no such file, or a value is out of range; the text says which.</exception>
    public static AnswerFile Read(string path)
    {
        InvalidDataException Fault(string what, Exception? inner = null) =>
            new($"{path} is no calibration of answers: {what}. Write one with david ask calibrate.", inner);
        if (!File.Exists(path))
            throw new FileNotFoundException($"{path} does not exist. Write it with david ask calibrate.", path);
        AnswerFile file;
        try
        {
            file =
                JsonSerializer.Deserialize<AnswerFile>(File.ReadAllText(path), Strict) ?? throw Fault("it holds null");
        }
        catch (JsonException wrong)
        {
            throw Fault(wrong.Message.TrimEnd('.'), wrong);
        }
        return file switch
        {
            { Format: not CurrentFormat } => throw Fault(
                $"its format is {file.Format}; this program reads {CurrentFormat}"
            ),
            { Threshold: < 0 or > 1 } => throw Fault($"its threshold is {file.Threshold}; expected 0 to 1, or null"),
            _ => file,
        };
    }

    /// <summary>Refuses another reader or policy than it was calibrated with.</summary>
    /// <returns>What else differs, so that the risk is not vouched for; null where nothing does.</returns>
    /// <exception cref="InvalidDataException">The reader or the policy is another one.</exception>
    public string? Check(AnswerConditions used, string corpus, string path)
    {
        if (used.Policy != Conditions.Policy || used.Reader != Conditions.Reader)
            throw new InvalidDataException(
                $"{path} was calibrated for {Words(Conditions)}, not {Words(used)}. Confidence means something else in each: run "
                    + "david ask calibrate with this one."
            );
        return used != Conditions
                ? $"calibrated at temperature {Conditions.Temperature}, {Conditions.TopK} passages, depth {Conditions.Depth} and "
                    + $"exits \"{Conditions.Exit}\", used at {used.Temperature}, {used.TopK}, {used.Depth} and \"{used.Exit}\": the risk is "
                    + "not vouched for"
            : corpus != Corpus
                ? "calibrated on other documents, or these before they changed: the risk is not vouched for"
            : null;
    }

    private static string Words(AnswerConditions conditions) =>
        conditions.Reader == "quotes"
            ? "quotes without a model"
            : $"{conditions.Reader.Replace('_', ' ')} with policy {conditions.Policy[..Math.Min(12, conditions.Policy.Length)]}…";
}

/// <summary>Labelled questions, answered.</summary>
public static class AnswerCalibration
{
    /// <summary>What each answer is worth, whatever the rule would give.</summary>
    /// <param name="progress">Told of the questions done.</param>
    public static async Task<JudgedAnswer[]> JudgeAsync(
        IAnswerer answerer,
        IReadOnlyList<Question> questions,
        Action<int>? progress = null,
        CancellationToken cancellationToken = default
    )
    {
        JudgedAnswer[] judged = new JudgedAnswer[questions.Count];
        foreach ((int i, Question question) in questions.Index())
        {
            Answered answered = await answerer.AskAsync(question.Text, cancellationToken).ConfigureAwait(false);
            judged[i] = new JudgedAnswer(
                answered.Candidate is null ? 0 : answered.Confidence,
                answered.Candidate is { } candidate && SelectiveAnswer.IsRight(candidate, question.Answers)
            );
            progress?.Invoke(i + 1);
        }
        return judged;
    }
}
