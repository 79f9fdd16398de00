namespace David.Grpo.Figures

module internal PagePlaceholder =
    let private placeholder = ()
