using System.Text.Json;
using David.Grpo.Configuration;
using David.Grpo.Models;
using David.Grpo.Rollout;
using David.Grpo.Search;
using David.Grpo.Tasks;
using David.Grpo.Tensors;
using David.Grpo.Tokenization;

namespace David.Grpo.Runs;

/// <summary>All that a run on text works with: opened, checked against each other, and found to fit into memory.</summary>
internal sealed class TextRun : IDisposable
{
    private TextRun(
        RunFile file,
        ModelSource model,
        Bm25Index index,
        TrainingTask task,
        MemoryForecast forecast,
        RunEnvironment environment
    ) => (File, Model, Index, Task, Forecast, Environment) = (file, model, index, task, forecast, environment);

    public RunFile File { get; }

    public ModelSource Model { get; }

    public Bm25Index Index { get; }

    public TrainingTask Task { get; }

    public MemoryForecast Forecast { get; }

    public RunEnvironment Environment { get; }

    public EngineOptions Engine => new() { MaxEpisodes = File.Episode.Concurrent };

    /// <summary>Opens what a file names; weights are not read yet. Sets the threads that it wants.</summary>
    /// <param name="indexing">Told how far the corpus's index is, if it has to be built.</param>
    /// <exception cref="InvalidDataException">Something does not fit; the text says what.</exception>
    public static TextRun Open(RunFile file, IProgress<ReadProgress>? indexing, CancellationToken cancellationToken)
    {
        Device device = Device.Parse(file.Device);
        Torch.Threads = file.Threads == 0 ? System.Environment.ProcessorCount : file.Threads;
        ModelSource model = ModelSource.Open(file.Model);
        Bm25Index? index = null;
        try
        {
            (TextAgentProtocol protocol, Tokenizer tokenizer, int[] ends) = model.Protocol(
                file.Episode,
                file.Instruction,
                file.ChatTemplate
            );
            QuestionRecord[] training = TextData.Read(file.Questions, cancellationToken);
            QuestionRecord[] evaluation = TextData.Read(file.EvaluationQuestions, cancellationToken);
            QuestionRecord[] experts = file.Experts is null ? [] : TextData.Read(file.Experts, cancellationToken);
            int evaluated = file.Evaluation.Questions;
            if (evaluated > evaluation.Length)
                throw new InvalidDataException(
                    $"evaluation.questions is {evaluated}, but evaluation_questions gives {evaluation.Length}. "
                        + "Lower the first, or take a larger part of the file."
                );
            bool needsExperts = file.Method.Create(TaskRewards.OfText(_ => null)).WarmUp != WarmUp.None;
            if (needsExperts && file.Method.BootstrapSteps > 0 && experts.Length == 0)
                throw new InvalidDataException(
                    "method.bootstrap_steps is above 0, but experts names no file. Name one with gold_response, or set it to 0."
                );
            index = TextData.Open(file.Corpus, file.Index, indexing, cancellationToken);
            // Read only if an arm asks for it.
            Lazy<IReadOnlyDictionary<PassageId, string>> gold = new(() =>
                index.TextsOf(training.SelectMany(record => record.Question.Gold))
            );
            TrainingTask task = TextTask.Create(
                [.. training.Select(record => record.Question)],
                [.. evaluation.Take(evaluated).Select(record => record.Question)],
                experts,
                index,
                protocol,
                tokenizer,
                ends,
                id => gold.Value.GetValueOrDefault(id)
            );
            MemoryForecast forecast = MemoryForecast.Of(
                file,
                model.Config,
                task.Training.Questions.Take(1000).Max(question => protocol.Prompt(question).Tokens.Length),
                task.Experts.Select(expert => Trajectory.Length(expert) - expert.Segments[0].Tokens.Length)
                    .DefaultIfEmpty()
                    .Max(),
                task.Experts.Count
            );
            if (device.IsCpu)
                forecast.Check(MemoryForecast.Available, file.GradientCheckpointing);
            return new TextRun(
                file,
                model,
                index,
                task,
                forecast,
                RunEnvironment.Of(
                    file.Seed,
                    file.Device,
                    new SortedDictionary<string, string>(StringComparer.Ordinal)
                    {
                        ["options"] = file.Digest(),
                        ["model"] = model.Files.Fingerprint,
                        ["corpus"] = index.CorpusSha256,
                        ["questions"] = HashOf(file.Questions.File),
                        ["evaluation_questions"] = HashOf(file.EvaluationQuestions.File),
                        ["experts"] = file.Experts is null ? "none" : HashOf(file.Experts.File),
                        ["prompt"] = RunFile.Hash(
                            System.Text.Encoding.UTF8.GetBytes(protocol.Prompt(task.Training.Questions[0]).Text)
                        ),
                        ["library"] = RunEnvironment.Version,
                        ["libtorch"] = Torch.Version,
                        ["threads"] = $"{Torch.Threads}",
                    }
                )
            );
        }
        catch
        {
            index?.Dispose();
            model.Dispose();
            throw;
        }
    }

