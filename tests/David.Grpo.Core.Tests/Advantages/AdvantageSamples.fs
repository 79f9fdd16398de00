namespace David.Grpo.Tests

open FsCheck.FSharp
open Expecto

/// A batch of one of verl's advantage files: padded token rewards, a mask and a group for each row.
[<RequireQualifiedAccess>]
module VerlBatch =

    type Batch =
        {
            Case: GoldenCase.Case
            Mask: float[][]
            /// The rows of each group.
            Groups: int[][]
            /// [B] the rewards of whole rows.
            Outcomes: float[]
        }

    /// A padded matrix without the tokens that the mask leaves out.
    let strip (batch: Batch) (matrix: float[][]) : float[][] =
        Array.map2
            (fun mask row -> Array.zip mask row |> Array.filter (fun (kept, _) -> kept > 0.0) |> Array.map snd)
            batch.Mask
            matrix

    let input (name: string) (batch: Batch) : float[][] =
        GoldenCase.matrix name batch.Case.Inputs |> strip batch

    let number (name: string) (batch: Batch) : float =
        GoldenCase.number name batch.Case.Inputs

    let flag (name: string) (batch: Batch) : bool =
        (batch.Case.Inputs.GetProperty name).GetBoolean()

    /// All cases of the file.
    let all (name: string) : Batch[] =
        let cases = GoldenCase.all $"golden/rl/verl_adv_{name}.json"
        isNotEmpty cases

        cases
        |> Array.map (fun case ->
            {
                Case = case
                Mask = GoldenCase.matrix "mask" case.Inputs
                Groups =
                    GoldenCase.numbers "group" case.Inputs
                    |> Array.indexed
                    |> Array.groupBy snd
                    |> Array.map (snd >> Array.map fst)
                Outcomes = GoldenCase.matrix "rewards" case.Inputs |> Array.map Array.sum
            })

    /// [Q][G] what belongs to the rows, by group.
    let byGroup (batch: Batch) (ofRow: 'value[]) : 'value[][] =
        batch.Groups |> Array.map (Array.map (fun row -> ofRow[row]))

    /// [Q][G] the numbers of trained tokens.
    let lengths (batch: Batch) : int[][] =
        batch.Mask |> Array.map (Array.sum >> int) |> byGroup batch

    /// Ours by token, [B][n_b], are theirs on the tokens that count.
    let assertByToken tolerance name (batch: Batch) (ours: float[][]) : unit =
        let theirs = GoldenCase.matrix name batch.Case.Outputs |> strip batch
        ours.Length |> equals theirs.Length

        Array.iteri2
            (fun row theirs ours ->
                GoldenCase.assertAllClose $"{batch.Case.Name} {name} row {row}" tolerance theirs ours)
            theirs
            ours

    /// Ours by sequence, [Q][G], are theirs on each of its tokens.
    let assertBySequence tolerance (batch: Batch) (ours: float[][]) : unit =
        let ofRow = Array.zip (Array.concat batch.Groups) (Array.concat ours) |> dict

        batch.Mask
        |> Array.mapi (fun row mask -> mask |> Array.filter ((<) 0.0) |> Array.map (fun _ -> ofRow[row]))
        |> assertByToken tolerance "advantages" batch

/// Generated rewards, in sixteenths and often tied.
[<RequireQualifiedAccess>]
module RewardSamples =

    let ofSize (size: int) =
        Gen.choose (-32, 32)
        |> Gen.listOfLength size
        |> Gen.map (List.map (fun k -> float k / 16.0) >> Array.ofList)

    /// [G], 2 to 9.
    let group =
        gen {
            let! size = Gen.choose (2, 9)
            return! ofSize size
        }

    /// [Q][G], 1 to 4 groups of 1 to 6.
    let batch =
        gen {
            let! groups = Gen.choose (1, 4)
            let! sizes = Gen.choose (1, 6) |> Gen.listOfLength groups
            let! rewards = sizes |> List.map ofSize |> Gen.sequenceToList
            return Array.ofList rewards
        }

    /// [G][T_g], 1 to 6 members of 1 to 5 steps.
    let steps =
        gen {
            let! members = Gen.choose (1, 6)
            let! sizes = Gen.choose (1, 5) |> Gen.listOfLength members
            let! rewards = sizes |> List.map ofSize |> Gen.sequenceToList
            return Array.ofList rewards
        }

    /// A key from 0 to `keys` − 1 for each of `size`.
    let keys (keys: int) (size: int) =
        Gen.choose (0, keys - 1) |> Gen.listOfLength size |> Gen.map Array.ofList

    let shifted (by: float) (rewards: float[]) : float[] = rewards |> Array.map ((+) by)

    /// Equal to 1e-12 of the larger of 1 and the expected.
    let same (expected: float[]) (actual: float[]) : bool =
        expected.Length = actual.Length && Array.forall2 (Golden.close 1e-12) expected actual

    /// `same`, row by row.
    let sameRows (expected: float[][]) (actual: float[][]) : bool =
        expected.Length = actual.Length && Array.forall2 same expected actual
