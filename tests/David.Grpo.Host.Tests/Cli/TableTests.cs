using David.Grpo.Cli;
using David.Grpo.Figures;

namespace David.Grpo.Host.Tests.Cli;

/// <summary>Figures' tables on a terminal.</summary>
public sealed class TableTests
{
    private static readonly Table Wide = new(
        "one two three four five six",
        [
            TableColumn.Words("arm"),
            TableColumn.Numbers("EM", "%", 1, Best.Highest),
            TableColumn.Numbers("tokens", "", 0, Best.Unmarked),
            TableColumn.Numbers("time", "s", 1, Best.Unmarked),
        ],
        [
            [
                Cell.NewWords("GRPO"),
                Cell.NewNumber(Estimate.Exact(12.3)),
                Cell.NewNumber(Estimate.Exact(567)),
                Cell.NewNumber(Estimate.Exact(1)),
            ],
            [
                Cell.NewWords("David-GRPO"),
                Cell.NewNumber(Estimate.PlusMinus(45.6, 1.2)),
                Cell.NewNumber(Estimate.Exact(99)),
                Cell.Missing,
            ],
        ]
    );

    [Fact]
    public void ATable_WiderThanTheTerminal_StandsInBlocks_EachWithItsFirstColumn() =>
        Assert.Equal(
            """
            one two three four five
            six
            arm                 EM
                                 %
            ──────────────────────
            GRPO             12.3
            David-GR…  45.6 ± 1.2*

            arm        tokens  time
                                  s
            ───────────────────────
            GRPO          567   1.0
            David-GR…      99     –

            """,
            PlainText.RenderWithin(24, Wide)
        );

    [Fact]
    public void Shortened_TitlesStayApart()
    {
        Assert.Equal(["short", "David, SFT…"], PlainText.Shorten(11, ["short", "David, SFT for bootstrapping"]));
        Assert.Equal(
            ["David,…tep-1", "David,…tep-2"],
            PlainText.Shorten(12, ["David, a long name at step-1", "David, a long name at step-2"])
        );
    }

    [Fact]
    public void AScreenThatIsNoTerminal_GetsPlainText()
    {
        StringWriter text = new();
        new Screen(text).Show(Wide);
        Assert.Equal(PlainText.Render(Wide) + "\n", text.ToString());
    }
}
