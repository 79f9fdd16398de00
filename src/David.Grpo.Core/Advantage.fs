namespace David.Grpo

[<RequireQualifiedAccess>]
module internal AdvantagePlaceholder =
    let private placeholder = ()
