module David.Grpo.Tests.RandomnessTests

let private placeholder = ()
