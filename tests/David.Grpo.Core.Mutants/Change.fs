namespace David.Grpo.Mutants

open System
open System.Globalization
open Mono.Cecil
open Mono.Cecil.Cil

/// What an instruction may be changed to: each change in words, and the instructions that take its place.
module internal Change =

    let instruction (opCode: OpCode) (operand: objnull) =
        let made = Instruction.Create OpCodes.Nop
        made.OpCode <- opCode
        made.Operand <- operand
        made

    let plain (opCode: OpCode) = instruction opCode null

    let private pops (count: int) =
        List.init count (fun _ -> plain OpCodes.Pop)

    /// Its text where an instruction has an operand of that type.
    let calls (name: string) (code: Instruction) =
        match code.Operand with
        | :? MethodReference as callee -> callee.Name = name
        | _ -> false

    let isLoad (code: Instruction | null) =
        match code with
        | null -> false
        | code -> code.OpCode.Code = Code.Ldloc || code.OpCode.Code = Code.Ldarg

    /// What an instruction leaves on the stack: true a floating number, false an integer, nothing where it says neither.
    let rec private isFloat (code: Instruction | null) : bool option =
        let ofType (found: TypeReference) =
            match found.MetadataType with
            | MetadataType.Double
            | MetadataType.Single -> Some true
            | MetadataType.Int32
            | MetadataType.Int64
            | MetadataType.Char
            | MetadataType.Byte -> Some false
            | _ -> None

        match code with
        | null -> None
        | code ->
            match code.OpCode.Code, code.Operand with
            | (Code.Ldc_R8 | Code.Conv_R8 | Code.Ldelem_R8), _ -> Some true
            | (Code.Ldc_I4 | Code.Ldc_I8 | Code.Conv_I4 | Code.Ldelem_I4 | Code.Ldlen), _ -> Some false
            | _, (:? VariableDefinition as variable) -> ofType variable.VariableType
            | _, (:? ParameterDefinition as parameter) -> ofType parameter.ParameterType
            | _, (:? FieldReference as field) -> ofType field.FieldType
            | _, (:? MethodReference as callee) when not callee.ReturnType.IsGenericParameter ->
                ofType callee.ReturnType
            | Code.Ldelem_Any, (:? TypeReference as element) -> ofType element
            | (Code.Add | Code.Sub | Code.Mul | Code.Div | Code.Neg), _ -> isFloat code.Previous
            | _ -> None

    /// `i = i + 1`, and the start and end of a walk over an array, which no source says.
    let private isWalk (code: Instruction) =
        let isStep (add: Instruction) =
            add.OpCode.Code = Code.Add
            && add.Next.OpCode.Code = Code.Stloc
            && add.Previous.OpCode.Code = Code.Ldc_I4
            && isLoad add.Previous.Previous
            && obj.Equals(add.Previous.Previous.Operand, add.Next.Operand)

        let isEnd (load: Instruction) =
            isLoad load
            && (load.Next.Next.OpCode.Code = Code.Ldlen
                || load.Next.Next.Operand
                   |> function
                       | :? MethodReference as callee -> callee.Name = "get_Length"
                       | _ -> false)

        match code.OpCode.Code with
        | Code.Add -> isStep code
        | Code.Ldc_I4 when code.Next.OpCode.Code = Code.Add -> isStep code.Next
        | Code.Ldc_I4 when code.Next.OpCode.Code = Code.Stloc && code.Next.Next.OpCode.Code = Code.Br ->
            isEnd (code.Next.Next.Operand :?> Instruction)
        | Code.Blt -> code.Previous.OpCode.Code = Code.Conv_I4 && code.Previous.Previous.OpCode.Code = Code.Ldlen
        | _ -> false

    /// The compiler counts a range in 64 bits.
    let isWide (code: Instruction | null) =
        match code with
        | null -> false
        | code -> code.OpCode.Code = Code.Conv_I8 || code.OpCode.Code = Code.Conv_U8

    let private isComparison (code: Instruction) =
        match code.OpCode.Code with
        | Code.Ceq
        | Code.Clt
        | Code.Clt_Un
        | Code.Cgt
        | Code.Cgt_Un -> true
        | _ -> calls "Equals" code || calls "Contains" code

    let private isBranch (code: Instruction) =
        code.OpCode.FlowControl = FlowControl.Cond_Branch

    /// A `not`, as the compiler writes it, begins here.
    let private isNot (code: Instruction) =
        code.OpCode.Code = Code.Ldc_I4
        && obj.Equals(code.Operand, 0)
        && code.Next.OpCode.Code = Code.Ceq
        && code.Previous <> null
        && (isComparison code.Previous
            || (match code.Previous.Operand with
                | :? MethodReference as callee -> callee.ReturnType.MetadataType = MetadataType.Boolean
                | _ -> false))

    /// Of a match: which case a union is, or what type a value has.
    let private isCaseTest (code: Instruction | null) =
        match code with
        | null -> false
        | code -> code.OpCode.Code = Code.Isinst || calls "get_Tag" code

    let private number (value: float) =
        value.ToString("R", CultureInfo.InvariantCulture)

    /// A call whose last argument is a choice of .NET's, such as how texts are compared, and no number.
    let private isChoice (code: Instruction) =
        match code.Operand with
        | :? MethodReference as callee when callee.Parameters.Count > 0 ->
            let last = callee.Parameters[callee.Parameters.Count - 1].ParameterType
            last.IsValueType && not last.IsPrimitive
        | _ -> false

    /// `max` and `min` of whole numbers, in which equal ones are the same.
    let private isExtreme (code: Instruction) =
        isBranch code
        && isLoad code.Previous
        && isLoad code.Next
        && obj.Equals(code.Previous.Operand, code.Next.Operand)

    let constant (code: Instruction) =
        match code.OpCode.Code, code.Operand with
        | Code.Ldc_R8, (:? float as value) when Double.IsFinite value ->
            let other =
                if value = 0.0 then 1.0
                elif abs value < 1e-3 then 10.0 * value
                else 1.25 * value

            [ $"{number value} → {number other}", [ instruction OpCodes.Ldc_R8 other ] ]
        | Code.Ldc_I4, (:? int as value) when
            not (
                isWalk code
                || isNot code
                || isCaseTest code.Previous
                || code.Previous <> null && code.Previous.OpCode.Code = Code.Dup
                || code.Next.OpCode.Code = Code.Newarr
                || isChoice code.Next
                || isWide code.Next
                || (match code.Next.Operand with
                    | :? FieldReference as field -> field.Name = "pc"
                    | _ -> false)
            )
            ->
            let other = if value = 1 then 0 else value + 1
            [ $"{value} → {other}", [ instruction OpCodes.Ldc_I4 other ] ]
        | Code.Ldc_I8, (:? int64 as value) -> [ $"{value} → {value + 1L}", [ instruction OpCodes.Ldc_I8 (value + 1L) ] ]
        | _ -> []

    let boundary (code: Instruction) =
        let no opCode =
            [ plain opCode; instruction OpCodes.Ldc_I4 0; plain OpCodes.Ceq ]

        let isUnsigned =
            code.Previous <> null && (code.Previous.OpCode.Code = Code.Ldnull || isWide code.Previous)

        if isWalk code || isUnsigned || isExtreme code then
            []
        else
            match code.OpCode.Code, isFloat code.Previous with
            | Code.Blt, _ -> [ "< → ≤", [ instruction OpCodes.Ble code.Operand ] ]
            | Code.Blt_Un, Some true -> [ "< → ≤", [ instruction OpCodes.Ble_Un code.Operand ] ]
            | Code.Ble, _ -> [ "≤ → <", [ instruction OpCodes.Blt code.Operand ] ]
            | Code.Ble_Un, Some true -> [ "≤ → <", [ instruction OpCodes.Blt_Un code.Operand ] ]
            | Code.Bgt, _ -> [ "> → ≥", [ instruction OpCodes.Bge code.Operand ] ]
            | Code.Bgt_Un, Some true -> [ "> → ≥", [ instruction OpCodes.Bge_Un code.Operand ] ]
            | Code.Bge, _ -> [ "≥ → >", [ instruction OpCodes.Bgt code.Operand ] ]
            | Code.Bge_Un, Some true -> [ "≥ → >", [ instruction OpCodes.Bgt_Un code.Operand ] ]
            | Code.Clt, Some true -> [ "< → ≤", no OpCodes.Cgt_Un ]
            | Code.Clt, Some false -> [ "< → ≤", no OpCodes.Cgt ]
            | Code.Clt_Un, Some true -> [ "< → ≤", no OpCodes.Cgt ]
            | Code.Cgt, Some true -> [ "> → ≥", no OpCodes.Clt_Un ]
            | Code.Cgt, Some false -> [ "> → ≥", no OpCodes.Clt ]
            | Code.Cgt_Un, Some true -> [ "> → ≥", no OpCodes.Clt ]
            | _ -> []

    let negation (code: Instruction) =
        let branch opCode =
            [ "a condition and its opposite", [ instruction opCode code.Operand ] ]

        let isJudgedLater () = isBranch code.Next || isNot code.Next

        if isWalk code || isCaseTest code.Previous then
            []
        else
            match code.OpCode.Code with
            | Code.Brtrue -> branch OpCodes.Brfalse
            | Code.Brfalse -> branch OpCodes.Brtrue
            | Code.Beq -> branch OpCodes.Bne_Un
            | Code.Bne_Un -> branch OpCodes.Beq
            | Code.Blt -> branch OpCodes.Bge
            | Code.Blt_Un -> branch OpCodes.Bge_Un
            | Code.Ble -> branch OpCodes.Bgt
            | Code.Ble_Un -> branch OpCodes.Bgt_Un
            | Code.Bgt -> branch OpCodes.Ble
            | Code.Bgt_Un -> branch OpCodes.Ble_Un
            | Code.Bge -> branch OpCodes.Blt
            | Code.Bge_Un -> branch OpCodes.Blt_Un
            | Code.Ceq
            | Code.Clt
            | Code.Clt_Un
            | Code.Cgt
            | Code.Cgt_Un when not (isJudgedLater ()) ->
                [
                    "a condition and its opposite",
                    [ plain code.OpCode; instruction OpCodes.Ldc_I4 0; plain OpCodes.Ceq ]
                ]
            | _ -> []

    let arithmetic (code: Instruction) =
        let isOfRange = code.Previous <> null && (isWide code.Previous || isWide code.Next)

        let math (one: string) (other: string) =
            match code.Operand with
            | :? MethodReference as callee when callee.DeclaringType.FullName = "System.Math" && callee.Name = one ->
                let swapped =
                    MethodReference(other, callee.ReturnType, callee.DeclaringType, HasThis = false)

                for parameter in callee.Parameters do
                    swapped.Parameters.Add(ParameterDefinition parameter.ParameterType)

                [ $"{one} → {other}", [ instruction OpCodes.Call swapped ] ]
            | _ -> []

        if isWalk code || isOfRange then
            []
        else
            match code.OpCode.Code with
            | Code.Add -> [ "+ → −", [ plain OpCodes.Sub ] ]
            | Code.Sub -> [ "− → +", [ plain OpCodes.Add ] ]
            | Code.Mul -> [ "× → ÷", [ plain OpCodes.Div ] ]
            | Code.Div -> [ "÷ → ×", [ plain OpCodes.Mul ] ]
            | Code.Rem -> [ "% → ×", [ plain OpCodes.Mul ] ]
            | Code.Neg -> [ "−x → x", [] ]
            | Code.Call ->
                [ "Max", "Min"; "Min", "Max"; "Floor", "Ceiling"; "Ceiling", "Floor" ]
                |> List.collect (fun (one, other) -> math one other)
            | _ -> []

    /// A type as a call sees it, its generic arguments filled in.
    let rec private filled (callee: MethodReference) (found: TypeReference) : string =
        match found with
        | :? GenericParameter as parameter ->
            match parameter.Type, callee, callee.DeclaringType with
            | GenericParameterType.Method, (:? GenericInstanceMethod as instance), _ ->
                instance.GenericArguments[parameter.Position].FullName
            | GenericParameterType.Type, _, (:? GenericInstanceType as instance) ->
                instance.GenericArguments[parameter.Position].FullName
            | _ -> found.FullName
        | :? ArrayType as items -> filled callee items.ElementType + "[]"
        | :? GenericInstanceType as instance ->
            let arguments =
                instance.GenericArguments |> Seq.map (filled callee) |> String.concat ","

            $"{instance.ElementType.FullName}<{arguments}>"
        | _ -> found.FullName

    /// A type that holds an argument: its own where that is plain, else object, for which the runtime takes any reference.
    let private held (method: MethodDefinition) (callee: MethodReference) (found: TypeReference) : TypeReference =
        match found, callee with
        | (:? GenericParameter as parameter), (:? GenericInstanceMethod as instance) when
            parameter.Type = GenericParameterType.Method
            ->
            instance.GenericArguments[parameter.Position]
        | _ ->
            if found.ContainsGenericParameter then
                method.Module.TypeSystem.Object
            else
                found

    let dropped (method: MethodDefinition) (code: Instruction) =
        match code.OpCode.Code, code.Operand with
        | (Code.Call | Code.Callvirt), (:? MethodReference as callee) ->
            let isOwn = callee.DeclaringType.Scope = (method.DeclaringType.Scope)
            let owner = callee.DeclaringType.FullName
            let count = callee.Parameters.Count

            let isKnown =
                isOwn
                || owner = "System.Math"
                || owner = "System.String"
                || owner.StartsWith "Microsoft.FSharp.Collections."

            let isSame (given: TypeReference) =
                filled callee given = filled callee callee.ReturnType

            if not isKnown || List.contains callee.Name [ "Copy"; "Cache"; "ReadOnly"; "Max"; "Min"; "Pow" ] then
                []
            elif callee.ReturnType.MetadataType = MetadataType.Void then
                if isOwn && not callee.HasThis && callee.Name <> ".ctor" then
                    [ $"{callee.Name} left out", pops count ]
                else
                    []
            elif callee.HasThis then
                // As `trim` of a text, where nothing else is given.
                if count = 0 && owner = "System.String" && callee.ReturnType.FullName = owner then
                    [ $"{callee.Name} left out", [] ]
                else
                    []
            elif count > 0 && isSame callee.Parameters[count - 1].ParameterType then
                if count = 1 then
                    [ $"{callee.Name} left out", [] ]
                else
                    // The last argument is kept, those below it go.
                    let kept =
                        VariableDefinition(held method callee callee.Parameters[count - 1].ParameterType)

                    method.Body.Variables.Add kept

                    [
                        $"{callee.Name} left out",
                        [
                            instruction OpCodes.Stloc kept
                            yield! pops (count - 1)
                            instruction OpCodes.Ldloc kept
                        ]
                    ]
            else
                []
        | _ -> []

    let private signature (method: MethodDefinition) =
        let parameters =
            method.Parameters |> Seq.map _.ParameterType.FullName |> String.concat ","

        $"{method.ReturnType.FullName}({parameters})"

    /// The one after `own` in a circle of those that are like it.
    let private following (own: 'item) (all: 'item seq) =
        let all = Seq.toArray all
        let index = Array.IndexOf(all, own)

        if all.Length > 1 then
            [ all[(index + 1) % all.Length] ]
        else
            []

    /// Of `{ record with … }`, what stays as it is: it goes from the old record to the new one, and no source says so.
    let isCopied (made: Set<string>) (code: Instruction) =
        match code.Operand with
        | :? FieldDefinition as field ->
            made.Contains field.DeclaringType.FullName
            && (isLoad code.Next || code.Next.OpCode.Code = Code.Newobj)
        | _ -> false

    let neighbour (method: MethodDefinition) (code: Instruction) =
        match code.OpCode.Code, code.Operand with
        | Code.Call, (:? MethodDefinition as callee) when
            callee.IsStatic && not (callee.HasGenericParameters || callee.Name.Contains '@')
            ->
            callee.DeclaringType.Methods
            |> Seq.filter (fun other ->
                other.IsStatic
                && (other = callee || other <> method)
                && other.IsGetter = callee.IsGetter
                && not (other.Name.Contains '@' || other.Name.StartsWith '.')
                && not (other.HasGenericParameters)
                && signature other = signature callee)
            |> following callee
            |> List.map (fun other -> $"{callee.Name} → {other.Name}", [ instruction OpCodes.Call other ])
        | Code.Ldfld, (:? FieldDefinition as field) when field.Name.EndsWith '@' ->
            field.DeclaringType.Fields
            |> Seq.filter (fun other -> other.Name.EndsWith '@' && other.FieldType.FullName = field.FieldType.FullName)
            |> following field
            |> List.map (fun other ->
                $"{field.Name.TrimEnd '@'} → {other.Name.TrimEnd '@'}", [ instruction OpCodes.Ldfld other ])
        | Code.Switch, (:? (Instruction[]) as targets) ->
            // Of a match whose cases carry nothing; another case would not have what is read of this.
            let rec startsBare (count: int) (code: Instruction | null) =
                match code with
                | null -> true
                | code -> count = 0 || code.OpCode.Code <> Code.Castclass && startsBare (count - 1) code.Next

            let isBare = startsBare 3

            [
                for i in 0 .. targets.Length - 2 do
                    if isBare targets[i] && isBare targets[i + 1] && targets[i] <> targets[i + 1] then
                        let swapped =
                            targets |> Array.updateAt i targets[i + 1] |> Array.updateAt (i + 1) targets[i]

                        $"case {i} ↔ case {i + 1}", [ instruction OpCodes.Switch swapped ]
            ]
        | _ -> []
