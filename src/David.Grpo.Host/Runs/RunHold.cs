namespace David.Grpo.Runs;

/// <summary>
/// That a process works in a run's folder: a file that is locked while it does, and is gone once it came to an orderly end. After
/// a crash the file is there, unlocked.
/// </summary>
public sealed class RunHold : IDisposable
{
    private const string Name = ".running";

    private readonly FileStream _file;

    private RunHold(FileStream file) => _file = file;

    /// <summary>Takes a run's folder.</summary>
    /// <exception cref="IOException">Another process has it, or the folder cannot be written.</exception>
    public static RunHold Take(string folder) =>
        TryTake(folder)
        ?? throw new IOException(
            $"{folder} is being run by another process. Wait for it or stop it, or choose another folder."
        );

    /// <summary>Takes a run's folder; null where another process has it.</summary>
    public static RunHold? TryTake(string folder)
    {
        string path = Path.Combine(folder, Name);
        try
        {
            return new RunHold(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException) when (IsHeld(folder))
        {
            return null;
        }
    }

    /// <summary>Whether a process works in the folder now.</summary>
    public static bool IsHeld(string folder)
    {
        try
        {
            using FileStream file = new(Path.Combine(folder, Name), FileMode.Open, FileAccess.Read, FileShare.None);
            return false;
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }
        catch (UnauthorizedAccessException)
        {
            return false; // of another user: whether it is locked cannot be asked
        }
        catch (IOException)
        {
            return true;
        }
    }

    /// <summary>Whether a process that worked in the folder ended without saying so.</summary>
    public static bool WasLost(string folder) => File.Exists(Path.Combine(folder, Name)) && !IsHeld(folder);

    /// <summary>Gives the folder back as one whose run did not end in order.</summary>
    public void Lose() => _file.Dispose();

    /// <summary>Gives the folder back.</summary>
    public void Dispose()
    {
        if (!_file.CanWrite)
            return; // lost
        // Removed while it is still locked, so that nobody else's is.
        if (File.Exists(_file.Name))
            File.Delete(_file.Name);
        _file.Dispose();
    }
}
