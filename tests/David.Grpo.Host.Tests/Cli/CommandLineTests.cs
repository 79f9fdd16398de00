using System.CommandLine;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using David.Grpo.Cli;

namespace David.Grpo.Host.Tests.Cli;

using Command = System.CommandLine.Command;

public sealed class CommandLineTests
{
    private enum Speed
    {
        Slow,
        Fast,
    }

    private sealed record Inner
    {
        [Description("how deep")]
        [Range(1, 9)]
        public int TopK { get; init; } = 3;
    }

    private record Common
    {
        [Description("A model")]
        [Shown("PATH", Alias = "-m")]
        public required string Model { get; init; }

        public Inner Inner { get; init; } = new();
    }

    private sealed record Sample : Common
    {
        public Sample() => Inner = new() { TopK = 5 };

        [Description("shares")]
        [Range(0.0, 1.0, MinimumIsExclusive = true)]
        [Shown(Name = "share", IsGreedy = true)]
        public double[] Shares { get; init; } = [0.5];

        [Description("a pace")]
        public Speed Speed { get; init; } = Speed.Fast;

        [Description("a limit")]
        public long? Limit { get; init; }

        [Description("no more words")]
        public bool Quiet { get; init; }
    }

    [Fact]
    public void Options_AreTheRecords_WithItsDefaults()
    {
        Sample sample = Read("-m", "null");
        Assert.Equal(
            ("null", 5, Speed.Fast, null, false),
            (sample.Model, sample.Inner.TopK, sample.Speed, sample.Limit, sample.Quiet)
        );
        Assert.Equal([0.5], sample.Shares);

        sample = Read(
            "--model",
            "x",
            "--top-k",
            "2",
            "--share",
            "0.25",
            "1e-3",
            "--speed",
            "Slow",
            "--limit",
            "-4",
            "--quiet"
        );
        Assert.Equal(
            ("x", 2, Speed.Slow, -4L, true),
            (sample.Model, sample.Inner.TopK, sample.Speed, sample.Limit, sample.Quiet)
        );
        Assert.Equal([0.25, 1e-3], sample.Shares);
    }

    [Fact]
    public void WhatIsNotGiven_IsTheGivenDefaults()
    {
        Command command = new("sample");
        CommandOptions<Sample> options = new(command);
        Sample defaults = new()
        {
            Model = "own",
            Limit = 7,
            Inner = new() { TopK = 8 },
        };
        Sample read = options.Read(command.Parse(["--model", "x", "--top-k", "5"]), defaults);
        // 5 is the record's default, and was given all the same.
        Assert.Equal(("x", 7L, 5), (read.Model, read.Limit, read.Inner.TopK));
    }

    [Theory]
    [InlineData("--top-k", "0", "--top-k is 0; expected a whole number from 1 to 9.")]
    [InlineData("--top-k", "two", "--top-k is two; expected a whole number from 1 to 9.")]
    [InlineData("--share", "0", "--share is 0; expected a number above 0 and of at most 1.")]
    [InlineData("--speed", "fst", "--speed is fst; expected slow or fast. Did you mean fast?")]
    public void WrongValues_AreSaidAsInFiles(string option, string value, string expected)
    {
        Command command = new("sample");
        _ = new CommandOptions<Sample>(command);
        Assert.Equal(expected, Assert.Single(command.Parse(["--model", "x", option, value]).Errors).Message);
    }

    [Theory]
    [InlineData("trane", "david knows no command or argument trane. Did you mean train?")]
    [InlineData("demo --seed 3", "david demo knows no option --seed. Did you mean --seeds?")]
    [InlineData("demo --seeds zero", "--seeds is zero; expected a whole number of at least 1.")]
    [InlineData("eval", "Option '--model' is required.")]
    [InlineData("ask calibrate docs --riks 1", "david ask calibrate knows no option --riks. Did you mean --risk?")]
    public async Task WrongUsage_IsTwoLinesAndExitCode2(string line, string expected)
    {
        (int code, string output, string error) = await RunAsync(line.Split(' '));
        Assert.Equal((2, ""), (code, output));
        string[] lines = error.TrimEnd().Split('\n');
        Assert.Equal(expected, lines[0]);
        Assert.Equal(2, lines.Length);
        Assert.Matches("^See david.* --help\\.$", lines[1]);
    }

    [Fact]
    public async Task NoCommand_ShowsTheHelp_ALineACommand()
    {
        (int code, string output, string error) = await RunAsync();
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("Begin with `david demo`", output);
        string[] commands = output.Split("Commands:\n")[1].TrimEnd().Split('\n');
        Assert.Equal(CommandLine.Commands.Length, commands.Length);
        Assert.All(
            commands.Zip(CommandLine.Commands),
            pair =>
            {
                Assert.StartsWith($"  {pair.Second.Name} ", pair.First, StringComparison.Ordinal);
                Assert.EndsWith(pair.Second.Brief, pair.First, StringComparison.Ordinal);
                Assert.True(pair.First.Length <= 80, pair.First);
            }
        );
    }

    [Fact]
    public void Help_BreaksNoExampleInAnEightyColumnTerminal()
    {
        static IEnumerable<Command> All(Command command) => [command, .. command.Subcommands.SelectMany(All)];
        Assert.All(
            All(CommandLine.Root()),
            command =>
                Assert.All(
                    command.Description!.Split('\n').Where(line => line.StartsWith(' ')),
                    line => Assert.True(line.Length <= 77, line)
                )
        );
    }

    private static Sample Read(params string[] arguments)
    {
        Command command = new("sample");
        CommandOptions<Sample> options = new(command);
        ParseResult result = command.Parse(arguments);
        Assert.Empty(result.Errors);
        return options.Read(result);
    }

    private static Task<(int Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        RootCommand root = CommandLine.Root();
        return TinyRun.InvokeAsync(root, arguments);
    }

    [Fact]
    public void ACommandThatIsNamed_IsMadeAlone()
    {
        foreach ((string name, _, Func<Command> create) in CommandLine.Commands)
        {
            Assert.Equal(name, create().Name);
            Assert.Equal([name], CommandLine.Root(name).Subcommands.Select(command => command.Name));
        }
        Assert.Equal(CommandLine.Commands.Length, CommandLine.Root("demmo").Subcommands.Count);
    }
}
