namespace David.Grpo.Notebooks.Tests

open System
open System.IO
open System.Threading
open David.Grpo.Notebooks
open Xunit

[<Collection "console">]
type ScriptTests() =
    let folder = Directory.CreateTempSubdirectory "david-script"

    let write (name: string) (text: string) =
        let path = Path.Combine(folder.FullName, name)
        File.WriteAllText(path, text)
        path

    let run path arguments =
        Script.run path arguments CancellationToken.None

    interface IDisposable with
        member _.Dispose() = folder.Delete true

    [<Fact>]
    member _.``a script's return value is its exit code, and its arguments reach it``() =
        let path =
            write "a.csx" "await Task.Delay(1);\nreturn Args.Count + int.Parse(Args[1]);"

        Assert.Equal(7, run path [ "--seeds"; "5" ])

    [<Fact>]
    member _.``an unchanged script and a changed one do what their text says``() =
        let path = write "b.csx" "return 1;"
        Assert.Equal(1, run path [])
        Assert.Equal(1, run path [])
        write "b.csx" "return 2;" |> ignore
        Assert.Equal(2, run path [])

    [<Fact>]
    member _.``a loaded file that changes is compiled again, and its global usings reach the script``() =
        let path = write "c.csx" "#load \"d.csx\"\nreturn Text.Length + (int)Abs(-1.0);"
        write "d.csx" "global using static System.Math;\nstring Text = \"abc\";" |> ignore
        Assert.Equal(4, run path [])
        write "d.csx" "global using static System.Math;\nstring Text = \"abcd\";" |> ignore
        Assert.Equal(5, run path [])

    [<Fact>]
    member _.``a compilation error names file, line and column``() =
        let path = write "e.csx" "int x = 1;\nreturn y;"
        let failure = Assert.Throws<ScriptException>(fun () -> run path [] |> ignore)
        Assert.Contains("e.csx(2,8): error CS0103", failure.Message)

    [<Fact>]
    member _.``an exception names the line of the script and nothing of what runs it``() =
        let path =
            write
                "f.csx"
                "int F(int x)\n{\n    throw new InvalidOperationException(\"no\");\n}\nawait Task.Yield();\nreturn F(1);"

        let failure = Assert.Throws<ScriptException>(fun () -> run path [] |> ignore)
        Assert.Contains("f.csx(3): InvalidOperationException: no", failure.Message)
        Assert.DoesNotContain("Submission", failure.Message)
        Assert.DoesNotContain("David.Grpo.Notebooks", failure.Message)

    [<Fact>]
    member _.``a fault of the runtime's own has its line too``() =
        let path = write "r.csx" "int[] none = [];\nWriteLine(1);\nWriteLine(none[3]);"
        let failure = Assert.Throws<ScriptException>(fun () -> run path [] |> ignore)
        Assert.Contains("r.csx(3): IndexOutOfRangeException", failure.Message)
        Assert.DoesNotContain("ThrowHelpers", failure.Message)

    [<Fact>]
    member _.``an assembly that the program ships is the program's own``() =
        let copy = Path.Combine(folder.FullName, "David.Grpo.Notebooks.dll")
        File.Copy(typeof<ScriptGlobals>.Assembly.Location, copy)

        let path =
            write
                "g.csx"
                "#r \"David.Grpo.Notebooks.dll\"\nreturn typeof(David.Grpo.Notebooks.ScriptGlobals).Assembly.Location == Args[0] ? 1 : 0;"

        Assert.Equal(1, run path [ typeof<ScriptGlobals>.Assembly.Location ])
