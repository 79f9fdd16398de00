namespace David.Grpo.Mutants

open System
open System.Diagnostics
open System.IO
open System.Threading.Tasks
open Mono.Cecil

/// What became of a mutant.
[<RequireQualifiedAccess>]
type Fate =
    | Caught
    | Survived
    /// No test comes to its place.
    | Unreached

/// What the tests of a program reach.
type private Reach =
    {
        /// Milliseconds by test.
        Durations: Map<int, int64>
        /// By mutant, the tests that reach its place.
        Tests: Map<int, int list>
        /// Mutants whose place is reached when the program starts, before any test.
        Starting: Set<int>
    }

[<AutoOpen>]
module private Names =
    /// This program's assembly.
    let own = "David.Grpo.Core.Mutants"

/// A test program whose library is woven, in a folder of its own.
type Campaign private (folder: string, program: string, library: string, words: string list, mutants: Mutant[]) =

    let path (name: string) = Path.Combine(folder, name)

    let start (active: int) =
        let info =
            ProcessStartInfo(
                "dotnet",
                [
                    path $"{own}.dll"
                    "--worker"
                    path program
                    path library
                    $"{mutants.Length}"
                    $"{active}"
                ]
                @ words,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true
            )

        // A mutant that takes all memory is caught, not the machine.
        info.Environment["DOTNET_GCHeapHardLimit"] <- "0x100000000"

        match Process.Start info with
        | null -> failwith "No process could be started."
        | started ->
            // What the runtime says of a mutant that overflows the stack.
            started.BeginErrorReadLine()
            started

    let ask (worker: Process) (question: string) =
        try
            worker.StandardInput.WriteLine question
            worker.StandardInput.Flush()
        with :? IOException ->
            ()

    /// A line, nothing where the worker has ended, or after three minutes.
    let answer (worker: Process) : string option =
        let line = worker.StandardOutput.ReadLineAsync()

        if line.Wait(TimeSpan.FromMinutes 3.0) then
            Option.ofObj line.Result
        else
            None

    let stop (worker: Process) =
        worker.Kill true
        worker.WaitForExit()
        worker.Dispose()

    let mutable worker: Process option = None

    let reach =
        lazy
            (let worker = start 0
             ask worker "reach"

             let lines =
                 Seq.initInfinite (fun _ -> answer worker)
                 |> Seq.takeWhile (fun line -> line <> Some "end")
                 |> Seq.map (
                     Option.defaultWith (fun () -> failwith "The test program ended before its tests did.")
                     >> _.Split('\t')
                 )
                 |> Seq.toArray

             stop worker

             for line in lines do
                 if line[1] = "-1" then
                     eprintfn $"left out, since it fails as it is: {line[3]}"

             let passed = lines |> Array.filter (fun line -> line[1] <> "-1")

             let places (line: string[]) =
                 line[2].Split(' ', StringSplitOptions.RemoveEmptyEntries) |> Array.map int

             let tests = passed |> Array.filter (fun line -> line[0] <> "-1")

             {
                 Durations = Map [ for line in tests -> int line[0], int64 line[1] ]
                 Tests =
                     tests
                     |> Seq.collect (fun line -> places line |> Seq.map (fun place -> place, int line[0]))
                     |> Seq.groupBy fst
                     |> Seq.map (fun (place, found) -> place, found |> Seq.map snd |> Seq.toList)
                     |> Map
                 Starting = passed |> Seq.filter (fun line -> line[0] = "-1") |> Seq.collect places |> Set
             })

    let testsOf (id: int) =
        reach.Value.Tests |> Map.tryFind id |> Option.defaultValue []

    let quickFirst (tests: int seq) =
        tests |> Seq.distinct |> Seq.sortBy (fun test -> reach.Value.Durations[test]) |> Seq.toList

    let attempt (worker: Process) (id: int) (tests: int list) =
        let words = tests |> List.map string |> String.concat " "
        ask worker $"try {id} {words}"
        answer worker

    /// In the process that has run clean before: quick.
    let isCaughtWarm (id: int) (tests: int list) =
        let running =
            match worker with
            | Some running when not running.HasExited -> running
            | _ -> start 0

        worker <- Some running

        match attempt running id tests with
        | Some "survived" -> false
        | found ->
            if found = None then
                stop running
                worker <- None

            true

    /// In a process that has the mutant on from its start: what is made once is made with it.
    let isCaughtCold (id: int) (tests: int list) =
        let worker = start id
        let found = attempt worker id tests
        stop worker
        found <> Some "survived"

    member _.Mutants = mutants

    /// Runs the tests that may see a mutant until one fails. `id` is the place in `Mutants` and 1.
    member _.Try(id: int) : Fate =
        let own = testsOf id
        let isStarting = reach.Value.Starting.Contains id

        if own.IsEmpty && not isStarting then
            Fate.Unreached
        elif not own.IsEmpty && isCaughtWarm id (quickFirst own) then
            Fate.Caught
        elif not isStarting then
            Fate.Survived
        else
            // What the start made once counts for all tests that come to the file.
            let ofFile =
                mutants
                |> Seq.indexed
                |> Seq.filter (fun (_, other) -> other.File = mutants[id - 1].File)
                |> Seq.collect (fun (i, _) -> testsOf (i + 1))

            if isCaughtCold id (quickFirst own @ quickFirst (Seq.except own ofFile)) then
                Fate.Caught
            else
                Fate.Survived

    interface IDisposable with
        member _.Dispose() = worker |> Option.iter stop

    /// Copies a test program to `folder` and weaves its library there. With `words` only the tests of lists whose names have
    /// one of them are run.
    static member Create
        (built: string, program: string, library: string, folder: string, words: string list)
        : Campaign =
        if Directory.Exists folder then
            Directory.Delete(folder, true)

        Directory.CreateDirectory folder |> ignore

        let copy (from: string) (name: string) =
            File.Copy(Path.Combine(from, name), Path.Combine(folder, name), true)

        for file in DirectoryInfo(built).GetFiles "*.dll" do
            copy built file.Name

        copy AppContext.BaseDirectory $"{own}.dll"
        // No list of dependencies: so all that lies beside it is found.
        copy AppContext.BaseDirectory $"{own}.runtimeconfig.json"

        use read =
            ModuleDefinition.ReadModule(Path.Combine(built, library), ReaderParameters(ReadSymbols = true))

        let mutants = Mutants.find read
        Mutants.weave read mutants
        // Else the runtime does not optimise what was compiled for a debugger.
        for assembly in [ read.Assembly ] do
            assembly.CustomAttributes
            |> Seq.filter (fun attribute -> attribute.AttributeType.Name = "DebuggableAttribute")
            |> Seq.toArray
            |> Array.iter (assembly.CustomAttributes.Remove >> ignore)

        read.Write(Path.Combine(folder, library))
        new Campaign(folder, program, library, words, mutants)
