using System.Text.Json;

namespace David.Grpo.Formats;

/// <summary>The weights of a Hugging Face folder: <c>model.safetensors</c>, or shards with an index.</summary>
public sealed class SafetensorsFolder : IWeightSource, IDisposable
{
    private const string Single = "model.safetensors";
    private const string Index = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> files = [];
    private readonly Dictionary<string, SafetensorsFile> places = [];

    private SafetensorsFolder() { }

    /// <summary>Whether the folder has weights that <see cref="Open"/> reads.</summary>
    public static bool IsPresent(string folder) =>
        File.Exists(Path.Combine(folder, Single)) || File.Exists(Path.Combine(folder, Index));

    /// <summary>Opens every file of a folder; <c>model.safetensors</c> is taken before an index, as transformers does.</summary>
    /// <exception cref="FileNotFoundException">The folder has neither, or a shard is missing.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or a shard lacks a tensor that the index promises.</exception>
    public static SafetensorsFolder Open(string folder)
    {
        SafetensorsFolder opened = new();
        try
        {
            if (File.Exists(Path.Combine(folder, Single)))
                opened.Add(SafetensorsFile.Open(Path.Combine(folder, Single)));
            else
                opened.AddShards(folder);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>The files, in the order of their names.</summary>
    public IReadOnlyList<SafetensorsFile> Files => files;

    public IReadOnlyCollection<string> Names => places.Keys;

    public long[] Shape(string name) => Find(name).Tensors[name].Shape;

    public void ReadFloat32(string name, Span<float> destination) => Find(name).ReadFloat32(name, destination);

    public void Dispose()
    {
        foreach (SafetensorsFile file in files)
            file.Dispose();
    }

    private SafetensorsFile Find(string name) =>
        places.GetValueOrDefault(name)
        ?? throw new KeyNotFoundException($"{Path.GetDirectoryName(files[0].Path)} has no weight \"{name}\".");

    private void Add(SafetensorsFile file)
    {
        files.Add(file);
        foreach (string name in file.Tensors.Keys)
            places.Add(name, file);
    }

    private void AddShards(string folder)
    {
        string index = Path.Combine(folder, Index);
        if (!File.Exists(index))
            throw new FileNotFoundException(
                $"{folder} has neither {Single} nor {Index}. Download the model's safetensors files.",
                Path.Combine(folder, Single)
            );
        foreach (
            IGrouping<string, string> shard in ReadMap(index)
                .GroupBy(pair => pair.Value, pair => pair.Key)
                .OrderBy(shard => shard.Key, StringComparer.Ordinal)
        )
        {
            string path = Path.Combine(folder, shard.Key);
            if (!File.Exists(path))
                throw new FileNotFoundException(
                    $"{index} names the shard {shard.Key}, which is missing. Download it into {folder}.",
                    path
                );
            SafetensorsFile file = SafetensorsFile.Open(path);
            files.Add(file);
            foreach (string name in shard)
                places[name] = file.Tensors.ContainsKey(name)
                    ? file
                    : throw new InvalidDataException(
                        $"{path} has no tensor \"{name}\", which {Index} says it has. "
                            + "Download the shards and the index again, from one version of the model."
                    );
        }
    }

    private static Dictionary<string, string> ReadMap(string index)
    {
        Dictionary<string, string> map = [];
        try
        {
            using JsonDocument document = JsonDocument.Parse(
                File.ReadAllText(index),
                new JsonDocumentOptions { AllowDuplicateProperties = false }
            );
            foreach (JsonProperty entry in document.RootElement.GetProperty("weight_map").EnumerateObject())
            {
                string shard = entry.Value.GetString() ?? "null";
                if (shard != Path.GetFileName(shard) || shard.Length == 0)
                    throw new InvalidDataException(
                        $"{index}: weight_map puts \"{entry.Name}\" into \"{shard}\"; expected the name of a file beside it."
                    );
                map.Add(entry.Name, shard);
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new InvalidDataException(
                $"{index} holds no object \"weight_map\" of tensor names and file names: {e.Message}",
                e
            );
        }
        return map.Count > 0 ? map : throw new InvalidDataException($"{index}: weight_map is empty.");
    }
}
