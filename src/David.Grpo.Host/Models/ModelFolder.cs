using David.Grpo.Formats;
using David.Grpo.Tensors;

namespace David.Grpo.Models;

/// <summary>Hugging Face folders that this and other programs load: config.json, model.safetensors, tokenizer files.</summary>
public static class ModelFolder
{
    /// <summary>Files of a tokenizer that travel with a model, where they are present.</summary>
    public static readonly IReadOnlyList<string> TokenizerFiles =
    [
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "generation_config.json",
        "vocab.json",
        "merges.txt",
        "chat_template.jinja",
    ];

    /// <summary>Writes the configuration and the weights in float32, and copies the tokenizer's files.</summary>
    /// <param name="folder">Made where it is absent; files of the same names are overwritten.</param>
    /// <param name="tokenizerFolder">Where tokenizer files lie; null for none.</param>
    public static void Write(string folder, Decoder policy, string? tokenizerFolder = null)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), policy.Config.ToJson());
        WriteWeights(Path.Combine(folder, "model.safetensors"), policy);
        if (tokenizerFolder is null)
            return;
        foreach (string name in TokenizerFiles)
            if (Path.Combine(tokenizerFolder, name) is var file && File.Exists(file))
                File.Copy(file, Path.Combine(folder, name), overwrite: true);
    }

    /// <summary>The policy's parameters as one safetensors file, synced to the disk.</summary>
    public static void WriteWeights(string path, Decoder policy)
    {
        List<SafetensorsTensor> tensors = [];
        for (int i = 0; i < policy.Parameters.Length; i++)
        {
            Tensor parameter = policy.Parameters[i];
            tensors.Add(
                SafetensorsTensor.Floats(
                    policy.ParameterNames[i],
                    parameter.Shape.ToArray(),
                    span => parameter.CopyTo<float>(span)
                )
            );
        }
        SafetensorsWriter.Write(path, tensors);
    }
}
