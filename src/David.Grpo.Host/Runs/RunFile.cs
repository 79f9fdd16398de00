using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using David.Grpo.Configuration;
using David.Grpo.Learning;
using David.Grpo.Tasks;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;
using YamlNode = YamlDotNet.RepresentationModel.YamlNode;

namespace David.Grpo.Runs;

/// <summary>What <c>david train</c> reads: a run's options and where its data lie.</summary>
public sealed record RunFile : RunOptions
{
    [Description("a Hugging Face folder, a .gguf file, or a folder with one .gguf file")]
    [RelativeToFile]
    public required string Model { get; init; }

    [Description("passages to search: {id, title, text} or Search-R1's {id, contents}, JSON Lines, gzipped or not")]
    [RelativeToFile]
    public required string Corpus { get; init; }

    [Description("where indices lie; leave out for ~/.cache/david-grpo")]
    [RelativeToFile]
    public string? Index { get; init; }

    [Description("what is trained on")]
    public required QuestionsSection Questions { get; init; }

    [Description("what is evaluated on; none of them may be trained on")]
    public required QuestionsSection EvaluationQuestions { get; init; }

    [Description("questions with the expert's answers (gold_response), for bootstrapping; leave out for none")]
    public QuestionsSection? Experts { get; init; }

    [Description("a text file that comes before each question; leave out for ours")]
    [RelativeToFile]
    public string? Instruction { get; init; }

    [Description("a Jinja file in place of the tokenizer's own chat template")]
    [RelativeToFile]
    public string? ChatTemplate { get; init; }

    [Description("limits of an episode")]
    public EpisodeOptions Episode { get; init; } = new();

    [Description("cpu, cuda or cuda:N")]
    public string Device { get; init; } = "cpu";

    [Description("threads of one operation; 0: one a core. Another number changes the rounding, and so the run")]
    [Range(0, 4096)]
    public int Threads { get; init; }

    [Description("the run's folder")]
    [RelativeToFile]
    public required string Out { get; init; }

    /// <inheritdoc/>
    [JsonIgnore]
    public override bool IsText => true;

    /// <summary>Reads a file, puts <c>key=value</c> in, and checks both.</summary>
    /// <param name="settings">Such as <c>method.lambda=0.3</c>; a value is YAML, its paths are relative to the file too.</param>
    /// <exception cref="ConfigurationException">A key, type or range is wrong; the text names line and key.</exception>
    public static RunFile Load(string path, IReadOnlyList<string> settings)
    {
        RunFile file = ConfigurationFile.Read<RunFile>(path);
        return settings.Count == 0
            ? file
            : ConfigurationFile.Parse<RunFile>(With(File.ReadAllText(path), settings), $"{path} (with --set)");
    }

    /// <summary>A method with <c>key=value</c> put in, such as <c>lambda=0.3</c>.</summary>
    /// <exception cref="ConfigurationException">A key, type or range is wrong; the text names the key.</exception>
    internal static MethodOptions Change(MethodOptions method, IReadOnlyList<string> settings, string source) =>
        settings.Count == 0
            ? method
            : ConfigurationFile.Parse<MethodOptions>(With(ConfigurationWriter.Write(method), settings), source);

    /// <summary>What decides the run's numbers: the options without paths, which <see cref="TextRun"/> has hashes for.</summary>
    public string Digest() =>
        Hash(
            JsonSerializer.SerializeToUtf8Bytes(
                this with
                {
                    Model = "",
                    Corpus = "",
                    Index = null,
                    Questions = Questions with { File = "" },
                    EvaluationQuestions = EvaluationQuestions with { File = "" },
                    Experts = Experts is null ? null : Experts with { File = "" },
                    Instruction = null,
                    ChatTemplate = null,
                    Out = "",
                    CheckpointEvery = 1,
                    CheckpointsKept = 1,
                },
                RunJson.Line
            )
        );

    internal static string Hash(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static string With(string yaml, IReadOnlyList<string> settings)
    {
        YamlStream stream = [];
        stream.Load(new StringReader(yaml));
        if (stream.Documents.Count == 0 || stream.Documents[0].RootNode is not YamlMappingNode root)
            stream = new YamlStream(new YamlDocument(root = []));
        foreach (string setting in settings)
        {
            int equals = setting.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1)
                throw new InvalidDataException(
                    $"--set {setting} has no key=value; write, say, --set method.lambda=0.3."
                );
            string[] keys = setting[..equals].Split('.');
            YamlMappingNode section = root;
            foreach (string key in keys[..^1])
            {
                if (!section.Children.TryGetValue(key, out YamlNode? inner) || inner is not YamlMappingNode)
                    section.Children[key] = inner = new YamlMappingNode();
                section = (YamlMappingNode)inner;
            }
            section.Children[keys[^1]] = Value(setting[(equals + 1)..], setting);
        }
        StringWriter written = new();
        stream.Save(written, assignAnchors: false);
        return written.ToString();
    }

    private static YamlNode Value(string text, string setting)
    {
        try
        {
            YamlStream value = [];
            value.Load(new StringReader(text));
            return value.Documents.Count > 0 ? value.Documents[0].RootNode : new YamlScalarNode("");
        }
        catch (YamlException error)
        {
            throw new InvalidDataException($"--set {setting}: the value is no YAML: {error.Message}");
        }
    }
}
