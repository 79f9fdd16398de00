using David.Grpo.Figures;
using Microsoft.DotNet.Interactive.Formatting;

namespace David.Grpo.Host.Tests.Reports;

/// <summary>What .NET Interactive's own package makes of our values, which refer to nothing of it.</summary>
public sealed class DotNetInteractiveTests
{
    [Fact]
    public void AFigure_IsShownAsPlotly_AsADrawing_AndInWords()
    {
        Figure figure = FigureGallery.All["curves"];
        foreach (object shown in (object[])[figure, figure.For(Medium.Dark)])
        {
            IReadOnlyList<FormattedValue> values = FormattedValue.CreateManyFromObject(shown);
            Assert.Equal(
                ["application/vnd.plotly.v1+json", "text/html", "text/plain"],
                values.Select(value => value.MimeType)
            );
            Medium medium = ReferenceEquals(shown, figure) ? Medium.Light : Medium.Dark;
            Assert.Equal(Figures.Plotly.Json(medium, figure), values[0].Value);
            Assert.StartsWith("<img ", values[1].Value);
        }
    }

    [Fact]
    public void ATable_IsShownAsHtml_AndInPlainText()
    {
        Table table = new(
            "Scores",
            [TableColumn.Words("arm")],
            [
                [Cell.NewWords("<David>")],
            ]
        );
        IReadOnlyList<FormattedValue> values = FormattedValue.CreateManyFromObject(table);
        Assert.Equal(["text/html", "text/plain"], values.Select(value => value.MimeType));
        Assert.Contains("&lt;David&gt;", values[0].Value);
        Assert.Contains("| arm", values[1].Value);
    }
}
