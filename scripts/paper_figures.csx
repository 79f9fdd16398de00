// Every figure and table of a comparison or a run as a paper prints them.
//
//     ./david script scripts/paper_figures.csx runs/demo --out paper --width column
//
// FOLDER is that of `david demo`, `david compare`, a script's --out, or one run's. Figures are written as .pdf, .svg and
// .png, black on white in Latin Modern, 8.5 cm wide (--width column) or 17 cm (--width page); tables as .tex (booktabs),
// .md and .csv; captions.txt says what each shows. What is not finished is left out, and captions.txt says so. PDF and PNG
// need rsvg-convert (Debian: librsvg2-bin, and fonts-lmodern for the letters).
#load "david.csx"

return await RunScript(
    Args,
    "runs/demo --out paper --width column",
    "",
    options =>
    {
        Medium medium = options.Text("width") switch
        {
            "column" => Medium.PaperColumn,
            "page" => Medium.Paper,
            var other => throw new ArgumentException($"--width is \"{other}\"; it must be column or page."),
        };
        ComparisonReport report = ComparisonReport.Open(options.Text(""));
        string folder = options.Text("out");
        List<string> captions = [];

        foreach ((string name, Figure figure, string caption) in report.Figures)
        {
            captions.Add($"{name}: {caption}");
            foreach (string extension in (string[])[".svg", ".pdf", ".png"])
                FigureFile.Write(figure, Path.Combine(folder, name + extension), medium);
        }
        foreach (MarkSummary mark in report.Summary.Marks)
        foreach ((int i, Table table) in report.Tables(mark).Index())
        {
            // The first is that of the arms, the others those of differences.
            string name =
                i == 0 ? $"scores-{mark.Rollouts}" : $"difference-{mark.Rollouts}-{SummaryTables.Measures[i - 1].Name}";
            captions.Add($"{name}: {table.Caption}");
            foreach (string extension in (string[])[".tex", ".md", ".csv"])
                TableFile.Write(Path.Combine(folder, name + extension), table);
        }
        if (report.Unfinished != "")
            captions.Add(report.Unfinished);
        File.WriteAllLines(Path.Combine(folder, "captions.txt"), captions);
        WriteLine($"{captions.Count} figures and tables for a paper: {Path.GetFullPath(folder)}");
        return Task.CompletedTask;
    }
);
