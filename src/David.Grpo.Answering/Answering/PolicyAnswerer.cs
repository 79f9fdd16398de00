using System.Diagnostics;
using David.Grpo.Documents;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Search;

namespace David.Grpo.Answering;

/// <summary>Who searches.</summary>
public enum SearchPlan
{
    /// <summary>The policy; where that gives nothing, the engine in its name.</summary>
    PolicyThenEngine,

    /// <summary>The policy alone.</summary>
    Policy,

    /// <summary>The engine in its name (retrieve, then read): the policy reads, and writes just the answer.</summary>
    Engine,
}

/// <summary>How a policy answers.</summary>
public sealed record PolicyAnswerOptions
{
    /// <summary>Who searches.</summary>
    public SearchPlan Plan { get; init; } = SearchPlan.PolicyThenEngine;

    /// <summary>
    /// Searches that the engine makes in the policy's name at most, at least 1. After each the policy answers; another is
    /// made where that answer has not three in four of its words in one passage: so easy questions stay shallow. (It is this fixed rule that
    /// goes deeper, not the calibrated one, which was calibrated on what this gives.)
    /// </summary>
    public int Depth { get; init; } = 1;

    /// <summary>0 is greedy.</summary>
    public double Temperature { get; init; }

    /// <summary>Of what is sampled; without effect at temperature 0.</summary>
    public Seed Seed { get; init; } = Seed.OfInt64(0);

    /// <summary>When the policy answers before it would by itself; null: never.</summary>
    public ExitPolicy? Exits { get; init; }

    /// <summary>Tokens of an answer that the engine asks for, at least 1.</summary>
    public int AnswerTokens { get; init; } = 48;

    /// <summary>When a candidate is given; null: <see cref="PolicyAnswerer.Uncalibrated"/>.</summary>
    public AnswerThreshold? Rule { get; init; }
}

/// <summary>Answers with a policy that searches, or that reads what was searched in its name.</summary>
public sealed class PolicyAnswerer : IAnswerer, IDisposable
{
    /// <summary>What holds where nothing is calibrated: three in four words of the answer stand in one passage that was found.</summary>
    public static readonly AnswerThreshold Uncalibrated = AnswerThreshold.NewUncalibrated(0.75, 0);

    private readonly IAgentProtocol protocol;
    private readonly ISearchEnvironment search;
    private readonly PolicyAnswerOptions options;
    private readonly string fingerprint;
    private readonly RolloutEngine free;
    private readonly RolloutEngine forced;
    private readonly PassageReading? reading;
    private readonly Sampler sampler;

    /// <param name="fingerprint">Of the policy: what a calibration is tied to.</param>
    /// <param name="reading">
    /// How the policy is shown what was searched in its name; null: in the protocol, as if it had searched itself.
    /// </param>
    public PolicyAnswerer(
        Decoder policy,
        string fingerprint,
        IAgentProtocol protocol,
        ISearchEnvironment search,
        PolicyAnswerOptions? options = null,
        PassageReading? reading = null
    )
    {
        this.options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(this.options.Depth, 1);
        (this.protocol, this.search, this.fingerprint, this.reading) = (protocol, search, fingerprint, reading);
        sampler = this.options.Temperature == 0 ? Sampler.Greedy : Sampler.AtTemperature(this.options.Temperature);
        free = new RolloutEngine(policy, protocol, search, exits: this.options.Exits);
        forced = new RolloutEngine(
            policy,
            reading ?? protocol,
            search,
            exits: new ExitPolicy
            {
                Rule = new ExitThreshold(ConfidenceMeasure.NewStability(1), double.NegativeInfinity, 1, 0),
                TrialTokens = this.options.AnswerTokens,
            }
        );
    }

    public AnswerThreshold Rule => options.Rule ?? Uncalibrated;

