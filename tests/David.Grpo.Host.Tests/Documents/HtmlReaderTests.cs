using System.Text;
using David.Grpo.Documents;

namespace David.Grpo.Host.Tests.Documents;

/// <summary>HTML, PDF and what texts are cleaned of.</summary>
public sealed partial class DocumentReaderTests
{
    [Theory]
    // Word, Confluence, Google Docs and Pandoc put paragraphs into cells.
    [InlineData(
        "<tr><th><p>City</p></th><th><p>Limit</p></th></tr><tr><td><p>Bergen</p></td><td><p>120 euro</p></td></tr>",
        "City | Limit\nBergen | 120 euro"
    )]
    [InlineData(
        "<tr><td><div>Bergen</div></td><td><ul><li>one</li><li>two</li></ul><br>x<h3>y</h3></td></tr>",
        "Bergen | one two x y"
    )]
    [InlineData(
        "<tr><td>Bergen<td><table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table><td>d<tr><td>e<td>f",
        "Bergen | a b c | d\ne | f"
    )]
    [InlineData("<tr><td></td><td>only second</td></tr>", "only second")]
    [InlineData(
        "<tr><td></td><td>2019</td><td>2020</td></tr><tr><td>Bergen</td><td>5</td><td></td></tr>",
        "| 2019 | 2020\nBergen | 5"
    )]
    [InlineData(
        "<tr><td rowspan=2>Bergen</td><td>room</td></tr><tr><td>meal</td></tr>",
        "Bergen | room\nBergen | meal"
    )]
    [InlineData("<tr><td colspan=2>Prices</td><td>x</td></tr>", "Prices |  | x")]
    [InlineData("<caption>Limits</caption><thead><tr><th>a<th>b<tbody><tr><td>c<td>d</table>", "Limits\na | b\nc | d")]
    [InlineData("<tr><td><pre>x\ny</pre><td>z", "x y | z")]
    public void Html_ARowOfATable_IsALine(string table, string text) =>
        Assert.Equal(
            text,
            Assert.Single(Read("a.html", $"<body><table>{table}</table>").Passages).Text.Replace(" \n", "\n")
        );

    [Fact]
    public void Html_ATableThatLaysThePageOut_IsText()
    {
        (_, Passage[] passages) = Read(
            "a.html",
            "<table><tr><td>Menu</td><td><h1>Travel</h1><p>One.</p><p>Two.</p><table><tr><td>a<td>b</table></td></tr></table>"
        );
        Assert.Equal(["Travel", "Travel"], passages.Select(passage => passage.Title));
        Assert.Equal(["Menu", "One.\n\nTwo.\n\na | b"], passages.Select(passage => passage.Text.Replace(" \n", "\n")));
    }

    [Theory]
    [InlineData("<h1>Travel<br>policy</h1><p>x", "Travel policy")]
    [InlineData(
        "<h1><svg><title>Icon</title></svg><img alt=\"Logo\" src=x>Travel<script>var x=1</script></h1><p>x",
        "Logo Travel"
    )]
    [InlineData("<h1><div>Travel</div><div>policy</div><a href=#x>¶</a></h1><p>x", "Travel policy")]
    [InlineData("<h2>  </h2><h1><b>Tra</b>vel</h1><p>x", "Travel")]
    public void Html_AHeading_HasItsWords(string page, string title) =>
        Assert.Equal(title, Read("a.html", $"<body>{page}").Passages[^1].Title);

    [Theory]
    [InlineData("<select><option>Alpha</option><option>Beta</option></select>", "Alpha\nBeta")]
    [InlineData("<center>One</center><center>Two</center>", "One\nTwo")]
    [InlineData("<x-card>One</x-card><x-card>Two</x-card>", "One Two")]
    [InlineData("<label>Name</label><button>Go</button>", "Name Go")]
    [InlineData("<fieldset><legend>One</legend>Two</fieldset><dialog open>Three</dialog>", "One\nTwo\nThree")]
    [InlineData("<span style='display: block'>One</span><span>Tw</span>o", "One\nTwo")]
    [InlineData("foo<img alt=bar src=x>baz", "foo bar baz")]
    [InlineData("<hgroup><p>One</p></hgroup><menu><li>Two</menu>", "One\n\nTwo")]
    public void Html_WhatABrowserSetsApart_IsNotGrownTogether(string body, string text) =>
        Assert.Equal(text, Assert.Single(Read("a.html", $"<body>{body}").Passages).Text.Replace(" \n", "\n"));

    [Theory]
    [InlineData("<pre>a\n  b</pre>")]
    [InlineData("<pre><code>a\n  b\n</code></pre>")]
    [InlineData("<pre><span>a</span>\n<span>  b</span></pre>")]
    [InlineData("<div style=\"white-space: pre-wrap\">a\n  b</div>")]
    public void Html_PreformattedText_KeepsItsLines(string body) =>
        Assert.Equal("a\n  b", Assert.Single(Read("a.html", $"<body>{body}").Passages).Text);

