// What every script of this folder begins with:
//     #load "david.csx"
//     return await RunScript(Args, "--seeds 3", "--seeds 1", async options => { ... });
// `global using` reaches the script that loads this file, also under `dotnet script`; a plain `using` would not.
#r "../.build/lib/FSharp.Core.dll"
#r "../.build/lib/David.Grpo.Core.dll"
#r "../.build/lib/David.Grpo.Figures.dll"
#r "../.build/lib/David.Grpo.Host.dll"

global using System.Globalization;
global using System.Runtime.CompilerServices;
global using System.Threading;
global using David.Grpo;
global using David.Grpo.Comparisons;
global using David.Grpo.Exits;
global using David.Grpo.Experiments;
global using David.Grpo.Figures;
global using David.Grpo.Formats;
global using David.Grpo.Learning;
global using David.Grpo.Models;
global using David.Grpo.Reports;
global using David.Grpo.Rollout;
global using David.Grpo.Runs;
global using David.Grpo.Search;
global using David.Grpo.Tasks;
global using David.Grpo.Tensors;
global using David.Grpo.Tokenization;
global using David.Grpo.Training;

// Runs a script with its options and gives its exit code: 0 done, 2 something to mend, 130 stopped by Ctrl-C.
//     defaults   every option with its default, as it would be typed: "--lambda 0 0.5 1 --seeds 3"; words before the first
//                option stand for arguments without a name
//     toy        those that `--toy` puts in their place, for a look within seconds
// `--help` prints the comment at the script's head, and the options.
async Task<int> RunScript(
    IList<string> args,
    string defaults,
    string toy,
    Func<ScriptOptions, Task> script,
    [CallerFilePath] string path = ""
)
{
    try
    {
        ScriptOptions options = new(args, defaults, toy);
        if (options.AsksForHelp)
            WriteLine(options.Help(path));
        else
            await script(options);
        return 0;
    }
    catch (OperationCanceledException stopped)
    {
        Error.WriteLine(stopped.Message);
        return 130;
    }
    catch (Exception fault) when (fault is ArgumentException or InvalidDataException or IOException)
    {
        Error.WriteLine($"{Path.GetFileName(path)}: {fault.Message}");
        return 2;
    }
}

// Prints a report and writes its page, with figures and tables of the script's own on it; its figures for a paper too (PDF).
async Task Publish(
    ComparisonReport report,
    (string Name, Figure Figure, string Caption)[] figures = null,
    (string Name, Table Table)[] tables = null
)
{
    report = report with { OwnFigures = figures ?? [], OwnTables = tables ?? [] };
    WriteLine(report);
    foreach ((_, Table table) in report.OwnTables)
        WriteLine(PlainText.Render(table));
    string page = await report.WriteAsync();
    foreach ((string name, Figure figure, _) in report.OwnFigures)
        WritePaper(figure, Path.Combine(report.Folder, "figures", name + ".pdf"));
    WriteLine($"Figures, tables and curves: {page}");
}

// As PDF, if what that needs is there.
void WritePaper(Figure figure, string path)
{
    try
    {
        FigureFile.Write(figure, path, Medium.Paper);
    }
    catch (IOException missing)
    {
        Error.WriteLine(missing.Message);
    }
}

// The options of a script, by name and without the dashes; "" for what stands before the first one.
sealed class ScriptOptions
{
    readonly Dictionary<string, string[]> _defaults;
    readonly Dictionary<string, string[]> _values;

