// A figure of a comparison as a page of Plotly.NET, to go on from with its functions.
//
//     ./david script scripts/plotly_net.csx runs/demo --figure learning --out runs/plotly-net
//
// FOLDER is that of `david demo`, `david compare` or a script's --out. The page holds plotly.js and works without the net.
#load "david.csx"
#r "../.build/lib/David.Grpo.Plotly.dll"
#r "../.build/lib/DynamicObj.dll"
#r "../.build/lib/Plotly.NET.dll"

using Plotly.NET;

return await RunScript(
    Args,
    "runs/demo --figure learning --out runs/plotly-net",
    "",
    options =>
    {
        ComparisonReport report = ComparisonReport.Open(options.Text(""));
        string[] names = [.. report.Figures.Select(own => own.Name)];
        string name = options.Text("figure");
        if (!names.Contains(name))
            throw new ArgumentException($"--figure is \"{name}\"; it must be one of {string.Join(", ", names)}.");
        (_, var figure, string caption) = report.Figures.First(own => own.Name == name);

        GenericChart chart = Chart.withTitle(caption, null).Invoke(figure.ToChart());

        string path = Path.Combine(options.Text("out"), name + ".html");
        Directory.CreateDirectory(options.Text("out"));
        File.WriteAllText(path, GenericChart.toEmbeddedHTML(chart));
        WriteLine($"{name}: {Path.GetFullPath(path)}");
        return Task.CompletedTask;
    }
);
