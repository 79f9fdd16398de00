using System.IO.Compression;
using System.Text.Json;
using David.Grpo.Formats;

namespace David.Grpo.Host.Tests.Formats;

public sealed class GgufTests
{
    [Fact]
    public void Dequantised_EqualsThePackageGgufBitForBit()
    {
        using JsonDocument golden = Golden("golden/models/dequantize.json.gz");
        using Scratch scratch = new();
        HashSet<GgmlType> seen = [];
        foreach (JsonElement item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            GgmlType type = Enum.Parse<GgmlType>(item.GetProperty("type").GetString()!);
            float[] expected = [.. item.GetProperty("floats").EnumerateArray().Select(value => value.GetSingle())];
            GgufBuilder builder = new GgufBuilder().Tensor(
                "w",
                type,
                [expected.Length],
                item.GetProperty("bytes_base64").GetBytesFromBase64()
            );
            using GgufFile file = GgufFile.Open(scratch.Write("w.gguf", builder.Build()));
            float[] values = new float[expected.Length];
            if (!GgmlBlock.IsReadable(type))
            {
                string message = Assert.Throws<NotSupportedException>(() => file.ReadFloat32("w", values)).Message;
                Assert.Contains("\"w\"", message);
                Assert.Contains($"{type}", message);
                continue;
            }
            seen.Add(type);
            file.ReadFloat32("w", values);
            Assert.Equal(Bits(expected), Bits(values));
        }
        Assert.Equal(6, seen.Count);
    }

    [Theory]
    [InlineData("f32", GgmlType.F32)]
    [InlineData("f16", GgmlType.F16)]
    [InlineData("bf16", GgmlType.BF16)]
    [InlineData("q8_0", GgmlType.Q8_0)]
    [InlineData("q4_0", GgmlType.Q4_0)]
    [InlineData("q4_1", GgmlType.Q4_1)]
    public void TinyModels_Open(string name, GgmlType type)
    {
        using ModelFiles model = ModelFiles.Open(Shared.Path($"golden/models/tiny-gguf/tiny-{name}.gguf"));
        Assert.Equal("llama", model.Gguf!.Metadata["general.architecture"]);
        Assert.Equal(3u, model.Gguf.Metadata["llama.block_count"]);
        Assert.Equal(type, model.Gguf.Tensors["blk.2.ffn_down.weight"].Type);
        Assert.Equal([64L, 128L], model.Gguf.Tensors["blk.2.ffn_down.weight"].Shape);
        Assert.Equal([32L, 64L], model.Weights.Shape("model.layers.0.self_attn.k_proj.weight"));
        Assert.Equal(
            (160, 64, 128, 3, 4, 2, 16, 1e-5, 1e4, true, 512),
            (
                model.Config.VocabularySize,
                model.Config.HiddenSize,
                model.Config.IntermediateSize,
                model.Config.Layers,
                model.Config.Heads,
                model.Config.KeyValueHeads,
                model.Config.HeadDimension,
                model.Config.RmsNormEpsilon,
                model.Config.RopeTheta,
                model.Config.TieWordEmbeddings,
                model.Config.MaxPositions
            )
        );
        foreach ((string weight, long[] shape) in model.Config.Parameters())
        {
            float[] values = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
            model.Weights.ReadFloat32(weight, values);
            Assert.All(values, value => Assert.True(float.IsFinite(value)));
        }
    }

    [Fact]
    public void RealModel_HasTheConfigurationOfItsConfigJson()
    {
        string folder = Shared.Path("models/smollm2-135m-instruct");
        using ModelFiles model = ModelFiles.Open(folder);
        string file = Path.Combine(folder, "config.json");
        Assert.Equal(ModelConfig.FromJson(File.ReadAllText(file), file).ToJson(), model.Config.ToJson());
        Assert.Equal(folder, model.TokenizerFolder);
        string[] tokens = Assert.IsType<string[]>(model.Gguf!.Metadata["tokenizer.ggml.tokens"]);
        Assert.Equal("<|im_start|>", tokens[1]);
        Assert.Equal(49_152, tokens.Length);
    }

    [Fact]
    public void RowsOfQueryAndKey_ArePutBackForLlamaAlone()
    {
        // Two heads of width 4: the converter's order 0 2 1 3 of each head's rows, here of width 1.
        float[] stored = [0, 2, 1, 3, 10, 12, 11, 13];
        foreach (
            (string name, float[] expected) in new (string, float[])[]
            {
                ("llama", [0, 1, 2, 3, 10, 11, 12, 13]),
                ("qwen3", stored),
            }
        )
        {
            using Scratch scratch = new();
            using GgufFile file = GgufFile.Open(
                scratch.Write(
                    "m.gguf",
                    Model(name).Tensor("blk.0.attn_q.weight", GgmlType.F32, [8, 1], GgufBuilder.Floats(stored)).Build()
                )
            );
            float[] values = new float[8];
            GgufWeights weights = new(file, ModelConfig.FromGguf(file));
            weights.ReadFloat32("model.layers.0.self_attn.q_proj.weight", values);
            Assert.Equal(expected, values);
        }
    }