    public static TheoryData<string, int, string> Charsets { get; } =
        new()
        {
            { "<script src=x charset=\"utf-8\"></script><p>", 1252, "Das Café Zoé" },
            { "<link charset=utf-8><a charset='utf-8'></a><p data-charset=utf-8>", 1252, "Das Café Zoé" },
            {
                "<meta name=description content='a charset=koi8-r page'><!-- <meta charset=koi8-r> --><p>",
                1252,
                "Das Café"
            },
            { "<!--" + new string('x', 3000) + "--><meta charset=windows-1251><p>", 1251, "Столица России" },
            { "<meta http-equiv=Content-Type content=\"text/html; charset=windows-1251\"><p>", 1251, "Столица" },
            { "<META CONTENT='text/html;charset=koi8-r' HTTP-EQUIV='content-type'><p>", 20866, "Столица" },
            { "<?xml version=\"1.0\" encoding=\"windows-1250\"?><html><body><p>", 1250, "Žluťoučký kůň" },
            { "<meta charset=utf-8><p>", 1252, "Das Café Zoé" }, // it says what it is not
            { "<meta charset=iso-8859-1><p>", 1252, "„Café“" },
            { "<meta charset=nonsense><p>", 65001, "Café" },
            { "<meta charset=utf-16><p>", 65001, "Café" },
            { "<title>x</title><meta charset=\"windows-1251\"/><p>", 1251, "Столица" },
            { "<meta name='a' charset = ' windows-1251 ' ><p>", 1251, "Столица" },
            { "<meta charset=shift_jis><p>", 932, "東京" },
        };

    [Theory]
    [MemberData(nameof(Charsets))]
    public void Html_IsReadInTheEncodingThatAMetaNames_OrElseInTheOneItHas(string head, int codePage, string text)
    {
        Encoding encoding = CodePagesEncodingProvider.Instance.GetEncoding(codePage) ?? Encoding.UTF8;
        byte[] page = encoding.GetBytes(head + text);
        Assert.Equal(text, Assert.Single(Read("a.html", page).Passages).Text);
        byte[] marked = [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(head + text)];
        Assert.Equal(text, Assert.Single(Read("a.html", marked).Passages).Text);
    }

    [Theory]
    [InlineData("a.txt", "Reise\u00ADkosten")]
    [InlineData("a.html", "<p>Reise&shy;kos&#8203;ten")]
    [InlineData("a.md", "Reise\u200Bkosten")]
    [InlineData("a.jsonl", "{\"text\": \"Reise\\u00adkosten\", \"id\": 1}")]
    [InlineData("a.csv", "id,text\n1,Reise\u2060kosten\n2,x")]
    [InlineData("a.bib", "@misc{a, title={T}, abstract={Reise\uFEFFkosten}}")]
    public void InvisibleCharacters_AreInNoText(string name, string text) =>
        Assert.EndsWith("Reisekosten", Read(name, text).Passages[0].Text);

    [Theory]
    [InlineData("\u001b[32mok\u001b[0m \u001b[1;31mfailed\u001b[m", "ok failed")]
    [InlineData("\u001b]8;;http://a.org\u0007link\u001b]8;;\u001b\\ here", "link here")]
    [InlineData("one\vtwo\u0085three", "one\ntwo\nthree")]
    [InlineData("N\bNA\bAM\bME\bE and _\bx", "NAME and x")]
    [InlineData("ding\a", "ding")]
    [InlineData("Bergen\u0001 costs 120 euro.", "Bergen costs 120 euro.")]
    public void WhatATerminalIsTold_IsNoText_AndMakesAFileNotBinary(string text, string expected)
    {
        (DocumentFile file, Passage[] passages) = Read("a.log", text);
        Assert.Null(file.Skipped);
        Assert.Equal(expected, Assert.Single(passages).Text);
    }

    [Theory]
    [InlineData("re\u00AD\npayment", "repayment")]
    [InlineData("agree\u2010\nment", "agreement")]
    [InlineData("agree-  \n  ment of", "agreement of")]
    [InlineData("long-\nterm", "long-term")]
    [InlineData("paper-\nbased", "paper-based")]
    [InlineData("X-\nray", "X-ray")]
    [InlineData("a data-driven plan and a data-\ndriven one", "a data-driven plan and a data-driven one")]
    [InlineData("a timetable and a time-\ntable", "a timetable and a timetable")]
    [InlineData("Baden-\nWürttemberg", "Baden-Württemberg")]
    [InlineData("2024-\n2025", "2024-2025")]
    [InlineData("a dash -\nand more", "a dash -\nand more")]
    [InlineData("state-of-the-\nart", "state-of-the-art")]
    public void Pdf_AWordThatALineEndParts_IsJoined(string text, string joined) =>
        Assert.Equal([joined], PdfLines.Joined([text]));

    [Fact]
    public void Pdf_AWordThatAPageEndParts_BelongsToTheFirst() =>
        Assert.Equal(["We reimbursement", "of costs."], PdfLines.Joined(["We reimburse-\n", "ment of costs."]));
}
