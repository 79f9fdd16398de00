namespace David.Grpo

[<RequireQualifiedAccess>]
module internal StatisticsPlaceholder =
    let private placeholder = ()
