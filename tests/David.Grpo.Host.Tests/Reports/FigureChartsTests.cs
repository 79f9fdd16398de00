using System.Text.Json.Nodes;
using David.Grpo.Figures;
using David.Grpo.Host.Tests.Formats;
using Plotly.NET;
using Plotly.NET.LayoutObjects;
using Figure = David.Grpo.Figures.Figure;

namespace David.Grpo.Host.Tests.Reports;

/// <summary>Figures as charts of Plotly.NET.</summary>
public sealed class FigureChartsTests
{
    public static TheoryData<string> Names => [.. FigureGallery.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void AChart_IsTheFiguresOwnJson(string name)
    {
        Figure figure = FigureGallery.All[name];
        foreach (Medium medium in (Medium[])[Medium.Light, Medium.Dark])
        {
            JsonNode own = JsonNode.Parse(Figures.Plotly.Json(medium, figure))!;
            JsonNode chart = JsonNode.Parse(GenericChart.toFigureJson(figure.ToChart(medium)))!;
            foreach (string part in (string[])["data", "layout"])
                Assert.True(
                    JsonNode.DeepEquals(own[part], chart[part]),
                    $"{part} is\n{chart[part]!.ToJsonString()}\nexpected\n{own[part]!.ToJsonString()}"
                );
        }
    }

    [Fact]
    public void ItsParts_AreOfThePackagesOwnTypes()
    {
        Layout layout = GenericChart.getLayout(FigureGallery.All["curves"].ToChart());
        Assert.IsType<LinearAxis>(layout.TryGetPropertyValue("xaxis").Value);
        Assert.IsType<Legend>(layout.TryGetPropertyValue("legend").Value);
    }

    [Fact]
    public async Task APage_HasTitlesAndLogarithmicTicks_WithoutTheNet()
    {
        await using Browser browser = await Browser.StartAsync();
        using Scratch scratch = new();
        Axis tokens = Axis.Logarithmic("Tokens", "").Over(AxisRange.NewBetween(10, 1000));
        Figure figure = Figure.Column(
            "",
            "",
            [
                Panel.Curves(
                    "Loss by tokens",
                    tokens,
                    Axis.Linear("Loss", "%"),
                    [Curve.Line("an arm", [10, 100, 1000], [3, 2, 1])]
                ),
            ]
        );
        string page = scratch.Write("page.html", GenericChart.toEmbeddedHTML(figure.ToChart()));
        await browser.OpenAsync($"file://{page}", 900, 700);
        await browser.UntilAsync("document.querySelector('.xtitle')");
        Assert.StartsWith("2.", await browser.EvaluateAsync<string>("Plotly.version"));
        Assert.Equal(
            ["Tokens", "Loss (%)", "Loss by tokens"],
            await browser.EvaluateAsync<string[]>(
                "['.xtitle', '.ytitle', '.annotation-text'].map(part => document.querySelector(part).textContent)"
            )
        );
        string[] ticks = await browser.EvaluateAsync<string[]>(
            "[...document.querySelectorAll('.xtick text')].map(tick => tick.textContent)"
        );
        Assert.Contains("10", ticks);
        Assert.Contains("1000", ticks);
        Assert.DoesNotContain("10k", ticks);
        Assert.Empty(browser.Complaints);
    }
}
