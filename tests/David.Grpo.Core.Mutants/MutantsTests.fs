namespace David.Grpo.Mutants

open System
open System.IO
open Expecto
open David.Grpo.Tests

[<RequireQualifiedAccess>]
module internal Repository =

    let root: string =
        let rec climb (folder: DirectoryInfo | null) =
            match folder with
            | null -> failwith "There is no David.Grpo.sln above this program."
            | folder when File.Exists(Path.Combine(folder.FullName, "David.Grpo.sln")) -> folder.FullName
            | folder -> climb folder.Parent

        climb (DirectoryInfo AppContext.BaseDirectory)

module MutantsTests =

    /// One chapter's file with its own tests, as built in the configuration of this program.
    let private campaign () =
        let configuration =
            match DirectoryInfo(AppContext.BaseDirectory).Parent with
            | null -> "Release"
            | folder -> folder.Name

        let built =
            Path.Combine(Repository.root, "tests", "David.Grpo.Core.Tests", "bin", configuration, "net10.0")

        if not (File.Exists(Path.Combine(built, "David.Grpo.Core.Tests.dll"))) then
            skiptest $"needs David.Grpo.Core.Tests as built for {configuration}"

        Campaign.Create(
            built,
            "David.Grpo.Core.Tests.dll",
            "David.Grpo.Core.dll",
            Path.Combine(Repository.root, ".build", "mutants-test"),
            [ "ReturnsTests" ]
        )

    let tests =
        testSequenced
        <| testList "MutantsTests" [
            test "what tests see is caught, and what they do not come to is unreached" {
                use campaign = campaign ()

                let fatesOf file kind =
                    campaign.Mutants
                    |> Array.indexed
                    |> Array.filter (fun (_, mutant) -> mutant.File = file && mutant.Kind = kind)
                    |> Array.map (fun (index, _) -> campaign.Try(index + 1))

                let arithmetic = fatesOf "Returns.fs" "arithmetic"
                Expect.isGreaterThan arithmetic.Length 3 "sums and products"
                arithmetic |> Seq.iter (fun fate -> fate |> equals Fate.Caught)
                fatesOf "Depth.fs" "arithmetic" |> Seq.iter (fun fate -> fate |> equals Fate.Unreached)
            }

            test "of each kind there are mutants, with their places in the sources" {
                use campaign = campaign ()

                campaign.Mutants
                |> Array.map _.Kind
                |> Array.distinct
                |> Array.sort
                |> equals [|
                    "arithmetic"
                    "boundary"
                    "constant"
                    "dropped"
                    "name"
                    "negation"
                    "neighbour"
                |]

                let titles = campaign.Mutants |> Array.map _.Title
                Array.distinct titles |> hasLength titles.Length

                for part in [ "/AdvantageRules.fs:"; " name \"rloo\" ↔ \"maxrl\"" ] do
                    titles |> containsAny (fun title -> title.Contains part)
            }
        ]
