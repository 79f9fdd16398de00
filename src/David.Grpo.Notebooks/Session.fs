namespace David.Grpo.Notebooks

open System
open System.Collections.Concurrent
open System.Collections.Generic
open System.IO
open System.Text
open System.Threading
open System.Threading.Tasks
open David.Grpo.Notebooks.Interactive

/// What a cell shows.
[<RequireQualifiedAccess>]
type CellOutput =
    /// Text that was written to standard output or standard error ("stdout", "stderr").
    | Stream of name: string * text: string
    /// A value shown on the way.
    | Shown of MimeBundle
    /// The value of the last expression.
    | Value of MimeBundle
    /// What is wrong: a short name, what it is, and lines that say where.
    | Fault of name: string * text: string * trace: string[]

/// A stream of the console that goes to the cell that runs.
[<Sealed>]
type internal CellWriter(name: string, show: CellOutput -> unit) =
    inherit TextWriter()
    override _.Encoding = Encoding.UTF8

    override _.Write(text: char) =
        show (CellOutput.Stream(name, string text))

    override _.Write(text: string | null) =
        match text with
        | null
        | "" -> ()
        | text -> show (CellOutput.Stream(name, text))

    override _.Write(buffer: char[], index: int, count: int) =
        if count > 0 then
            show (CellOutput.Stream(name, String(buffer, index, count)))

    override writer.WriteLine(text: string | null) = writer.Write(string text + "\n")
    override writer.WriteLine() = writer.Write "\n"

/// Runs what cells await on the thread that runs the cells, so that it can be stopped there.
[<Sealed>]
type private CellContext() =
    inherit SynchronizationContext()
    let queue = new BlockingCollection<unit -> unit>()
    override _.Post(work, state) = queue.Add(fun () -> work.Invoke state)
    override _.Send(work, state) = work.Invoke state

    /// Runs what is posted until the task has ended.
    member _.Wait(task: Task, cancellation: CancellationToken) : unit =
        task.ContinueWith((fun (_: Task) -> queue.Add ignore), TaskScheduler.Default) |> ignore

        while not task.IsCompleted do
            queue.Take cancellation ()

