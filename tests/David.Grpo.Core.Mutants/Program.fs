/// Makes mutants of David.Grpo.Core and says which of them its tests catch; without options it runs its own tests.
module David.Grpo.Mutants.Program

open System
open System.Diagnostics
open System.IO
open Expecto
open Expecto.Impl

let private usage =
    """Usage: dotnet run -c Release --project tests/David.Grpo.Core.Mutants -- --all | OPTION ...
    --all                 every mutant: a constant, comparison, name, term or call of the Core changed
    --sample N            N of them, drawn at random, with --seed S (1)
    --chapter NAME ...    those of these folders of the Core
    --file NAME ...       those of these files
    --kind NAME ...       constant, boundary, negation, arithmetic, dropped, neighbour, name
    --tests WORD ...      with the tests of lists whose names have one of the words alone
    --again               those that survived the last time
    --list                names the mutants, tries none
    --share P             the share to be caught, 0.9: if a chapter's is below, the exit code is 1
    --no-build            takes the test program as it was built the last time"""

// Not Console.Out, which Expecto takes for its progress.
let private console =
    new StreamWriter(Console.OpenStandardOutput(), AutoFlush = true)

let private say (line: string) = console.WriteLine line

let private root = Repository.root
let private survivorsFile = Path.Combine(root, ".build", "mutants.txt")

/// What stands after each option.
let rec private parse (arguments: string list) : Map<string, string list> =
    match arguments with
    | [] -> Map.empty
    | option :: rest ->
        let isValue (word: string) = not (word.StartsWith "--")
        Map.add option (List.takeWhile isValue rest) (parse (List.skipWhile isValue rest))

let private build () =
    let project = Path.Combine(root, "tests", "David.Grpo.Core.Tests")

    use started =
        Process.Start(
            "dotnet",
            [
                "build"
                project
                "-c"
                "Debug"
                "-v"
                "quiet"
                "-nologo"
                "-nodeReuse:false"
            ]
        )

    started.WaitForExit()

    if started.ExitCode <> 0 then
        exit started.ExitCode

let private percent (caught: int) (all: int) =
    $"%5.1f{100.0 * float caught / float (max 1 all)} %% of {all}"

let private known =
    Set(Text.RegularExpressions.Regex.Matches(usage, "--[a-z-]+") |> Seq.map _.Value)

let private refuse (message: string) =
    eprintfn $"{message}"
    2

let private campaign (options: Map<string, string list>) =
    let values name =
        options |> Map.tryFind name |> Option.defaultValue []

    let isMeant name (own: string) =
        not (options.ContainsKey name)
        || values name
           |> List.exists (fun value -> String.Equals(value, own, StringComparison.OrdinalIgnoreCase))

    if not (options.ContainsKey "--no-build") then
        build ()

    use campaign =
        Campaign.Create(
            Path.Combine(root, "tests", "David.Grpo.Core.Tests", "bin", "Debug", "net10.0"),
            "David.Grpo.Core.Tests.dll",
            "David.Grpo.Core.dll",
            Path.Combine(root, ".build", "mutants"),
            values "--tests"
        )

    let again =
        if options.ContainsKey "--again" then
            Some(set (File.ReadAllLines survivorsFile |> Array.map (fun line -> line.Substring 10)))
        else
            None

    let meant =
        campaign.Mutants
        |> Array.indexed
        |> Array.filter (fun (_, mutant) ->
            isMeant "--chapter" mutant.Chapter
            && isMeant "--file" mutant.File
            && isMeant "--kind" mutant.Kind
            && again |> Option.forall (Set.contains mutant.Title))

    let drawn =
        match values "--sample" with
        | [ count ] ->
            let seed = values "--seed" |> List.tryHead |> Option.fold (fun _ -> int) 1
            say $"{count} of {meant.Length} mutants, drawn with seed {seed}"
            let random = Random seed
            meant |> Array.sortBy (fun _ -> random.Next()) |> Array.truncate (int count) |> Array.sortBy fst
        | _ -> meant

    if drawn.Length = 0 then
        refuse "There is no such mutant; --all --list names those that there are."
    elif options.ContainsKey "--list" then
        for _, mutant in drawn do
            say $"{mutant.Title}"

        0
    else
        use survivors = new StreamWriter(survivorsFile, AutoFlush = true)
        let watch = Stopwatch.StartNew()

        let fates =
            [|
                for index, mutant in drawn do
                    let fate = campaign.Try(index + 1)

                    if fate <> Fate.Caught then
                        let line = $"%-10s{fate.ToString().ToLowerInvariant()}{mutant.Title}"
                        say $"{line}"
                        survivors.WriteLine line

                    mutant.Chapter, fate
            |]

        let caught (fates: ('chapter * Fate)[]) =
            fates |> Array.filter (fun (_, fate) -> fate = Fate.Caught) |> Array.length

        say ""

        let chapters = fates |> Array.groupBy fst

        for chapter, own in chapters do
            say $"%-14s{chapter}{percent (caught own) own.Length}"

        say $"%-14s{string fates.Length}{percent (caught fates) fates.Length} in {watch.Elapsed:``hh\:mm\:ss``}"
        let share = values "--share" |> List.tryHead |> Option.fold (fun _ -> float) 0.9

        let isEnough (_, own: ('chapter * Fate)[]) =
            float (caught own) >= share * float own.Length

        if Array.forall isEnough chapters then 0 else 1

/// As the other test programs of F# do, with their last line.
let private runTests (words: string[]) =
    let isMeant (names: string list) =
        words.Length = 0
        || words |> Array.exists (fun word -> names.Head.Contains(word, StringComparison.OrdinalIgnoreCase))

    let printer =
        { TestPrinters.silent with
            ignored = fun name reason -> async { say $"skipped {name}\n    {reason}" }
            failed = fun name message _ -> async { say $"failed {name}\n    {message}" }
            exn = fun name found _ -> async { say $"failed {name}\n    {found}" }
            summary =
                fun _ summary ->
                    async {
                        let failed = summary.failed.Length + summary.errored.Length
                        say $"\n{summary.passed.Length} passed, {failed} failed, {summary.ignored.Length} skipped"
                    }
        }

    runTestsWithCLIArgs [ No_Spinner; Colours 0; Printer printer ] [||] (Test.filter "." isMeant MutantsTests.tests)

[<EntryPoint>]
let main arguments =
    match Array.toList arguments with
    | "--worker" :: program :: library :: mutants :: active :: words ->
        Worker.serve program library (int mutants) (int active) (List.toArray words) Console.In console
        0
    | "--help" :: _ ->
        say $"{usage}"
        0
    | option :: _ when option.StartsWith "--" ->
        match arguments |> Array.tryFind (fun word -> word.StartsWith "--" && not (known.Contains word)) with
        | Some unknown -> refuse $"There is no option {unknown}.\n{usage}"
        | None -> campaign (parse (Array.toList arguments))
    | _ -> runTests arguments
