module David.Grpo.Tests.PythonTextTests

let private placeholder = ()
