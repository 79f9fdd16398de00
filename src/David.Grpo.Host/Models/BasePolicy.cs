using David.Grpo.Formats;

namespace David.Grpo.Models;

/// <summary>The embedded world's base policy, shipped beside this library.</summary>
public static class BasePolicy
{
    /// <summary>
    /// Its folder, "base-policy" beside this assembly; whatever program runs it: ours, a script host or a notebook's kernel.
    /// </summary>
    public static string Folder =>
        Path.Combine(
            Path.GetDirectoryName(typeof(BasePolicy).Assembly.Location) is { Length: > 0 } beside
                ? beside
                : AppContext.BaseDirectory,
            "base-policy"
        );

    /// <summary>The model at a path, or the shipped one.</summary>
    /// <exception cref="FileNotFoundException">There is no model at <paramref name="path"/>; the text says what is missing.</exception>
    /// <exception cref="InvalidDataException">It is not a model of the embedded world's words.</exception>
    public static ModelFiles Open(string? path = null)
    {
        ModelFiles files = ModelFiles.Open(path ?? Folder);
        if (files.Config.VocabularySize == World.Vocabulary.Length)
            return files;
        files.Dispose();
        throw new InvalidDataException(
            $"{path} has a vocabulary of {files.Config.VocabularySize}; the embedded world has {World.Vocabulary.Length} words. "
                + "Give a policy that `david world pretrain` made, or leave --model out."
        );
    }
}
