namespace David.Grpo.Notebooks

open System
open System.Diagnostics
open System.Reflection
open System.Text.RegularExpressions

/// What an exception says to someone who knows their own script, and not how it is run.
[<RequireQualifiedAccess>]
module internal StackText =

    let private generated = Regex(@"<<?([^<>]*)>>?[^.]*", RegexOptions.CultureInvariant)

    let private methodName (frame: StackFrame) =
        match frame.GetMethod() with
        | null -> ""
        | methodBase ->
            match methodBase.DeclaringType with
            | null -> methodBase.Name
            | owner -> $"{owner.FullName}.{methodBase.Name}"

    let private isMachinery (name: string) =
        name.StartsWith("System.Runtime.CompilerServices.", StringComparison.Ordinal)
        || name.StartsWith("Internal.Runtime.CompilerHelpers.", StringComparison.Ordinal)
        || name.StartsWith("System.Runtime.ExceptionServices.", StringComparison.Ordinal)
        || name.StartsWith("System.Reflection.", StringComparison.Ordinal)
        || name.StartsWith("System.RuntimeMethodHandle", StringComparison.Ordinal)
        || name.StartsWith("System.Threading.Tasks.", StringComparison.Ordinal)
        || name.StartsWith("System.Threading.ExecutionContext", StringComparison.Ordinal)
        || name.StartsWith("Microsoft.CodeAnalysis.", StringComparison.Ordinal)
        || name.StartsWith("Microsoft.FSharp.", StringComparison.Ordinal)
        || name.StartsWith("David.Grpo.Notebooks.", StringComparison.Ordinal)

    /// Type and message, with those of the exceptions inside; then the calls, the script's own by `place file line`, which
    /// gives none for files that are not the script's. The first is the innermost place in the script.
    let describe (place: string -> int -> string option) (failure: exn) : string option * string =
        // Wrappers say nothing themselves, but what called them is told by their trace.
        let rec unwrap (failure: exn) (wrappers: exn list) =
            match failure with
            | :? AggregateException as many when many.InnerExceptions.Count = 1 ->
                unwrap many.InnerExceptions[0] (failure :: wrappers)
            | :? TargetInvocationException
            | :? TypeInitializationException ->
                match failure.InnerException with
                | null -> failure, wrappers
                | inner -> unwrap inner (failure :: wrappers)
            | _ -> failure, wrappers

        let failure, wrappers = unwrap failure []

        let rec messages (failure: exn) =
            let own = $"{failure.GetType().Name}: {failure.Message}"

            match failure.InnerException with
            | null -> [ own ]
            | inner -> own :: ("because of " + (messages inner).Head) :: (messages inner).Tail

        let frames =
            failure :: wrappers
            |> Seq.collect (fun failure -> StackTrace(failure, true).GetFrames())
            |> Array.ofSeq
            |> Array.choose (fun frame ->
                let own =
                    match frame.GetFileName() with
                    | null -> None
                    | file -> place file (frame.GetFileLineNumber())

                let name = methodName frame

                match own with
                | Some found -> Some(true, found)
                | None when isMachinery name || name = "" || name.Contains "Submission#" -> None
                | None ->
                    let readable =
                        generated.Replace(name.Replace(".MoveNext", ""), "$1").Replace('+', '.')

                    Some(false, readable))

        // What called the script is not the script's.
        let last =
            frames
            |> Array.tryFindIndexBack fst
            |> Option.map (fun at -> at + 1)
            |> Option.defaultValue frames.Length

        let shown = Array.truncate last frames

        let first = shown |> Array.tryFind fst |> Option.map snd
        let calls = shown |> Array.map (fun (_, text) -> $"   at {text}")
        first, String.concat "\n" (Seq.append (messages failure) calls)
