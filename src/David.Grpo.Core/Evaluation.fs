namespace David.Grpo

[<RequireQualifiedAccess>]
module internal EvaluationPlaceholder =
    let private placeholder = ()
