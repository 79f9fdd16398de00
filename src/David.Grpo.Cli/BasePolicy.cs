using David.Grpo.Formats;

namespace David.Grpo.Cli;

/// <summary>The embedded world's base policy, shipped beside the program.</summary>
internal static class BasePolicy
{
    public static string Folder => Path.Combine(AppContext.BaseDirectory, "base-policy");

    /// <summary>The model at a path, or the shipped one.</summary>
    /// <exception cref="InvalidDataException">It is not a model of the embedded world's words.</exception>
    public static ModelFiles Open(string? path)
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
