namespace David.Grpo

[<RequireQualifiedAccess>]
module internal TokenBatchPlaceholder =
    let private placeholder = ()