/// The state that cells leave to each other, in both languages. One at a time owns the console of the process.
[<Sealed>]
type CellSession(folder: string) =

    let folder = Path.GetFullPath folder
    let sources = List<string>()
    let fsharp = FSharpKernel(folder, sources)
    let csharp = CSharpKernel(folder, sources)
    let context = CellContext()
    let work = new BlockingCollection<unit -> unit>()
    let mutable show: CellOutput -> unit = ignore
    let mutable stop = new CancellationTokenSource()
    let originalOut = Console.Out
    let originalError = Console.Error

    // Whether the cell that ran last was stopped by force: its thread is then of no more use.
    let mutable isSpent = false

    let rec serve () =
        use jobs = work.GetConsumingEnumerable().GetEnumerator()

        while not isSpent && jobs.MoveNext() do
            jobs.Current()

        if isSpent then
            isSpent <- false
            startThread ()

    and startThread () =
        // Deep recursion in F#'s compiler and in cells.
        Thread(serve, 64 * 1024 * 1024, IsBackground = true, Name = "cells").Start()

    do
        startThread ()
        Console.SetOut(new CellWriter("stdout", (fun output -> show output)))
        Console.SetError(new CellWriter("stderr", (fun output -> show output)))
        Screen.show <- fun bundle -> show (CellOutput.Shown bundle)

    let find language name =
        match language with
        | CellLanguage.FSharp -> fsharp.TryFind name
        | CellLanguage.CSharp -> csharp.TryFind name

    let declare language name value cancellation =
        match language with
        | CellLanguage.FSharp -> fsharp.Declare(name, value, cancellation)
        | CellLanguage.CSharp -> csharp.Declare(name, value, cancellation)

    let runStep (cell: string) (step: CellStep) (cancellation: CancellationToken) : unit =
        match step with
        | CellStep.Text(mimeType, text) -> show (CellOutput.Shown [ mimeType, text ])
        | CellStep.Share(from, name, into, alias, line) ->
            match find from name with
            | Some(value, _) -> declare into alias value cancellation
            | None ->
                let text =
                    $"line {line}: {from.Name} has no value named '{name}'; run the cell that makes it first."

                raise (CellFault("ShareError", text, [| text |]))
        | CellStep.Source source ->
            if not (sources.Contains source) then
                sources.Add source
        | CellStep.Set(into, name, value, _) -> declare into name value cancellation
        | CellStep.Code(language, text) ->
            let value =
                match language with
                | CellLanguage.FSharp -> fsharp.Evaluate(cell, text, cancellation)
                | CellLanguage.CSharp ->
                    // Only while C# runs: F#'s compiler would wait for what it posts here.
                    SynchronizationContext.SetSynchronizationContext context

                    try
                        csharp.Evaluate(cell, text, (fun task -> context.Wait(task, cancellation)), cancellation)
                    finally
                        SynchronizationContext.SetSynchronizationContext null

            match value with
            | ValueSome value -> show (CellOutput.Value(Screen.bundle value))
            | ValueNone -> ()

    let interrupted =
        CellOutput.Fault("Interrupted", "The cell was interrupted.", [| "The cell was interrupted." |])

    // On the thread of the cells. Whether the cell ended well.
    let runCell (number: int) (language: CellLanguage) (text: string) (cancellation: CancellationToken) : bool =
        let cell = CellPlace.name number
        let mutable fault = None

        let body () =
            try
                for step in CellText.steps folder language text do
                    runStep cell step cancellation
            with
            | CellFault(name, text, trace) -> fault <- Some(CellOutput.Fault(name, text, trace))
            | ScriptException text -> fault <- Some(CellOutput.Fault("Error", text, [| text |]))

        try
            ForcedStop.run body cancellation
        with
        | :? OperationCanceledException -> fault <- Some interrupted
        | failure ->
            let text = $"{failure.GetType().Name}: {failure.Message}"
            fault <- Some(CellOutput.Fault(failure.GetType().Name, failure.Message, [| text |]))

        isSpent <- cancellation.IsCancellationRequested

        match fault with
        | Some fault ->
            // What was cut off may say it in words of its own.
            show (
                if cancellation.IsCancellationRequested then
                    interrupted
                else
                    fault
            )

            false
        | None -> true

    let enqueue (job: unit -> 'result) : Task<'result> =
        let ended =
            TaskCompletionSource<'result> TaskCreationOptions.RunContinuationsAsynchronously

        work.Add(fun () ->
            try
                ended.SetResult(job ())
            with failure ->
                ended.SetException failure)

        ended.Task

    /// Runs a cell's text in a language, until a magic command says otherwise; what it shows goes to `onOutput` as it comes.
    /// Whether it ended without a fault. Cells run one after the other. `number` names the cell in faults.
    member _.RunAsync(number: int, language: CellLanguage, text: string, onOutput: Action<CellOutput>) : Task<bool> =
        enqueue (fun () ->
            stop <- new CancellationTokenSource()
            show <- onOutput.Invoke
            runCell number language text stop.Token)

    /// Asks the cell that runs to stop. It does not wait: a cell in native code stops when it comes back.
    member _.Interrupt() : unit =
        let asked = stop
        Task.Run(fun () -> asked.Cancel()) |> ignore

    /// The type of a name of a language's cells; null where there is none.
    member _.TypeOf(language: CellLanguage, name: string) : Task<Type | null> =
        enqueue (fun () ->
            match find language name with
            | Some(_, found) -> found
            | None -> null)

    /// Gives a name of a language's cells a value of the type it has.
    member _.AssignAsync(language: CellLanguage, name: string, value: obj) : Task =
        enqueue (fun () ->
            match language with
            | CellLanguage.FSharp -> fsharp.Declare(name, value, CancellationToken.None)
            | CellLanguage.CSharp -> csharp.TryAssign(name, value) |> ignore)

    /// What a language says of a text, between cells. A text that cannot be understood says nothing.
    member internal _.AskAsync
        (
            language: CellLanguage,
            fsharpAnswer: FSharpKernel -> 'answer,
            csharpAnswer: CSharpKernel -> 'answer,
            none: 'answer
        ) : Task<'answer> =
        enqueue (fun () ->
            try
                match language with
                | CellLanguage.FSharp -> fsharpAnswer fsharp
                | CellLanguage.CSharp -> csharpAnswer csharp
            with _ ->
                none)

    interface IDisposable with
        member _.Dispose() =
            work.CompleteAdding()
            Console.SetOut originalOut
            Console.SetError originalError
            Screen.show <- ignore
