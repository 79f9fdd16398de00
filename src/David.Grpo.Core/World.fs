namespace David.Grpo

[<RequireQualifiedAccess>]
module internal WorldPlaceholder =
    let private placeholder = ()
