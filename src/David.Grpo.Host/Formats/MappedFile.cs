using System.IO.MemoryMappedFiles;

namespace David.Grpo.Formats;

/// <summary>A file mapped into memory for reading. Several threads may read at once.</summary>
/// <remarks>
/// Reads copy out of the map and count as users of it, so that a read after, or during, <see cref="Dispose"/> cannot
/// touch memory that is gone.
/// </remarks>
internal sealed class MappedFile : IDisposable
{
    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;

    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is empty.</exception>
    public MappedFile(string path)
    {
        Path = path;
        FileStream stream = new(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        Length = stream.Length;
        if (Length == 0)
        {
            stream.Dispose();
            throw Invalid("the file is empty. Copy or download it again.");
        }
        map = MemoryMappedFile.CreateFromFile(
            stream,
            mapName: null,
            capacity: 0,
            MemoryMappedFileAccess.Read,
            HandleInheritability.None,
            leaveOpen: false
        );
        view = map.CreateViewAccessor(0, Length, MemoryMappedFileAccess.Read);
    }

    public string Path { get; }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <summary>Copies the bytes from <paramref name="offset"/> on; the caller has checked that they are in the file.</summary>
    public void Read(long offset, Span<byte> destination)
    {
        if (destination.IsEmpty)
            return;
        using Stream stream = Open(offset, destination.Length);
        stream.ReadExactly(destination);
    }

    /// <summary>A stream over <paramref name="length"/> bytes from <paramref name="offset"/> on.</summary>
    public Stream Open(long offset, long length) =>
        new UnmanagedMemoryStream(
            view.SafeMemoryMappedViewHandle,
            view.PointerOffset + offset,
            length,
            FileAccess.Read
        );

    /// <summary>The error that names this file.</summary>
    public InvalidDataException Invalid(string what, Exception? cause = null) => new($"{Path}: {what}", cause);

    public void Dispose()
    {
        view.Dispose();
        map.Dispose();
    }
}
