/// Runs the program's tests: all, those in lists whose names have one of the words given, or as Expecto's options say.
/// Prints what fails, what is skipped and why, and last `N passed, N failed, N skipped`.
module David.Grpo.Tests.Program

open System
open System.IO
open System.Reflection
open System.Text.RegularExpressions
open Expecto
open Expecto.Impl
open Expecto.Tests

// The console as it is before a test takes it; a line is written at once and whole, also from several threads.
let private console = Console.Out

let private say (text: string) = async { console.WriteLine text }

let private indented (text: string) =
    text.Trim().ReplaceLineEndings("\n").Replace("\n", "\n    ")

/// The lines of a trace in sources that are here, expectations left out, with what stands there; the innermost is first.
let private places (trace: string) =
    Regex.Matches(trace, @" in (.+\.fs):line (\d+)")
    |> Seq.map (fun found -> found.Groups[1].Value, int found.Groups[2].Value)
    |> Seq.filter (fun (file, _) -> File.Exists file && not (file.Contains "/tests/Support/"))
    |> Seq.map (fun (file, line) ->
        $"\n{Path.GetFileName file}:{line}: {(File.ReadLines file |> Seq.item (line - 1)).Trim()}")
    |> String.concat ""

let private failed (name: string) (message: string) =
    // Expecto's own expectations colour what differs.
    let told =
        Regex.Replace(message, @"\x1b\[\d*m|^\s+at .*\n?", "", RegexOptions.Multiline)

    say $"failed {name}\n    {indented (told.TrimEnd() + places message)}"

let private printer =
    { TestPrinters.silent with
        ignored = fun name reason -> say $"skipped {name}\n    {indented reason}"
        failed = fun name message _ -> failed name message
        exn = fun name error _ -> failed name $"{error}"
        summary =
            fun _ summary ->
                let failed = summary.failed.Length + summary.errored.Length
                // On a line of its own, whatever the tests have printed.
                say $"\n{summary.passed.Length} passed, {failed} failed, {summary.ignored.Length} skipped"
    }

[<EntryPoint>]
let main arguments =
    let options, words = arguments |> Array.partition _.StartsWith('-')

    let isMeant (name: string) =
        words |> Array.exists (fun word -> name.Contains(word, StringComparison.OrdinalIgnoreCase))

    let all =
        testFromAssembly (Assembly.GetExecutingAssembly()) |> Option.defaultValue (testList "" [])

    let settings = [ No_Spinner; Colours 0; Printer printer ]

    if options.Length > 0 || words.Length = 0 then
        runTestsWithCLIArgs settings arguments all
    else
        runTestsWithCLIArgs settings [||] (Test.filter "." (List.head >> isMeant) all)
