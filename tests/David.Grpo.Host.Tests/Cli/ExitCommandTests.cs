using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using David.Grpo.Cli;
using David.Grpo.Exits;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Models;
using David.Grpo.Runs;
using David.Grpo.Tasks;
using David.Grpo.Training;

namespace David.Grpo.Host.Tests.Cli;

using Command = System.CommandLine.Command;

/// <summary>david calibrate, david eval --exit and david study exits, with the shipped base policy at toy size.</summary>
public sealed class ExitCommandTests : IDisposable
{
    private readonly Scratch scratch = new();

    public void Dispose() => scratch.Dispose();

    private static string[] World(params string[] arguments) =>
        ["--model", BasePolicy.Folder, "--protocol", "world", "--threads", "1", .. arguments];

    [Theory]
    [InlineData("margin", "ltt", "0.2")]
    [InlineData("gain", "crc", "0.15")]
    public async Task Eval_WithACalibratedExit_DoesWhatTheReplaySays(string measure, string method, string risk)
    {
        string file = scratch["exit.json"];
        (int code, string output, string error) = await Run(
            CalibrateCommand.Create(),
            World(
                "--count",
                "90",
                "--world",
                "3",
                "--measure",
                measure,
                "--method",
                method,
                "--risk",
                risk,
                "--out",
                file
            )
        );
        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("exited early", output);
        ExitFile exit = ExitFile.Read(file);
        Assert.NotNull(exit.Threshold);
        Assert.Equal(measure == "gain" ? 60 : 90, exit.Questions);
        Assert.Equal(measure == "gain" ? 30 : null, exit.Gate?.Questions);

        // On the questions of the calibration the engine does what the replay did that picked the threshold.
        (code, output, error) = await Run(
            EvalCommand.Create(),
            World("--count", "90", "--world", "3", "--exit", file, "--json")
        );
        Assert.Equal(0, code);
        JsonNode metrics = JsonNode.Parse(output)!;
        ExitSummary summary = metrics["exits"]!["summary"].Deserialize<ExitSummary>(RunJson.Document)!;
        Assert.Equal(90, summary.Questions);
        Assert.Equal((double)metrics["exact_match"]!, summary.Score, 1e-12);
        Assert.Equal((double)metrics["searches_per_question"]!, summary.Searches, 1e-12);
        if (measure != "gain")
        {
            Assert.Equal(exit.EarlyExits, summary.EarlyExits, 1e-12);
            Assert.Equal(exit.ExcessRisk, summary.ExcessRisk, 1e-12);
        }
        (_, output, _) = await Run(EvalCommand.Create(), World("--count", "90", "--world", "3", "--json"));
        JsonNode plain = JsonNode.Parse(output)!;
        Assert.Equal((double)plain["exact_match"]!, summary.FullScore, 1e-12);
        Assert.Equal((double)plain["searches_per_question"]!, summary.Searches + summary.SearchesSaved, 1e-12);
    }

    [Fact]
    public async Task Eval_WithAnExit_ShowsBothTables()
    {
        string file = Write(Sample());
        (int code, string output, string error) = await Run(
            EvalCommand.Create(),
            World("--count", "20", "--exit", file, "--temperature", "0.6")
        );
        Assert.Equal("", error);
        Assert.Equal(0, code);
        foreach (
            string text in (string[])
                [
                    "note        calibrated at temperature 0",
                    "20 questions, means with 95 % intervals",
                    "exits by margin at 0.900",
                    "excess error",
                    "generated tokens with trials",
                    "searched though right before",
                    "wrong with evidence missing",
                    "|searches - needed|, 1-hop",
                    "regret",
                    "ECE",
                    "AURC",
                ]
        )
            Assert.Contains(text, output);
    }

    [Fact]
    public async Task AnExitWithoutASafeThreshold_NeverExits()
    {
        string file = Write(Sample() with { Threshold = null });
        (int code, string output, _) = await Run(
            EvalCommand.Create(),
            World("--count", "20", "--exit", file, "--json")
        );
        Assert.Equal(0, code);
        ExitSummary summary = JsonNode.Parse(output)!["exits"]!["summary"].Deserialize<ExitSummary>(RunJson.Document)!;
        Assert.Equal((0.0, 0.0, 0.0), (summary.EarlyExits, summary.SearchesSaved, summary.GeneratedTokensSaved));
    }

    [Fact]
    public void AnExitFile_ReadsBackWhatWasWritten()
    {
        ExitFile file = Sample() with
        {
            Settings = new ExitSettings
            {
                Measure = ExitMeasure.Gain,
                Redundancy = null,
                Floor = 1,
            },
            Gate = GateFit.Of(new GateWeights(0.1, 1.0 / 3, -2e-17, 0, 5), 30),
            Threshold = -0.07,
        };
        Assert.Equal(file, ExitFile.Read(Write(file)));
        Assert.Equal(Sample(), ExitFile.Read(Write(Sample())));
        Assert.Equal(Sample() with { Threshold = null }, ExitFile.Read(Write(Sample() with { Threshold = null })));
    }

