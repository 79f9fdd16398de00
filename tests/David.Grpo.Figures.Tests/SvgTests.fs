module David.Grpo.Figures.Tests.SvgTests

let private placeholder = ()
