module David.Grpo.Figures.Tests.TableTextTests

open System
open Expecto
open David.Grpo.Tests
open David.Grpo.Figures

let private table =
    {
        Caption = "100 % of 2 arms_"
        Columns =
            [|
                TableColumn.Words "arm"
                TableColumn.Numbers("EM", "%", 1, Best.Highest)
                TableColumn.Numbers("searches", "", 2, Best.Unmarked)
                TableColumn.Numbers("tokens", "in training", 0, Best.Lowest)
                TableColumn.Numbers("p", "", 3, Best.Unmarked)
            |]
        Rows =
            [|
                [|
                    Cell.Words "base | policy"
                    Cell.Number(Estimate.Exact 17.34)
                    Cell.Missing
                    Cell.Missing
                    Cell.Missing
                |]
                [|
                    Cell.Words "David \u2212 coverage"
                    Cell.Number(Estimate.PlusMinus(51.2, 3.1))
                    Cell.Number(Estimate.PlusMinus(2.0, 0.25))
                    Cell.Number(Estimate.PlusMinus(12345.0, 678.0))
                    Cell.Words "< 0.001"
                |]
                [|
                    Cell.Words "GRPO"
                    Cell.Number(Estimate.PlusMinus(-1.0, 2.0))
                    Cell.Number(Estimate.Between(1.0, 0.5, 1.75))
                    Cell.Number(Estimate.Exact 2e15)
                    Cell.Number(Estimate.Exact 0.5)
                |]
            |]
    }

[<Tests>]
let tests =
    testList "TableTextTests" [
        test "a table as Markdown, with the best in bold and one way to write intervals in each column" {
            let expected =
                "100 % of 2 arms\\_\n\n"
                + "| arm | EM (%) | searches | tokens (in training) | p |\n"
                + "| --- | ---: | ---: | ---: | ---: |\n"
                + "| base \\| policy | 17.3 | – | – | – |\n"
                + "| David \u2212 coverage | **51.2** ± 3.1 | 2.00 (1.75–2.25) | **12\u202F345** ± 678 | \\< 0.001 |\n"
                + "| GRPO | \u22121.0 ± 2.0 | 1.00 (0.50–1.75) | 2.00×10¹⁵ | 0.500 |\n"

            Markdown.render table |> equals expected
        }

        test "a table as LaTeX, with intervals as subscripts" {
            let expected =
                @"\begin{table}
  \centering
  \caption{100 \% of 2 arms\_}
  \label{tab:320-1}
  \begin{tabular}{lrrrr}
    \toprule
    arm & EM (\%) & searches & tokens (in training) & p \\
    \midrule
    base $|$ policy & $17.3$ & -- & -- & -- \\
    David $-$ coverage & $\mathbf{51.2}_{\pm 3.1}$ & $2.00_{[1.75,\,2.25]}$ & $\mathbf{12\,345}_{\pm 678}$ & $<$ 0.001 \\
    GRPO & $-1.0_{\pm 2.0}$ & $1.00_{[0.50,\,1.75]}$ & $2.00 \times 10^{15}$ & $0.500$ \\
    \bottomrule
  \end{tabular}
\end{table}
"

            Latex.render "tab:320-1" table |> equals expected
        }

        test "hostile text stays text" {
            let hostile = "\\input{x} $a_b^c$ & 10 % ~#{}\r\n| <b> *x* `y` [z] \u0000"

            let table =
                { table with
                    Caption = hostile
                    Rows =
                        [|
                            [| Cell.Words hostile; Cell.Missing; Cell.Missing; Cell.Missing; Cell.Missing |]
                        |]
                }

            Latex.render "" table
            |> containsText
                @"\textbackslash{}input\{x\} \$a\_b\textasciicircum{}c\$ \& 10 \% \textasciitilde{}\#\{\} $|$ $<$b$>$"

            Markdown.render table |> containsText @"\\input{x} $a\_b^c$ & 10 % ~#{} \| \<b> \*x\* \`y\` \[z\]"
        }

        test "what cannot be written is refused with the mend" {
            let ragged =
                { table with
                    Rows = [| [| Cell.Missing |] |]
                }

            for write in [| Markdown.render; Latex.render ""; PlainText.render; Csv.render |] do
                let error = throws<ArgumentException>(fun () -> write ragged |> ignore)
                error.Message |> containsText "Cell.Missing"

            let error = throws<ArgumentException>(fun () -> Latex.render "a b" table |> ignore)

            error.Message |> containsText "letters, digits, hyphens and colons"
        }

        test "a table for a terminal, with digits in line and the best marked" {
            let text = PlainText.render table
            let lines = text.Split '\n'
            lines[0] |> equals "100 % of 2 arms_"
            lines.Length |> equals (1 + 2 + 1 + 3 + 1) // caption, heads, rule, rows, the end of the last
            lines[5] |> startsWith "David \u2212 coverage  51.2 ± 3.1*"
            lines[6] |> startsWith "GRPO"
            lines[6].IndexOf "(0.50" |> equals (lines[5].IndexOf "(1.75")
            isTrue (lines |> Array.forall (fun line -> line = line.TrimEnd()))
        }

        test "a table as CSV, with all digits and the ends of intervals" {
            let expected =
                "arm,EM (%),EM (%) low,EM (%) high,searches,searches low,searches high,tokens (in training),tokens (in training) low,tokens (in training) high,p\n"
                + "base | policy,17.34,17.34,17.34,,,,,,,\n"
                + "David \u2212 coverage,51.2,48.1,54.300000000000004,2,1.75,2.25,12345,11667,13023,< 0.001\n"
                + "GRPO,-1,-3,1,1,0.5,1.75,2000000000000000,2000000000000000,2000000000000000,0.5\n"

            Csv.render table |> equals expected
            Csv.field "a \"b\", c" |> equals "\"a \"\"b\"\", c\""
        }
    ]
