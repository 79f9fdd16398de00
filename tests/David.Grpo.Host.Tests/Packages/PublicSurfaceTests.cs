using System.Reflection;
using System.Xml.Linq;
using David.Grpo.Figures;
using David.Grpo.Training;

namespace David.Grpo.Host.Tests.Packages;

public sealed class PublicSurfaceTests
{
    private static readonly Assembly[] Libraries =
    [
        typeof(Statistics).Assembly,
        typeof(Figure).Assembly,
        typeof(FigureCharts).Assembly,
        typeof(Trainer).Assembly,
        typeof(David.Grpo.Documents.DocumentCorpus).Assembly,
        typeof(David.Grpo.Notebooks.Notebook).Assembly,
    ];

    public static TheoryData<string> Names => [.. Libraries.Select(library => library.GetName().Name!)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Surface_IsTheOneThatWasAccepted(string name) =>
        Accepted.Equal($"tests/PublicApi/{name}.txt", PublicSurface.Text(Library(name)));

    /// <summary>
    /// The list may only become shorter: a new type or member gets a summary that states its contract, or is internal. An
    /// option's description and an enumeration's own summary say what its members are.
    /// </summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void EveryTypeAndMember_IsDocumentedButForThoseListed(string name)
    {
        XmlDocumentation documentation = XmlDocumentation.Of(Library(name));
        List<string> silent = [];
        foreach (PublicSurface.Entry entry in PublicSurface.Of(Library(name)))
        {
            if (entry.Ids is [] || entry.Ids.Any(id => IsSaid(documentation[id])))
                continue;
            if (
                entry.Parameter is { } parameter
                && documentation[$"T:{parameter.Type}"]
                    ?.Elements("param")
                    .Any(own => (string?)own.Attribute("name") == parameter.Name && own.Value.Trim().Length > 0) == true
            )
                continue;
            silent.Add(entry.Ids[0]);
        }
        Accepted.Equal($"tests/PublicApi/{name}.undocumented.txt", string.Concat(silent.Select(id => id + "\n")));
    }

    private static Assembly Library(string name) => Libraries.Single(library => library.GetName().Name == name);

    private static bool IsSaid(XElement? member) =>
        member is not null
        && (member.Element("inheritdoc") is not null || member.Element("summary")?.Value.Trim().Length > 0);
}
