namespace David.Grpo.Host.Tests.Formats;

/// <summary>A folder of a test's own, removed after it.</summary>
internal sealed class Scratch : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("david-tests-");

    public string Folder => folder.FullName;

    public string this[string name] => Path.Combine(Folder, name);

    public string Write(string name, string text)
    {
        File.WriteAllText(this[name], text);
        return this[name];
    }

    public string Write(string name, byte[] bytes)
    {
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    /// <summary>Copies a folder's files into this one.</summary>
    public string CopyOf(string source)
    {
        foreach (string file in Directory.EnumerateFiles(source))
            File.Copy(file, this[Path.GetFileName(file)]);
        return Folder;
    }

    public void Dispose() => folder.Delete(recursive: true);
}
