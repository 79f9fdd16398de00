// Whether the figures that README and the guides state stand there, and still come out:
//     dotnet fsi docs/claims.fsx            each text of docs/claims.tsv stands in its file, and holds its value
//     dotnet fsi docs/claims.fsx --run      and what its command leaves has that value; some minutes on 2 cores
// Commands run in the checkout. Finished runs are not run again: to derive all from nothing, move runs/ away.
//
// A line of claims.tsv: text, file, command, place, value, tolerance. A place is FILE#PATH in JSON, where a step of the
// path is a field, a number, or fields that one item of a list has (arm=david,other=grpo), and `half` is half of an
// interval's width; or FILE#/REGEX/ in text, whose first group is the number. A value has the unit of its place: .311 where
// the text says 31.1 %. A tolerance is half of the last digit stated where nothing is sampled; elsewhere it allows for
// another processor, whose rounding moves some sampled tokens and so, by a seed's run, the means by a point or two. Seconds are
// those of one machine and no claim.

open System
open System.Diagnostics
open System.Globalization
open System.IO
open System.Text.Json
open System.Text.RegularExpressions

let root = Path.GetDirectoryName __SOURCE_DIRECTORY__ |> nonNull

let isRun =
    match fsi.CommandLineArgs with
    | [| _ |] -> false
    | [| _; "--run" |] -> true
    | _ -> failwith "usage: dotnet fsi docs/claims.fsx [--run]"

let read (file: string) =
    File.ReadAllText(Path.Combine(root, file))

let number (text: string) =
    Double.Parse(text.Replace("−", "-").Replace(",", ""), CultureInfo.InvariantCulture)

type Claim =
    {
        Text: string
        File: string
        Command: string
        Place: string
        Value: float
        Tolerance: float
    }

let claims =
    [
        for line in (read "docs/claims.tsv").TrimEnd().Split('\n') |> Array.skip 1 do
            match line.Split '\t' with
            | [| text; file; command; place; value; tolerance |] ->
                {
                    Text = text
                    File = file
                    Command = command
                    Place = place
                    Value = number value
                    Tolerance = number tolerance
                }
            | cells -> failwith $"docs/claims.tsv: a line has {cells.Length} cells instead of 6: {line}"
    ]

/// None where the text stands in its file and has the value among its numbers, as it is or in per cent.
let textFault (claim: Claim) =
    let isStated (stated: float) =
        abs (stated - claim.Value) < 1e-9 || abs (stated - 100.0 * claim.Value) < 1e-9

    let stated = Regex.Matches(claim.Text, @"[−-]?\d+(,\d{3})*(\.\d+)?")

    // Lines of a paragraph may break anywhere.
    if not (Regex.Replace(read claim.File, @"\s+", " ").Contains claim.Text) then
        Some $"{claim.File} does not say it"
    elif not (stated |> Seq.exists (fun found -> isStated (number found.Value))) then
        Some $"it does not state {claim.Value}"
    else
        None

let rec walk (node: JsonElement) (steps: string list) =
    match steps with
    | [] -> node.GetDouble()
    | [ "half" ] -> (node.GetProperty("high").GetDouble() - node.GetProperty("low").GetDouble()) / 2.0
    | step :: rest when node.ValueKind <> JsonValueKind.Array -> walk (node.GetProperty step) rest
    | step :: rest when not (step.Contains '=') -> walk node[int step] rest
    | step :: rest ->
        let has (item: JsonElement) (field: string) =
            match field.Split '=' with
            | [| name; value |] -> item.GetProperty(name).ToString() = value
            | _ -> failwith $"\"{field}\" is no FIELD=VALUE"

        walk (node.EnumerateArray() |> Seq.find (fun item -> Array.forall (has item) (step.Split ','))) rest

let found (place: string) =
    match place.Split('#', 2) with
    | [| file; pattern |] when pattern.StartsWith '/' ->
        match Regex.Match(read file, pattern.Trim '/', RegexOptions.Multiline) with
        | found when found.Success -> number found.Groups[1].Value
        | _ -> failwith "no such text"
    | [| file; path |] ->
        use document = JsonDocument.Parse(read file)
        walk document.RootElement (List.ofArray (path.Split '/'))
    | _ -> failwith $"\"{place}\" is no FILE#PATH"

let run (command: string) =
    printfn $"$ {command}"

    use shell =
        Process.Start(
            ProcessStartInfo("bash", [ "-c"; command ], WorkingDirectory = root, RedirectStandardOutput = true)
        )
        |> nonNull

    shell.StandardOutput.ReadToEnd() |> ignore
    shell.WaitForExit()
    shell.ExitCode

/// None where what the command left has the value.
let valueFault (claim: Claim) =
    try
        match found claim.Place with
        | value when abs (value - claim.Value) <= claim.Tolerance + 1e-9 -> None
        | value -> Some $"it came out as {value}, more than {claim.Tolerance} from {claim.Value}"
    with e ->
        Some $"{claim.Place}: {e.Message}"

let faults (command: string, stating: Claim list) =
    let code = if isRun then run command else 0

    stating
    |> List.map (fun claim ->
        let fault =
            match textFault claim with
            | None when code <> 0 -> Some $"the command ended with {code}"
            | None when isRun -> valueFault claim
            | fault -> fault

        match fault with
        | None -> printfn $"ok      {claim.File}: {claim.Value} in \"{claim.Text}\""
        | Some why -> printfn $"FAILED  {claim.File}: {claim.Value} in \"{claim.Text}\": {why}"

        fault)

let failed =
    claims
    |> List.groupBy _.Command
    |> List.collect faults
    |> List.sumBy (fun fault -> if fault.IsSome then 1 else 0)

printfn $"{claims.Length} claims, {failed} failed"
exit (if failed = 0 then 0 else 1)
