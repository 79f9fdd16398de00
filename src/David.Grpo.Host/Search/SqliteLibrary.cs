using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using SQLitePCL;

namespace David.Grpo.Search;

/// <summary>
/// SQLite's native library beside this assembly, for hosts that look for it elsewhere, such as notebooks of .NET Interactive
/// and <c>dotnet fsi</c>, where a cell or script refers to a file.
/// </summary>
internal static class SqliteLibrary
{
    private const string Name = "e_sqlite3";

    /// <summary>From now on it is looked for here as well, after every other place.</summary>
    public static void LookBesideThis() =>
        AssemblyLoadContext.GetLoadContext(typeof(SQLite3Provider_e_sqlite3).Assembly)!.ResolvingUnmanagedDll += Find;

    private static nint Find(Assembly assembly, string name)
    {
        if (Path.GetFileNameWithoutExtension(name) != Name)
            return 0;
        string file =
            OperatingSystem.IsWindows() ? $"{Name}.dll"
            : OperatingSystem.IsMacOS() ? $"lib{Name}.dylib"
            : $"lib{Name}.so";
        string folder = Path.GetDirectoryName(typeof(SqliteLibrary).Assembly.Location) ?? "";
        string path = Path.Combine(folder, "runtimes", RuntimeInformation.RuntimeIdentifier, "native", file);
        return NativeLibrary.TryLoad(path, out nint library) ? library : 0;
    }
}
