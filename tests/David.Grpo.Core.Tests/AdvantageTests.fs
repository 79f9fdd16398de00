module David.Grpo.Tests.AdvantageTests

let private placeholder = ()
