using David.Grpo.Formats;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Tensors;
using David.Grpo.Tokenization;

namespace David.Grpo.Tasks;

/// <summary>A model on disk as commands name it: a Hugging Face folder, a GGUF file, a checkpoint or a run's folder.</summary>
internal sealed class ModelSource : IDisposable
{
    private ModelSource(string path, ModelFiles files) => (Path, Files) = (path, files);

    /// <summary>The file or folder that was opened; of a run's folder its last checkpoint.</summary>
    public string Path { get; }

    public ModelFiles Files { get; }

    public ModelConfig Config => Files.Config;

    /// <exception cref="FileNotFoundException">There is no model; the text says what is missing.</exception>
    /// <exception cref="InvalidDataException">A file is damaged or does not fit the others.</exception>
    public static ModelSource Open(string path)
    {
        path = System.IO.Path.TrimEndingDirectorySeparator(path);
        string checkpoints = System.IO.Path.Combine(path, "checkpoints");
        if (Directory.Exists(checkpoints) && !File.Exists(System.IO.Path.Combine(path, "config.json")))
            path =
                Directory.EnumerateDirectories(checkpoints, "step-*").Order(StringComparer.Ordinal).LastOrDefault()
                ?? throw new FileNotFoundException($"The run {path} has no checkpoint yet.", checkpoints);
        else if (
            Directory.Exists(path)
            && !File.Exists(System.IO.Path.Combine(path, "config.json"))
            && RunsIn(path) is { Length: > 0 } runs
        )
            throw new FileNotFoundException(
                $"{path} is no model, but holds the run{(runs.Length == 1 ? "" : "s")} {string.Join(", ", runs.Take(8))}. Name one of them.",
                path
            );
        return new ModelSource(path, ModelFiles.Open(path));
    }

    /// <summary>The runs under a folder, of a comparison or of an arm's seeds.</summary>
    private static string[] RunsIn(string folder) =>
        [
            .. Directory
                .EnumerateDirectories(
                    folder,
                    "checkpoints",
                    new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 }
                )
                .Select(found => System.IO.Path.GetDirectoryName(found)!)
                .Order(StringComparer.Ordinal),
        ];

    public Decoder Load(Device device) => Decoder.Load(Config, Files.Weights, device);

    /// <summary>The model's own tokenizer: tokenizer.json in its folder, or else the GGUF file's vocabulary.</summary>
    /// <exception cref="FileNotFoundException">It has none.</exception>
    public Tokenizer Tokenizer() =>
        Files switch
        {
            { TokenizerFolder: { } folder } => Tokenization.Tokenizer.FromFolder(folder),
            { Gguf: { } gguf } => Tokenization.Tokenizer.FromGguf(gguf.Metadata),
            _ => throw new FileNotFoundException(
                $"{Path} has no tokenizer.json. Download it beside the weights.",
                System.IO.Path.Combine(Path, "tokenizer.json")
            ),
        };

    /// <summary>The text protocol over this model.</summary>
    /// <param name="instruction">A file with the text before each question; null for ours.</param>
    /// <param name="chatTemplate">A file; null for the model's own.</param>
    public (TextAgentProtocol Protocol, Tokenizer Tokenizer, int[] EndTokens) Protocol(
        EpisodeOptions episode,
        string? instruction,
        string? chatTemplate
    )
    {
        (Tokenizer tokenizer, ChatTemplate template, int[] ends) = Speech(chatTemplate);
        return (
            new TextAgentProtocol(
                TextTask.Settings(episode),
                tokenizer,
                template,
                ends,
                instruction is null ? null : File.ReadAllText(instruction).TrimEnd()
            ),
            tokenizer,
            ends
        );
    }

    /// <summary>How this model reads and writes: its tokenizer, its chat template, the tokens that end a response.</summary>
    /// <param name="chatTemplate">A file; null for the model's own.</param>
    public (Tokenizer Tokenizer, ChatTemplate Template, int[] EndTokens) Speech(string? chatTemplate)
    {
        Tokenizer tokenizer = Tokenizer();
        string source = Files.TokenizerFolder is { } folder ? System.IO.Path.Combine(folder, "tokenizer.json") : Path;
        int[] ends = TextTask.EndTokens(Config, tokenizer, (source, Path));
        ChatTemplate template;
        try
        {
            template = chatTemplate is null
                ? Tokenization.ChatTemplate.Of(tokenizer)
                : new ChatTemplate(File.ReadAllText(chatTemplate));
        }
        catch (ChatTemplateException fault)
        {
            throw new InvalidDataException(
                $"{chatTemplate ?? source}: {fault.Message} A file can be named by chat_template (train) or --chat-template (eval).",
                fault
            );
        }
        return (tokenizer, template, ends);
    }

    public void Dispose() => Files.Dispose();
}
