using David.Grpo.Formats;
using David.Grpo.Runs;
using David.Grpo.Tokenization;

namespace David.Grpo.Reports;

/// <summary>What each token of a run adds to the text: the embedded world's words, or a tokenizer's pieces.</summary>
internal sealed class TokenText
{
    private readonly Tokenizer? _tokenizer;
    private readonly bool _isWorld;

    private TokenText(Tokenizer? tokenizer, bool isWorld) => (_tokenizer, _isWorld) = (tokenizer, isWorld);

    /// <summary>Whether tokens can be told as text; else they are told by their ids.</summary>
    public bool IsKnown => _isWorld || _tokenizer is not null;

    /// <summary>
    /// What a run's tokens are: the first of the embedded world, the tokenizers of its checkpoints and that of its model
    /// which gives the text that was logged.
    /// </summary>
    /// <param name="model">A model's folder or .gguf file; null where unknown.</param>
    /// <param name="logged">Of the run.</param>
    public static TokenText Find(string folder, string? model, SegmentRecord[] logged)
    {
        if (Array.TrueForAll(logged, IsWorlds))
            return new TokenText(null, isWorld: true);
        foreach (Tokenizer tokenizer in Tokenizers(folder, model))
            if (
                Array.TrueForAll(logged, segment => tokenizer.Decode(segment.Tokens, skipSpecial: true) == segment.Text)
            )
                return new TokenText(tokenizer, isWorld: false);
        return new TokenText(null, isWorld: false);
    }

    /// <summary>[N] tokens to what each adds to their text, [N].</summary>
    public string[] Words(int[] tokens)
    {
        if (_isWorld)
            return [.. tokens.Select((token, i) => i == 0 ? World.Vocabulary[token] : " " + World.Vocabulary[token])];
        if (_tokenizer is null)
            return [.. tokens.Select(token => $"⟨{token}⟩")];
        StreamingDecoder decoder = _tokenizer.Stream();
        string[] words = [.. tokens.Select(decoder.Append)];
        if (words.Length > 0)
            words[^1] += decoder.Flush();
        return words;
    }

    private static bool IsWorlds(SegmentRecord segment) =>
        Array.TrueForAll(segment.Tokens, token => token < World.Vocabulary.Length)
        && World.Render(segment.Tokens) == segment.Text;

    private static IEnumerable<Tokenizer> Tokenizers(string folder, string? model)
    {
        string checkpoints = Path.Combine(folder, "checkpoints");
        string[] folders =
        [
            .. Directory.Exists(checkpoints)
                ? Directory.EnumerateDirectories(checkpoints, "step-*").OrderDescending(StringComparer.Ordinal)
                : Enumerable.Empty<string>(),
            Path.Combine(folder, "tokenizer"),
            .. model is null ? (string[])[] : [model],
        ];
        foreach (string place in folders)
            if (
                File.Exists(Path.Combine(place, "tokenizer.json"))
                || File.Exists(Path.Combine(place, "tokenizer.json.gz"))
            )
                yield return Tokenizer.FromFolder(place);
        if (model is null || !(File.Exists(model) || Directory.Exists(model)))
            yield break;
        using ModelFiles files = ModelFiles.Open(model);
        if (files is { TokenizerFolder: null, Gguf: { } gguf })
            yield return Tokenizer.FromGguf(gguf.Metadata);
    }
}