    public AnswerConditions Conditions =>
        new(
            options.Plan switch
            {
                SearchPlan.Policy => "policy",
                SearchPlan.Engine => "retrieve_first",
                _ => "policy_then_engine",
            },
            fingerprint,
            options.Temperature,
            protocol.TopK,
            options.Depth,
            options.Exits is null ? "" : $"{options.Exits.Rule?.ToString() ?? options.Exits.Gate!.ToString()}"
        );

    public async Task<Answered> AskAsync(string question, CancellationToken cancellationToken = default)
    {
        Question asked = new(question, DocumentText.Clean(question), [], [], [], "asked", 0);
        Answered? own = null;
        if (options.Plan != SearchPlan.Engine)
        {
            own = await OwnAsync(asked, cancellationToken).ConfigureAwait(false);
            if (options.Plan == SearchPlan.Policy || Suffices(own))
                return own;
        }
        Answered read = await ReadAsync(asked, cancellationToken).ConfigureAwait(false);
        if (own is null)
            return read;
        string why =
            own.Searches.Count == 0 ? "The policy did not search"
            : own.Candidate is null ? "The policy gave no answer"
            : "What the policy found does not bear out its answer";
        // What both found is evidence; the better candidate stands.
        Answered better =
            read.Candidate is not null && (Suffices(read) || read.Confidence >= own.Confidence) ? read : own;
        SearchMade[] searches = [.. own.Searches, .. read.Searches];
        return better with
        {
            Searches = searches,
            Evidence = Answered.EvidenceFor(better.Candidate, searches),
            Cost = own.Cost + read.Cost,
            Note = $"{why}; the engine searched in its name.",
        };
    }

    private static bool Suffices(Answered answered) =>
        answered.Candidate is not null && SelectiveAnswer.IsGiven(Uncalibrated, answered.Support, answered.Confidence);

    /// <summary>The policy's own episode.</summary>
    private async Task<Answered> OwnAsync(Question question, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        RolloutBatch run = await free.RunAsync(
                [new RolloutRequest(question, 0, 0)],
                sampler,
                options.Seed,
                version: 0,
                cancellationToken
            )
            .ConfigureAwait(false);
        return Judge(
            run.Trajectories[0],
            protocol,
            [
                .. run.Trajectories[0]
                    .Searches.Select(made => new SearchMade(made.Query, IsForced: false, made.Passages)),
            ],
            run.Statistics.GeneratedTokens + run.Statistics.TrialTokens,
            clock
        );
    }

    /// <summary>Searches in the policy's name, and the answers that it reads from what they find.</summary>
    private async Task<Answered> ReadAsync(Question question, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        List<SearchMade> made = [];
        long generated = 0;
        string query = question.Text;
        for (int depth = 1; ; depth++)
        {
            Passage[] known = [.. made.SelectMany(earlier => earlier.Passages)];
            Passage[] found = (
                await search.SearchAsync([query], protocol.TopK + known.Length, cancellationToken).ConfigureAwait(false)
            )[0];
            // What is read twice costs tokens and tells nothing.
            made.Add(
                new SearchMade(
                    query,
                    IsForced: true,
                    [.. found.ExceptBy(known.Select(passage => passage.Id), passage => passage.Id).Take(protocol.TopK)]
                )
            );
            RolloutBatch run = await forced
                .RunAsync([Shown(question, made, depth)], sampler, options.Seed, version: 0, cancellationToken)
                .ConfigureAwait(false);
            generated += run.Statistics.TrialTokens;
            Answered answered = Judge(run.Trajectories[0], reading ?? protocol, [.. made], generated, clock);
            if (Suffices(answered) || depth == options.Depth)
                return answered;
            query = Grounding.NextQuery(
                [.. made.Select(earlier => earlier.Query)],
                [.. made.SelectMany(earlier => earlier.Passages)]
            );
            if (query == question.Text)
                return answered;
        }
    }

