namespace David.Grpo

[<RequireQualifiedAccess>]
module internal AuthorsRewardPlaceholder =
    let private placeholder = ()
