using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using David.Grpo.Formats;
using David.Grpo.Rollout;
using David.Grpo.Search;
using David.Grpo.Tokenization;

namespace David.Grpo.Tasks;

/// <summary>Questions and corpora in words as a task: the authors' protocol and reward over any chat model.</summary>
public static partial class TextTask
{
    /// <summary>
    /// The most rows of an embedding that may have no token: publishers round a vocabulary up to a multiple of at most
    /// 1,024 (Qwen2.5-1.5B: 151,665 tokens in 151,936 rows).
    /// </summary>
    public const int MostPadding = 1023;

    /// <summary>A task of text; the reward is the authors' (method.md, section 5.1) at the run's λ.</summary>
    /// <param name="training">Questions to train on, at least one.</param>
    /// <param name="evaluation">Questions to evaluate on; none may be a training or an expert's question.</param>
    /// <param name="experts">Questions with <see cref="QuestionRecord.ExpertResponse"/>; empty for none.</param>
    /// <param name="search">The corpus, for all of them.</param>
    /// <param name="textOf">The text of a gold passage, which some arms compare with what was found; null where unknown.</param>
    /// <exception cref="InvalidDataException">
    /// An evaluation question is also trained on, or an expert's response does not keep to the protocol; the text names it.
    /// </exception>
    public static TrainingTask Create(
        IReadOnlyList<Question> training,
        IReadOnlyList<Question> evaluation,
        IReadOnlyList<QuestionRecord> experts,
        ISearchEnvironment search,
        TextAgentProtocol protocol,
        Tokenizer tokenizer,
        IReadOnlyList<int> endTokens,
        Func<PassageId, string?>? textOf = null
    )
    {
        RefuseOverlap(training, evaluation, "training");
        RefuseOverlap([.. experts.Select(expert => expert.Question)], evaluation, "the experts'");
        return new TrainingTask(
            new QuestionPool(training, search),
            new QuestionPool(evaluation, search),
            [.. experts.Select(expert => Expert(expert, protocol, tokenizer, EndToken(tokenizer, endTokens)))],
            protocol,
            TaskRewards.OfText(textOf ?? (_ => null))
        );
    }

    /// <summary>The limits of an episode as the protocol takes them.</summary>
    public static TextProtocol.Settings Settings(EpisodeOptions episode) =>
        new(
            maxSearches: episode.MaxSearches,
            firstTurnTokens: episode.FirstTurnTokens,
            turnTokens: episode.TurnTokens,
            responseTokens: episode.ResponseTokens,
            topK: episode.TopK
        );

    /// <summary>Ids that end a response: those of the model's configuration and those of the tokenizer.</summary>
    /// <exception cref="InvalidDataException">Neither names one, or the tokenizer does not fit the model.</exception>
    /// <param name="source">The tokenizer's and the model's names, for errors.</param>
    public static int[] EndTokens(ModelConfig model, Tokenizer tokenizer, (string Tokenizer, string Model) source)
    {
        Check(model, tokenizer, source);
        int[] ends = [.. model.EndOfSequenceIds.Union(tokenizer.StopTokens).Order()];
        return ends.Length > 0
            ? ends
            : throw new InvalidDataException(
                $"Neither {source.Model} (eos_token_id) nor {source.Tokenizer} (eos_token) names a token that ends a response. "
                    + "Set one of the two."
            );
    }

    /// <summary>
    /// A tokenizer of another model is refused: one with ids that the model has no row for, one that leaves more than
    /// <see cref="MostPadding"/> rows without a token, and one that lacks the model's end-of-sequence tokens.
    /// </summary>
    /// <exception cref="InvalidDataException">It does not fit; the text has both numbers.</exception>
    private static void Check(ModelConfig model, Tokenizer tokenizer, (string Tokenizer, string Model) source)
    {
        const string Mend = "Take the tokenizer that was published with the model.";
        int padding = model.VocabularySize - tokenizer.VocabularySize;
        if (padding < 0)
            throw new InvalidDataException(
                $"{source.Tokenizer} has ids up to {tokenizer.VocabularySize - 1}, but {source.Model} has embeddings for "
                    + $"{model.VocabularySize} (vocabulary size). {Mend}"
            );
        if (padding > MostPadding)
            throw new InvalidDataException(
                $"{source.Tokenizer} has {tokenizer.VocabularySize} ids, {source.Model} has embeddings for "
                    + $"{model.VocabularySize} (vocabulary size): {padding} more, and padding is at most {MostPadding}. {Mend}"
            );
        foreach (int end in model.EndOfSequenceIds)
            if (tokenizer.TokenOf(end) is null)
                throw new InvalidDataException(
                    $"{source.Model} ends its responses with token {end}, which {source.Tokenizer} does not have. {Mend}"
                );
    }

