using System.Text.Json;
using System.Text.Json.Serialization;
using David.Grpo.Configuration;
using David.Grpo.Learning;
using David.Grpo.Runs;

namespace David.Grpo.Host.Tests.Configuration;

public sealed class ConfigurationWriterTests
{
    private static readonly JsonSerializerOptions Json = new()
    {
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    // Records compare arrays by reference, their JSON compares the contents.
    private static void AssertSame<T>(T expected, T actual) =>
        Assert.Equal(JsonSerializer.Serialize(expected, Json), JsonSerializer.Serialize(actual, Json));

    private static T ReadBack<T>(T options)
        where T : class => ConfigurationFile.Parse<T>(ConfigurationWriter.Write(options), "/another/place/run.yaml");

    private static SampleOptions Absolute => ConfigurationFile.Parse<SampleOptions>("", "/data/run.yaml");

    [Fact]
    public void Write_GivesEveryKey()
    {
        Assert.Equal(
            """
            seed: 1
            method:
              arm: david
              lambda: 0.5
              learning_rate: 1.0e-06
              top_k: 5
              bound: .inf
            steps: 10
            shuffle: true
            title: "a run"
            note: null
            limit: null
            seeds: [1, 2]
            tags: []
            corpus: /data/corpus.jsonl
            questions: [/data/train.jsonl]
            stages:
              - name: first
                arms: [grpo]
                weight: null
              - name: "2"
                arms: [david, grpo_coverage]
                weight: 0.25
            expert: null

            """,
            ConfigurationWriter.Write(
                Absolute with
                {
                    Stages =
                    [
                        new() { Name = "first" },
                        new()
                        {
                            Name = "2",
                            Arms = [SampleArm.David, SampleArm.GrpoCoverage],
                            Weight = 0.25,
                        },
                    ],
                }
            )
        );
    }

    [Fact]
    public void ReadingBack_GivesEqualOptions()
    {
        Random random = new(1);
        for (int i = 0; i < 300; i++)
        {
            SampleOptions options = Draw(random);
            AssertSame(options, ReadBack(options));
        }
    }

    [Fact]
    public void ReadingBack_GivesEveryCharacter()
    {
        string all = string.Concat(
            Enumerable.Range(1, 0x2FFF).Append(0xFEFF).Append(0xFFFD).Append(0xFFFF).Select(i => (char)i)
        );
        SampleOptions options = Absolute with
        {
            Title = all,
            Tags = ["😀", " a ", "#", "- b", "c: d", "'", "\"", "\\n", "a\r\nb"],
        };

        AssertSame(options, ReadBack(options));
    }

    [Theory]
    [InlineData(double.MaxValue)]
    [InlineData(double.Epsilon)]
    [InlineData(-0.0)]
    [InlineData(1e21)]
    [InlineData(0.1)]
    [InlineData(1.0 / 3)]
    [InlineData(double.NegativeInfinity)]
    public void ReadingBack_GivesTheSameBits(double bound)
    {
        SampleOptions options = Absolute with { Method = new SampleMethod { Bound = bound } };
        double back = ReadBack(options).Method.Bound;

        Assert.Equal(BitConverter.DoubleToInt64Bits(bound), BitConverter.DoubleToInt64Bits(back));
    }

    [Fact]
    public void Write_RefusesWhatCannotBeReadBack()
    {
        Assert.Contains(
            "\"corpus.jsonl\" is relative",
            Assert.Throws<ArgumentException>(() => ConfigurationWriter.Write(new SampleOptions())).Message
        );
        Assert.Contains(
            "NaN",
            Assert
                .Throws<ArgumentException>(() =>
                    ConfigurationWriter.Write(Absolute with { Method = new SampleMethod { Bound = double.NaN } })
                )
                .Message
        );
        Assert.Contains(
            "Title is null",
            Assert.Throws<ArgumentException>(() => ConfigurationWriter.Write(Absolute with { Title = null! })).Message
        );
    }

    [Fact]
    public void Describe_SaysTypeDefaultRangeAndMeaning()
    {
        Assert.Equal(
            """
            seed: 1                   # a whole number: decides everything random
            method:                   # what a run learns by
              arm: david              # grpo, grpo_coverage or david: the compared method
              lambda: 0.5             # a number from 0 to 1
              learning_rate: 1.0e-06  # a number above 0 and of at most 1
              top_k: 5                # a whole number from 1 to 100
              bound: .inf             # a number
            steps: 10                 # a whole number of at least 0
            shuffle: true             # true or false
            title: "a run"            # a text: shown in the report
            note: null                # a text or null
            limit: null               # a whole number or null
            seeds: [1, 2]             # a list, each item a whole number from 0 to 100
            tags: []                  # a list, each item a text
            corpus: corpus.jsonl      # a path
            questions: [train.jsonl]  # a list, each item a path
            stages: []                # a list, each item a section with keys of its own
            #  - name:                # required; a text
            #    arms: [grpo]         # a list, each item grpo, grpo_coverage or david
            #    weight: null         # a number or null
            expert: null              # a section or null
            #  model:                 # required; a path
            #  turns: 4               # a whole number from 1 to 8

            """,
            ConfigurationReference.Describe<SampleOptions>()
        );
    }

    [Fact]
    public void Description_IsAFileThatChangesNothing() =>
        AssertSame(
            Absolute,
            ConfigurationFile.Parse<SampleOptions>(ConfigurationReference.Describe<SampleOptions>(), "/data/run.yaml")
        );

    [Fact]
    public void RunOptions_AreDescribedAndReadBack()
    {
        RunOptions changed = new()
        {
            Seed = 7,
            Method = new MethodOptions { Arm = "grpo_coverage", LearningRate = 3e-5 },
        };

        AssertSame(changed, ReadBack(changed));
        AssertSame(
            new RunOptions(),
            ConfigurationFile.Parse<RunOptions>(ConfigurationReference.Describe<RunOptions>(), "run.yaml")
        );
        // As JSON: a record with an array is equal only to itself.
        static void AssertSame(RunOptions expected, RunOptions actual) =>
            Assert.Equal(
                JsonSerializer.Serialize(expected, RunJson.Line),
                JsonSerializer.Serialize(actual, RunJson.Line)
            );
    }

    [Fact]
    public void Description_LeavesRequiredKeysOpen() =>
        Assert.Equal(
            ["steps", "expert.model", "name"],
            Assert
                .Throws<ConfigurationException>(() =>
                    ConfigurationFile.Parse<RequiredOptions>(
                        ConfigurationReference.Describe<RequiredOptions>(),
                        "run.yaml"
                    )
                )
                .Problems.Select(problem => problem.Key)
        );

    private static SampleOptions Draw(Random random)
    {
        string[] words =
        [
            "a",
            "no",
            "null",
            "~",
            "",
            "1",
            "1e5",
            "-",
            "a b",
            "é",
            "#c",
            "a: b",
            "[x]",
            "it's",
            "\"",
            "\n\t",
        ];
        string Word() => words[random.Next(words.Length)];
        double Number() => random.NextDouble() * Math.Pow(10, random.Next(-300, 300));
        T[] Some<T>(Func<T> one) => [.. Enumerable.Range(0, random.Next(4)).Select(_ => one())];
        SampleArm Arm() => (SampleArm)random.Next(3);

        return new SampleOptions
        {
            Seed = random.NextInt64(long.MinValue, long.MaxValue),
            Steps = random.Next(),
            Shuffle = random.Next(2) == 0,
            Title = Word(),
            Note = random.Next(2) == 0 ? null : Word(),
            Limit = random.Next(2) == 0 ? null : random.Next(int.MinValue, int.MaxValue),
            Seeds = Some(() => random.Next(101)),
            Tags = Some(Word),
            Corpus = "/data/" + Word(),
            Questions = Some(() => "/" + Word()),
            Method = new SampleMethod
            {
                Arm = Arm(),
                Lambda = random.NextDouble(),
                LearningRate = 1 - random.NextDouble(),
                TopK = random.Next(1, 101),
                Bound = Number(),
            },
            Stages = Some(() =>
                new SampleStage
                {
                    Name = Word(),
                    Arms = Some(Arm),
                    Weight = random.Next(2) == 0 ? null : Number(),
                }
            ),
            Expert =
                random.Next(2) == 0 ? null : new SampleExpert { Model = "/" + Word() + "x", Turns = random.Next(1, 9) },
        };
    }
}
