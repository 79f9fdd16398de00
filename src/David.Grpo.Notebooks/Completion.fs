namespace David.Grpo.Notebooks

open System
open System.Text.RegularExpressions

/// What a cell could go on with.
type internal CompletionList =
    {
        Matches: string[]
        /// The part of the text that a match replaces, in characters.
        Start: int
        End: int
    }

/// Completion and inspection work on the dotted name around the cursor.
[<RequireQualifiedAccess>]
module internal DottedName =

    let private isPart (letter: char) =
        Char.IsLetterOrDigit letter || letter = '_' || letter = '\''

    /// Where the last part of the name before the cursor begins, and the names before it, such as ["System"; "Math"].
    let before (text: string) (cursor: int) : int * string list =
        let rec start at =
            if at > 0 && isPart text[at - 1] then start (at - 1) else at

        let rec qualifiers at names =
            if at > 0 && text[at - 1] = '.' then
                let first = start (at - 1)

                if first = at - 1 then
                    names
                else
                    qualifiers first (text.Substring(first, at - 1 - first) :: names)
            else
                names

        let first = start cursor
        first, qualifiers first []

    /// The whole dotted name that the cursor touches, and the cursor at its end.
    let around (text: string) (cursor: int) : int =
        let rec forward at =
            if at < text.Length && isPart text[at] then
                forward (at + 1)
            else
                at

        forward cursor
