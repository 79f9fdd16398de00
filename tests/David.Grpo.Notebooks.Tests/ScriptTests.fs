namespace David.Grpo.Notebooks.Tests

open System
open System.IO
open System.Threading
open David.Grpo.Notebooks
open Expecto
open David.Grpo.Tests

module ScriptTests =
    let private folder = Scratch.folder "david-script"

    let private write (name: string) (text: string) =
        let path = Path.Combine(folder.FullName, name)
        File.WriteAllText(path, text)
        path

    let private run path arguments =
        Script.run path arguments CancellationToken.None

    [<Tests>]
    let tests =
        testSequenced (
            testList "ScriptTests" [
                test "a script's return value is its exit code, and its arguments reach it" {
                    let path =
                        write "a.csx" "await Task.Delay(1);\nreturn Args.Count + int.Parse(Args[1]);"

                    run path [ "--seeds"; "5" ] |> equals 7
                }

                test "an unchanged script and a changed one do what their text says" {
                    let path = write "b.csx" "return 1;"
                    run path [] |> equals 1
                    run path [] |> equals 1
                    write "b.csx" "return 2;" |> ignore
                    run path [] |> equals 2
                }

                test "a loaded file that changes is compiled again, and its global usings reach the script" {
                    let path = write "c.csx" "#load \"d.csx\"\nreturn Text.Length + (int)Abs(-1.0);"
                    write "d.csx" "global using static System.Math;\nstring Text = \"abc\";" |> ignore
                    run path [] |> equals 4
                    write "d.csx" "global using static System.Math;\nstring Text = \"abcd\";" |> ignore
                    run path [] |> equals 5
                }

                test "a compilation error names file, line and column" {
                    let path = write "e.csx" "int x = 1;\nreturn y;"
                    let failure = throws<ScriptException>(fun () -> run path [] |> ignore)
                    failure.Message |> containsText "e.csx(2,8): error CS0103"
                }

                test "an exception names the line of the script and nothing of what runs it" {
                    let path =
                        write
                            "f.csx"
                            "int F(int x)\n{\n    throw new InvalidOperationException(\"no\");\n}\nawait Task.Yield();\nreturn F(1);"

                    let failure = throws<ScriptException>(fun () -> run path [] |> ignore)
                    failure.Message |> containsText "f.csx(3): InvalidOperationException: no"
                    failure.Message |> lacksText "Submission"
                    failure.Message |> lacksText "David.Grpo.Notebooks"
                }

                test "a fault of the runtime's own has its line too" {
                    let path = write "r.csx" "int[] none = [];\nWriteLine(1);\nWriteLine(none[3]);"
                    let failure = throws<ScriptException>(fun () -> run path [] |> ignore)
                    failure.Message |> containsText "r.csx(3): IndexOutOfRangeException"
                    failure.Message |> lacksText "ThrowHelpers"
                }

                test "an assembly that the program ships is the program's own" {
                    let copy = Path.Combine(folder.FullName, "David.Grpo.Notebooks.dll")
                    File.Copy(typeof<ScriptGlobals>.Assembly.Location, copy)

                    let path =
                        write
                            "g.csx"
                            "#r \"David.Grpo.Notebooks.dll\"\nreturn typeof(David.Grpo.Notebooks.ScriptGlobals).Assembly.Location == Args[0] ? 1 : 0;"

                    run path [ typeof<ScriptGlobals>.Assembly.Location ] |> equals 1
                }
            ]
        )
