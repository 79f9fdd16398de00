using David.Grpo.Answering;
using David.Grpo.Formats;
using David.Grpo.Learning;
using David.Grpo.Models;
using David.Grpo.Runs;
using David.Grpo.Search;
using David.Grpo.Tasks;
using David.Grpo.Training;
using Xunit;

namespace David.Grpo.Host.Tests.Examples;

/// <summary>
/// A reward, an environment, an arm and a budget policy of one's own, each in under 30 lines, each trained with for some
/// steps on the embedded world; and a tool of one's own, which is asked. docs/own.md points here.
/// </summary>
public sealed class YourOwnTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("david-own-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task OwnReward_OfTerms()
    {
        // A right answer counts 1, evidence a third; what no search asked twice counts a little. Each term is logged.
        RewardRule reward = Reward.Sum(
            "thrifty",
            [
                Reward.ExactMatch(1.0),
                Reward.Coverage(0.33),
                RewardMeasure.Create(
                    "no_repeats",
                    0.1,
                    trajectory =>
                        trajectory.Searches.DistinctBy(search => search.Query).Count() == trajectory.Searches.Length
                            ? 1
                            : 0
                ),
            ]
        );

        StepMetrics[] steps = await TrainAsync(Base("grpo").WithReward(reward).Named("thrifty", "Thrifty"));

        Assert.All(steps, step => Assert.Equal(["coverage", "exact_match", "no_repeats"], step.Terms.Keys.Order()));
        Assert.All(steps, step => Assert.InRange(step.Reward, 0, 1.43));
    }

    [Fact]
    public async Task OwnEnvironment()
    {
        TrainingTask world = World();
        TitleSearch search = new(EmbeddedWorld.Passages);

        await TrainAsync(Base("grpo"), world with { Training = world.Training with { Search = search } });

        Assert.True(search.Asked > 0);
    }

    /// <summary>Passages whose title has a word of the query, the shortest title first.</summary>
    private sealed class TitleSearch(Passage[] passages) : ISearchEnvironment
    {
        public int Asked { get; private set; }

        public ValueTask<Passage[][]> SearchAsync(IReadOnlyList<string> queries, int topK, CancellationToken _)
        {
            Asked += queries.Count;
            return new ValueTask<Passage[][]>([.. queries.Select(query => Find(query.Split(' '), topK))]);
        }

        private Passage[] Find(string[] words, int topK) =>
            [
                .. passages
                    .Where(passage => passage.Title.Split(' ').Intersect(words).Any())
                    .OrderBy(passage => passage.Title.Length)
                    .ThenBy(passage => passage.Id.Value, StringComparer.Ordinal)
                    .Take(topK),
            ];
    }

    [Fact]
    public async Task OwnTool_WithASchema_IsAskedLikeDocuments()
    {
        ToolBox tools = new(
            new Register(
                new("PR-207", "second floor", "It was bought in 2021."),
                new("PR-115", "archive", "It is broken.")
            )
        );
        Passage[][] found = await tools.SearchAsync(
            ["machines: place=archive"],
            3,
            TestContext.Current.CancellationToken
        );
        Assert.Equal("[machines] PR-115", Assert.Single(found[0]).Title);

        Answered answered = await new QuotingAnswerer(tools).AskAsync(
            "When was PR-207 bought?",
            TestContext.Current.CancellationToken
        );
        Assert.Contains("bought in 2021", answered.Answer);
        Assert.Equal("machines/PR-207", answered.Evidence[0].Passage.Id.Value);
    }

    private sealed record Machine(string Name, string Place, string Note);

    /// <summary>A register of machines, found by their names or by the field <c>place</c>.</summary>
    private sealed class Register(params Machine[] machines) : ISearchTool
    {
        public ToolSchema Schema { get; } = new("machines", "what stands where", new ToolField("place"));

        public ValueTask<Passage[]> SearchAsync(ToolQuery query, int topK, CancellationToken _) =>
            new([
                .. machines
                    .Where(machine => !query.Fields.TryGetValue("place", out string? place) || place == machine.Place)
                    .Where(machine =>
                        query.Words.Length == 0 || query.Words.Contains(machine.Name, StringComparison.Ordinal)
                    )
                    .Select(machine => new Passage(new PassageId(machine.Name), machine.Name, machine.Note))
                    .Take(topK),
            ]);
    }

    [Fact]
    public async Task OwnArm_ThatForksTheShortestMemberAndKeepsAll()
    {
        ExplorationRule fork = ExplorationRule.Create(
            "fork_shortest",
            maxForks: 2,
            plan: (seed, group) =>
            {
                int shortest = Array.IndexOf(
                    group.Members,
                    group.Members.MinBy(member => member.Trajectory.Segments.Length)
                );
                return [new Fork(shortest, keptSegments: 1), new Fork(shortest, keptSegments: 1)];
            },
            select: (rewards, candidates) => [.. Enumerable.Range(0, rewards.Length + candidates.Length)]
        );
        AdvantageRule best = AdvantageRule.Create(
            "best_of_group",
            rewards => [.. rewards.Select(reward => reward == rewards.Max() && reward > rewards.Min() ? 1.0 : 0.0)]
        );

        StepMetrics[] steps = await TrainAsync(
            Base("grpo").WithExploration(fork).WithAdvantage(best).Named("fork_shortest", "Fork the shortest")
        );

        Assert.All(steps, step => Assert.Equal(12, step.Continued));
        Assert.All(steps, step => Assert.True(step.OptimizerSteps > 0));
    }

    [Fact]
    public async Task OwnBudgetPolicy_ThatPricesGeneratedTokens()
    {
        SpendingRule tokens = SpendingRule.Create("tokens", trajectory => Trajectory.GeneratedTokens(trajectory));

        // The price is moved so that a rollout samples 5 tokens on the average.
        StepMetrics[] steps = await TrainAsync(
            Base("grpo").WithSpending(tokens).Named("brief", "Brief"),
            method: new WorldMethodOptions
            {
                Arm = "grpo",
                SpendTarget = 5,
                Price = 0.01,
            }
        );

        Assert.True(steps[^1].Price > 0.01);
    }

    private static readonly EmbeddedWorld EmbeddedWorld = Grpo.World.Generate(Grpo.World.TrainingSeed(5));

    private static TrainingTask World() =>
        WorldTask.Create(seed: 5, WorldRuns.TrainingQuestions, evaluationQuestions: 10);

    private static Arm Base(string name) => new WorldMethodOptions { Arm = name }.Create(TaskRewards.OfTags(_ => null));

    private async Task<StepMetrics[]> TrainAsync(Arm arm, TrainingTask? task = null, MethodOptions? method = null)
    {
        using ModelFiles files = ModelFiles.Open(BasePolicy.Folder);
        using Decoder policy = Decoder.Load(files.Config, files.Weights);
        List<StepMetrics> steps = [];
        RunOptions options = WorldRuns.Options(
            method ?? new WorldMethodOptions { Arm = "grpo" },
            seed: 5,
            rollouts: 200,
            evaluationQuestions: 10
        );
        using Trainer trainer = new(
            policy,
            task ?? World(),
            options,
            new RunFolder(_folder, arm.Name),
            new(),
            happened =>
            {
                if (happened is RunEvent.Stepped { Metrics: var metrics })
                    steps.Add(metrics);
            },
            arm
        );
        await trainer.RunAsync(TestContext.Current.CancellationToken);
        Assert.True(steps.Count >= 2);
        return [.. steps];
    }
}
