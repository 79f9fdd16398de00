namespace David.Grpo

[<RequireQualifiedAccess>]
module internal NumericsPlaceholder =
    let private placeholder = ()
