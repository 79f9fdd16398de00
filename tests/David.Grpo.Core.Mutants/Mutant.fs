namespace David.Grpo.Mutants

open System
open System.Text.RegularExpressions
open Mono.Cecil
open Mono.Cecil.Cil
open Mono.Cecil.Rocks

/// Instructions in the place of one.
type Edit =
    {
        At: Instruction
        By: Instruction list
    }

/// A change of the source as it shows in the compiled library.
type Mutant =
    {
        /// constant, name, boundary, negation, arithmetic, dropped, neighbour.
        Kind: string
        /// The source's folder.
        Chapter: string
        /// The source's file.
        File: string
        /// Both, the place there and the change: `Advantages/Advantage.fs:83:17 constant 1 → 1.25`.
        Title: string
        Method: MethodDefinition
        Edits: Edit list
    }

/// The mutants of a library, found in its instructions. It should be compiled without optimisation, since code that was
/// inlined elsewhere is not changed there.
[<RequireQualifiedAccess>]
module Mutants =

    open Change

    /// A word that someone may type or read by, no sentence.
    let private isName (code: Instruction) =
        match code.Operand with
        | :? string as text -> not (Regex.IsMatch(text, @"\s|%"))
        | _ -> false

    /// In a plain list or array of texts, in which the order seldom counts.
    let rec private isListed (code: Instruction) =
        let next = code.Next

        calls "get_Empty" next
        || next.OpCode.Code = Code.Stelem_Any
        || next.OpCode.Code = Code.Stelem_Ref
        || next.OpCode.Code = Code.Ldstr && isListed next

    let private quoted (text: objnull) = $"\"{text}\""

    /// The places of one method, each with the line and column of its source and whether it stands in a message.
    let private places (method: MethodDefinition) =
        let code = method.Body.Instructions |> Seq.toArray

        let starts =
            code
            |> Array.map (fun own ->
                match method.DebugInformation.GetSequencePoint own with
                | null -> None
                | point -> Some point)

        let statement =
            starts |> Array.scan (fun n start -> if start.IsSome then n + 1 else n) 0 |> Array.tail

        let point =
            starts
            |> Array.scan
                (fun last start ->
                    match start with
                    | Some found when not found.IsHidden -> Some found
                    | _ -> last)
                None
            |> Array.tail

        let having (isMeant: Instruction -> bool) =
            Seq.zip statement code |> Seq.filter (snd >> isMeant) |> Seq.map fst |> Set

        let raising =
            having (fun own ->
                own.OpCode.Code = Code.Throw
                || calls "Raise" own
                || (match own.Operand with
                    | :? MethodReference as made -> made.DeclaringType.Name.StartsWith "PrintfFormat"
                    | _ -> false))

        let checking =
            having (fun own ->
                match own.Operand with
                | :? MethodReference as callee ->
                    callee.DeclaringType.Name = "Check"
                    || callee.Name.StartsWith("check", StringComparison.OrdinalIgnoreCase)
                | _ -> false)

        let ranging = having isWide

        // A list of words, such as those that say nothing, is no table of names.
        let listing =
            Seq.zip statement code
            |> Seq.countBy (fun (own, code) -> if isName code then own else -1)
            |> Seq.filter (fun (own, count) -> own >= 0 && count > 40)
            |> Seq.map fst
            |> Set

        let made =
            Seq.zip statement code
            |> Seq.choose (fun (own, code) ->
                match code.OpCode.Code, code.Operand with
                | Code.Newobj, (:? MethodReference as made) -> Some(own, made.DeclaringType.FullName)
                | _ -> None)
            |> Seq.groupBy fst
            |> Seq.map (fun (own, found) -> own, found |> Seq.map snd |> Set)
            |> Map

        let isCopied i =
            made |> Map.tryFind statement[i] |> Option.exists (fun made -> isCopied made code[i])

        // What a slice compiles to, from its last bound to the copy.
        let slicing =
            Set [
                for last in 0 .. code.Length - 1 do
                    if calls "Copy" code[last] || calls "Substring" code[last] then
                        let ofPoint i = i >= 0 && point[i] = point[last]

                        let isBound i =
                            calls "Some" code[i] && $"{code[i].Operand}".Contains "System.Int32"

                        match
                            Seq.initInfinite (fun back -> last - back) |> Seq.takeWhile ofPoint |> Seq.tryFind isBound
                        with
                        | Some first -> yield! [ first..last ]
                        | None -> ()
            ]

        let isLeftOut (own: int) =
            raising.Contains own || listing.Contains own

        [|
            for i in 0 .. code.Length - 1 do
                let isPrefixed = i > 0 && code[i - 1].OpCode.OpCodeType = OpCodeType.Prefix

                match point[i] with
                | Some point when not (isPrefixed || isLeftOut statement[i] || isCopied i || slicing.Contains i) ->
                    code[i], point, checking.Contains statement[i], ranging.Contains statement[i]
                | _ -> ()
        |]

    let private ofMethod (method: MethodDefinition) =
        method.Body.SimplifyMacros()
        let places = places method

        let names =
            places |> Array.filter (fun (code, _, isChecking, _) -> isName code && not isChecking)

        let mutant kind (point: SequencePoint) change edits =
            let path = point.Document.Url.Split('/', '\\')
            let chapter, file = path[path.Length - 2], path[path.Length - 1]

            {
                Kind = kind
                Chapter = chapter
                File = file
                Title = $"{chapter}/{file}:{point.StartLine}:{point.StartColumn} {kind} {change}"
                Method = method
                Edits = edits
            }

        let kinds =
            [
                "constant", constant
                "boundary", boundary
                "negation", negation
                "arithmetic", arithmetic
                "dropped", dropped method
                "neighbour", neighbour method
            ]

        [
            for code, point, _, isRanging in places do
                for kind, changes in kinds do
                    // The walk through a range has conditions of the compiler's.
                    for change, by in
                        (if isRanging && (kind = "boundary" || kind = "negation") then
                             []
                         else
                             changes code) do
                        mutant kind point change [ { At = code; By = by } ]

            for code, point, _, _ in names do
                let other = $"{code.Operand}x"

                mutant "name" point $"{quoted code.Operand} → {quoted other}" [
                    {
                        At = code
                        By = [ instruction OpCodes.Ldstr other ]
                    }
                ]

            for (one, point, _, _), (other, _, _, _) in Array.pairwise names do
                if not (obj.Equals(one.Operand, other.Operand) || isListed one) then
                    mutant "name" point $"{quoted one.Operand} ↔ {quoted other.Operand}" [
                        {
                            At = one
                            By = [ instruction OpCodes.Ldstr other.Operand ]
                        }
                        {
                            At = other
                            By = [ instruction OpCodes.Ldstr one.Operand ]
                        }
                    ]
        ]

    let private isWritten (method: MethodDefinition) =
        method.HasBody
        && method.DebugInformation.HasSequencePoints
        && not (
            method.CustomAttributes
            |> Seq.exists (fun attribute -> attribute.AttributeType.Name = "CompilerGeneratedAttribute")
        )

    /// Every mutant of a module that was read with its symbols, in the order of the sources. The number of one is its place
    /// and 1: 0 stands for none.
    let find (read: ModuleDefinition) : Mutant[] =
        let all =
            read.GetTypes()
            |> Seq.collect _.Methods
            |> Seq.filter isWritten
            |> Seq.collect ofMethod
            |> Seq.toArray

        all
        |> Array.groupBy _.Title
        |> Array.collect (fun (title, same) ->
            same
            |> Array.mapi (fun i mutant ->
                if i = 0 then
                    mutant
                else
                    { mutant with
                        Title = $"{title} ({i + 1})"
                    }))

    /// Puts every mutant behind a question to the switch.
    let weave (read: ModuleDefinition) (mutants: Mutant[]) : unit =
        let isOn =
            typeof<Switch>.GetMethod "IsOn"
            |> function
                | null -> failwith "The switch has no IsOn."
                | found -> read.ImportReference found

        let edits =
            mutants
            |> Seq.mapi (fun i mutant -> mutant.Edits |> Seq.map (fun edit -> mutant.Method, edit.At, i + 1, edit.By))
            |> Seq.concat
            |> Seq.groupBy (fun (method, at, _, _) -> method, at)
            |> Seq.toArray

        for (method, at), changes in edits do
            let ending = plain OpCodes.Nop

            let alternatives =
                [ for _, _, id, by in changes -> id, by @ [ instruction OpCodes.Br ending ] ]

            // The instruction that jumps and handlers mean stays the first of those that take its place.
            let kept = instruction at.OpCode at.Operand

            let woven =
                [
                    for id, by in alternatives do
                        instruction OpCodes.Ldc_I4 id
                        instruction OpCodes.Call isOn
                        instruction OpCodes.Brtrue by.Head
                    kept
                    instruction OpCodes.Br ending
                    yield! List.collect snd alternatives
                    ending
                ]

            at.OpCode <- woven.Head.OpCode
            at.Operand <- woven.Head.Operand

            let mutable last = at
            let writer = method.Body.GetILProcessor()

            for made in woven.Tail do
                writer.InsertAfter(last, made)
                last <- made
