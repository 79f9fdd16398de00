module David.Grpo.Tests.StatisticsTests

let private placeholder = ()
