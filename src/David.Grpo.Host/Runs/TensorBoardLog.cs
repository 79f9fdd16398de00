using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using David.Grpo.Formats;

namespace David.Grpo.Runs;

/// <summary>Where a run's event files stood at a checkpoint.</summary>
/// <param name="File">The last one's name.</param>
/// <param name="Bytes">Of it that belong to the steps made.</param>
public sealed record EventMark(string File, long Bytes);

/// <summary>A name under which TensorBoard shows something of a run.</summary>
/// <param name="Tag">The name; <c>*</c> stands for names of the run's own, such as those of its reward's terms.</param>
/// <param name="Kind">"scalar", "histogram" or "text".</param>
/// <param name="Description">What it is.</param>
public sealed record EventTag(string Tag, string Kind, string Description);

/// <summary>
/// A run's event files for TensorBoard, one for each time that it was begun or gone on with. Every number of metrics.jsonl is a
/// scalar, named by its group and its field; what was sampled is shown as histograms, and one trajectory of each evaluation as
/// text. The step is the training step, for evaluations the steps made before them.
/// </summary>
/// <remarks>
/// When a run goes on, what was logged after its checkpoint is cut off, as in its other logs, and the new file tells a reader
/// under way to forget it too: no step is there twice.
/// </remarks>
internal sealed class TensorBoardLog : IDisposable
{
    private const int Buckets = 30;
    private const string Pattern = "events.out.tfevents.*";

    private readonly string _folder;
    private readonly bool _isOn;
    private readonly TimeProvider _clock;
    private EventMark? _mark;
    private long _from;
    private EventFileWriter? _writer;
    private string _name = "";

    /// <param name="folder">Of the event files; made with the first of them.</param>
    /// <param name="isOn">Whether anything is written.</param>
    public TensorBoardLog(string folder, bool isOn, TimeProvider? clock = null) =>
        (_folder, _isOn, _clock) = (folder, isOn, clock ?? TimeProvider.System);

    /// <summary>Cuts the files to a checkpoint's mark, null for nothing; the next step is the first that is written.</summary>
    public void Restore(EventMark? mark, long nextStep)
    {
        (_mark, _from) = (mark, nextStep);
        if (!Directory.Exists(_folder))
            return;
        string[] files = [.. Directory.EnumerateFiles(_folder, Pattern).Order(StringComparer.Ordinal)];
        // Names go on rising, so that a reader under way finds the next file.
        _name = Name(files.LastOrDefault());
        foreach (string file in files)
        {
            int order = mark is null ? 1 : string.CompareOrdinal(Path.GetFileName(file), mark.File);
            if (order > 0)
                File.Delete(file);
            else if (order == 0)
            {
                using FileStream stream = new(file, FileMode.Open);
                stream.SetLength(Math.Min(stream.Length, mark!.Bytes));
            }
        }
    }

    /// <summary>Where the files stand; written to the disk before it is told.</summary>
    public EventMark? Mark
    {
        get
        {
            if (_writer is null)
                return _mark;
            _writer.Flush(toDisk: true);
            return new EventMark(_name, _writer.Length);
        }
    }

    /// <summary>A step was made.</summary>
    /// <param name="sampled">The step's own rollouts.</param>
    /// <param name="advantages">Of the trained tokens of all that was learned from.</param>
    public void Step(StepMetrics metrics, IReadOnlyList<Member> sampled, IEnumerable<double> advantages)
    {
        if (!_isOn)
            return;
        double[] probabilities =
        [
            .. sampled
                .SelectMany(member => member.Trajectory.Segments.OfType<Segment.Action>())
                .SelectMany(action => action.logProbs)
                .Select(Math.Exp),
        ];
        Write(
            metrics.Step,
            [
                .. Scalars(metrics, "step"),
                .. Values(Samples[0], probabilities),
                .. Values(Samples[1], [.. advantages]),
                .. Values(Samples[2], [.. sampled.Select(member => member.Reward.Total)]),
                .. Wholes(Samples[3], [.. sampled.Select(member => Trajectory.GeneratedTokens(member.Trajectory))]),
                .. Wholes(Samples[4], [.. sampled.Select(member => member.Trajectory.Searches.Length)]),
            ]
        );
    }

    /// <summary>The policy was evaluated.</summary>
    /// <param name="outcomes">By question; the first is shown as text.</param>
    public void Evaluation(EvaluationMetrics metrics, IReadOnlyList<OutcomeRecord> outcomes)
    {
        if (!_isOn)
            return;
        Write(
            metrics.Step,
            [
                .. Scalars(metrics, "evaluation"),
                .. Wholes(EvaluationSamples[0], [.. outcomes.Select(outcome => outcome.GeneratedTokens)]),
                .. Wholes(EvaluationSamples[1], [.. outcomes.Select(outcome => outcome.Searches)]),
                .. outcomes.Take(1).Select(first => new EventValue.Text(Sample.Tag, Sample.Description, Shown(first))),
            ]
        );
    }

    /// <inheritdoc/>
    public void Dispose() => _writer?.Dispose();

    /// <summary>All names, in the order of the records' fields.</summary>
    public static IReadOnlyList<EventTag> Tags =>
        [
            .. TagsOf<StepMetrics>("step"),
            .. Samples,
            .. TagsOf<EvaluationMetrics>("evaluation"),
            .. EvaluationSamples,
            Sample,
        ];

    private static readonly EventTag[] Samples =
    [
        new("samples/token_probability", "histogram", "Probabilities at which the policy sampled its tokens."),
        new("samples/advantage", "histogram", "Advantages of the trained tokens, experts and continuations included."),
        new("samples/reward", "histogram", "Rewards of the step's own rollouts."),
        new("samples/generated_tokens", "histogram", "Tokens that the policy sampled in a rollout."),
        new("samples/searches", "histogram", "Answered searches of a rollout."),
    ];