    /// <summary>
    /// The run's folder, with config.yaml and environment.json in it. One that holds a checkpoint or a result of another
    /// run is refused, and the text says in what the two differ.
    /// </summary>
    public RunFolder Folder()
    {
        string configuration = ConfigurationWriter.Write(File);
        string environment = Path.Combine(File.Out, "environment.json");
        if (RunFolder.BelongsToAnother(File.Out, Environment.Fingerprint) && System.IO.File.Exists(environment))
        {
            RunEnvironment former = RunJson.Read<RunEnvironment>(environment);
            throw new InvalidDataException(
                $"{Path.GetFullPath(File.Out)} holds another run; it differs in {Differences(former, Path.Combine(File.Out, "config.yaml"), configuration)}. "
                    + "Choose another folder (--out), or take the former options to go on with that run."
            );
        }
        RunFolder folder = new(File.Out, Environment.Fingerprint, TokenizerFolder(File.Out));
        System.IO.File.WriteAllText(folder.In("config.yaml"), configuration);
        System.IO.File.WriteAllText(
            folder.In("environment.json"),
            JsonSerializer.Serialize(Environment, RunJson.Document) + "\n"
        );
        return folder;
    }

    public void Dispose()
    {
        Index.Dispose();
        Model.Dispose();
    }

    /// <summary>Where a checkpoint's tokenizer files come from; of a GGUF file without any, they are made of its vocabulary.</summary>
    /// <param name="folder">Where it is made.</param>
    public string? TokenizerFolder(string folder)
    {
        if (Model.Files is { TokenizerFolder: null, Gguf: { } gguf })
        {
            string made = Directory.CreateDirectory(Path.Combine(folder, "tokenizer")).FullName;
            TokenizerWriter.Write(gguf.Metadata, made);
            return made;
        }
        return Model.Files.TokenizerFolder;
    }

    private string Differences(RunEnvironment former, string formerFile, string configuration)
    {
        IEnumerable<string> inputs = Environment
            .Inputs.Where(input => input.Key != "options" && former.Inputs.GetValueOrDefault(input.Key) != input.Value)
            .Select(input => input.Key);
        HashSet<string> lines = System.IO.File.Exists(formerFile) ? [.. System.IO.File.ReadAllLines(formerFile)] : [];
        IEnumerable<string> options =
            former.Inputs.GetValueOrDefault("options") == Environment.Inputs["options"]
                ? []
                : configuration.Split('\n').Where(line => !lines.Contains(line)).Select(line => $"\"{line.Trim()}\"");
        return string.Join(", ", inputs.Concat(options).Take(8));
    }

    private static string HashOf(string path)
    {
        using FileStream file = System.IO.File.OpenRead(path);
        return Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file));
    }
}
