namespace David.Grpo

[<RequireQualifiedAccess>]
module internal SchedulePlaceholder =
    let private placeholder = ()
