using System.Text.Json;
using David.Grpo.Models;

namespace David.Grpo.Host.Tests.Models;

/// <summary>A tiny model of golden/models and the numbers that transformers computed for it.</summary>
internal sealed class GoldenModel(string name) : IDisposable
{
    public static TheoryData<string> Names =>
        ["tiny-llama", "tiny-llama-untied-sharded", "tiny-llama3-rope", "tiny-qwen2", "tiny-qwen3"];

    public JsonElement Numbers { get; } = GoldenJson.Read($"golden/models/{name}/golden.json.gz");

    public Decoder Policy { get; } = TestDecoder.Load(Shared.Path($"golden/models/{name}"));

    public void Dispose() => Policy.Dispose();
}
