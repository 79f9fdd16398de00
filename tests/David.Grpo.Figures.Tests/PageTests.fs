module David.Grpo.Figures.Tests.PageTests

let private placeholder = ()
