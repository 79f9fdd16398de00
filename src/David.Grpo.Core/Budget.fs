namespace David.Grpo

[<RequireQualifiedAccess>]
module internal BudgetPlaceholder =
    let private placeholder = ()
