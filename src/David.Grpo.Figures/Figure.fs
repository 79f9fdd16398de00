namespace David.Grpo.Figures

module internal FigurePlaceholder =
    let private placeholder = ()
