namespace David.Grpo

[<RequireQualifiedAccess>]
module internal WorldEpisodePlaceholder =
    let private placeholder = ()
