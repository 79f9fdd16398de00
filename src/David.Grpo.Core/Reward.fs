namespace David.Grpo

[<RequireQualifiedAccess>]
module internal RewardPlaceholder =
    let private placeholder = ()
