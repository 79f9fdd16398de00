namespace David.Grpo.Tests

open System
open System.IO

[<RequireQualifiedAccess>]
module Scratch =

    /// A new folder, which goes when the program ends.
    let folder (name: string) : DirectoryInfo =
        let folder = Directory.CreateTempSubdirectory name
        AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> folder.Delete true)
        folder
