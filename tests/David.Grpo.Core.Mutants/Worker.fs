namespace David.Grpo.Mutants

open System
open System.Diagnostics
open System.IO
open System.Reflection
open System.Runtime.CompilerServices
open System.Threading
open Expecto

/// How a test ended.
[<RequireQualifiedAccess>]
type private Ending =
    | Passed
    | Failed
    /// It goes on and on, outside of the library as well.
    | Hung

/// What one process does: it has the woven library, and runs tests of its test program with a mutant on. It reads a
/// question a line and answers each with a line.
///     reach                   a line a test, `test milliseconds places name`, parted by tabs; the first, of test −1, has
///                             what the start reached; a test that fails as it is has −1 milliseconds
///     try MUTANT TEST...      `caught TEST`, or `survived`
[<RequireQualifiedAccess>]
module Worker =

    /// Beyond this many times its usual duration and two seconds a test hangs.
    let private patience = 10L

    let private run (limit: int64) (test: FlatTest) : Ending =
        let mutable ending = Ending.Passed

        let body () =
            try
                match test.test with
                | Sync run -> run ()
                | SyncWithCancel run -> run CancellationToken.None
                | Async run -> Async.RunSynchronously run
                | AsyncFsCheck(_, _, run) -> run FsCheckConfig.defaultConfig |> Async.RunSynchronously
            with
            | :? IgnoreException -> ()
            | _ -> ending <- Ending.Failed

        let thread = Thread(body, 64 <<< 20, IsBackground = true)
        thread.Start()

        if not (thread.Join(TimeSpan.FromMilliseconds(float limit))) then
            Switch.IsStopped <- true

            if not (thread.Join(TimeSpan.FromSeconds 10.0)) then
                ending <- Ending.Hung

        Switch.IsStopped <- false
        ending

    /// The tests of a program, in an order that is always the same: all, or those of lists whose names have one of the words.
    /// Runs what the program runs when it starts.
    let private load (program: string) (words: string[]) =
        let assembly = Assembly.LoadFrom program

        match assembly.EntryPoint with
        | null -> failwith $"{program} is no program."
        | start -> start.Invoke(null, [| [| "no list of tests is called so" |] |]) |> ignore

        Impl.testFromAssembly assembly
        |> Option.map Test.toTestCodeList
        |> Option.defaultValue []
        |> List.toArray
        |> Array.filter (fun test -> words.Length = 0 || words |> Array.exists test.name.Head.Contains)
        |> Array.sortBy (fun test -> String.concat "." test.name)

    let private places () =
        let found =
            Switch.Reached |> Seq.indexed |> Seq.filter snd |> Seq.map (fst >> string) |> String.concat " "

        Array.Clear Switch.Reached
        found

    /// Answers until there is no more question. `active` is on from the start, so that what is made once is made with it.
    let serve
        (program: string)
        (library: string)
        (mutants: int)
        (active: int)
        (words: string[])
        (questions: TextReader)
        (answers: TextWriter)
        =
        let answer (line: string) =
            answers.WriteLine line
            answers.Flush()

        Console.SetOut TextWriter.Null
        Console.SetError TextWriter.Null
        Switch.Reached <- Array.zeroCreate (mutants + 1)
        Switch.Active <- active

        let tests =
            try
                for made in (Assembly.LoadFrom library).GetTypes() do
                    if not made.ContainsGenericParameters then
                        RuntimeHelpers.RunClassConstructor made.TypeHandle

                load program words
            with _ ->
                answer "caught -1"
                exit 0

        let durations: int64[] = Array.replicate tests.Length -1L

        let clean (test: int) =
            let watch = Stopwatch.StartNew()
            let ending = run 600_000L tests[test]
            durations[test] <- watch.ElapsedMilliseconds
            ending

        // A test first runs without a mutant, so that what it makes once and keeps is right for those that come after.
        let usual (test: int) =
            if active <> 0 then
                3_000L
            else
                if durations[test] < 0L then
                    Switch.Active <- 0
                    clean test |> ignore

                durations[test]

        let attempt (mutant: int) (test: int) =
            let usual = usual test
            Switch.Active <- mutant

            match run (patience * usual + 2_000L) tests[test] with
            | Ending.Passed -> false
            | Ending.Failed -> true
            | Ending.Hung ->
                answer $"caught {test}"
                exit 0

        let respond (question: string) =
            let words = question.Split ' '

            match words[0] with
            | "reach" ->
                answer $"-1\t0\t{places ()}\tthe start"

                for test in 0 .. tests.Length - 1 do
                    let isPassed = (clean test = Ending.Passed)
                    let name = String.concat "." tests[test].name
                    answer $"{test}\t{(if isPassed then durations[test] else -1L)}\t{places ()}\t{name}"

                answer "end"
            | "try" ->
                let mutant = int words[1]

                match words[2..] |> Array.map int |> Array.tryFind (attempt mutant) with
                | Some test -> answer $"caught {test}"
                | None -> answer "survived"

                Switch.Active <- active
            | other -> failwith $"There is no question {other}."

        Seq.initInfinite (fun _ -> questions.ReadLine() |> Option.ofObj)
        |> Seq.takeWhile _.IsSome
        |> Seq.iter (Option.iter respond)
