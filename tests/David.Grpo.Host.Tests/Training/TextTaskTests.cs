using David.Grpo.Formats;
using David.Grpo.Rollout;
using David.Grpo.Search;
using David.Grpo.Tasks;
using David.Grpo.Tokenization;

namespace David.Grpo.Host.Tests.Training;

public sealed class TextTaskTests
{
    private const string Response =
        "I should look.\n<begin_search> honey bees </end_search>\n\n<search_result> result 1: \"Bee \"the\" keeper\"\n"
        + "Bees make honey.\nMuch of it.\nresult 2: \"Hive\"\nA hive is a house. </search_result>\n\n\n\nSo it is.\n</think>\n\n"
        + "It is honey.\n\n\\boxed{honey}";

    private readonly Tokenizer tokenizer = Tokenizer.FromFolder(Shared.Path("models/smollm2-135m-instruct"));

    [Fact]
    public void Expert_IsWrittenByExpertAndEnvironmentInTurn()
    {
        Trajectory expert = Expert(Response);

        Assert.Collection(
            expert.Segments,
            segment => Assert.IsType<Segment.Prompt>(segment),
            segment => Assert.EndsWith("</end_search>", Text(Assert.IsType<Segment.Expert>(segment))),
            segment =>
            {
                string observation = Text(Assert.IsType<Segment.Observation>(segment));
                Assert.StartsWith("\n\n<search_result>", observation);
                Assert.EndsWith("</search_result>\n\n\n\n", observation);
            },
            segment => Assert.StartsWith("So it is.", Text(Assert.IsType<Segment.Expert>(segment)))
        );
        Assert.Equal(Response, string.Concat(expert.Segments.Skip(1).Select(Text)));
        Assert.Equal(tokenizer.EndOfSequence, expert.Segments[^1].Tokens[^1]);
        SearchTurn search = Assert.Single(expert.Searches);
        Assert.Equal("honey bees", search.Query);
        Assert.Equal(3, search.SegmentsThrough);
        Assert.Equal(["Bee \"the\" keeper", "Hive"], search.Passages.Select(passage => passage.Title));
        Assert.Equal(
            ["Bees make honey.\nMuch of it.", "A hive is a house."],
            search.Passages.Select(passage => passage.Text)
        );
        Assert.Equal("honey", Trajectory.AnswerOrNull(expert));
    }

    /// <summary>method.md, section 5.1: the authors' experts find one of two gold titles and would score 0.75.</summary>
    [Fact]
    public void AuthorsExperts_FindHalfOfTheirEvidenceAndAnswerExactly()
    {
        QuestionRecord[] records = QuestionSet.Read(
            Shared.Path("data/davidgrpo-warmup/questions.jsonl.gz"),
            cancellationToken: TestContext.Current.CancellationToken
        );
        TrainingTask task = Task(experts: records);

        Assert.Equal(3, task.Experts.Count);
        Assert.Equal([1, 2, 2], task.Experts.Select(expert => expert.Searches.Length).Order());
        Assert.All(
            task.Experts.Zip(records),
            pair =>
            {
                (Trajectory expert, QuestionRecord record) = pair;
                Assert.Equal(record.ExpertResponse, string.Concat(expert.Segments.Skip(1).Select(Text)));
                Assert.All(expert.Searches, search => Assert.Equal(2, search.Passages.Length));
                Assert.Equal(0.5, Evidence.Coverage(expert));
                RewardOutcome outcome = Reward.Score(Reward.Authors(0.5), expert);
                Assert.Equal(0.75, Assert.IsType<RewardOutcome.Scored>(outcome).Item.Total);
            }
        );
    }

