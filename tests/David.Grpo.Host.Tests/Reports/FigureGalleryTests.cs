using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using David.Grpo.Figures;
using David.Grpo.Reports;

namespace David.Grpo.Host.Tests.Reports;

/// <summary>Every kind of panel, as other programs see it: plotly.js in a real browser, and an XML reader.</summary>
public sealed class FigureGalleryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("david-gallery-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>
    /// A page that asks plotly.js whether it understands each figure, draws it, and writes down what was said meanwhile.
    /// </summary>
    [Fact]
    public void PlotlyKnowsEveryField_AndDrawsEveryPanelWithoutAWord()
    {
        string browser = NeedsBrowser();
        File.Copy(NeedsPlotly(), Path.Combine(_folder, PlotlyFile.Name));
        StringBuilder figures = new();
        foreach ((string name, Figure figure) in FigureGallery.All)
        foreach (Medium medium in new[] { Medium.Light, Medium.Dark, Medium.PaperColumn })
            figures.AppendLine($"figures['{name} {medium}'] = {Figures.Plotly.Json(medium, figure)};");
        string page = $$"""
            <!DOCTYPE html><html><head><meta charset="utf-8"><script>
            const said = [];
            addEventListener('error', e => said.push(e.message));
            addEventListener('unhandledrejection', e => { document.getElementById('said').textContent = e.reason; });
            for (const level of ['error', 'warn', 'log']) console[level] = (...words) => said.push(words.join(' '));
            </script><script src="{{PlotlyFile.Name}}"></script></head><body><pre id="said"></pre><script>
            const figures = {};
            {{figures}}
            (async () => {
              for (const [name, figure] of Object.entries(figures)) {
                for (const fault of Plotly.validate(figure.data, figure.layout) ?? []) said.push(name + ': ' + fault.msg);
                const place = document.body.appendChild(document.createElement('div'));
                await Plotly.newPlot(place, figure.data, figure.layout, figure.config);
                const bad = place.querySelectorAll('[d*="NaN"], [transform*="NaN"], [x*="NaN"], [y*="NaN"]').length;
                if (bad > 0) said.push(name + ': ' + bad + ' elements are nowhere');
              }
              document.getElementById('said').textContent = 'drawn ' + Object.keys(figures).length + '\n' + said.join('\n');
            })();
            </script></body></html>
            """;
        string path = Path.Combine(_folder, "validate.html");
        File.WriteAllText(path, page);
        string dom = Run(browser, [.. Browsing, "--virtual-time-budget=20000", "--dump-dom", path]);
        string said = Regex.Match(dom, "<pre id=\"said\">(.*?)</pre>", RegexOptions.Singleline).Groups[1].Value.Trim();
        Assert.Equal($"drawn {3 * FigureGallery.All.Count}", said);
    }

    [Fact]
    public void AnInteractivePageDrawsItselfFromDisk_WithTheLibraryInsideOrBeside()
    {
        string browser = NeedsBrowser();
        NeedsPlotly();
        Figure figure = FigureGallery.All["many"];
        foreach (PlotlyPlace place in Enum.GetValues<PlotlyPlace>())
        {
            string path = Path.Combine(_folder, $"{place}.html");
            FigureFile.Write(figure, path, Medium.Page, place);
            string dom = Run(browser, [.. Browsing, "--virtual-time-budget=5000", "--dump-dom", path]);
            Assert.Contains("main-svg", dom);
            // The names as they are, in the legend.
            Assert.Contains("&lt;b&gt;arm&lt;/b&gt; &amp; $11$ %{x}", dom);
        }
    }

    [Fact]
    public void EveryDrawingIsXml_ToAnotherReader()
    {
        Assert.SkipUnless(Programs.Has("xmllint"), "needs xmllint (Debian: libxml2-utils), which is not here");
        List<string> paths = [];
        foreach ((string name, Figure figure) in FigureGallery.All)
        foreach (Medium medium in new[] { Medium.Page, Medium.Dark, Medium.Paper })
        {
            string path = Path.Combine(_folder, $"{name}-{medium}.svg");
            FigureFile.Write(figure, path, medium);
            paths.Add(path);
        }
        Assert.Equal("", Run("xmllint", ["--noout", "--nonet", .. paths]));
    }

    /// <summary>Writes the gallery for the eye where DAVID_GALLERY names a folder.</summary>
    [Fact]
    public void Gallery()
    {
        string? folder = Environment.GetEnvironmentVariable("DAVID_GALLERY");
        Assert.SkipWhen(
            string.IsNullOrEmpty(folder),
            "set DAVID_GALLERY to a folder to have every figure written there"
        );
        foreach ((string name, Figure figure) in FigureGallery.All)
        {
            foreach (Medium medium in new[] { Medium.PaperColumn, Medium.Light, Medium.Dark })
            {
                FigureFile.Write(figure, Path.Combine(folder!, $"{name}-{medium}.png"), medium);
                FigureFile.Write(figure, Path.Combine(folder!, $"{name}-{medium}.html"), medium, PlotlyPlace.Beside);
            }
            FigureFile.Write(figure, Path.Combine(folder!, $"{name}.pdf"), Medium.PaperColumn);
            FigureFile.Write(figure, Path.Combine(folder!, $"{name}.svg"));
        }
    }

    private static readonly string[] Browsing =
    [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ];

    private static string NeedsBrowser()
    {
        string? browser = Programs.Find("chromium") ?? Programs.Find("google-chrome");
        Assert.SkipWhen(browser is null, "needs chromium, which is not here");
        return browser!;
    }

    /// <summary>The library's path; skips where it can neither be found nor fetched.</summary>
    private static string NeedsPlotly()
    {
        try
        {
            return PlotlyFile.Find();
        }
        catch (IOException missing)
        {
            Assert.Skip(missing.Message);
            throw;
        }
    }

    /// <summary>What a program says; its complaints where it fails.</summary>
    private static string Run(string program, string[] arguments)
    {
        using Process process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true }
        )!;
        Task<string> complaints = process.StandardError.ReadToEndAsync();
        string said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, complaints.Result);
        return said;
    }
}
