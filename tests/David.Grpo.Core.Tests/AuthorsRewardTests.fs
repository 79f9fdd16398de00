module David.Grpo.Tests.AuthorsRewardTests

let private placeholder = ()