    [Theory]
    [InlineData("\"patience\": 1", "\"patience\": 0", "patience is 0; expected at least 1")]
    [InlineData("\"measure\": \"margin\"", "\"measure\": \"gain\"", "its measure is gain, but it has no gate")]
    [InlineData("\"measure\": \"margin\"", "\"measure\": \"mood\"", "ExitMeasure")]
    [InlineData("\"format\": 1", "\"format\": 2", "its format is 2; this program reads 1")]
    [InlineData("\"risk\"", "\"risc\"", "risc")]
    [InlineData("{", "", "david calibrate")]
    public void AWrongExitFile_IsRefused(string from, string to, string expected)
    {
        string file = Write(Sample());
        string text = File.ReadAllText(file);
        int at = text.IndexOf(from, StringComparison.Ordinal);
        File.WriteAllText(file, text[..at] + to + text[(at + from.Length)..]);
        InvalidDataException refused = Assert.Throws<InvalidDataException>(() => ExitFile.Read(file));
        Assert.Contains(expected, refused.Message);
        Assert.Contains("is no calibrated exit", refused.Message);
    }

    [Fact]
    public async Task AnExitOfAnotherPolicyOrProtocol_IsRefused()
    {
        ExitFile file = Sample();
        (int code, _, string error) = await Run(
            EvalCommand.Create(),
            World(
                "--count",
                "5",
                "--exit",
                Write(file with { Conditions = file.Conditions with { Policy = "0123456789abcdef" } })
            )
        );
        Assert.Equal(2, code);
        Assert.Contains("was calibrated for another policy (0123456789ab…", error);

        (code, _, error) = await Run(
            EvalCommand.Create(),
            World(
                "--count",
                "5",
                "--exit",
                Write(file with { Conditions = file.Conditions with { Protocol = "text" } })
            )
        );
        Assert.Equal(2, code);
        Assert.Contains("was calibrated with --protocol text, not world", error);

        (code, _, error) = await Run(EvalCommand.Create(), World("--exit", scratch["absent.json"]));
        Assert.Equal(2, code);
        Assert.Contains("does not exist. Write it with david calibrate", error);
    }

    [Fact]
    public async Task TheTextProtocol_IsCalibratedAndEvaluatedAlike()
    {
        using TinyRun run = new();
        string[] questions =
        [
            "--model",
            run["model"],
            "--config",
            run["run.yaml"],
            "--threads",
            "1",
            "--response-tokens",
            "40",
        ];
        string file = run["exit.json"];
        // A random model is never right, so nothing is lost by exits; 3 questions vouch for that at a risk of 0.5.
        (int code, _, string error) = await Run(
            CalibrateCommand.Create(),
            [.. questions, "--method", "crc", "--risk", "0.5", "--trial-tokens", "6", "--out", file]
        );
        Assert.Equal("", error);
        Assert.Equal(0, code);
        ExitFile exit = ExitFile.Read(file);
        Assert.Equal((0, 3), (exit.Threshold, exit.Questions));
        (code, string output, _) = await Run(EvalCommand.Create(), [.. questions, "--exit", file, "--json"]);
        Assert.Equal(0, code);
        ExitSummary summary = JsonNode.Parse(output)!["exits"]!["summary"].Deserialize<ExitSummary>(RunJson.Document)!;
        Assert.Equal((1.0, 0.0), (summary.EarlyExits, summary.Searches));
    }

    [Fact]
    public async Task Study_ShowsEachMeasure_AndWritesAll()
    {
        (int code, string output, string error) = await Run(
            StudyCommand.Create(),
            [
                "exits",
                .. World("--count", "80", "--resamplings", "5", "--risk", "0.2", "0.3", "--out", scratch["study.json"]),
            ]
        );
        Assert.Equal("", error);
        Assert.Equal(0, code);
        JsonNode study = JsonNode.Parse(File.ReadAllText(scratch["study.json"]))!["study"]!;
        Assert.Equal(7 * 2 * 2, study["risks"]!.AsArray().Count);
        Assert.Equal(7, study["selectivity"]!.AsArray().Count);
        foreach (ExitMeasure measure in Enum.GetValues<ExitMeasure>())
            Assert.Contains($"{measure.ToString().ToLowerInvariant()} done", output);
        Assert.Contains("to be held in at least 0.900 of the splits", output);
    }

    [Theory]
    [InlineData("--risk", "0")]
    [InlineData("--delta", "1")]
    [InlineData("--patience", "0")]
    [InlineData("--redundancy", "-1")]
    public async Task Calibrate_OutOfRange_IsRefused(string option, string value)
    {
        (int code, _, string error) = await Run(CalibrateCommand.Create(), ["--model", "x", option, value]);
        Assert.Equal(2, code);
        Assert.Contains($"{option} is {value}; expected", error);
    }

    private static ExitFile Sample()
    {
        using ModelSource model = ModelSource.Open(BasePolicy.Folder);
        return new ExitFile
        {
            Settings = new ExitSettings { Measure = ExitMeasure.Margin },
            Threshold = 0.9,
            Method = ExitMethod.Ltt,
            Risk = 0.05,
            Delta = 0.1,
            Questions = 100,
            ExcessRisk = 0.01,
            EarlyExits = 0.5,
            Conditions = new ExitConditions(model.Files.Fingerprint, "world", 0, 4, 2),
        };
    }

    private string Write(ExitFile file)
    {
        file.Write(scratch["exit.json"]);
        return scratch["exit.json"];
    }

    private static Task<(int Code, string Output, string Error)> Run(Command command, string[] arguments) =>
        TinyRun.InvokeAsync(command, arguments);
}
