using System.Text.Json;
using System.Text.Json.Nodes;
using David.Grpo.Formats;

namespace David.Grpo.Host.Tests.Formats;

public sealed class ModelFilesTests
{
    private const string Minimal = """
        {"model_type":"llama","vocab_size":100,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,
         "num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":128,"rms_norm_eps":1e-5,
         "eos_token_id":[2,3],"bos_token_id":1}
        """;

    [Theory]
    [InlineData("tiny-llama", Architecture.Llama, 12, true)]
    [InlineData("tiny-llama-untied-sharded", Architecture.Llama, 12, false)]
    [InlineData("tiny-llama3-rope", Architecture.Llama, 12, true)]
    [InlineData("tiny-qwen2", Architecture.Qwen2, 12, true)]
    [InlineData("tiny-qwen3", Architecture.Qwen3, 16, false)]
    public void GoldenModels_Open(string name, Architecture architecture, int headDimension, bool tied)
    {
        string folder = Shared.Path($"golden/models/{name}");
        using ModelFiles model = ModelFiles.Open(folder);
        Assert.Equal(architecture, model.Config.Architecture);
        Assert.Equal(headDimension, model.Config.HeadDimension);
        Assert.Equal(tied, model.Config.TieWordEmbeddings);
        Assert.Equal(199, model.Config.VocabularySize);
        Assert.Equal(name == "tiny-llama3-rope" ? new Llama3RopeScaling(32, 1, 4, 64) : null, model.Config.RopeScaling);
        Assert.Equal(1, model.Config.BeginOfSequenceId);
        Assert.Equal([2], model.Config.EndOfSequenceIds);
        Assert.Null(model.TokenizerFolder);
        Assert.Null(model.Gguf);
        HashSet<string> expected = [.. model.Config.Parameters().Select(parameter => parameter.Name)];
        Assert.Equal(expected, [.. model.Weights.Names]);
        foreach ((string weight, long[] shape) in model.Config.Parameters())
        {
            float[] values = new float[shape.Aggregate(1L, (product, extent) => product * extent)];
            model.Weights.ReadFloat32(weight, values);
            Assert.All(values, value => Assert.True(float.IsFinite(value)));
            Assert.Contains(values, value => value != 0);
        }
        Assert.Equal(model.Config.ToJson(), ModelConfig.FromJson(model.Config.ToJson()).ToJson());
    }

    [Fact]
    public void Fingerprint_TellsWeightsApartAndIsStable()
    {
        string source = Shared.Path("golden/models/tiny-llama");
        using Scratch scratch = new();
        scratch.CopyOf(source);
        string Fingerprint(string folder)
        {
            using ModelFiles model = ModelFiles.Open(folder);
            return model.Fingerprint;
        }

        string first = Fingerprint(source);
        Assert.Equal(64, first.Length);
        Assert.Equal(first, Fingerprint(scratch.Folder));
        byte[] weights = File.ReadAllBytes(scratch["model.safetensors"]);
        weights[^1] ^= 1;
        scratch.Write("model.safetensors", weights);
        Assert.NotEqual(first, Fingerprint(scratch.Folder));
    }

    [Fact]
    public void MissingFiles_AreNamedWithTheMend()
    {
        using Scratch scratch = new();
        void Refused<T>(string path, params string[] words)
            where T : Exception
        {
            string message = Assert.Throws<T>(() => ModelFiles.Open(path)).Message;
            Assert.All(words, word => Assert.Contains(word, message));
        }

        Refused<FileNotFoundException>(scratch["nowhere"], "nowhere", "does not exist");
        Refused<FileNotFoundException>(scratch.Folder, "model.safetensors", "Download");
        Refused<InvalidDataException>(scratch.Write("notes.txt", "hello"), "notes.txt");
        scratch.Write("pytorch_model.bin", "x");
        Refused<FileNotFoundException>(scratch.Folder, "safe_serialization");
        scratch.Write("a.gguf", "x");
        scratch.Write("b.gguf", "x");
        Refused<FileNotFoundException>(scratch.Folder, "a.gguf, b.gguf");

        using Scratch sharded = new();
        sharded.CopyOf(Shared.Path("golden/models/tiny-llama-untied-sharded"));
        File.Delete(sharded["model-00002-of-00003.safetensors"]);
        Refused<FileNotFoundException>(sharded.Folder, "model-00002-of-00003.safetensors", "Download");
        File.Copy(sharded["model-00001-of-00003.safetensors"], sharded["model-00002-of-00003.safetensors"]);
        Refused<InvalidDataException>(sharded.Folder, "model-00002-of-00003.safetensors", "has no tensor");
        sharded.Write("model.safetensors.index.json", """{"weight_map":{"a":"../x.safetensors"}}""");
        Refused<InvalidDataException>(sharded.Folder, "../x.safetensors");
        sharded.Write("model.safetensors.index.json", """{"weights":{}}""");
        Refused<InvalidDataException>(sharded.Folder, "weight_map");
        File.Delete(sharded["config.json"]);
        Refused<FileNotFoundException>(sharded.Folder, "config.json", "Download");
    }

