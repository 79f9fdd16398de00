using David.Grpo.Host.Tests.Formats;

namespace David.Grpo.Host.Tests.Packages;

/// <summary><c>./david</c>, in a checkout of nothing, with a <c>dotnet</c> that says what it was asked.</summary>
public sealed class LauncherTests : IDisposable
{
    private readonly Scratch _scratch = new();

    public LauncherTests()
    {
        File.Copy(Path.Combine(Accepted.Root(), "david"), _scratch["david"]);
        foreach (
            string name in (string[])
                [
                    "Directory.Build.props",
                    "Directory.Build.targets",
                    "Directory.Solution.targets",
                    "global.json",
                    "paket.dependencies",
                    "paket.lock",
                ]
        )
            _scratch.Write(name, "");
        Directory.CreateDirectory(_scratch["src/David.Grpo.Cli"]);
        Directory.CreateDirectory(_scratch[".paket"]);
        _scratch.Write(".paket/Paket.Restore.targets", "");
        Directory.CreateDirectory(_scratch["bin"]);
        _scratch.Write(
            "bin/dotnet",
            """
            #!/usr/bin/env bash
            if [ "$1" = build ]; then
              mkdir -p "$2/bin/Release/net10.0" && touch "$2/bin/Release/net10.0/david.dll"
              echo built >>"$(dirname "$0")/builds"
            else
              echo "ran ${1##*/} ${*:2}"
            fi
            """
        );
        if (!OperatingSystem.IsWindows())
            File.SetUnixFileMode(_scratch["bin/dotnet"], (UnixFileMode)0b111_101_101);
    }

    public void Dispose() => _scratch.Dispose();

    private Task<string> DavidAsync() =>
        Tool.RunAsync(
            "bash",
            ["-c", $"PATH={_scratch["bin"]}:$PATH timeout 20 bash {_scratch["david"]} runs 'a b'"],
            TestContext.Current.CancellationToken
        );

    [Fact]
    public async Task WhatIsBuilt_IsStartedWithoutWaitingOrWriting()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the launcher is a bash script");
        Assert.Equal("ran david.dll runs a b\n", await DavidAsync());
        Assert.Equal("built\n", File.ReadAllText(_scratch["bin/builds"]));
        string[] before = Entries();

        // Somebody builds, packs or tests meanwhile.
        using (new FileStream(_scratch[".build/lock"], FileMode.Open, FileAccess.ReadWrite, FileShare.None))
            Assert.Equal("ran david.dll runs a b\n", await DavidAsync());
        Assert.Equal(before, Entries());

        _scratch.Write("src/David.Grpo.Cli/Program.cs", "// changed");
        await DavidAsync();
        Assert.Equal("built\nbuilt\n", File.ReadAllText(_scratch["bin/builds"]));
    }

    private string[] Entries() =>
        [
            .. Directory
                .EnumerateFileSystemEntries(_scratch.Folder, "*", SearchOption.AllDirectories)
                .Select(path => $"{path} {File.GetLastWriteTimeUtc(path):O}")
                .Order(StringComparer.Ordinal),
        ];
}
