module David.Grpo.Tests.RewardTests

let private placeholder = ()
