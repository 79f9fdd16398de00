namespace David.Grpo

[<RequireQualifiedAccess>]
module internal DivergencePlaceholder =
    let private placeholder = ()
