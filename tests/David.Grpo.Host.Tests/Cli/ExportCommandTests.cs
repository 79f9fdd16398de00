using David.Grpo.Formats;
using David.Grpo.Host.Tests.Formats;
using David.Grpo.Models;
using David.Grpo.Tensors;
using David.Grpo.Tokenization;

namespace David.Grpo.Host.Tests.Cli;

public sealed class ExportCommandTests
{
    private static readonly int[] Prompt = [1, 9690, 198, 2683, 359, 253, 5356, 5646];

    [Fact]
    public async Task Export_OfARun_HasTheLogitsOfItsCheckpoint()
    {
        using TinyRun run = new();
        Assert.Equal(0, (await run.TrainAsync("--set", "method.main_steps=0")).Code);

        (int code, string output, string error) = await TinyRun.ExportAsync(run["out"], run["exported"]);

        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("the tokenizer's files", output);
        Assert.Equal(Logits(Path.Combine(run["out"], "checkpoints", "step-000001")), Logits(run["exported"]));
        Assert.NotEqual(Logits(run["model"]), Logits(run["exported"]));
        Assert.True(File.Exists(Path.Combine(run["exported"], "tokenizer_config.json")));
        Assert.False(File.Exists(Path.Combine(run["exported"], "optimizer.safetensors")));
        // A run can start from it.
        run.Change("run.yaml", "model: model", "model: exported");
        Assert.Equal(0, (await run.TrainAsync("--plan")).Code);
    }

    [Fact]
    public async Task Export_OfGguf_LoadsWithEqualLogitsAndTokens()
    {
        string gguf = Shared.Path("models/smollm2-135m-instruct/model-q4_1.gguf");
        using Scratch scratch = new();
        // By itself, without the tokenizer.json that lies beside it.
        File.CreateSymbolicLink(scratch["alone.gguf"], gguf);

        (int code, string output, string error) = await TinyRun.ExportAsync(scratch["alone.gguf"], scratch["exported"]);

        Assert.Equal("", error);
        Assert.Equal(0, code);
        Assert.Contains("made from the GGUF vocabulary", output);
        Assert.Equal(Logits(gguf), Logits(scratch["exported"]));
        Tokenizer original = Tokenizer.FromFolder(Shared.Path("models/smollm2-135m-instruct"));
        Tokenizer exported = Tokenizer.FromFolder(scratch["exported"]);
        Assert.Equal(original.ChatTemplate, exported.ChatTemplate);
        Assert.Equal(original.StopTokens, exported.StopTokens);
        Assert.Equal(original.EndOfSequence, exported.EndOfSequence);
        foreach (string text in (string[])["<|im_start|>user\nIn 1987, it's 42½ ²!", "naïve  Σ\t\n\n x_y", "日本語 🐝"])
            Assert.Equal(original.Encode(text), exported.Encode(text));
    }

    [Fact]
    public async Task Export_IntoAFolderThatIsThere_IsRefused()
    {
        using TinyRun run = new();
        (int code, _, string error) = await TinyRun.ExportAsync(run["model"], run["model"]);
        Assert.Equal(2, code);
        Assert.Contains("is there already", error);

        (code, _, error) = await TinyRun.ExportAsync(run["model"], run["corpus.jsonl"] + "/x");
        Assert.Equal(2, code);
        Assert.Contains("cannot be written", error);
    }

    private static float[] Logits(string path)
    {
        using TensorScope scope = new();
        using ModelFiles files = ModelFiles.Open(path);
        using Decoder decoder = Decoder.Load(files.Config, files.Weights);
        using GradientRecording recording = Torch.WithoutGradients();
        PrefixTree tree = new([Prompt]);
        return decoder
            .Logits(decoder.Forward(tree.Tokens, tree.Positions, new TreeAttention(tree, decoder.Config.HeadDimension)))
            .ToArray<float>();
    }
}
