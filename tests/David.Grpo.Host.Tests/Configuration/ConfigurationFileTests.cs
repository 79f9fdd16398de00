using David.Grpo.Configuration;
using David.Grpo.Host.Tests.Formats;

namespace David.Grpo.Host.Tests.Configuration;

public sealed class ConfigurationFileTests
{
    private static SampleOptions Parse(string text) =>
        ConfigurationFile.Parse<SampleOptions>(text, "/data/runs/run.yaml");

    private static IReadOnlyList<ConfigurationProblem> Problems<T>(string text)
        where T : class =>
        Assert.Throws<ConfigurationException>(() => ConfigurationFile.Parse<T>(text, "run.yaml")).Problems;

    [Fact]
    public void Parse_BindsEveryKindOfOption()
    {
        SampleOptions options = Parse(
            """
            seed: 9000000000
            steps: 0
            method:
              arm: grpo_coverage
              lambda: .5
              learning_rate: 1e-4
              bound: -.inf
            shuffle: false
            title: no
            note: "null"
            limit: ~
            seeds: [3, 4]
            tags:
              - yes
              - 1.10
              - "two words"
            corpus: ../corpus.jsonl
            questions: [a/train.jsonl, /b/train.jsonl]
            stages:
              - name: first
              - name: second
                arms: [david, grpo]
                weight: 3
            expert:
              model: expert
            """
        );

        Assert.Equal(9_000_000_000, options.Seed);
        Assert.Equal(0, options.Steps);
        Assert.Equal(
            new SampleMethod
            {
                Arm = SampleArm.GrpoCoverage,
                Lambda = 0.5,
                LearningRate = 1e-4,
                TopK = 5,
                Bound = double.NegativeInfinity,
            },
            options.Method
        );
        Assert.False(options.Shuffle);
        Assert.Equal("no", options.Title);
        Assert.Equal("null", options.Note);
        Assert.Null(options.Limit);
        Assert.Equal([3, 4], options.Seeds);
        Assert.Equal(["yes", "1.10", "two words"], options.Tags);
        Assert.Equal("/data/corpus.jsonl", options.Corpus);
        Assert.Equal(["/data/runs/a/train.jsonl", "/b/train.jsonl"], options.Questions);
        Assert.Equal(["first", "second"], options.Stages.Select(stage => stage.Name));
        Assert.Equal([SampleArm.Grpo], options.Stages[0].Arms);
        Assert.Equal([SampleArm.David, SampleArm.Grpo], options.Stages[1].Arms);
        Assert.Equal(3, options.Stages[1].Weight);
        Assert.Equal(new SampleExpert { Model = "/data/runs/expert" }, options.Expert);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing but a comment\n")]
    [InlineData("---\n")]
    [InlineData("method:\n#  top_k: 1\n")]
    [InlineData("{}")]
    public void Parse_KeepsDefaults_WhereNothingIsGiven(string text)
    {
        SampleOptions options = Parse(text);

        Assert.Equal(SampleOptions.Authors, options.Method);
        Assert.Equal([1, 2], options.Seeds);
        Assert.Equal("/data/runs/corpus.jsonl", options.Corpus);
        Assert.Equal(["/data/runs/train.jsonl"], options.Questions);
        Assert.Null(options.Expert);
    }

    [Fact]
    public void Parse_LeavesSharedDefaultsAlone()
    {
        Assert.Equal(7, Parse("method: {top_k: 7}").Method.TopK);
        Assert.Equal(5, SampleOptions.Authors.TopK);
        Assert.Equal(5, Parse("method: {lambda: 1}").Method.TopK);
    }

    [Theory]
    [InlineData("steps: 7", 7)]
    [InlineData("steps: +7 # seven", 7)]
    [InlineData("steps:\t7\r\n", 7)]
    [InlineData("{steps: 007}", 7)]
    public void Parse_ReadsWholeNumbers(string text, int expected) => Assert.Equal(expected, Parse(text).Steps);

    [Theory]
    [InlineData("1e-4", 1e-4)]
    [InlineData(".5", 0.5)]
    [InlineData("1", 1)]
    [InlineData("+1.", 1)]
    [InlineData("5E-1", 0.5)]
    public void Parse_ReadsNumbers(string word, double expected) =>
        Assert.Equal(expected, Parse($"method: {{lambda: {word}}}").Method.Lambda);

    [Theory]
    [InlineData("note: |\n  two\n  lines\n", "two\nlines\n")]
    [InlineData("note: >-\n  one\n  line\n", "one line")]
    [InlineData("note: 'it''s'", "it's")]
    [InlineData("note: 5", "5")]
    [InlineData("note: ''", "")]
    [InlineData("note: null", null)]
    public void Parse_ReadsTexts(string text, string? expected) => Assert.Equal(expected, Parse(text).Note);

    // One problem each: where, at which key, what was found, what was asked for, what was probably meant.
    [Theory]
    [InlineData("a: 1\n", 1, 1, "a", "an unknown key", "one of seed, method, steps, shuffle, *", null)]
    [InlineData("seed: 1\nstep: 1\n", 2, 1, "step", "an unknown key", "a key of the file", "steps")]
    [InlineData("method:\n  lamda: 1\n", 2, 3, "method.lamda", "an unknown key", "a key of method", "method.lambda")]
    [InlineData("top_k: 1\n", 1, 1, "top_k", "an unknown key", "a key of the file", "method.top_k")]
    [InlineData("method:\n  steps: 1", 2, 3, "method.steps", "an unknown key", "a key of method", "steps")]
    [InlineData("<<: 1", 1, 1, "<<", "an unknown key", "one of seed, *", null)]
    [InlineData("stages:\n- {name: a, wieght: 1}", 2, 13, "stages[0].wieght", "*", "*", "stages[0].weight")]
    [InlineData(
        "seed: 1\nseed: 2\n",
        2,
        1,
        "seed",
        "the key a second time",
        "it once; the first is at line 1, column 1",
        null
    )]
    [InlineData("method: {lambda: 1, lambda: 1}", 1, 21, "method.lambda", "the key a second time", "*column 10", null)]
    [InlineData("steps: ten", 1, 8, "steps", "ten", "a whole number of at least 0", null)]
    [InlineData("steps: 1e3", 1, 8, "steps", "1e3", "a whole number of at least 0", null)]
    [InlineData("steps: 1_000", 1, 8, "steps", "1_000", "a whole number of at least 0", null)]
    [InlineData("steps: -1", 1, 8, "steps", "-1", "a whole number of at least 0", null)]
    [InlineData("steps: 3000000000", 1, 8, "steps", "3000000000", "a whole number of at least 0", null)]
    [InlineData("seed: 9223372036854775808", 1, 7, "seed", "9223372036854775808", "a whole number", null)]
    [InlineData("steps: '5'", 1, 8, "steps", "the text \"5\"", "a whole number of at least 0 without quotes", null)]
    [InlineData("steps:\n", 1, 7, "steps", "nothing", "a whole number of at least 0", null)]
    [InlineData("steps: [5]", 1, 8, "steps", "a list", "a whole number of at least 0", null)]
    [InlineData("steps: {a: 5}", 1, 8, "steps", "a section", "a whole number of at least 0", null)]
    [InlineData("method:\n  top_k: 101", 2, 10, "method.top_k", "101", "a whole number from 1 to 100", null)]
    [InlineData("method:\n  lambda: 1.5", 2, 11, "method.lambda", "1.5", "a number from 0 to 1", null)]
    [InlineData("method:\n  lambda: .nan", 2, 11, "method.lambda", ".nan", "a number from 0 to 1", null)]
    [InlineData("method:\n  bound: NaN", 2, 10, "method.bound", "NaN", "a number", null)]
    [InlineData("method:\n  bound: 1e999", 2, 10, "method.bound", "1e999", "a number", null)]
    [InlineData("method:\n  bound: Infinity", 2, 10, "method.bound", "Infinity", "a number", null)]
    [InlineData("method:\n  bound: 1,5", 2, 10, "method.bound", "1,5", "a number", null)]
    [InlineData(
        "method: {learning_rate: 0}",
        1,
        25,
        "method.learning_rate",
        "0",
        "a number above 0 and of at most 1",
        null
    )]
    [InlineData("method: {arm: davd}", 1, 15, "method.arm", "davd", "grpo, grpo_coverage or david", "david")]
    [InlineData("method: {arm: 1}", 1, 15, "method.arm", "1", "grpo, grpo_coverage or david", null)]
    [InlineData("method: 5", 1, 9, "method", "5", "keys with values, such as arm: ...", null)]
    [InlineData("method:\n- arm", 2, 1, "method", "a list", "keys with values, such as arm: ...", null)]
    [InlineData("shuffle: yes", 1, 10, "shuffle", "yes", "true or false", "true")]
    [InlineData("shuffle: 0", 1, 10, "shuffle", "0", "true or false", "false")]
    [InlineData("shuffle: 'true'", 1, 10, "shuffle", "the text \"true\"", "true or false without quotes", null)]
    [InlineData("title: null", 1, 8, "title", "nothing", "a text (in quotes, to mean the word null)", null)]
    [InlineData("title:", 1, 7, "title", "nothing", "a text", null)]
    [InlineData("corpus: ''", 1, 9, "corpus", "the text \"\"", "a path", null)]
    [InlineData(
        "seeds: 5",
        1,
        8,
        "seeds",
        "5",
        "a list, each item a whole number from 0 to 100 (in brackets: [5])",
        null
    )]
    [InlineData("seeds: [5, 101]", 1, 12, "seeds[1]", "101", "a whole number from 0 to 100", null)]
    [InlineData("seeds: [5, [6]]", 1, 12, "seeds[1]", "a list", "a whole number from 0 to 100", null)]
    [InlineData("tags: [a, ]\nseeds: [1, ~]", 2, 12, "seeds[1]", "nothing", "a whole number from 0 to 100", null)]
    [InlineData("stages:\n- weight: 1", 2, 3, "stages[0].name", "nothing", "a text; the key is required", null)]
    [InlineData("stages: [a]", 1, 10, "stages[0]", "a", "keys with values, such as name: ...", null)]
    [InlineData("expert:\n  turns: 2", 2, 3, "expert.model", "nothing", "a path; the key is required", null)]
    [InlineData("- 1\n- 2", 1, 1, "", "a list", "keys with values, such as seed: ...", null)]
    [InlineData("steps:5", 1, 1, "", "steps:5", "keys with values, such as seed: ...", null)]
    [InlineData("title: &t x", 1, 8, "title", "the anchor &t", "a value; anchors are not read", null)]
    [InlineData("seed: !!int 5", 1, 7, "seed", "the tag *", "a value; tags are not read, *", null)]
    [InlineData(
        "steps: 1\n---\nsteps: 2",
        2,
        1,
        "",
        "a second document",
        "one document a file; take out the line ---",
        null
    )]
    [InlineData("? [1, 2]\n: 3\n", 1, 3, "", "a key that is not a word", "a key such as top_k", null)]
    [InlineData("steps: 5\nti\0tle: a", 2, 3, "", "a NUL character", "a text file", null)]
    // Syntax.
    [InlineData("method:\n\ttop_k: 1", 2, 1, "", "a tab before the text", "spaces; *", null)]
    [InlineData("method:\n  top_k: 1\n \tlambda: 1", 3, 2, "", "a tab before the text", "spaces; *", null)]
    [InlineData("seeds: [1, 2\nsteps: 3", 1, 8, "", "a list or map in brackets that is not closed", "YAML", null)]
    [InlineData("title: \"open", 1, 8, "", "*unexpected end of stream", "YAML", null)]
    [InlineData("title: a: b", 1, 9, "", "*invalid mapping", "YAML", null)]
    [InlineData("stpes: 1\nseed: 1\n  steps: 2", 3, 8, "", "*invalid mapping", "YAML", null)]
    public void Parse_SaysWhatIsWrong(
        string text,
        int line,
        int column,
        string key,
        string got,
        string expected,
        string? nearest
    )
    {
        ConfigurationProblem problem = Assert.Single(Problems<SampleOptions>(text));

        Assert.Equal((line, column, key, nearest), (problem.Line, problem.Column, problem.Key, problem.Nearest));
        AssertLike(got, problem.Got);
        AssertLike(expected, problem.Expected);
    }

    [Fact]
    public void Parse_ReportsAliasAndAnchor()
    {
        Assert.Equal(
            [(1, 7, "note", "the anchor &x"), (2, 8, "title", "the alias *x")],
            Problems<SampleOptions>("note: &x a\ntitle: *x\n").Select(p => (p.Line, p.Column, p.Key, p.Got))
        );
    }

    [Fact]
    public void Parse_AsksForEveryMissingKey()
    {
        Assert.Equal(
            [(1, 1, "steps"), (1, 1, "expert.model"), (1, 1, "name")],
            Problems<RequiredOptions>("").Select(p => (p.Line, p.Column, p.Key))
        );
        Assert.Equal(
            [(1, 1, "name"), (2, 9, "expert.model")],
            Problems<RequiredOptions>("steps: 0\nexpert: {turns: 2}").Select(p => (p.Line, p.Column, p.Key))
        );
        Assert.Equal(
            "two",
            ConfigurationFile.Parse<RequiredOptions>("steps: 0\nname: two\nexpert: {model: a}", "run.yaml").Name
        );
    }

    [Fact]
    public void Parse_ReportsASyntaxErrorAlone()
    {
        ConfigurationProblem problem = Assert.Single(Problems<RequiredOptions>("steps: x\n@"));
        Assert.Equal((2, 1), (problem.Line, problem.Column));
    }

    [Fact]
    public void Parse_ReportsAllProblems_InTheOrderOfTheFile()
    {
        ConfigurationException error = Assert.Throws<ConfigurationException>(() =>
            ConfigurationFile.Parse<SampleOptions>(
                "steps: -1\nmethod:\n  lamda: 0.1\n  top_k: 0\nseed: 1\nseed: x\n",
                "configs/run.yaml"
            )
        );

        Assert.Equal(
            """
            configs/run.yaml:1:8: steps: got -1, expected a whole number of at least 0.
            configs/run.yaml:3:3: method.lamda: got an unknown key, expected a key of method. Did you mean method.lambda?
            configs/run.yaml:4:10: method.top_k: got 0, expected a whole number from 1 to 100.
            configs/run.yaml:6:1: seed: got the key a second time, expected it once; the first is at line 5, column 1.
            """,
            error.Message
        );
    }

    [Fact]
    public void Parse_ShortensLongValues()
    {
        string got = Assert.Single(Problems<SampleOptions>("steps: " + new string('x', 5000))).Got;
        Assert.Equal(new string('x', 57) + "...", got);
    }

    [Fact]
    public void Read_TakesPathsFromTheFolderOfTheFile()
    {
        using Scratch scratch = new();
        string file = scratch.Write("run.yaml", "\uFEFFcorpus: sub/c.jsonl\n");

        Assert.Equal(
            Path.Combine(scratch.Folder, "sub", "c.jsonl"),
            ConfigurationFile.Read<SampleOptions>(file).Corpus
        );
    }

    [Fact]
    public void Read_NamesAFileThatIsNotThere()
    {
        FileNotFoundException error = Assert.Throws<FileNotFoundException>(() =>
            ConfigurationFile.Read<SampleOptions>("absent.yaml")
        );
        Assert.Contains(Path.GetFullPath("absent.yaml"), error.Message);
    }

    private sealed record DateOptions
    {
        public DateTime When { get; init; }
    }

    private sealed record EndlessOptions
    {
        public EndlessOptions? Inner { get; init; }
    }

    [Fact]
    public void Parse_RefusesRecordsItCannotFill()
    {
        Assert.Contains(
            "DateOptions.When",
            Assert.Throws<NotSupportedException>(() => ConfigurationFile.Parse<DateOptions>("", "a")).Message
        );
        Assert.Contains(
            "contains itself",
            Assert.Throws<NotSupportedException>(() => ConfigurationFile.Parse<EndlessOptions>("", "a")).Message
        );
    }

    [Theory]
    [InlineData("", "", 0)]
    [InlineData("lambda", "", 6)]
    [InlineData("lambda", "lamda", 1)]
    [InlineData("arm", "amr", 1)]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("ca", "abc", 3)]
    public void NearestWord_CountsEdits(string left, string right, int expected)
    {
        Assert.Equal(expected, NearestWord.Distance(left, right));
        Assert.Equal(expected, NearestWord.Distance(right, left));
    }

    [Theory]
    [InlineData("TopK", "top_k")]
    [InlineData("top-k", "top_k")]
    [InlineData("kl_coef", "kl_coefficient")]
    [InlineData("temperature", null)]
    [InlineData("ab", null)]
    public void NearestWord_IsNearOrNone(string word, string? expected) =>
        Assert.Equal(expected, NearestWord.To(word, ["kl_coefficient", "top_k", "xy"]));

    /// <summary>Equal, where a star at an end of the pattern stands for any text.</summary>
    private static void AssertLike(string pattern, string actual)
    {
        string core = pattern.Trim('*');
        if (pattern.StartsWith('*'))
            Assert.EndsWith(core, actual);
        else if (pattern.EndsWith('*'))
            Assert.StartsWith(core, actual);
        else
            Assert.Equal(pattern, actual);
    }
}
