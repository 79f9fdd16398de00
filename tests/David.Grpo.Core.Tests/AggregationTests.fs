module David.Grpo.Tests.AggregationTests

let private placeholder = ()
