namespace David.Grpo.Notebooks.Tests

open David.Grpo.Notebooks
open Expecto
open David.Grpo.Tests

module ScriptExceptionTests =

    [<Tests>]
    let tests =
        testList "ScriptExceptionTests" [
            test "it says what it was given" {
                (ScriptException "a.csx(3,1): error").Message |> equals "a.csx(3,1): error"
            }
        ]