    [Fact]
    public void Llama3Scaling_IsRecoveredFromRopeFreqs()
    {
        Llama3RopeScaling scaling = new(32, 1, 4, 8192);
        GgufFile Open(Scratch scratch, float[] divisors) =>
            GgufFile.Open(
                scratch.Write(
                    "m.gguf",
                    Model("llama", headDimension: 64, theta: 500_000)
                        .Tensor("rope_freqs.weight", GgmlType.F32, [divisors.Length], GgufBuilder.Floats(divisors))
                        .Build()
                )
            );

        float[] divisors = [.. scaling.Divisors(500_000, 64).Select(divisor => (float)divisor)];
        Assert.Equal(1f, divisors[0]);
        Assert.Equal(32f, divisors[^1]);
        Assert.Contains(divisors, divisor => divisor is > 1.01f and < 31.9f);
        using Scratch scratch = new();
        using (GgufFile file = Open(scratch, divisors))
            Assert.Equal(scaling, ModelConfig.FromGguf(file).RopeScaling);
        divisors[20] *= 1.01f;
        using (GgufFile file = Open(scratch, divisors))
            Assert.Contains(
                "rope_freqs",
                Assert.Throws<InvalidDataException>(() => ModelConfig.FromGguf(file)).Message
            );
    }

    [Theory]
    [InlineData("llama.expert_count", 8u)]
    [InlineData("llama.attention.sliding_window", 4096u)]
    [InlineData("llama.rope.scaling.type", "yarn")]
    [InlineData("llama.attention.value_length", 6u)]
    [InlineData("llama.attention.head_count_kv", 3u)]
    [InlineData("llama.block_count", "three")]
    [InlineData("tokenizer.ggml.eos_token_id", 99u)]
    [InlineData("general.architecture", "mamba")]
    public void UnsupportedModels_AreRefused(string key, object value)
    {
        using Scratch scratch = new();
        string path = scratch.Write("m.gguf", Model("llama").Metadata(key, value).Build());
        using GgufFile file = GgufFile.Open(path);
        InvalidDataException error = Assert.Throws<InvalidDataException>(() => ModelConfig.FromGguf(file));
        Assert.Contains(path, error.Message);
    }

    [Fact]
    public void WeightsOfAnUnreadableType_AreRefusedAtOpening()
    {
        using Scratch scratch = new();
        byte[] block = new byte[210];
        string path = scratch.Write(
            "m.gguf",
            Model("llama").Tensor("output.weight", GgmlType.Q6_K, [256], block).Build()
        );
        string message = Assert.Throws<NotSupportedException>(() => ModelFiles.Open(path)).Message;
        Assert.Contains("output.weight", message);
        Assert.Contains("Q6_K", message);
    }

    [Theory]
    [InlineData("blk.7.attn_q.weight", GgmlType.Q6_K)] // of a layer that the model does not count
    [InlineData("blk.0.attn_output.bias", GgmlType.IQ4_XS)]
    [InlineData("vision.patch_embd.weight", (GgmlType)99)]
    public void ATensorThatTheModelDoesNotNeed_MayBeOfAnyType(string name, GgmlType type)
    {
        using Scratch scratch = new();
        string path = scratch.Write("m.gguf", Model("llama").Tensor(name, type, [256], new byte[210]).Build());
        using GgufFile file = GgufFile.Open(path);
        GgufWeights weights = new(file, ModelConfig.FromGguf(file));
        Assert.Equal([10L, 1L], weights.Shape("model.embed_tokens.weight"));
        Assert.Throws<NotSupportedException>(() => file.ReadFloat32(name, new float[256]));
    }

    [Fact]
    public void EveryTruncation_IsRefusedWithTheFilesName()
    {
        using Scratch scratch = new();
        byte[] whole = Varied().Build();
        for (int length = 0; length < whole.Length; length++)
        {
            string path = scratch.Write("cut.gguf", whole[..length]);
            InvalidDataException error = Assert.Throws<InvalidDataException>(() => GgufFile.Open(path));
            Assert.Contains(path, error.Message);
        }
    }

    [Fact]
    public void TruncatedTinyModel_IsRefusedWithTheFilesName()
    {
        byte[] whole = File.ReadAllBytes(Shared.Path("golden/models/tiny-gguf/tiny-q4_1.gguf"));
        using Scratch scratch = new();
        for (int length = 1; length < whole.Length; length += 997)
        {
            string path = scratch.Write("cut.gguf", whole[..length]);
            InvalidDataException error = Assert.Throws<InvalidDataException>(() => GgufFile.Open(path));
            Assert.Contains(path, error.Message);
        }
    }

