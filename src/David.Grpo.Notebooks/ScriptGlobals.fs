namespace David.Grpo.Notebooks

open System
open System.Collections.Generic
open Microsoft.CodeAnalysis.CSharp.Scripting.Hosting

/// What a script can use without naming anything, as under dotnet-script.
[<AllowNullLiteral>]
type ScriptGlobals(arguments: string seq) =

    /// The words after the script's file on the command line.
    member val Args: IList<string> = ResizeArray arguments

    /// Writes a value to standard output in C#'s notation.
    member _.Print(value: obj) =
        Console.Out.WriteLine(CSharpObjectFormatter.Instance.FormatObject value)
