namespace David.Grpo

[<RequireQualifiedAccess>]
module internal AnswerPlaceholder =
    let private placeholder = ()
