module David.Grpo.Tests.ProtocolTests

let private placeholder = ()
