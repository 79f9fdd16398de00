module David.Grpo.Tests.WorldTests

let private placeholder = ()
