namespace David.Grpo

[<RequireQualifiedAccess>]
module internal AggregationPlaceholder =
    let private placeholder = ()
