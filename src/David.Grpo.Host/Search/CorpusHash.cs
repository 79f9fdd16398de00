using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace David.Grpo.Search;

/// <summary>SHA-256 of a corpus file, remembered beside the index while the file's size and time of change stay.</summary>
internal static class CorpusHash
{
    /// <returns>64 hex digits.</returns>
    public static string Of(string path, string folder)
    {
        FileInfo file = new(path);
        if (!file.Exists)
            throw new FileNotFoundException($"The corpus {path} does not exist.", path);
        string state = string.Create(CultureInfo.InvariantCulture, $"{file.Length} {file.LastWriteTimeUtc.Ticks}");
        string name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(file.FullName)))[..16];
        string memory = Path.Combine(folder, $"{name}.hash");
        if (
            File.Exists(memory)
            && File.ReadAllText(memory).Split('\n') is [var known, { Length: 64 } remembered]
            && known == state
        )
            return remembered;

        string hash;
        using (FileStream stream = file.Open(FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete))
            hash = Convert.ToHexStringLower(SHA256.HashData(stream));
        try
        {
            string partial = $"{memory}.{Guid.NewGuid():N}";
            File.WriteAllText(partial, $"{state}\n{hash}");
            File.Move(partial, memory, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A folder that cannot be written, with an index ready in it: the hash is worked out again next time.
        }
        return hash;
    }
}
