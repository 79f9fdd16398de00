module David.Grpo.Tests.DivergenceTests

let private placeholder = ()
