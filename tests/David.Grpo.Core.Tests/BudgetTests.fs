module David.Grpo.Tests.BudgetTests

let private placeholder = ()
