namespace David.Grpo.Tests

open System
open System.Security.Cryptography
open System.Text

/// What a seed gave when it was recorded. A run is repeated by a later version, and compares with an earlier one's, only if
/// it gives the same still; where it is meant to change, the new digest is in the message.
[<AutoOpen>]
module Recorded =

    /// The digest of these lines, which are long, is the one that was recorded.
    let areRecorded (digest: string) (lines: string seq) : unit =
        lines
        |> String.concat "\n"
        |> Encoding.UTF8.GetBytes
        |> SHA256.HashData
        |> Convert.ToHexStringLower
        |> fun found -> found.Substring(0, 16) |> equals digest
