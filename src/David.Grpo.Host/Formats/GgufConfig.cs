using System.Globalization;

namespace David.Grpo.Formats;

/// <summary>A model's shape from GGUF metadata. Source of the keys: ggml-org/ggml, docs/gguf.md.</summary>
internal static class GgufConfig
{
    /// <summary>A rotary divisor read from float32 may differ from ours by its rounding, about 1e-7 of it.</summary>
    private const double DivisorTolerance = 1e-4;

    public static ModelConfig Parse(GgufFile file)
    {
        Reader keys = new(file);
        string name = keys.Text("general.architecture");
        Architecture architecture = name switch
        {
            "llama" => Architecture.Llama,
            "qwen2" => Architecture.Qwen2,
            "qwen3" => Architecture.Qwen3,
            _ => throw keys.Invalid("general.architecture", $"\"{name}\"", "llama, qwen2 or qwen3"),
        };
        RefuseUnsupported(keys, file, name, architecture);

        int hidden = keys.Count($"{name}.embedding_length");
        int heads = keys.Count($"{name}.attention.head_count");
        int headDimension = keys.Count($"{name}.attention.key_length", hidden / heads);
        foreach (string key in (string[])[$"{name}.attention.value_length", $"{name}.rope.dimension_count"])
            if (keys.Count(key, headDimension) is int other && other != headDimension)
                throw keys.Invalid(key, $"{other}", $"the head dimension {headDimension}");
        double theta = keys.Number($"{name}.rope.freq_base", 10_000);
        if (!file.Tensors.TryGetValue("token_embd.weight", out GgufTensor? embedding) || embedding.Shape.Length != 2)
            throw file.Invalid("tensor \"token_embd.weight\" [vocabulary, width] is missing; this is no whole model.");
        return new ModelConfig
        {
            Architecture = architecture,
            VocabularySize = checked((int)Math.Min(embedding.Shape[0], int.MaxValue)),
            HiddenSize = hidden,
            IntermediateSize = keys.Count($"{name}.feed_forward_length"),
            Layers = keys.Count($"{name}.block_count"),
            Heads = heads,
            KeyValueHeads = keys.Count($"{name}.attention.head_count_kv", heads),
            HeadDimension = headDimension,
            RmsNormEpsilon = keys.Number($"{name}.attention.layer_norm_rms_epsilon"),
            RopeTheta = theta,
            RopeScaling = Scaling(file, theta, headDimension),
            TieWordEmbeddings = !file.Tensors.ContainsKey("output.weight"),
            MaxPositions = keys.Count($"{name}.context_length"),
            BeginOfSequenceId = keys.Id("tokenizer.ggml.bos_token_id"),
            EndOfSequenceIds =
            [
                .. new[] { keys.Id("tokenizer.ggml.eos_token_id"), keys.Id("tokenizer.ggml.eot_token_id") }
                    .OfType<int>()
                    .Distinct(),
            ],
        }.Checked(file.Path);
    }

    private static void RefuseUnsupported(Reader keys, GgufFile file, string name, Architecture architecture)
    {
        if (keys.Has($"{name}.expert_count") && keys.Number($"{name}.expert_count", 0) > 0)
            throw keys.Invalid($"{name}.expert_count", "above 0", "0; mixtures of experts are not supported");
        if (keys.Has($"{name}.attention.sliding_window") && keys.Number($"{name}.attention.sliding_window", 0) > 0)
            throw keys.Invalid(
                $"{name}.attention.sliding_window",
                "above 0",
                "none; full attention alone is supported"
            );
        if (keys.Has($"{name}.rope.scaling.type") && keys.Text($"{name}.rope.scaling.type") is not "none" and var type)
            throw keys.Invalid($"{name}.rope.scaling.type", $"\"{type}\"", "none");
        if (keys.Number($"{name}.rope.scale_linear", 1) != 1)
            throw keys.Invalid($"{name}.rope.scale_linear", "not 1", "1; linear rope scaling is not supported");
        if (architecture != Architecture.Qwen2 && file.Tensors.ContainsKey("blk.0.attn_q.bias"))
            throw file.Invalid($"tensor \"blk.0.attn_q.bias\": {name} models with attention biases are not supported.");
    }

    /// <summary>
    /// llama.cpp's converter bakes Llama 3's scaling into the tensor rope_freqs and drops its settings. The largest
    /// divisor is the factor; low 1, high 4 and context 8192 are Llama 3's, and are taken only if they give the tensor.
    /// </summary>
    private static Llama3RopeScaling? Scaling(GgufFile file, double theta, int headDimension)
    {
        if (!file.Tensors.TryGetValue("rope_freqs.weight", out GgufTensor? tensor))
            return null;
        float[] divisors = new float[tensor.Count];
        file.ReadFloat32(tensor.Name, divisors);
        Llama3RopeScaling scaling = new(divisors.Append(1).Max(), 1, 4, 8192);
        double[] expected = scaling.Divisors(theta, headDimension);
        if (
            divisors.Length != expected.Length
            || divisors.Zip(expected).Any(pair => !(Math.Abs(pair.First / pair.Second - 1) <= DivisorTolerance))
        )
            throw file.Invalid(
                "tensor \"rope_freqs.weight\" is not Llama 3's scaling of rotary frequencies, the only one supported."
            );
        return divisors.All(divisor => divisor == 1) ? null : scaling;
    }

    /// <summary>Typed access to the metadata.</summary>
    private sealed class Reader(GgufFile file)
    {
        public bool Has(string key) => file.Metadata.ContainsKey(key);

        public string Text(string key) =>
            file.Metadata.GetValueOrDefault(key) switch
            {
                string text => text,
                null => throw Invalid(key, "missing", "a string"),
                object other => throw Invalid(key, Show(other), "a string"),
            };

        /// <summary>A whole number of at least 1.</summary>
        public int Count(string key, int? absent = null) =>
            Whole(key) is not { } number ? absent ?? throw Invalid(key, "missing", "a whole number of at least 1")
            : number is >= 1 and <= int.MaxValue ? (int)number
            : throw Invalid(key, $"{number}", "a whole number of at least 1");

        public int? Id(string key) =>
            Whole(key) is not { } number ? null
            : number is >= 0 and <= int.MaxValue ? (int)number
            : throw Invalid(key, $"{number}", "a token id");

        /// <summary>A number; the shortest decimal that gives a stored float32, so that 1e-5 is 1e-5.</summary>
        public double Number(string key, double? absent = null) =>
            file.Metadata.GetValueOrDefault(key) switch
            {
                float number when float.IsFinite(number) => double.Parse(
                    number.ToString("R", CultureInfo.InvariantCulture),
                    CultureInfo.InvariantCulture
                ),
                double number when double.IsFinite(number) => number,
                null => absent ?? throw Invalid(key, "missing", "a number"),
                _ => (double)Whole(key)!.Value,
            };

        public InvalidDataException Invalid(string key, string got, string expected) =>
            file.Invalid($"metadata {key} is {got}; expected {expected}.");

        private long? Whole(string key) =>
            file.Metadata.GetValueOrDefault(key) switch
            {
                null => null,
                byte number => number,
                sbyte number => number,
                ushort number => number,
                short number => number,
                uint number => number,
                int number => number,
                ulong number => (long)Math.Min(number, long.MaxValue),
                long number => number,
                object other => throw Invalid(key, Show(other), "one whole number"),
            };

        private static string Show(object value) =>
            value is Array array
                ? $"an array of {array.Length} items"
                : Convert.ToString(value, CultureInfo.InvariantCulture)!;
    }
}
