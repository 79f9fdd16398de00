namespace David.Grpo.Documents;

/// <summary>A file that was found.</summary>
/// <param name="Path">From the root on, with slashes; of a single file its name.</param>
/// <param name="Fault">Why it, or the folder of that path, cannot be looked at; null where it can.</param>
internal readonly record struct Found(string Path, string FullPath, string? Fault = null);

/// <summary>The files below a folder.</summary>
internal static class DocumentFolder
{
    /// <summary>
    /// In the order of their paths. What is hidden (.git) is left out, and so are links to folders, which may lead in a
    /// circle: these are named with a fault.
    /// </summary>
    /// <param name="root">A folder, or one file.</param>
    public static IEnumerable<Found> Files(string root)
    {
        if (File.Exists(root))
            return [new Found(Path.GetFileName(root), root)];
        List<Found> found = [];
        Stack<string> folders = new([root]);
        while (folders.TryPop(out string? folder))
        {
            FileSystemInfo[] entries;
            try
            {
                entries = [.. new DirectoryInfo(folder).EnumerateFileSystemInfos()];
            }
            catch (Exception e) when (e is UnauthorizedAccessException or IOException)
            {
                found.Add(new Found(Relative(root, folder), folder, $"it cannot be opened ({e.Message.TrimEnd('.')})"));
                continue;
            }
            foreach (FileSystemInfo entry in entries)
            {
                if (entry.Name.StartsWith('.'))
                    continue;
                string path = Relative(root, entry.FullName);
                if (entry is DirectoryInfo && entry.LinkTarget is not null)
                    found.Add(new Found(path, entry.FullName, "it is a link to a folder, which is not followed"));
                else if (entry is DirectoryInfo)
                    folders.Push(entry.FullName);
                else
                    found.Add(new Found(path, entry.FullName, Fault((FileInfo)entry)));
            }
        }
        return found.OrderBy(file => file.Path, StringComparer.Ordinal);
    }

    private static string? Fault(FileInfo file)
    {
        if (file.LinkTarget is null)
            return file.Exists ? null : "its name is no valid Unicode; give it another";
        try
        {
            return file.ResolveLinkTarget(returnFinalTarget: true) is FileInfo { Exists: true }
                ? null
                : "it is a link to nothing";
        }
        catch (IOException)
        {
            return "it is a link to itself";
        }
    }

    private static string Relative(string root, string path) =>
        Path.GetRelativePath(root, path).Replace(Path.DirectorySeparatorChar, '/');
}
