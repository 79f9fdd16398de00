namespace David.Grpo.Figures

module internal SvgPlaceholder =
    let private placeholder = ()
