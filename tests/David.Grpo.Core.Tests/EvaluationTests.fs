module David.Grpo.Tests.EvaluationTests

let private placeholder = ()
