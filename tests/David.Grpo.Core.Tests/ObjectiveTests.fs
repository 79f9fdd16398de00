module David.Grpo.Tests.ObjectiveTests

let private placeholder = ()
