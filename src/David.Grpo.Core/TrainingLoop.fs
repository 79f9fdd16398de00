namespace David.Grpo

[<RequireQualifiedAccess>]
module internal TrainingLoopPlaceholder =
    let private placeholder = ()
