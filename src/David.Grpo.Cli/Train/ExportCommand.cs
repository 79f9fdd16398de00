using System.CommandLine;
using David.Grpo.Models;
using David.Grpo.Tasks;
using David.Grpo.Tensors;
using David.Grpo.Tokenization;

namespace David.Grpo.Cli;

using Command = System.CommandLine.Command;

/// <summary><c>david export</c>: any model that we read as a Hugging Face folder.</summary>
public static class ExportCommand
{
    public static Command Create()
    {
        Argument<string> model = new("MODEL")
        {
            Description = "A Hugging Face folder, a .gguf file, a checkpoint, or a run's folder (its last checkpoint)",
        };
        Argument<string> folder = new("OUT_FOLDER")
        {
            Description = "Made where it is absent; must be empty otherwise",
        };
        Command command = new(
            "export",
            """
            Writes a model as a Hugging Face folder that transformers, llama.cpp's converter and this program load.

            The folder gets config.json, model.safetensors in float32, and the tokenizer's files; of a GGUF file without a
            tokenizer.json beside it, they are made from its vocabulary. The folder appears whole or not at all.

            Examples:
              david export runs/hotpotqa my-model
              david export smollm2.gguf smollm2-hf
            """
        )
        {
            model,
            folder,
        };
        command.SetAction(result =>
            Run(result.GetValue(model)!, result.GetValue(folder)!, new Screen(result.InvocationConfiguration.Output))
        );
        return command;
    }

    private static void Run(string path, string folder, Screen screen)
    {
        folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()))
            throw new InvalidDataException($"{folder} is there already. Name a new folder, or empty this one.");
        using ModelSource model = ModelSource.Open(path);
        string beside = $"{folder}.{Guid.NewGuid():N}.partial";
        try
        {
            Directory.CreateDirectory(beside);
            using (Decoder policy = model.Load(Device.Cpu))
                ModelFolder.Write(beside, policy, model.Files.TokenizerFolder);
            string tokenizer = "no tokenizer";
            if (model.Files.TokenizerFolder is not null)
                tokenizer = "the tokenizer's files";
            else if (model.Files.Gguf is { } gguf)
            {
                TokenizerWriter.Write(gguf.Metadata, beside);
                tokenizer = "a tokenizer made from the GGUF vocabulary";
            }
            if (Directory.Exists(folder))
                Directory.Delete(folder);
            Directory.Move(beside, folder);
            screen.Line($"{folder}: config.json, model.safetensors, {tokenizer} (from {model.Path})");
        }
        catch (Exception failure)
        {
            if (Directory.Exists(beside))
                Directory.Delete(beside, recursive: true);
            if (failure is IOException or UnauthorizedAccessException && !Directory.Exists(beside))
                throw new IOException($"{folder} cannot be written: {failure.Message} Choose another folder.", failure);
            throw;
        }
    }
}