    public ScriptOptions(IEnumerable<string> args, string defaults, string toy)
    {
        _defaults = Split(defaults.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        if (_defaults.ContainsKey("seeds"))
            foreach (string common in (string[])["first-seed 1", $"workers {Environment.ProcessorCount}", "model"])
                _defaults.TryAdd(common.Split(' ')[0], common.Split(' ')[1..]);
        Dictionary<string, string[]> given = Split(args);
        AsksForHelp = given.Remove("help") | given.Remove("h");
        IsToy = given.Remove("toy");
        _values = new(_defaults);
        foreach (
            (string name, string[] values) in IsToy ? Split(toy.Split(' ', StringSplitOptions.RemoveEmptyEntries)) : []
        )
            _values[name] = values;
        if (IsToy && _values.TryGetValue("out", out string[] folder))
            _values["out"] = [folder[0] + "-toy"];
        foreach ((string name, string[] values) in given)
            _values[name] = Checked(name, values);
    }

    public bool AsksForHelp { get; }
    public bool IsToy { get; }

    public string[] Texts(string name) => _values[name];

    // Null where the option has no default and is not given.
    public string? TextOrNull(string name) => Texts(name).FirstOrDefault();

    public string Text(string name) => Texts(name)[0];

    public double[] Numbers(string name) =>
        [.. Texts(name).Select(text => double.Parse(text, CultureInfo.InvariantCulture))];

    public double Number(string name) => Numbers(name)[0];

    public int[] Integers(string name) =>
        [.. Texts(name).Select(text => int.Parse(text, CultureInfo.InvariantCulture))];

    public int Integer(string name) => Integers(name)[0];

    // Variants at the budget of --seeds, --rollouts and --questions, in the folder --out.
    public Experiment Experiment(params IReadOnlyList<Variant> variants) =>
        new()
        {
            Folder = Text("out"),
            Variants = variants,
            Seeds = Integer("seeds"),
            FirstSeed = Integer("first-seed"),
            Rollouts = Integer("rollouts"),
            Questions = Integer("questions"),
            Workers = Integer("workers"),
            Model = TextOrNull("model"),
        };

    public string Help(string path) =>
        string.Join(
            "\n",
            [
                .. File.ReadLines(path).TakeWhile(line => line.StartsWith("//")).Select(line => line[2..].TrimEnd()),
                "",
                "Options and their defaults:",
                .. _defaults.Select(option => $"  {Shown(option.Key)} {string.Join(' ', option.Value)}".TrimEnd()),
                "  --toy     a look within seconds",
            ]
        );

    static Dictionary<string, string[]> Split(IEnumerable<string> words)
    {
        Dictionary<string, List<string>> found = [];
        string name = "";
        foreach (string word in words)
        {
            bool isOption = word.StartsWith("--") || word == "-h";
            if (isOption)
                name = word.TrimStart('-').Split('=')[0];
            if (isOption || !found.ContainsKey(name))
                found[name] = [];
            if (!isOption || word.Contains('='))
                found[name].Add(isOption ? word[(word.IndexOf('=') + 1)..] : word);
        }
        return found.ToDictionary(option => option.Key, option => option.Value.ToArray());
    }

    string[] Checked(string name, string[] values)
    {
        if (!_defaults.TryGetValue(name, out string[] defaults))
            throw new ArgumentException(
                (name == "" ? $"\"{values[0]}\" belongs to no option" : $"there is no option --{name}")
                    + $"; options are {string.Join(", ", _defaults.Keys.Where(key => key != "").Select(Shown))}, --toy and --help."
            );
        if (values.Length == 0)
            throw new ArgumentException(
                $"{Shown(name)} needs a value, such as {Shown(name)} {string.Join(' ', defaults)}."
            );
        if (values.Length > 1 && defaults.Length < 2)
            throw new ArgumentException($"{Shown(name)} takes one value; got {string.Join(' ', values)}.");
        foreach (string value in values)
            if (defaults is not [] && defaults.All(IsWhole) && !IsWhole(value))
                throw new ArgumentException($"{Shown(name)} is \"{value}\"; it must be a whole number.");
            else if (defaults is not [] && defaults.All(IsNumber) && !IsNumber(value))
                throw new ArgumentException($"{Shown(name)} is \"{value}\"; it must be a number.");
        return values;
    }

    static string Shown(string name) => name == "" ? "(first)" : $"--{name}";

    static bool IsWhole(string text) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _);

    static bool IsNumber(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double number)
        && double.IsFinite(number);
}