    [Fact]
    public void WeightsThatDoNotFitTheConfiguration_AreRefused()
    {
        using Scratch scratch = new();
        scratch.CopyOf(Shared.Path("golden/models/tiny-llama"));
        string config = File.ReadAllText(scratch["config.json"]);
        void Refused(string from, string to, string word)
        {
            scratch.Write("config.json", config.Replace(from, to));
            Assert.Contains(word, Assert.Throws<InvalidDataException>(() => ModelFiles.Open(scratch.Folder)).Message);
        }

        Refused("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 4", "model.layers.3.input_layernorm.weight");
        Refused("\"vocab_size\": 199", "\"vocab_size\": 200", "[199, 48]");
        Refused("\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false", "lm_head.weight");
    }

    [Fact]
    public void GenerationConfig_AddsItsEndTokens()
    {
        using Scratch scratch = new();
        scratch.CopyOf(Shared.Path("golden/models/tiny-llama"));
        scratch.Write("generation_config.json", """{"eos_token_id":[5,2]}""");
        using ModelFiles model = ModelFiles.Open(scratch.Folder);
        Assert.Equal([2, 5], model.Config.EndOfSequenceIds);
    }

    [Fact]
    public void BothSpellings_GiveTheSameConfiguration()
    {
        JsonObject four = JsonNode.Parse(Minimal)!.AsObject();
        four["rope_theta"] = 500_000.0;
        four["rope_scaling"] = JsonNode.Parse(
            """{"type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}"""
        );
        JsonObject five = JsonNode.Parse(Minimal)!.AsObject();
        five["rope_parameters"] = JsonNode.Parse(
            """{"rope_type":"llama3","rope_theta":500000.0,"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}"""
        );
        ModelConfig config = ModelConfig.FromJson(four.ToJsonString());
        Assert.Equal(config.ToJson(), ModelConfig.FromJson(five.ToJsonString()).ToJson());
        Assert.Equal(new Llama3RopeScaling(8, 1, 4, 64), config.RopeScaling);
        Assert.Equal(500_000, config.RopeTheta);
        Assert.Equal([2, 3], config.EndOfSequenceIds);
        Assert.Equal(config.ToJson(), ModelConfig.FromJson(config.ToJson()).ToJson());
    }

    [Fact]
    public void WrittenFloats_AreFloatsToPython()
    {
        using JsonDocument json = JsonDocument.Parse(ModelConfig.FromJson(Minimal).ToJson());
        Assert.Equal("10000.0", json.RootElement.GetProperty("rope_theta").GetRawText());
        Assert.Equal("LlamaForCausalLM", json.RootElement.GetProperty("architectures")[0].GetString());
    }

    [Theory]
    [InlineData("model_type", "\"mistral\"", "llama, qwen2 or qwen3")]
    [InlineData("hidden_act", "\"gelu\"", "silu")]
    [InlineData("attention_bias", "true", "false")]
    [InlineData("mlp_bias", "true", "false")]
    [InlineData("use_sliding_window", "true", "false")]
    [InlineData("layer_types", "[\"full_attention\",\"sliding_attention\"]", "full_attention alone")]
    [InlineData("num_local_experts", "8", "experts")]
    [InlineData("quantization_config", "{}", "unquantised")]
    [InlineData("rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":4.0}", "default or llama3")]
    [InlineData("rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":4.0}", "low_freq_factor is missing")]
    [InlineData("rope_parameters", "{\"full_attention\":{\"rope_type\":\"linear\"}}", "default or llama3")]
    [InlineData("partial_rotary_factor", "0.5", "1")]
    [InlineData("vocab_size", "\"many\"", "a whole number")]
    [InlineData("hidden_size", "0", "at least 1")]
    [InlineData("hidden_size", "null", "missing")]
    [InlineData("num_attention_heads", "5", "divisor of hidden_size")]
    [InlineData("num_key_value_heads", "3", "divide")]
    [InlineData("head_dim", "7", "even")]
    [InlineData("eos_token_id", "100", "outside the vocabulary")]
    [InlineData("eos_token_id", "[\"</s>\"]", "token id")]
    [InlineData("rms_norm_eps", "-1", "above 0")]
    [InlineData("model_type", "\"\\ud800\"", "a string")]
    public void UnsupportedOrWrongFields_AreRefusedByName(string field, string value, string expected)
    {
        JsonObject config = JsonNode.Parse(Minimal)!.AsObject();
        config.Remove(field);
        string json = config.ToJsonString().TrimEnd('}') + $",\"{field}\":{value}}}";
        InvalidDataException error = Assert.Throws<InvalidDataException>(() =>
            ModelConfig.FromJson(json, "m/config.json")
        );
        Assert.Contains("m/config.json", error.Message);
        Assert.Contains(expected, error.Message);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[]")]
    [InlineData("{\"model_type\":")]
    public void NoJson_IsRefusedWithTheFile(string json) =>
        Assert.Contains("config.json", Assert.Throws<InvalidDataException>(() => ModelConfig.FromJson(json)).Message);
}
