namespace David.Grpo

[<RequireQualifiedAccess>]
module internal ProtocolPlaceholder =
    let private placeholder = ()
