using System.Text.Json;

namespace David.Grpo.Tokenization;

/// <summary>The two files of openai/gpt-2: <c>encoder.json</c> and <c>vocab.bpe</c>.</summary>
internal static class GptFiles
{
    private const string EndOfText = "<|endoftext|>";

    public static TokenizerDefinition Read(string encoderPath, string mergesPath)
    {
        using JsonDocument encoder = JsonFile.Read(encoderPath);
        Dictionary<string, int> vocabulary = TokenizerJson.ReadVocabulary(encoder.RootElement, encoderPath, "the root");
        bool hasEnd = vocabulary.TryGetValue(EndOfText, out int end);
        return new TokenizerDefinition
        {
            Source = encoderPath,
            Vocabulary = vocabulary,
            Merges = ReadMerges(mergesPath),
            AddedTokens = hasEnd ? [new AddedToken(end, EndOfText, Special: true, Normalized: false)] : [],
            PreTokenizer = PreTokenizer.Gpt2,
            Configuration = hasEnd ? new(BeginOfSequence: EndOfText, EndOfSequence: EndOfText) : new(),
        };
    }

    /// <summary>A merge a line, most urgent first; the first line tells the version.</summary>
    private static List<Merge> ReadMerges(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file {path}.", path);
        List<Merge> merges = [];
        int number = 0;
        foreach (string line in File.ReadAllText(path).Split('\n'))
        {
            number++;
            if (line == "" || (number == 1 && line.StartsWith("#version", StringComparison.Ordinal)))
                continue;
            merges.Add(
                line.TrimEnd('\r').Split(' ') is [{ Length: > 0 } left, { Length: > 0 } right]
                    ? new Merge(left, right)
                    : throw new InvalidDataException(
                        $"{path}, line {number}: '{line}'; expected two tokens and a space between."
                    )
            );
        }
        return merges;
    }
}
