using David.Grpo.Host.Tests.Formats;
using David.Grpo.Tokenization;

namespace David.Grpo.Host.Tests.Tokenization;

public sealed class TokenizerWriterTests
{
    /// <summary>Bytes, some merges, a special and a user-defined token, under each rule that cuts words.</summary>
    [Theory]
    [InlineData("gpt-2")]
    [InlineData("smollm")]
    [InlineData("qwen2")]
    [InlineData("llama-bpe")]
    [InlineData("llama3")]
    [InlineData("deepseek-r1-qwen")]
    [InlineData("starcoder")]
    [InlineData("falcon3")]
    public void WrittenFolder_GivesTheIdsOfTheGguf(string pre)
    {
        Dictionary<string, object> metadata = Metadata(pre);
        using Scratch scratch = new();
        TokenizerWriter.Write(metadata, scratch.Folder);

        Tokenizer read = Tokenizer.FromFolder(scratch.Folder);
        Tokenizer original = Tokenizer.FromGguf(metadata);
        Assert.Equal(261, read.EndOfSequence);
        Assert.Equal(original.ChatTemplate, read.ChatTemplate);
        Assert.Equal(original.StopTokens, read.StopTokens);
        foreach (string text in (string[])["the  the's 1212 12\n\n", "e\u0301 é Å", "a<|end|><tool> the", ""])
        {
            Assert.Equal(original.Encode(text), read.Encode(text));
            Assert.Equal(original.Encode(text, parseSpecial: false), read.Encode(text, parseSpecial: false));
        }
    }

    /// <summary>llama.cpp (llama-vocab.cpp) gives each of these the rule of the first of its line.</summary>
    [Theory]
    [InlineData("gpt-2 phi-2 mellum", "12 12 é")]
    [InlineData("smollm starcoder refact command-r", "1 2 1 2 é")]
    [InlineData("qwen2 deepseek-r1-qwen kormo f2llmv2 megrez", "1 2 1 2 é")]
    [InlineData("llama-bpe llama3 llama-v3 falcon3 pixtral", "12 1 2 é")]
    public void NamesOfOneRule_CutAlike(string names, string pieces)
    {
        foreach (string name in names.Split(' '))
        {
            Tokenizer tokenizer = Tokenizer.FromGguf(Metadata(name));
            // Qwen's rule composes: e and an accent become one letter.
            bool composes = names.StartsWith("qwen2", StringComparison.Ordinal);
            int[] tokens = tokenizer.Encode("1212e\u0301");
            string expected = composes ? pieces : pieces.Replace("é", "e \u0301", StringComparison.Ordinal);
            Assert.Equal(expected.Split(' ').SelectMany(piece => tokenizer.Encode(piece)), tokens);
        }
    }

    private static Dictionary<string, object> Metadata(string pre)
    {
        List<string> tokens = [.. Enumerable.Range(0, 256).Select(value => ByteAlphabet.Spell([(byte)value]))];
        tokens.AddRange(["1" + "2", "Ġt", "he", "Ġthe", "'s", "<|end|>", "<tool>"]);
        return new Dictionary<string, object>
        {
            ["tokenizer.ggml.model"] = "gpt2",
            ["tokenizer.ggml.pre"] = pre,
            ["tokenizer.ggml.tokens"] = tokens.ToArray(),
            ["tokenizer.ggml.token_type"] = tokens
                .Select(token =>
                    token == "<|end|>" ? 3
                    : token == "<tool>" ? 4
                    : 1
                )
                .ToArray(),
            ["tokenizer.ggml.merges"] = (string[])["1 2", "Ġ t", "h e", "Ġt he", "' s"],
            ["tokenizer.ggml.eos_token_id"] = 261u,
            ["tokenizer.chat_template"] = "{{ messages[0]['content'] }}<|end|>",
        };
    }
}
