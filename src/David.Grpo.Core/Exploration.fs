namespace David.Grpo

[<RequireQualifiedAccess>]
module internal ExplorationPlaceholder =
    let private placeholder = ()
