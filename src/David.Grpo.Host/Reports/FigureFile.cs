using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using David.Grpo.Figures;

namespace David.Grpo.Reports;

/// <summary>Figures as files.</summary>
public static class FigureFile
{
    /// <summary>The resolution of .png for paper, in dots an inch; on screens two pixels of the file are one of the page.</summary>
    private const int PaperDots = 300;

    /// <summary>The kinds of file that <see cref="Write(Figure, string)"/> knows.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".svg", ".pdf", ".png", ".html", ".json"];

    /// <summary>
    /// Writes a figure for the medium that its kind of file is mostly made for: .pdf for a paper, .png for a light page,
    /// .svg and .html for a page that follows its reader, .json (plotly.js) for a light page.
    /// </summary>
    /// <inheritdoc cref="Write(Figure, string, Medium, PlotlyPlace)"/>
    public static void Write(Figure figure, string path) =>
        Write(
            figure,
            path,
            Path.GetExtension(path).ToLowerInvariant() switch
            {
                ".pdf" => Medium.Paper,
                ".png" or ".json" => Medium.Light,
                _ => Medium.Page,
            }
        );

    /// <summary>Writes a figure. The folder is made if it is not there; a file that is there is replaced as a whole.</summary>
    /// <param name="path">
    /// .svg; .pdf or .png, which need rsvg-convert; .html, interactive, without the net (see <see cref="PlotlyFile"/>); .json,
    /// the content of application/vnd.plotly.v1+json. Equal figures give equal files.
    /// </param>
    /// <param name="place">Where a .html keeps plotly.js.</param>
    /// <exception cref="ArgumentException">The extension is none of these, or the figure cannot be drawn.</exception>
    /// <exception cref="IOException">The file cannot be written, or what its kind needs is missing: the message says what.</exception>
    public static void Write(Figure figure, string path, Medium medium, PlotlyPlace place = PlotlyPlace.Inside)
    {
        string extension = Path.GetExtension(path).ToLowerInvariant();
        if (!Extensions.Contains(extension))
            throw new ArgumentException(
                $"The figure's file is {path}; its name must end in {string.Join(", ", Extensions)}.",
                nameof(path)
            );
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        byte[] content = extension switch
        {
            ".svg" => Utf8(Svg.RenderFor(medium, figure)),
            ".json" => Utf8(Plotly.Json(medium, figure) + "\n"),
            ".html" => Utf8(Plotly.Html(medium, PlotlyFile.For(path, place), figure)),
            _ => Convert(Svg.RenderFor(medium, figure), extension, medium, path),
        };
        string partial = $"{path}.{Environment.ProcessId}.partial";
        File.WriteAllBytes(partial, content);
        File.Move(partial, path, overwrite: true);
    }

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static byte[] Convert(string svg, string extension, Medium medium, string path)
    {
        bool isPaper = medium.IsPaper || medium.IsPaperColumn;
        ProcessStartInfo start = new("rsvg-convert")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false),
            ArgumentList = { "--format", extension[1..] },
            // The date within a .pdf, so that equal figures give equal files.
            Environment = { ["SOURCE_DATE_EPOCH"] = "0" },
        };
        string[] size = (extension, isPaper) switch
        {
            (".pdf", _) => [],
            (_, true) => ["--dpi-x", $"{PaperDots}", "--dpi-y", $"{PaperDots}", "--background-color", "white"],
            (_, false) => ["--zoom", "2", "--background-color", "white"],
        };
        foreach (string argument in size)
            start.ArgumentList.Add(argument);
        try
        {
            using Process converter = Process.Start(start)!;
            Task<string> said = converter.StandardError.ReadToEndAsync();
            Task feeding = Task.Run(() =>
            {
                try
                {
                    converter.StandardInput.Write(svg);
                    converter.StandardInput.Close();
                }
                catch (IOException)
                {
                    // It ended before it had read all; its status tells why.
                }
            });
            using MemoryStream content = new();
            converter.StandardOutput.BaseStream.CopyTo(content);
            feeding.Wait();
            converter.WaitForExit();
            return converter.ExitCode == 0
                ? content.ToArray()
                : throw new IOException($"rsvg-convert could not write {path}: {said.Result.Trim()}");
        }
        catch (Win32Exception)
        {
            throw new IOException(
                $"{path} needs rsvg-convert, which is not here. Install it (Debian: librsvg2-bin; and fonts-lmodern for papers), or write the figure as .svg."
            );
        }
    }
}
