module David.Grpo.Tests.TrainingLoopTests

let private placeholder = ()
