using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace David.Grpo.Host.Tests.Packages;

/// <summary>The XML documentation that lies beside an assembly.</summary>
internal sealed partial class XmlDocumentation
{
    private readonly Dictionary<string, XElement> _members;

    private XmlDocumentation(Dictionary<string, XElement> members) => _members = members;

    public static XmlDocumentation Of(Assembly assembly) =>
        new(
            XDocument
                .Load(Path.ChangeExtension(assembly.Location, ".xml"))
                .Descendants("member")
                .DistinctBy(member => member.Attribute("name")!.Value)
                .ToDictionary(member => member.Attribute("name")!.Value)
        );

    /// <summary>The element of a member; null where it has none.</summary>
    public XElement? this[string id] => _members.GetValueOrDefault(id);

    /// <summary>What a property means: its summary, or its parameter of a positional record. Empty where nothing is said.</summary>
    public string Describe(PropertyInfo property)
    {
        string type = property.DeclaringType!.FullName!.Replace('+', '.');
        XElement? text =
            this[$"P:{type}.{property.Name}"]?.Element("summary")
            ?? this[$"T:{type}"]
                ?.Elements("param")
                .FirstOrDefault(param => (string?)param.Attribute("name") == property.Name);
        return text is null ? "" : Blank().Replace(Words(text), " ").Trim();
    }

    /// <summary>The text, and of a reference the name of what it refers to.</summary>
    private static string Words(XElement element) =>
        string.Concat(
            element
                .Nodes()
                .Select(node =>
                    node switch
                    {
                        XElement { IsEmpty: true } reference => ((string?)reference.FirstAttribute ?? "").Split('.')[
                            ^1
                        ],
                        XElement inner => Words(inner),
                        XText text => text.Value,
                        _ => "",
                    }
                )
        );

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blank();
}
