module David.Grpo.Tests.AnswerTests

let private placeholder = ()
