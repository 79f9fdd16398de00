namespace David.Grpo.Notebooks.Tests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Threading
open David.Grpo.Notebooks
open Expecto
open David.Grpo.Tests

/// The kernel, installed into a folder of its own, under Debian's jupyter. These tests skip where that, or the built
/// command line, is absent.
module JupyterKernelTests =
    let private folder = Scratch.folder "david-jupyter"

    let private repository =
        let rec climb (at: DirectoryInfo) =
            if File.Exists(Path.Combine(at.FullName, "David.Grpo.sln")) then
                at.FullName
            else
                climb (nonNull at.Parent)

        climb (DirectoryInfo AppContext.BaseDirectory)

    let private program =
        Path.Combine(repository, "src", "David.Grpo.Cli", "bin", "Release", "net10.0")

    // Its exit code, what it printed and what it complained of; ended by force after a minute.
    let private run (name: string) (arguments: string list) =
        let start =
            ProcessStartInfo(name, arguments, RedirectStandardOutput = true, RedirectStandardError = true)

        start.Environment["JUPYTER_DATA_DIR"] <- folder.FullName
        start.Environment["JUPYTER_CONFIG_DIR"] <- folder.FullName
        start.Environment["IPYTHONDIR"] <- folder.FullName

        use running = nonNull (Process.Start start)
        let printed = running.StandardOutput.ReadToEndAsync()
        let complained = running.StandardError.ReadToEndAsync()

        if not (running.WaitForExit 60_000) then
            running.Kill true

        running.WaitForExit()
        running.ExitCode, printed.Result, complained.Result

    let private python =
        lazy
            ([ "/usr/bin/python3"; "python3" ]
             |> List.tryFind (fun name ->
                 try
                     let code, _, _ = run name [ "-c"; "import jupyter_client, nbconvert" ]
                     code = 0
                 with :? ComponentModel.Win32Exception ->
                     false))

    // Installs the kernel; the Python that has Jupyter.
    let private install () =
        match python.Value with
        | None ->
            skiptest "needs Jupyter, which is not here (Debian: apt-get install jupyter-client jupyter-nbconvert)"

            ""
        | Some python ->
            if not (File.Exists(Path.Combine(program, "david.dll"))) then
                skiptest $"needs the command line, which is not built: {program}"

            for language in [ CellLanguage.FSharp; CellLanguage.CSharp ] do
                KernelSpec.install (Path.Combine(folder.FullName, "kernels")) language [|
                    "dotnet"
                    Path.Combine(program, "david.dll")
                    "kernel"
                    "run"
                    "--language"
                    language.Name
                |]
                |> ignore

            python

    [<Tests>]
    let tests =
        testList "JupyterKernelTests" [
            testCase
                "cells run, show figures, fail with their line, are interrupted and completed, and the kernel goes when asked"
                (fun () ->
                    let python = install ()

                    let code, printed, complained =
                        run python [ Path.Combine(AppContext.BaseDirectory, "drive_kernel.py"); program ]

                    Expect.isTrue (code = 0) complained
                    use answers = JsonDocument.Parse printed

                    let rec find (path: string list) (at: JsonElement) =
                        match path with
                        | [] -> at
                        | name :: rest -> find rest (at.GetProperty name)

                    let text (path: string list) =
                        (find path answers.RootElement).ToString()

                    text [ "fsharp"; "stdout" ] |> equals "x is 20\n"
                    text [ "fsharp"; "execute_result"; "text/plain" ] |> equals "21"
                    text [ "csharp"; "stdout" ] |> equals "x is 20\n"
                    text [ "csharp"; "execute_result"; "text/plain" ] |> equals "40"

                    (find [ "figure"; "execute_result"; "application/vnd.plotly.v1+json"; "data" ] answers.RootElement)[0]
                    |> find [ "name" ]
                    |> string
                    |> equals "David-GRPO"

                    text [ "figure"; "execute_result"; "text/html" ] |> startsWith "<img "
                    text [ "fault"; "error" ] |> startsWith "line 2: "

                    for endless in [ "endless fsharp"; "endless csharp"; "asleep" ] do
                        text [ endless; "error" ] |> equals "The cell was interrupted."

                    text [ "afterwards"; "execute_result"; "text/plain" ] |> equals "22"
                    text [ "complete fsharp"; "matches" ] |> equals """["Sqrt"]"""
                    text [ "complete fsharp"; "cursor_start" ] |> equals "12"
                    text [ "complete csharp"; "matches" ] |> equals """["Sqrt"]"""
                    text [ "inspect"; "data"; "text/plain" ] |> containsText "int"
                    text [ "whole"; "status" ] |> equals "complete"
                    text [ "unfinished"; "status" ] |> equals "incomplete"
                    text [ "unfinished csharp"; "status" ] |> equals "incomplete"
                    text [ "queued" ] |> equals """["error", "aborted"]"""
                    text [ "is alive" ] |> equals "False")

            test "nbconvert executes a notebook" {
                let python = install ()
                let path = Path.Combine(folder.FullName, "a.ipynb")

                File.WriteAllText(
                    path,
                    """{"cells": [{"cell_type": "code", "execution_count": null, "id": "a", "metadata": {}, "outputs": [],
                           "source": ["#!csharp\n", "Enumerable.Range(1, 3).Sum() + \" runs\""]}],
                "metadata": {"kernelspec": {"display_name": "F#", "language": "F#", "name": "david-fsharp"}},
                "nbformat": 4, "nbformat_minor": 5}"""
                )

                let code, _, complained =
                    run python [ "-m"; "nbconvert"; "--to"; "notebook"; "--execute"; "--inplace"; path ]

                Expect.isTrue (code = 0) complained
                File.ReadAllText path |> containsText "6 runs"
            }
        ]