    [Fact]
    public void EveryDamagedByte_IsRefusedOrHarmless()
    {
        using Scratch scratch = new();
        byte[] whole = Varied().Build();
        Random random = new(11);
        for (int round = 0; round < 3000; round++)
        {
            byte[] damaged = [.. whole];
            for (int hits = random.Next(1, 4); hits > 0; hits--)
                damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            string path = scratch.Write("damaged.gguf", damaged);
            try
            {
                using GgufFile file = GgufFile.Open(path);
                foreach (GgufTensor tensor in file.Tensors.Values.Where(tensor => GgmlBlock.IsReadable(tensor.Type)))
                    file.ReadFloat32(tensor.Name, new float[tensor.Count]);
            }
            catch (InvalidDataException error)
            {
                Assert.Contains(path, error.Message);
            }
        }
    }

    [Fact]
    public void EveryKindOfMetadata_IsRead()
    {
        using Scratch scratch = new();
        using GgufFile file = GgufFile.Open(scratch.Write("x.gguf", Varied().Build()));
        Assert.Equal(64u, file.Metadata["general.alignment"]);
        Assert.Equal("größe\0", file.Metadata["text"]);
        Assert.Equal(true, file.Metadata["flag"]);
        Assert.Equal((byte)7, file.Metadata["byte"]);
        Assert.Equal(-1L << 40, file.Metadata["long"]);
        Assert.Equal(0.5, file.Metadata["double"]);
        Assert.Equal(new[] { "a", "", "b" }, file.Metadata["texts"]);
        Assert.Equal(new[] { 1.5f, -2f }, file.Metadata["floats"]);
        Assert.Equal(0, file.DataStart % 64);
        Assert.Equal(3, file.Version);
    }

    [Theory]
    [InlineData("no GGUF file", 0, new byte[] { (byte)'G', (byte)'G', (byte)'M', (byte)'L' })]
    [InlineData("version 1", 4, new byte[] { 1, 0, 0, 0 })]
    [InlineData("big-endian", 4, new byte[] { 0, 0, 0, 3 })]
    public void OtherFiles_AreRefused(string reason, int at, byte[] bytes)
    {
        using Scratch scratch = new();
        byte[] file = Varied().Build();
        bytes.CopyTo(file, at);
        string path = scratch.Write("x.gguf", file);
        Assert.Contains(reason, Assert.Throws<InvalidDataException>(() => GgufFile.Open(path)).Message);
    }

    [Theory]
    [InlineData(33u)]
    [InlineData(0u)]
    [InlineData("32")]
    public void WrongAlignment_IsRefused(object alignment)
    {
        using Scratch scratch = new();
        string path = scratch.Write("x.gguf", new GgufBuilder().Metadata("general.alignment", alignment).Build());
        Assert.Contains("alignment", Assert.Throws<InvalidDataException>(() => GgufFile.Open(path)).Message);
    }

    [Fact]
    public void OverlappingTensors_AreRefused()
    {
        using Scratch scratch = new();
        byte[] row = GgufBuilder.Floats(new float[16]);
        string path = scratch.Write(
            "x.gguf",
            new GgufBuilder()
                .Tensor("a", GgmlType.F32, [16], row)
                .Tensor("b", GgmlType.F32, [16], row, offset: 32)
                .Build()
        );
        Assert.Contains("begins inside", Assert.Throws<InvalidDataException>(() => GgufFile.Open(path)).Message);
    }

    private static GgufBuilder Varied() =>
        new GgufBuilder()
            .Metadata("general.alignment", 64u)
            .Metadata("text", "größe\0")
            .Metadata("flag", true)
            .Metadata("byte", (byte)7)
            .Metadata("long", -1L << 40)
            .Metadata("double", 0.5)
            .Metadata("texts", new[] { "a", "", "b" })
            .Metadata("floats", new[] { 1.5f, -2f })
            .Tensor("q", GgmlType.Q4_1, [2, 32], new byte[40])
            .Tensor("w", GgmlType.F32, [2, 2], GgufBuilder.Floats([1, 2, 3, 4]));

    /// <summary>The metadata and the embedding of a model of two heads; its other tensors are left out.</summary>
    private static GgufBuilder Model(string name, uint headDimension = 4, float theta = 10_000) =>
        new GgufBuilder()
            .Metadata("general.architecture", name)
            .Metadata($"{name}.block_count", 1u)
            .Metadata($"{name}.context_length", 64u)
            .Metadata($"{name}.embedding_length", 2 * headDimension)
            .Metadata($"{name}.feed_forward_length", 8u)
            .Metadata($"{name}.attention.head_count", 2u)
            .Metadata($"{name}.attention.layer_norm_rms_epsilon", 1e-5f)
            .Metadata($"{name}.rope.freq_base", theta)
            .Tensor("token_embd.weight", GgmlType.F32, [10, 1], GgufBuilder.Floats(new float[10]));

    private static JsonDocument Golden(string path)
    {
        using GZipStream stream = new(File.OpenRead(Shared.Path(path)), CompressionMode.Decompress);
        return JsonDocument.Parse(stream);
    }

    private static int[] Bits(float[] values) => Array.ConvertAll(values, BitConverter.SingleToInt32Bits);
}