    /// <summary>An episode at whose beginning the searches were made; the searches count as an expert's.</summary>
    private RolloutRequest Shown(Question question, List<SearchMade> made, int depth)
    {
        List<Segment> segments = [];
        List<SearchTurn> turns = [];
        (int[] prompt, string promptText) = reading is null
            ? protocol.Prompt(question)
            : reading.Prompt(question, [.. made.SelectMany(search => search.Passages)]);
        segments.Add(Segment.NewPrompt(prompt));
        // A reader has been shown them in its prompt.
        foreach (SearchMade search in reading is null ? made : [])
        {
            segments.Add(Segment.NewExpert(protocol.Search(search.Query)));
            segments.Add(Segment.NewObservation(protocol.Observation([.. search.Passages])));
            turns.Add(new SearchTurn(search.Query, [.. search.Passages], segments.Count));
        }
        return new RolloutRequest(
            question,
            depth,
            0,
            new Trajectory(
                question: question,
                segments: [.. segments],
                searches: [.. turns],
                refusedSearches: 0,
                ending: Ending.Truncated,
                response: "",
                promptText: promptText
            ),
            segments.Count
        );
    }

    private Answered Judge(
        Trajectory trajectory,
        IAgentProtocol spoken,
        SearchMade[] searches,
        long generated,
        Stopwatch clock
    )
    {
        string? candidate = Trajectory.AnswerOrNull(trajectory)?.Trim();
        if (candidate is { Length: 0 })
            candidate = null;
        Citation[] evidence = Answered.EvidenceFor(candidate, searches);
        bool isEcho = candidate is not null && Grounding.IsEcho(trajectory.Question.Text, candidate);
        double support = isEcho ? 0 : evidence.Select(each => each.Support).Append(0).Max();
        double confidence = candidate is null ? 0 : support * Probability(trajectory, spoken, candidate);
        return new Answered
        {
            Question = trajectory.Question.Text,
            Candidate = candidate,
            Confidence = confidence,
            Support = support,
            IsGiven = candidate is not null && SelectiveAnswer.IsGiven(Rule, support, confidence),
            Searches = searches,
            Evidence = evidence,
            Cost = new AnswerCost(
                searches.Length,
                generated,
                ReferenceEquals(spoken, reading)
                    ? trajectory.Segments[0].Tokens.Length
                    : Trajectory.ObservedTokens(trajectory),
                clock.Elapsed.TotalSeconds
            ),
        };
    }

    /// <summary>
    /// The geometric mean of the probabilities of the tokens that the answer was written with, in the last action; of all its tokens where the
    /// answer is not found there in one piece.
    /// </summary>
    private static double Probability(Trajectory trajectory, IAgentProtocol spoken, string answer)
    {
        if (trajectory.Segments.LastOrDefault(segment => segment.IsAction) is not Segment.Action last)
            return 0;
        string text = spoken.Decode(last.tokens);
        int box = Math.Max(0, text.LastIndexOf("\\boxed{", StringComparison.Ordinal));
        int start = text.IndexOf(answer, box, StringComparison.Ordinal);
        (int first, int end) =
            start < 0
                ? (0, last.tokens.Length)
                : (TokenAt(last.tokens, spoken, start), TokenAt(last.tokens, spoken, start + answer.Length - 1) + 1);
        double[] logProbs = last.logProbs[first..Math.Max(first + 1, Math.Min(end, last.logProbs.Length))];
        return Math.Clamp(Math.Exp(logProbs.Average()), 0, 1);
    }

    /// <summary>The token that writes the character at a place: the first whose text so far goes beyond it.</summary>
    private static int TokenAt(int[] tokens, IAgentProtocol spoken, int character)
    {
        int low = 0;
        int high = tokens.Length - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (spoken.Decode(tokens.AsSpan(0, middle + 1)).Length > character)
                high = middle;
            else
                low = middle + 1;
        }
        return low;
    }

    public void Dispose()
    {
        free.Dispose();
        forced.Dispose();
    }
}
