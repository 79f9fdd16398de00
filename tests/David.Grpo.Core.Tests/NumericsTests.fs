module David.Grpo.Tests.NumericsTests

let private placeholder = ()
