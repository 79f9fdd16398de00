using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using David.Grpo.Figures;
using David.Grpo.Reports;

namespace David.Grpo.Host.Tests.Reports;

/// <summary>Figures as files of every kind.</summary>
public sealed class FigureFileTests : IDisposable
{
    private static readonly Figure Learning = Figure.Column(
        "Learning",
        "Two arms.",
        [
            Panel.Curves(
                "Answers",
                Axis.Linear("Rollouts", ""),
                Axis.Linear("Exact match", "%"),
                [
                    Curve.Band("GRPO", [0, 250, 500], [10, 20, 30], [8, 17, 26], [12, 23, 34]),
                    Curve.Band("David-GRPO", [0, 250, 500], [10, 38, 47], [8, 34, 43], [12, 42, 51]),
                ]
            ),
        ]
    );

    private readonly string _folder = Directory.CreateTempSubdirectory("david-figures-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void ASvgIsXml_AJsonIsPlotlys()
    {
        string svg = In("sub/learning.svg");
        FigureFile.Write(Learning, svg);
        Assert.Equal("svg", XDocument.Load(svg).Root!.Name.LocalName);
        string json = In("learning.json");
        FigureFile.Write(Learning, json, Medium.Dark);
        using JsonDocument content = JsonDocument.Parse(File.ReadAllText(json));
        Assert.Equal(
            ["data", "layout", "config"],
            content.RootElement.EnumerateObject().Select(property => property.Name)
        );
    }

    [Fact]
    public void APdfIsAColumnWide_AndHasItsFontsInside()
    {
        NeedsConverter();
        string path = In("learning.pdf");
        FigureFile.Write(Learning, path);
        string text = Encoding.Latin1.GetString(File.ReadAllBytes(path));
        Assert.StartsWith("%PDF-", text);
        // 8.5 cm in points.
        string box = System.Text.RegularExpressions.Regex.Match(text, @"/MediaBox \[ 0 0 ([0-9.]+)").Groups[1].Value;
        Assert.Equal(
            8.5 / 2.54 * 72,
            double.Parse(box, System.Globalization.CultureInfo.InvariantCulture),
            tolerance: 0.01
        );
        Assert.Matches("/FontFile[0-9]? ", text);
    }

    [Fact]
    public void EqualFiguresGiveEqualPdfs()
    {
        NeedsConverter();
        FigureFile.Write(Learning, In("a.pdf"));
        FigureFile.Write(Learning, In("b.pdf"));
        Assert.Equal(File.ReadAllBytes(In("a.pdf")), File.ReadAllBytes(In("b.pdf")));
    }

    [Fact]
    public void APngForPaperHas300DotsAnInch_AndForScreensTwiceItsSize()
    {
        NeedsConverter();
        string path = In("learning.png");
        FigureFile.Write(Learning, path, Medium.Paper);
        Assert.Equal(1004, WidthOf(path));
        FigureFile.Write(Learning, path);
        Assert.Equal(680, WidthOf(path));

        // Big-endian, behind the signature and the head of the first chunk.
        static int WidthOf(string path) =>
            System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(File.ReadAllBytes(path).AsSpan(16, 4));
    }

    [Fact]
    public void AnotherKindOfFileIsRefusedWithThoseThereAre()
    {
        ArgumentException error = Assert.Throws<ArgumentException>(() =>
            FigureFile.Write(Learning, In("learning.eps"))
        );
        Assert.Contains(".svg, .pdf, .png, .html, .json", error.Message);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Fact]
    public void APlotlyOfAnotherHashIsNotUsed()
    {
        string path = Path.Combine(_folder, PlotlyFile.Name);
        File.WriteAllText(path, "alert('not plotly')");
        IOException error = Assert.Throws<IOException>(() => PlotlyFile.Find(_folder));
        Assert.Contains(path, error.Message);
        Assert.Contains("SHA-256 differs", error.Message);
    }

    private string In(string name) => Path.Combine(_folder, name);

    private static void NeedsConverter() =>
        Assert.SkipUnless(Programs.Has("rsvg-convert"), "needs rsvg-convert (Debian: librsvg2-bin), which is not here");
}
