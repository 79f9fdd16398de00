module David.Grpo.Tests.ScheduleTests

let private placeholder = ()