    /// <summary>
    /// An expert's response as a trajectory: its own text and the results it was shown, each encoded by itself, closed by
    /// the end-of-sequence token. It is never cut: the limits of an episode hold for rollouts.
    /// </summary>
    /// <remarks>
    /// The authors' experts searched another corpus, so a passage's id is made of its text; their coverage counts by title.
    /// </remarks>
    private static Trajectory Expert(QuestionRecord record, TextAgentProtocol protocol, Tokenizer tokenizer, int end)
    {
        string response =
            record.ExpertResponse
            ?? throw new InvalidDataException(
                $"Question {record.Question.Id} has no expert response (field \"gold_response\")."
            );
        InvalidDataException Faulty(string what) =>
            new($"The expert's response to question {record.Question.Id} {what}. Mend it, or leave the question out.");

        (int[] prompt, string promptText) = protocol.Prompt(record.Question);
        List<Segment> segments = [Segment.NewPrompt(prompt)];
        List<SearchTurn> searches = [];
        StringBuilder written = new();
        int at = 0;
        foreach (Match block in ResultBlock().Matches(response))
        {
            string turn = response[at..block.Index];
            string query =
                TextProtocol.QueryOrNull(turn)
                ?? throw Faulty($"has a result at character {block.Index} without a query before it");
            written.Append(turn);
            segments.Add(Segment.NewExpert(tokenizer.Encode(turn, parseSpecial: false)));
            segments.Add(Segment.NewObservation(tokenizer.Encode(block.Value, parseSpecial: false)));
            searches.Add(new SearchTurn(query, Passages(block.Groups["results"].Value), segments.Count));
            at = block.Index + block.Length;
        }
        string last = response[at..];
        written.Append(last);
        if (TextProtocol.QueryOrNull(last) is { } open)
            throw Faulty($"asks \"{open}\" and shows no <search_result> after it");
        string answer =
            TextProtocol.AnswerOrNull(written.ToString()) ?? throw Faulty("has no \\boxed{answer} after </think>");
        segments.Add(Segment.NewExpert([.. tokenizer.Encode(last, parseSpecial: false), end]));
        return new Trajectory(
            question: record.Question,
            segments: [.. segments],
            searches: [.. searches],
            refusedSearches: 0,
            ending: Ending.NewAnswered(answer),
            response: response,
            promptText: promptText
        );
    }

    private static Passage[] Passages(string results)
    {
        Match[] heads = ResultHead().Matches(results).ToArray();
        return
        [
            .. heads.Select(
                (head, i) =>
                {
                    string title = head.Groups["title"].Value;
                    int end = i + 1 < heads.Length ? heads[i + 1].Index : results.Length;
                    string text = results[(head.Index + head.Length)..end].Trim();
                    byte[] digest = SHA1.HashData(Encoding.UTF8.GetBytes($"{title}\n{text}"));
                    return new Passage(new PassageId($"expert-{Convert.ToHexStringLower(digest)[..12]}"), title, text);
                }
            ),
        ];
    }

    private static int EndToken(Tokenizer tokenizer, IReadOnlyList<int> endTokens) =>
        tokenizer.EndOfSequence ?? endTokens[0];

    private static void RefuseOverlap(IReadOnlyList<Question> taught, IReadOnlyList<Question> evaluation, string whose)
    {
        HashSet<string> ids = [.. taught.Select(question => question.Id)];
        HashSet<string> texts = [.. taught.Select(Plain)];
        Question[] shared =
        [
            .. evaluation.Where(question => ids.Contains(question.Id) || texts.Contains(Plain(question))),
        ];
        if (shared.Length > 0)
            throw new InvalidDataException(
                $"{shared.Length} of {evaluation.Count} evaluation questions are {whose} questions too, the first is "
                    + $"{shared[0].Id}: \"{shared[0].Text}\". Take other parts of the files (split, first, count)."
            );
    }

    private static string Plain(Question question) =>
        string.Join(' ', question.Text.ToLowerInvariant().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    /// <summary>A block of results with the white space around it, which the environment writes too.</summary>
    [GeneratedRegex(@"\s*<search_result>(?<results>.*?)</search_result>\s*", RegexOptions.Singleline)]
    private static partial Regex ResultBlock();

    [GeneratedRegex(@"(?<=^\s*|\n)result\s+\d+:\s*""(?<title>[^\n]*)""[^\S\n]*(?:\n|$)")]
    private static partial Regex ResultHead();
}
