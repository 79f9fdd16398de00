namespace David.Grpo.Notebooks.Tests

open System
open System.Collections.Generic
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open System.Threading
open David.Grpo.Notebooks
open Expecto
open David.Grpo.Tests

module NotebookTests =
    let private folder = Scratch.folder "david-notebook"
    let private path = Path.Combine(folder.FullName, "a.ipynb")

    let private write (cells: (string * string) list) =
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

    let private run (parameters: (string * string) list) =
        let notebook = Notebook.Read path

        let options =
            {
                Parameters = parameters |> List.map KeyValuePair |> Array.ofList
                Timeout = ValueNone
            }

        let result = notebook.RunAsync(options, ignore, CancellationToken.None).Result
        notebook.Write path
        result

    let private outputs (index: int) =
        use read = JsonDocument.Parse(File.ReadAllText path)
        let cells = read.RootElement.GetProperty "cells"
        (cells[index].GetProperty "outputs").GetRawText()

    [<Tests>]
    let tests =
        testSequenced (
            testList "NotebookTests" [
                test "a source of packages is a folder beside the notebook, or an address" {
                    let near = folder.CreateSubdirectory("packages").FullName

                    let sources text =
                        CellText.steps folder.FullName CellLanguage.FSharp text
                        |> List.choose (function
                            | CellStep.Source source -> Some source
                            | _ -> None)

                    sources "#i \"nuget: packages\"\n#r \"nuget: A, 1.0.0\"\nlet x = 1" |> equals [ near ]
                    sources "  #i @\"nuget:https://a.example/b\"" |> equals [ "https://a.example/b" ]
                    sources "#!html\n#i \"nuget: packages\"" |> equals []

                    match CellText.steps folder.FullName CellLanguage.CSharp "#i \"nuget: packages\"\nint x;" with
                    | [ CellStep.Source _; CellStep.Code(_, code) ] -> code |> equals "\nint x;"
                    | other -> failtest $"{other}"

                    let fault =
                        throws<ScriptException>(fun () -> sources "let x = 1\n#i \"nuget: absent\"" |> ignore)

                    fault.Message |> startsWith "line 2: #i names "
                }

                test "cells of both languages share values, and a second run changes nothing" {
                    write [
                        "parameters", "let rollouts = 5"
                        "", "printfn \"%d rollouts\" rollouts\n[ {| Name = \"a\"; Size = rollouts |} ]"
                        "",
                        "#!csharp\n#!share --from fsharp rollouts\nvar twice = new Dictionary<string, int> { [\"n\"] = rollouts * 2 };\nawait Task.Delay(1);\ntwice[\"n\"]"
                        "", "#!set --name again --value @csharp:twice\nagain.[\"n\"] + 1"
                    ]

                    let result = run [ "rollouts", "7" ]
                    result.Fault |> equals ""
                    outputs 1 |> containsText "7 rollouts\\n"
                    outputs 1 |> containsText ">Name</th>"
                    outputs 2 |> containsText "\"14\""
                    outputs 3 |> containsText "\"15\""
                    let first = File.ReadAllText path
                    run [ "rollouts", "7" ] |> ignore
                    File.ReadAllText path |> equals first
                }

                test "the first cell that fails ends the run and names its line" {
                    write [
                        "", "#!csharp\nint x = 1;\nthrow new InvalidOperationException(\"no\");"
                        "", "#!csharp\n2"
                    ]

                    let result = run []
                    result.Failed |> equals (ValueSome 1)
                    result.Fault |> containsText "line 3: InvalidOperationException: no"
                    outputs 1 |> equals "[]"
                }

                test "a cell of nothing but directives opens names for those after it" {
                    write [
                        "", "#!csharp\nusing System.Globalization;"
                        "", "#!csharp\nCultureInfo.InvariantCulture.Name.Length"
                    ]

                    (run []).Fault |> equals ""
                    outputs 1 |> containsText "\"0\""
                }

                test "endless cells are stopped one after the other, and those that sleep" {
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

                        isTrue (hasStarted.Wait 20_000)
                        Thread.Sleep 200
                        session.Interrupt()
                        isTrue (running.Wait 20_000)
                        isFalse running.Result
                }
            ]
        )
