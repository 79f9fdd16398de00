namespace David.Grpo

[<RequireQualifiedAccess>]
module internal WorldSearchPlaceholder =
    let private placeholder = ()
