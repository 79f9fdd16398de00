using System.Diagnostics;
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
    public SearchPlan Plan { get; init; } = SearchPlan.PolicyThenEngine;

    /// <summary>
    /// Searches that the engine makes in the policy's name at most, at least 1. After each the policy answers; another is
    /// made where that answer has not all its words in one passage: so easy questions stay shallow. (It is this fixed rule that
    /// goes deeper, not the calibrated one, which was calibrated on what this gives.)
    /// </summary>
    public int Depth { get; init; } = 1;

    /// <summary>0 is greedy.</summary>
    public double Temperature { get; init; }

    public Seed Seed { get; init; } = Seeds.OfInt64(0);

    /// <summary>When the policy answers before it would by itself; null: never.</summary>
    public ExitPolicy? Exits { get; init; }

    /// <summary>Tokens of an answer that the engine asks for, at least 1.</summary>
    public int AnswerTokens { get; init; } = 24;

    /// <summary>When a candidate is given; null: <see cref="PolicyAnswerer.Uncalibrated"/>.</summary>
    public AnswerRule? Rule { get; init; }
}

/// <summary>Answers with a policy that searches, or that reads what was searched in its name.</summary>
public sealed class PolicyAnswerer : IAnswerer, IDisposable
{
    /// <summary>What holds where nothing is calibrated: every word of the answer stands in one passage that was found.</summary>
    public static readonly AnswerRule Uncalibrated = AnswerRule.NewUncalibrated(1, 0);

    private readonly IAgentProtocol protocol;
    private readonly ISearchEnvironment search;
    private readonly PolicyAnswerOptions options;
    private readonly string fingerprint;
    private readonly RolloutEngine free;
    private readonly RolloutEngine forced;
    private readonly Sampler sampler;

    /// <param name="fingerprint">Of the policy: what a calibration is tied to.</param>
    public PolicyAnswerer(
        Decoder policy,
        string fingerprint,
        IAgentProtocol protocol,
        ISearchEnvironment search,
        PolicyAnswerOptions? options = null
    )
    {
        this.options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(this.options.Depth, 1);
        (this.protocol, this.search, this.fingerprint) = (protocol, search, fingerprint);
        sampler = this.options.Temperature == 0 ? Sampler.Greedy : Sampler.AtTemperature(this.options.Temperature);
        free = new RolloutEngine(policy, protocol, search, exits: this.options.Exits);
        forced = new RolloutEngine(
            policy,
            protocol,
            search,
            exits: new ExitPolicy
            {
                Rule = new ExitRule(ConfidenceMeasure.NewStability(1), double.NegativeInfinity, 1, 0),
                TrialTokens = this.options.AnswerTokens,
            }
        );
    }

    public AnswerRule Rule => options.Rule ?? Uncalibrated;

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
        Question asked = new(question, question, [], [], [], "asked", 0);
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
        Answered better = read.Candidate is not null && (Suffices(read) || read.Confidence >= own.Confidence) ? read : own;
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
        Trajectory[] run = await free.RunAsync(
                [new RolloutRequest(question, 0, 0)],
                sampler,
                options.Seed,
                version: 0,
                cancellationToken
            )
            .ConfigureAwait(false);
        return Judge(
            run[0],
            [.. run[0].Searches.Select(made => new SearchMade(made.Query, IsForced: false, made.Passages))],
            free.Statistics.GeneratedTokens + free.Statistics.TrialTokens,
            clock
        );
    }

    /// <summary>Searches in the policy's name, and the answers that it reads from what they find.</summary>
    private async Task<Answered> ReadAsync(Question question, CancellationToken cancellationToken)
    {
        Stopwatch clock = Stopwatch.StartNew();
        (int[] prompt, string promptText) = protocol.Prompt(question);
        List<Segment> segments = [Segment.NewPrompt(prompt)];
        List<SearchTurn> turns = [];
        long generated = 0;
        string query = question.Text;
        for (int depth = 1; ; depth++)
        {
            Passage[] found = (
                await search.SearchAsync([query], protocol.TopK, cancellationToken).ConfigureAwait(false)
            )[0];
            // What is read twice costs tokens and tells nothing.
            Passage[] fresh =
            [
                .. found.ExceptBy(turns.SelectMany(turn => turn.Passages).Select(passage => passage.Id), passage => passage.Id),
            ];
            segments.Add(Segment.NewExpert(protocol.Search(query)));
            segments.Add(Segment.NewObservation(protocol.Observation(fresh)));
            turns.Add(new SearchTurn(query, fresh, segments.Count));
            Trajectory parent = new(
                question: question,
                segments: [.. segments],
                searches: [.. turns],
                refusedSearches: 0,
                ending: Ending.Truncated,
                response: "",
                promptText: promptText
            );
            Trajectory[] run = await forced
                .RunAsync(
                    [new RolloutRequest(question, depth, 0, parent, segments.Count)],
                    sampler,
                    options.Seed,
                    version: 0,
                    cancellationToken
                )
                .ConfigureAwait(false);
            generated += forced.Statistics.TrialTokens;
            Answered answered = Judge(
                run[0],
                [.. turns.Select(turn => new SearchMade(turn.Query, IsForced: true, turn.Passages))],
                generated,
                clock
            );
            string next = Grounding.NextQuery(question.Text, [.. turns.SelectMany(turn => turn.Passages)]);
            if (Suffices(answered) || depth == options.Depth || next == query)
                return answered;
            query = next;
        }
    }

    private Answered Judge(Trajectory trajectory, SearchMade[] searches, long generated, Stopwatch clock)
    {
        string? candidate = Trajectories.AnswerOrNull(trajectory)?.Trim();
        if (candidate is { Length: 0 })
            candidate = null;
        Citation[] evidence = Answered.EvidenceFor(candidate, searches);
        double support = evidence.Select(each => each.Support).Append(0).Max();
        double confidence = candidate is null ? 0 : support * Probability(trajectory, candidate);
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
                Trajectories.ObservedTokens(trajectory),
                clock.Elapsed.TotalSeconds
            ),
        };
    }

    /// <summary>
    /// The geometric mean of the probabilities of the tokens that the answer was written with, in the last action; of all its tokens where the
    /// answer is not found there in one piece.
    /// </summary>
    private double Probability(Trajectory trajectory, string answer)
    {
        if (trajectory.Segments.LastOrDefault(segment => segment.IsAction) is not Segment.Action last)
            return 0;
        string text = protocol.Decode(last.tokens);
        int box = Math.Max(0, text.LastIndexOf("\\boxed{", StringComparison.Ordinal));
        int start = text.IndexOf(answer, box, StringComparison.Ordinal);
        (int first, int end) =
            start < 0
                ? (0, last.tokens.Length)
                : (TokenAt(last.tokens, start), TokenAt(last.tokens, start + answer.Length - 1) + 1);
        double[] logProbs = last.logProbs[first..Math.Max(first + 1, Math.Min(end, last.logProbs.Length))];
        return Math.Clamp(Math.Exp(logProbs.Average()), 0, 1);
    }

    /// <summary>The token that writes the character at a place: the first whose text so far goes beyond it.</summary>
    private int TokenAt(int[] tokens, int character)
    {
        int low = 0;
        int high = tokens.Length - 1;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (protocol.Decode(tokens.AsSpan(0, middle + 1)).Length > character)
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
