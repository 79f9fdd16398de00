using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using ScalarEvent = YamlDotNet.Core.Events.Scalar;

namespace David.Grpo.Configuration;

/// <summary>A node of a YAML document and where it begins, line and column from 1.</summary>
internal abstract record YamlNode(int Line, int Column)
{
    /// <summary>A value, or a value that is absent: <c>key:</c>, <c>~</c>, <c>null</c>.</summary>
    public sealed record Scalar(string Text, bool IsQuoted, int Line, int Column) : YamlNode(Line, Column)
    {
        public bool IsNothing => !IsQuoted && Text is "" or "~" or "null" or "Null" or "NULL";
    }

    public sealed record List(YamlNode[] Items, int Line, int Column) : YamlNode(Line, Column);

    /// <summary>Keys in the order of the file, none twice.</summary>
    public sealed record Map((Scalar Key, YamlNode Value)[] Entries, int Line, int Column) : YamlNode(Line, Column);

    /// <summary>What a message calls the node.</summary>
    public string Name =>
        this switch
        {
            Map => "a section",
            List => "a list",
            Scalar { IsNothing: true } => "nothing",
            Scalar { IsQuoted: true } scalar => $"the text \"{Short(scalar.Text)}\"",
            Scalar scalar => Short(scalar.Text),
            _ => "",
        };

    private static string Short(string text)
    {
        string line = text.ReplaceLineEndings(" ");
        return line.Length <= 60 ? line : line[..57] + "...";
    }

    /// <summary>The document as a tree, or null, with the one problem, where it cannot be read to its end.</summary>
    public static YamlNode? Load(string text, List<ConfigurationProblem> problems)
    {
        if (text.IndexOf('\0') is var zero and >= 0)
        {
            (int line, int column) = Position(text, zero);
            problems.Add(new(line, column, "", "a NUL character", "a text file"));
            return null;
        }
        Loader loader = new(text, problems);
        try
        {
            return loader.Document();
        }
        catch (YamlException error)
        {
            loader.ReportSyntax(error.Start, error.Message);
        }
        catch (InvalidOperationException)
        {
            // YamlDotNet's scanner gives up so on some unclosed brackets.
            loader.ReportSyntax(loader.Open, "a list or map in brackets that is not closed.");
        }
        return null;
    }

    private static (int Line, int Column) Position(string text, int index)
    {
        ReadOnlySpan<char> before = text.AsSpan(0, index);
        return (before.Count('\n') + 1, index - before.LastIndexOf('\n'));
    }

    private sealed class Loader(string text, List<ConfigurationProblem> problems)
    {
        private readonly Parser parser = new(new StringReader(text));

        /// <summary>Where the innermost list or map begins that has not ended yet.</summary>
        public Mark Open { get; private set; }

        public YamlNode Document()
        {
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _))
                return new Scalar("", false, 1, 1);
            parser.Consume<DocumentStart>();
            YamlNode root = Node("");
            parser.Consume<DocumentEnd>();
            if (parser.Accept<DocumentStart>(out DocumentStart? second))
                Report(second, "", "a second document", "one document a file; take out the line ---");
            return root;
        }

        /// <summary>
        /// A syntax error is reported alone, since what was read before it may be misunderstood. The parser blames tabs
        /// on the lines before them.
        /// </summary>
        public void ReportSyntax(Mark at, string message)
        {
            problems.Clear();
            string[] lines = text.Split('\n');
            for (int i = (int)at.Line - 1; i < Math.Min(lines.Length, at.Line + 1); i++)
            {
                int indent = lines[i].Length - lines[i].TrimStart(' ', '\t').Length;
                if (lines[i].IndexOf('\t') is var tab and >= 0 && tab < indent)
                {
                    problems.Add(
                        new(i + 1, tab + 1, "", "a tab before the text", "spaces; YAML is not indented by tabs")
                    );
                    return;
                }
            }
            problems.Add(new((int)at.Line, (int)at.Column, "", message.TrimEnd('.'), "YAML"));
        }

        private YamlNode Node(string path)
        {
            ParsingEvent next = parser.Consume<ParsingEvent>();
            if (next is AnchorAlias alias)
            {
                Report(alias, path, $"the alias *{alias.Value}", "the value itself; aliases are not read");
                return At(next);
            }
            if (next is NodeEvent { Anchor.IsEmpty: false } anchored)
                Report(next, path, $"the anchor &{anchored.Anchor}", "a value; anchors are not read");
            else if (next is NodeEvent { Tag: { IsEmpty: false, IsNonSpecific: false } } tagged)
                Report(next, path, $"the tag {tagged.Tag}", "a value; tags are not read, and quotes make a text");
            return next switch
            {
                ScalarEvent scalar => Leaf(scalar),
                SequenceStart => Items(next, path),
                _ => Entries(next, path),
            };
        }

        private static Scalar At(ParsingEvent found) => new("", false, (int)found.Start.Line, (int)found.Start.Column);

        private static Scalar Leaf(ScalarEvent scalar) =>
            At(scalar) with
            {
                Text = scalar.Value,
                IsQuoted = scalar.Style is not ScalarStyle.Plain,
            };

        private Mark Enter(ParsingEvent start)
        {
            Mark outer = Open;
            Open = start.Start;
            return outer;
        }

        private List Items(ParsingEvent start, string path)
        {
            Mark outer = Enter(start);
            List<YamlNode> items = [];
            while (!parser.TryConsume<SequenceEnd>(out _))
                items.Add(Node($"{path}[{items.Count}]"));
            Open = outer;
            return new List([.. items], (int)start.Start.Line, (int)start.Start.Column);
        }

        private Map Entries(ParsingEvent start, string path)
        {
            Mark outer = Enter(start);
            Dictionary<string, (Scalar Key, YamlNode Value)> entries = [];
            while (!parser.TryConsume<MappingEnd>(out _))
            {
                if (!parser.TryConsume<ScalarEvent>(out ScalarEvent? found))
                {
                    Report(parser.Current!, path, "a key that is not a word", "a key such as top_k");
                    parser.SkipThisAndNestedEvents();
                    parser.SkipThisAndNestedEvents();
                    continue;
                }
                Scalar key = Leaf(found);
                string inner = Join(path, key.Text);
                YamlNode value = Node(inner);
                if (!entries.TryAdd(key.Text, (key, value)))
                {
                    Scalar first = entries[key.Text].Key;
                    Report(
                        found,
                        inner,
                        "the key a second time",
                        $"it once; the first is at line {first.Line}, column {first.Column}"
                    );
                }
            }
            Open = outer;
            return new Map([.. entries.Values], (int)start.Start.Line, (int)start.Start.Column);
        }

        private void Report(ParsingEvent at, string path, string got, string expected) =>
            problems.Add(new((int)at.Start.Line, (int)at.Start.Column, path, got, expected));
    }

    /// <summary>The path of a key in a section; the outermost section has the path "".</summary>
    public static string Join(string section, string key) => section.Length == 0 ? key : $"{section}.{key}";
}
