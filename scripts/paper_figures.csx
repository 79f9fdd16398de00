// Every figure and table of a comparison or a run as a paper prints them.
//
//     ./david script scripts/paper_figures.csx runs/demo --out runs/paper --width column
//
// FOLDER is that of `david demo`, `david compare`, a script's --out, or one run's. Figures are written as .pdf, .svg and
// .png, black on white in Latin Modern, 8.5 cm wide (--width column; a figure of many panels also panel by panel) or 17 cm
// (--width page); tables as .tex (booktabs), .md and .csv; captions.txt says what each shows. What is not finished is left out, and captions.txt says so. PDF and PNG
// need rsvg-convert (Debian: librsvg2-bin, and fonts-lmodern for the letters).
#load "david.csx"

return await RunScript(
    Args,
    "runs/demo --out runs/paper --width column",
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
        string Place(string name) => Path.Combine(options.Text("out"), name);
        string Words(string title) => title.ToLowerInvariant().Replace(' ', '-');
        List<string> captions = [];

        foreach ((string name, Figure figure, string caption) in report.Figures)
        {
            captions.Add($"{name}: {caption}");
            // Many panels are higher than a page's column, so that each is a figure of its own too.
            Figure[] alone = figure.Panels.Length > 2 && medium.IsPaperColumn ? [.. figure.Panels.Select(Alone)] : [];
            foreach (Figure one in (Figure[])[figure, .. alone])
            foreach (string extension in (string[])[".svg", ".pdf", ".png"])
                FigureFile.Write(one, Place(one == figure ? name : $"{name}-{Words(one.Title)}") + extension, medium);
            Figure Alone(Panel panel) => Figure.Column(panel.Title, caption, [panel]).StyledBy(figure.Series);
        }
        foreach (MarkSummary mark in report.Summary.Marks)
        foreach ((string name, Table table) in SummaryTables.ForPaper(report, mark))
        {
            captions.Add($"{name}: {table.Caption}");
            foreach (string extension in (string[])[".tex", ".md", ".csv"])
                TableFile.Write(Place(name) + extension, table);
        }
        if (report.Unfinished != "")
            captions.Add(report.Unfinished);
        File.WriteAllLines(Place("captions.txt"), captions);
        WriteLine($"{captions.Count} figures and tables for a paper: {Path.GetFullPath(options.Text("out"))}");
        return Task.CompletedTask;
    }
);
