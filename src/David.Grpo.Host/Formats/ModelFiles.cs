using System.Security.Cryptography;
using System.Text;

namespace David.Grpo.Formats;

/// <summary>A model on disk: its shape and its weights, opened and checked against each other.</summary>
/// <param name="Config">With the end-of-sequence ids of generation_config.json added, where there is one.</param>
/// <param name="Weights">Open until this record is disposed of.</param>
/// <param name="TokenizerFolder">The folder with tokenizer.json, or null where there is none (a GGUF file has its own).</param>
/// <param name="Gguf">The GGUF file, or null for a Hugging Face folder.</param>
/// <param name="Fingerprint">
/// SHA-256, in hex, over the configuration and a sample of each weight file, whatever its name: its size, header, first
/// and last MiB, and the first 4 KiB of every tensor. It tells models and checkpoints apart in milliseconds; it is no
/// proof that two files are equal to the last byte.
/// </param>
public sealed record ModelFiles(
    ModelConfig Config,
    IWeightSource Weights,
    string? TokenizerFolder,
    GgufFile? Gguf,
    string Fingerprint
) : IDisposable
{
    private const int EndSample = 1 << 20;
    private const int TensorSample = 1 << 12;

    /// <summary>Opens a Hugging Face folder, a .gguf file, or a folder that holds one .gguf file and no safetensors.</summary>
    /// <exception cref="FileNotFoundException">There is no model at <paramref name="path"/>; the text says what is missing.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or configuration and weights do not fit together.</exception>
    /// <exception cref="NotSupportedException">A GGUF file has weights of a type that we do not read.</exception>
    public static ModelFiles Open(string path)
    {
        if (File.Exists(path))
            return path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
                ? OpenGguf(path)
                : throw new InvalidDataException($"{path} is no model; give a folder or a .gguf file.");
        if (!Directory.Exists(path))
            throw new FileNotFoundException($"{path} does not exist; give a model's folder or a .gguf file.", path);
        if (SafetensorsFolder.IsPresent(path))
            return OpenFolder(path);
        string[] ggufs = [.. Directory.EnumerateFiles(path, "*.gguf").Order(StringComparer.Ordinal)];
        return ggufs switch
        {
            [string one] => OpenGguf(one),
            [] when Directory.EnumerateFiles(path, "pytorch_model*.bin").Any() => throw new FileNotFoundException(
                $"{path} has pytorch_model*.bin but no safetensors. Convert it in Python: "
                    + "AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder, safe_serialization=True).",
                Path.Combine(path, "model.safetensors")
            ),
            [] => throw new FileNotFoundException(
                $"{path} has no model.safetensors, model.safetensors.index.json or .gguf file. "
                    + "Download the model's weights into it.",
                Path.Combine(path, "model.safetensors")
            ),
            _ => throw new FileNotFoundException(
                $"{path} has several models: {string.Join(", ", ggufs.Select(Path.GetFileName))}. Name one of them.",
                path
            ),
        };
    }

    public void Dispose()
    {
        (Weights as IDisposable)?.Dispose();
        Gguf?.Dispose();
    }

    private static ModelFiles OpenFolder(string folder)
    {
        string file = Path.Combine(folder, "config.json");
        if (!File.Exists(file))
            throw new FileNotFoundException($"{folder} has no config.json. Download it beside the weights.", file);
        ModelConfig config = ModelConfig.FromJson(File.ReadAllText(file), file);
        string generation = Path.Combine(folder, "generation_config.json");
        if (File.Exists(generation))
        {
            int[] ends = HuggingFaceConfig.GenerationEnds(File.ReadAllText(generation), generation);
            config = (config with { EndOfSequenceIds = [.. config.EndOfSequenceIds.Union(ends)] }).Checked(generation);
        }
        SafetensorsFolder weights = SafetensorsFolder.Open(folder);
        try
        {
            Check(config, weights, folder);
            string fingerprint = Digest(
                config,
                weights.Files.Select(shard =>
                    (shard.File, shard.DataStart, shard.Tensors.Values.Select(entry => entry.Offset))
                )
            );
            return new ModelFiles(config, weights, TokenizerIn(folder), null, fingerprint);
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    private static ModelFiles OpenGguf(string path)
    {
        path = Path.GetFullPath(path);
        GgufFile file = GgufFile.Open(path);
        try
        {
            ModelConfig config = ModelConfig.FromGguf(file);
            GgufWeights weights = new(file, config);
            Check(config, weights, path);
            string fingerprint = Digest(
                config,
                [(file.File, file.DataStart, file.Tensors.Values.Select(tensor => tensor.Offset))]
            );
            return new ModelFiles(config, weights, TokenizerIn(Path.GetDirectoryName(path)!), file, fingerprint);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static string? TokenizerIn(string folder) =>
        File.Exists(Path.Combine(folder, "tokenizer.json")) ? folder : null;

    /// <summary>Every weight that the configuration asks for is there, in its shape.</summary>
    private static void Check(ModelConfig config, IWeightSource weights, string path)
    {
        HashSet<string> names = [.. weights.Names];
        foreach ((string name, long[] shape) in config.Parameters())
        {
            if (!names.Contains(name))
                throw new InvalidDataException(
                    $"{path} has no weight \"{name}\" [{string.Join(", ", shape)}], which its configuration asks for. "
                        + "Take weights and configuration from one version of the model."
                );
            long[] got = weights.Shape(name);
            if (!got.AsSpan().SequenceEqual(shape))
                throw new InvalidDataException(
                    $"{path}: weight \"{name}\" has the shape [{string.Join(", ", got)}]; "
                        + $"its configuration asks for [{string.Join(", ", shape)}]."
                );
        }
    }

    private static string Digest(
        ModelConfig config,
        IEnumerable<(MappedFile File, long DataStart, IEnumerable<long> Tensors)> files
    )
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(config.ToJson()));
        byte[] buffer = new byte[EndSample];
        foreach ((MappedFile file, long dataStart, IEnumerable<long> tensors) in files)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"\n{file.Length}\n"));

            void Append(long begin, long end)
            {
                for (long at = begin; at < Math.Min(end, file.Length); )
                {
                    Span<byte> part = buffer.AsSpan(0, (int)Math.Min(EndSample, Math.Min(end, file.Length) - at));
                    file.Read(at, part);
                    hash.AppendData(part);
                    at += part.Length;
                }
            }

            Append(0, dataStart + EndSample);
            foreach (long offset in tensors.Order())
                Append(offset, offset + TensorSample);
            Append(Math.Max(0, file.Length - EndSample), file.Length);
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