    private static readonly EventTag[] EvaluationSamples =
    [
        new("evaluation_samples/generated_tokens", "histogram", "Tokens that the policy sampled for a question."),
        new("evaluation_samples/searches", "histogram", "Answered searches of a question."),
    ];

    private static readonly EventTag Sample = new(
        "evaluation/sample",
        "text",
        "The evaluation's first question: all that was written, and what it scored."
    );

    private static IEnumerable<EventTag> TagsOf<T>(string kind) =>
        Shown<T>()
            .SelectMany(field =>
            {
                string description = RunSchema.Describe(kind, RunSchema.NameOf(field));
                return Tag(field) switch
                {
                    var tag when field.PropertyType == typeof(IReadOnlyDictionary<string, double>) =>
                    [
                        new EventTag($"{tag}/*", "scalar", description),
                    ],
                    var tag when field.PropertyType == typeof(IReadOnlyDictionary<string, double[]>) =>
                    [
                        new EventTag($"{tag}/*_low", "scalar", description),
                        new EventTag($"{tag}/*_high", "scalar", description),
                    ],
                    var tag => (EventTag[])[new EventTag(tag, "scalar", description)],
                };
            });

    /// <summary>The fields that TensorBoard shows: those of a category.</summary>
    private static IEnumerable<PropertyInfo> Shown<T>() =>
        typeof(T).GetProperties().Where(field => field.IsDefined(typeof(CategoryAttribute)));

    /// <summary>A number's name, or what the names of several begin with.</summary>
    internal static string Tag(PropertyInfo field)
    {
        string group = field.GetCustomAttribute<CategoryAttribute>()!.Category;
        return field.PropertyType.IsPrimitive
            ? $"{group}/{field.GetCustomAttribute<DisplayNameAttribute>()?.DisplayName ?? RunSchema.NameOf(field)}"
            : group;
    }

    private static IEnumerable<EventValue> Scalars<T>(T metrics, string kind)
    {
        foreach (PropertyInfo field in Shown<T>())
        {
            string tag = Tag(field);
            string description = RunSchema.Describe(kind, RunSchema.NameOf(field));
            switch (field.GetValue(metrics))
            {
                case IReadOnlyDictionary<string, double> named:
                    foreach ((string name, double value) in named)
                        yield return new EventValue.Scalar($"{tag}/{name}", description, value);
                    break;
                case IReadOnlyDictionary<string, double[]> intervals:
                    foreach ((string name, double[] interval) in intervals)
                    {
                        yield return new EventValue.Scalar($"{tag}/{name}_low", description, interval[0]);
                        yield return new EventValue.Scalar($"{tag}/{name}_high", description, interval[1]);
                    }
                    break;
                case { } number:
                    yield return new EventValue.Scalar(
                        tag,
                        description,
                        Convert.ToDouble(number, CultureInfo.InvariantCulture)
                    );
                    break;
            }
        }
    }

    private static IEnumerable<EventValue> Values(EventTag tag, double[] values) =>
        values is []
            ? []
            : [new EventValue.Distribution(tag.Tag, tag.Description, Histogram.OfValues(Buckets, values))];

    private static IEnumerable<EventValue> Wholes(EventTag tag, int[] values) =>
        values is []
            ? []
            : [new EventValue.Distribution(tag.Tag, tag.Description, Histogram.OfWholes(Buckets, values))];

    /// <summary>An outcome as Markdown; what the policy wrote is a code block, so that none of it is markup.</summary>
    internal static string Shown(OutcomeRecord outcome)
    {
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"**{Escaped(outcome.Question)}**\n\n");
        text.Append(
            CultureInfo.InvariantCulture,
            $"{outcome.Ending}, exact match {outcome.ExactMatch:0}, F1 {outcome.F1:0.00}, coverage {outcome.Coverage:0.00}, {outcome.Searches} searches, {outcome.GeneratedTokens} tokens\n\n"
        );
        text.Append(CultureInfo.InvariantCulture, $"Answer: {Escaped(outcome.FinalAnswer ?? "none")}  \n");
        text.Append(CultureInfo.InvariantCulture, $"Accepted: {Escaped(string.Join(" | ", outcome.Answers))}\n\n");
        foreach (string line in outcome.Response.Split('\n'))
            text.Append("    ").Append(line.TrimEnd('\r')).Append('\n');
        return text.ToString();
    }

    private static string Escaped(string text)
    {
        StringBuilder escaped = new();
        foreach (char letter in text)
            (@"\`*_{}[]<>()#+-!|".Contains(letter, StringComparison.Ordinal) ? escaped.Append('\\') : escaped).Append(
                letter
            );
        return escaped.ToString();
    }

    private void Write(long step, EventValue[] values)
    {
        if (_writer is null)
        {
            Directory.CreateDirectory(_folder);
            _name = _name.Length > 0 ? _name : Name(null);
            _writer = new EventFileWriter(Path.Combine(_folder, _name), _clock);
            if (_from > 0)
                _writer.Begin(_from);
        }
        // What is not finite would end a reader's axis; the line of metrics.jsonl says it.
        _writer.Write(
            step,
            values.Where(value => value is not EventValue.Scalar { Number: var number } || double.IsFinite(number))
        );
    }

    /// <summary>The name after another, which null is before the first.</summary>
    private static string Name(string? last) =>
        $"events.out.tfevents.{(last is null ? 1 : 1 + Number(last)).ToString("D10", CultureInfo.InvariantCulture)}.david";

    private static long Number(string path) =>
        long.TryParse(
            Path.GetFileName(path).Split('.').ElementAtOrDefault(3),
            CultureInfo.InvariantCulture,
            out long number
        )
            ? number
            : 0;
}
