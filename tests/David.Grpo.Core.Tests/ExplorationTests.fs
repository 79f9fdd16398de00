module David.Grpo.Tests.ExplorationTests

let private placeholder = ()
