namespace David.Grpo

[<RequireQualifiedAccess>]
module internal ObjectivePlaceholder =
    let private placeholder = ()
