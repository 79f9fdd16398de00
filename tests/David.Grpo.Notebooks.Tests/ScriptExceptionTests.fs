namespace David.Grpo.Notebooks.Tests

open David.Grpo.Notebooks
open Xunit

type ScriptExceptionTests() =
    [<Fact>]
    member _.``it says what it was given``() =
        Assert.Equal("a.csx(3,1): error", (ScriptException "a.csx(3,1): error").Message)