    [Theory]
    [InlineData("I know.\n</think>\nIt is honey.", "no \\boxed{answer}")]
    [InlineData("<search_result> result 1: \"A\"\nb </search_result>\n</think>\\boxed{honey}", "without a query")]
    [InlineData("<begin_search>honey</end_search>\n</think>\\boxed{honey}", "shows no <search_result>")]
    public void Expert_ThatDoesNotKeepToTheProtocol_IsRefused(string response, string what)
    {
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() => Expert(response));
        Assert.Contains("question expert", refused.Message);
        Assert.Contains(what, refused.Message);
    }

    [Theory]
    [InlineData("dev", "What do bees make?", "training")]
    [InlineData("train", "Something else?", "training")]
    [InlineData("x", "  what DO bees\tmake? ", "training")]
    [InlineData("x", "Who makes honey?", "the experts'")]
    public void EvaluationQuestion_ThatIsTaughtToo_IsRefused(string id, string text, string whose)
    {
        Question training = Question("train", "What do bees make?");
        QuestionRecord expert = new(Question("expert", "Who makes honey?"), Response);

        InvalidDataException refused = Assert.Throws<InvalidDataException>(() =>
            Task([training], [Question("fine", "What is a hive?"), Question(id, text)], [expert])
        );
        Assert.StartsWith($"1 of 2 evaluation questions are {whose} questions too, the first is {id}", refused.Message);
    }

    [Theory]
    [InlineData(49_151, "ids up to 49151")]
    [InlineData(49_152 + TextTask.MostPadding + 1, "1024 more")]
    public void TokenizerOfAnotherVocabularySize_IsRefused(int rows, string what)
    {
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() =>
            TextTask.EndTokens(Model(rows, 2), tokenizer, ("the tokenizer", "the model"))
        );
        Assert.Contains(what, refused.Message);
        Assert.Contains($"{rows}", refused.Message);
    }

    [Theory]
    [InlineData(49_152)]
    [InlineData(49_152 + TextTask.MostPadding)]
    public void Padding_IsNoOtherVocabulary(int rows) =>
        Assert.Equal([0, 2, 7], TextTask.EndTokens(Model(rows, 7), tokenizer, ("the tokenizer", "the model")));

    [Fact]
    public void EndOfSequence_ThatTheTokenizerLacks_IsRefused()
    {
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() =>
            TextTask.EndTokens(Model(49_200, 49_190), tokenizer, ("the tokenizer", "the model"))
        );
        Assert.Contains("token 49190", refused.Message);
    }

    private Trajectory Expert(string response) =>
        Task(experts: [new QuestionRecord(Question("expert", "Who makes honey?"), response)]).Experts[0];

    private TrainingTask Task(
        IReadOnlyList<Question>? training = null,
        IReadOnlyList<Question>? evaluation = null,
        IReadOnlyList<QuestionRecord>? experts = null
    ) =>
        TextTask.Create(
            training ?? [],
            evaluation ?? [],
            experts ?? [],
            new NoPassages(),
            new TextAgentProtocol(TextProtocol.Default, tokenizer, ChatTemplate.Of(tokenizer), [2]),
            tokenizer,
            [0, 2]
        );

    private string Text(Segment segment) => tokenizer.Decode(segment.Tokens, skipSpecial: true);

    private static Question Question(string id, string text) => new(id, text, ["honey"], [], ["Hive"], "bridge", 2);

    private static ModelConfig Model(int rows, int end) =>
        new()
        {
            Architecture = Architecture.Llama,
            VocabularySize = rows,
            HiddenSize = 8,
            IntermediateSize = 8,
            Layers = 1,
            Heads = 1,
            KeyValueHeads = 1,
            HeadDimension = 8,
            RmsNormEpsilon = 1e-5,
            RopeTheta = 1e4,
            TieWordEmbeddings = true,
            MaxPositions = 64,
            EndOfSequenceIds = [end],
        };

    private sealed class NoPassages : ISearchEnvironment
    {
        public ValueTask<Passage[][]> SearchAsync(
            IReadOnlyList<string> queries,
            int topK,
            CancellationToken cancellationToken
        ) => new(queries.Select(_ => Array.Empty<Passage>()).ToArray());
    }
}
