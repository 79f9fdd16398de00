namespace David.Grpo

[<RequireQualifiedAccess>]
module internal PythonTextPlaceholder =
    let private placeholder = ()
