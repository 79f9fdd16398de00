namespace David.Grpo.Notebooks.Tests

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading
open David.Grpo.Notebooks
open Xunit

/// Cells and scripts own the process's console: nothing runs beside them.
[<CollectionDefinition("console", DisableParallelization = true)>]
type ConsoleCollection() = class end

[<Collection "console">]
type NotebookTests() =
    let folder = Directory.CreateTempSubdirectory "david-notebook"
    let path = Path.Combine(folder.FullName, "a.ipynb")

    let write (cells: (string * string) list) =
        let cell (tag: string, source: string) =
            let node =
                JsonNode.Parse """{"cell_type":"code","execution_count":null,"id":"x","metadata":{},"outputs":[]}"""

            let node = nonNull node
            node["source"] <- NotebookJson.lines source

            if tag <> "" then
                node["metadata"] <- JsonNode.Parse $"""{{"tags":["{tag}"]}}"""

            node

        let root = JsonObject()
        root["cells"] <- JsonArray(cells |> List.map cell |> Array.ofList)
        root["metadata"] <- JsonNode.Parse """{"kernelspec":{"language":"F#","name":".net-fsharp"}}"""
        root["nbformat"] <- JsonValue.Create 4
        root["nbformat_minor"] <- JsonValue.Create 5
        File.WriteAllText(path, NotebookJson.text root)

    let run (parameters: (string * string) list) =
        let notebook = Notebook.Read path

        let options =
            {
                Parameters = parameters |> List.map KeyValuePair |> Array.ofList
                Timeout = ValueNone
            }

        let result = notebook.RunAsync(options, ignore, CancellationToken.None).Result
        notebook.Write path
        result

    let outputs (index: int) =
        use read = JsonDocument.Parse(File.ReadAllText path)
        let cells = read.RootElement.GetProperty "cells"
        (cells[index].GetProperty "outputs").GetRawText()

    interface IDisposable with
        member _.Dispose() = folder.Delete true

    [<Fact>]
    member _.``a source of packages is a folder beside the notebook, or an address``() =
        let near = folder.CreateSubdirectory("packages").FullName

        let sources text =
            CellText.steps folder.FullName CellLanguage.FSharp text
            |> List.choose (function
                | CellStep.Source source -> Some source
                | _ -> None)

        Assert.Equal<string list>([ near ], sources "#i \"nuget: packages\"\n#r \"nuget: A, 1.0.0\"\nlet x = 1")
        Assert.Equal<string list>([ "https://a.example/b" ], sources "  #i @\"nuget:https://a.example/b\"")
        Assert.Equal<string list>([], sources "#!html\n#i \"nuget: packages\"")

        match CellText.steps folder.FullName CellLanguage.CSharp "#i \"nuget: packages\"\nint x;" with
        | [ CellStep.Source _; CellStep.Code(_, code) ] -> Assert.Equal("\nint x;", code)
        | other -> Assert.Fail $"{other}"

        let fault =
            Assert.Throws<ScriptException>(fun () -> sources "let x = 1\n#i \"nuget: absent\"" |> ignore)

        Assert.StartsWith("line 2: #i names ", fault.Message)

    [<Fact>]
    member _.``cells of both languages share values, and a second run changes nothing``() =
        write
            [
                "parameters", "let rollouts = 5"
                "", "printfn \"%d rollouts\" rollouts\n[ {| Name = \"a\"; Size = rollouts |} ]"
                "",
                "#!csharp\n#!share --from fsharp rollouts\nvar twice = new Dictionary<string, int> { [\"n\"] = rollouts * 2 };\nawait Task.Delay(1);\ntwice[\"n\"]"
                "", "#!set --name again --value @csharp:twice\nagain.[\"n\"] + 1"
            ]

        let result = run [ "rollouts", "7" ]
        Assert.Equal("", result.Fault)
        Assert.Contains("7 rollouts\\n", outputs 1)
        Assert.Contains(">Name</th>", outputs 1)
        Assert.Contains("\"14\"", outputs 2)
        Assert.Contains("\"15\"", outputs 3)
        let first = File.ReadAllText path
        run [ "rollouts", "7" ] |> ignore
        Assert.Equal(first, File.ReadAllText path)

    [<Fact>]
    member _.``the first cell that fails ends the run and names its line``() =
        write
            [
                "", "#!csharp\nint x = 1;\nthrow new InvalidOperationException(\"no\");"
                "", "#!csharp\n2"
            ]

        let result = run []
        Assert.Equal(ValueSome 1, result.Failed)
        Assert.Contains("line 3: InvalidOperationException: no", result.Fault)
        Assert.Equal("[]", outputs 1)

    [<Fact>]
    member _.``a cell of nothing but directives opens names for those after it``() =
        write
            [
                "", "#!csharp\nusing System.Globalization;"
                "", "#!csharp\nCultureInfo.InvariantCulture.Name.Length"
            ]

        Assert.Equal("", (run []).Fault)
        Assert.Contains("\"0\"", outputs 1)

    [<Fact>]
    member _.``endless cells are stopped one after the other, and those that sleep``() =
        use session = new CellSession(folder.FullName)

        for endless in [ "while (true) { }"; "while (true) { }"; "Thread.Sleep(100000);" ] do
            use hasStarted = new ManualResetEventSlim()

            let running =
                session.RunAsync(
                    1,
                    CellLanguage.CSharp,
                    "Console.WriteLine();\n" + endless,
                    (fun _ -> hasStarted.Set())
                )

            Assert.True(hasStarted.Wait 20_000)
            Thread.Sleep 200
            session.Interrupt()
            Assert.True(running.Wait 20_000)
            Assert.False running.Result
