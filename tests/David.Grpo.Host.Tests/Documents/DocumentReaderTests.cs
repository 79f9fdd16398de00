using System.Diagnostics;
using System.Text;
using David.Grpo.Documents;

namespace David.Grpo.Host.Tests.Documents;

public sealed partial class DocumentReaderTests
{
    private const string Text = "Die Brücke in Tromsø kostet 5 €, sagt „Åse“.";

    public static TheoryData<string, byte[]> Encodings { get; } =
        new()
        {
            { "UTF-8", Encoding.UTF8.GetBytes(Text) },
            { "UTF-8 with a mark", [0xEF, 0xBB, 0xBF, .. Encoding.UTF8.GetBytes(Text)] },
            { "UTF-16 LE with a mark", [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(Text)] },
            { "UTF-16 BE with a mark", [0xFE, 0xFF, .. Encoding.BigEndianUnicode.GetBytes(Text)] },
            { "UTF-16 LE", Encoding.Unicode.GetBytes(Text) },
            { "UTF-16 BE", Encoding.BigEndianUnicode.GetBytes(Text) },
            { "Windows-1252", CodePagesEncodingProvider.Instance.GetEncoding(1252)!.GetBytes(Text) },
            { "decomposed", Encoding.UTF8.GetBytes(Text.Replace("ü", "u\u0308").Replace("Å", "A\u030A")) },
        };

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Text_OfAnyEncoding_IsRead(string encoding, byte[] bytes)
    {
        Assert.NotEmpty(encoding);
        Passage passage = Assert.Single(Read("note.txt", bytes).Passages);
        Assert.Equal(Text, passage.Text);
    }

    [Theory]
    [InlineData("empty.md", "", "it is empty")]
    [InlineData("blank.md", " \n\n", "it holds no words")]
    [InlineData("film.mp4", "x", ".mp4 is not read; make it one of")]
    [InlineData("broken.json", "{\"a\": ", "it is no JSON")]
    [InlineData("broken.pdf", "%PDF-1.4 nonsense", "it is damaged, or no PDF")]
    [InlineData("none.bib", "just words", "it has no BibTeX entry")]
    public void WhatCannotBeRead_IsSkippedWithTheReason(string name, string text, string reason)
    {
        (DocumentFile file, Passage[] passages) = Read(name, Encoding.UTF8.GetBytes(text));
        Assert.Empty(passages);
        Assert.StartsWith(reason, file.Skipped);
    }

    [Fact]
    public void BinaryData_InATextFile_IsSkipped()
    {
        byte[] bytes = new byte[5000];
        new Random(1).NextBytes(bytes);
        Assert.Equal("it is no text, but binary data", Read("data.txt", bytes).File.Skipped);
    }

    [Fact]
    public void RandomBytes_NeverThrow()
    {
        Random random = new(2);
        foreach (string extension in DocumentCorpus.Extensions)
            for (int i = 0; i < 20; i++)
            {
                byte[] bytes = new byte[random.Next(1, 400)];
                random.NextBytes(bytes);
                if (i % 2 == 0)
                    for (int at = 0; at < bytes.Length; at++)
                        bytes[at] = (byte)"@{}\"',;=|#<>/a \n\\"[bytes[at] % 17];
                (DocumentFile file, Passage[] passages) = Read("x" + extension, bytes);
                Assert.Equal(file.Skipped is null, passages.Length > 0);
            }
    }

    [Fact]
    public void Markdown_IsCutAtItsHeadings()
    {
        (DocumentFile file, Passage[] passages) = Read(
            "a.md",
            "---\ntitle: The handbook\n---\nBefore.\n\n# Travel\n\n## Hotels *and* [inns](x)\nRooms.\n\n```\n# no heading\n```\n"
                + "Meals\n-----\nFood.\n\n| a | b |\n|---|---|\n"
        );
        Assert.Equal("The handbook", file.Title);
        Assert.Equal("front matter", Assert.Single(file.Dropped).What);
        Assert.Equal(
            ["The handbook", "The handbook › Travel › Hotels and inns", "The handbook › Travel › Meals"],
            passages.Select(passage => passage.Title)
        );
        Assert.Contains("# no heading", passages[1].Text);
        Assert.Contains("| a | b |", passages[2].Text);
    }

    [Theory]
    // Backticks after the marks: code within a line.
    [InlineData("# A\n\n```npm install owl```\n\n## B\n\nx\n\n```sh\nrun\n```\n\n## C\n\ny", "A|A › B|A › C")]
    // A line of marks and words closes nothing.
    [InlineData("# A\n\n```text\n```python\n# x\n```\n\n## B\n\ny", "A|A › B")]
    [InlineData("# A\n\n~~~~\n~~~\n## x\n~~~~\n\n## B\n\ny", "A|A › B")]
    // Marks far to the right are code by their indentation; so is what looks like a heading there.
    [InlineData("# A\n\n    ```\n\n    # x\n\n## B\n\ny", "A|A › B")]
    [InlineData("# A\n\n<!--\n# x\n-->\n\n## B\n\ny", "A|A › B")]
    [InlineData("# A\n\n- one\n---\n\nName | Cost\n--- | ---\nowl | 3\n\n## B\n\ny", "A|A › B")]
    [InlineData(
        "A *b*\n`c_d` &amp; <http://e.f>\n===\n\nx\n\n## [G](h) ##\ny",
        "A b c_d & http://e.f|A b c_d & http://e.f › G"
    )]
    public void Markdown_HasTheHeadingsThatCommonMarkSees(string text, string titles)
    {
        (_, Passage[] passages) = Read("a.md", text);
        Assert.Equal(titles.Split('|'), passages.Select(passage => passage.Title));
        Assert.All(passages, passage => Assert.NotEmpty(passage.Text));
    }

    [Fact]
    public void Markdown_KeepsCodeAndTablesAsTheyAreWritten()
    {
        const string Code = "```cs\nint x = 1; // *not* emphasis\n\nx++;\n```";
        const string Table = "| Town | Cost |\n|---|---:|\n| Turku | 90 |";
        (_, Passage[] passages) = Read("a.md", $"# A\n\n{Code}\n\n{Table}\n");
        Assert.Equal($"{Code}\n\n{Table}", Assert.Single(passages).Text);
    }

    [Theory]
    [InlineData("---\n\nBergen costs 120 euro.\n\n---\n\nTurku costs 90.", "Bergen costs 120 euro.")]
    [InlineData("---\nBergen costs: 120 euro.\n---\n\nTurku costs 90.", "Bergen costs: 120 euro.")]
    [InlineData("---\nBergen: 120 euro.\nThat is much.\n---\n\nTurku costs 90.", "That is much.")]
    [InlineData("---\ntitle: never closed\n\nTurku costs 90.", "never closed")]
    public void Markdown_BetweenTwoRules_IsTextUnlessItIsFrontMatter(string text, string kept)
    {
        (DocumentFile file, Passage[] passages) = Read("a.md", text);
        Assert.Empty(file.Dropped);
        Assert.Contains(passages, passage => (passage.Title + passage.Text).Contains(kept, StringComparison.Ordinal));
        Assert.Contains(passages, passage => passage.Text.Contains("Turku costs 90.", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("title: 'On owls'\ntags:\n- a\n- b\n# a remark\nauthor: {\n  name: Vik\n}\n...", "On owls")]
    [InlineData("layout: post\ntitle: Owls: a guide\n\ndate: 2024-01-01\n---", "Owls: a guide")]
    [InlineData("title: >-\n  On owls\n  and foxes\n---", "On owls and foxes")]
    [InlineData("draft: true\n---", "Birds")]
    public void Markdown_FrontMatter_IsNoText_ButItsTitleCounts(string matter, string title)
    {
        (DocumentFile file, Passage[] passages) = Read("a.md", $"---\n{matter}\n# Birds\n\nOwls hunt at night.");
        Assert.Equal(title, file.Title);
        Assert.Equal(matter.Length + 5, Assert.Single(file.Dropped).Characters);
        Assert.Equal("Owls hunt at night.", Assert.Single(passages).Text);
    }

    [Fact]
    public void Markdown_NestedDeeply_IsRead()
    {
        (_, Passage[] passages) = Read(
            "deep.md",
            $"{new string('>', 20_000)} The owl\n\n{new string('[', 20_000)}and the fox."
        );
        Assert.EndsWith("and the fox.", passages[^1].Text);
    }

    [Fact]
    public void Html_GivesTheTextUnderItsHeadings_AndNamesWhatIsLeftOut()
    {
        (DocumentFile file, Passage[] passages) = Read(
            "a.html",
            "<html><head><title>Claims &amp; costs</title><script>let x = 1;</script></head><body><nav>Home</nav>"
                + "<h1>Receipts</h1><p>Above <b>15</b>&nbsp;euro.<br>Signed.</p><table><tr><td>up to 500</td><td>team lead</td></tr>"
                + "</table><h2>Late</h2><ul><li>one<li>two</ul></body></html>"
        );
        Assert.Equal("Claims & costs", file.Title);
        Assert.Equal(["Claims & costs › Receipts", "Claims & costs › Receipts › Late"], passages.Select(p => p.Title));
        Assert.Equal("Above 15 euro.\nSigned.\n\nup to 500 | team lead", passages[0].Text.Replace(" \n", "\n"));
        Assert.Equal("one\ntwo", passages[1].Text);
        Assert.Equal(["scripts, styles and navigation"], file.Dropped.Select(dropped => dropped.What));
    }

    [Fact]
    public void Html_NestedDeeply_IsRead()
    {
        string page = string.Concat(Enumerable.Repeat("<div>", 20_000)) + "deep";
        Assert.Equal("deep", Assert.Single(Read("deep.html", page).Passages).Text);
    }

    [Theory]
    [InlineData("<b><i>&amp;<div>", 100_000)]
    [InlineData("<div><table><tr><td><b>", 50_000)]
    public void Html_NestedBeyondAnyBrowser_IsReadInTime(string nest, int times)
    {
        string page = $"<style>b {{}}</style>{string.Concat(Enumerable.Repeat(nest, times))}The owl &amp; the fox.";
        Stopwatch clock = Stopwatch.StartNew();
        (DocumentFile file, Passage[] passages) = Read("deep.html", page);
        Assert.EndsWith("The owl & the fox.", passages[^1].Text);
        Assert.Equal(
            ["headings, of a page that nests too deeply to be parsed", "scripts and styles"],
            file.Dropped.Select(dropped => dropped.What)
        );
        // The parser had not ended after minutes.
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 20);
    }

    [Fact]
    public void Html_WithEndTagsLeftOut_KeepsItsStructure()
    {
        string page = "<h1>Birds</h1><ul>" + string.Concat(Enumerable.Repeat("<li>owl<br>\n<p>fox", 3000));
        (DocumentFile file, Passage[] passages) = Read("long.html", page);
        Assert.Equal("Birds", passages[0].Title);
        Assert.Empty(file.Dropped);
    }

    [Fact]
    public void Html_InTheCharsetThatItNames_IsRead()
    {
        byte[] page = Encoding.Latin1.GetBytes("<meta charset=iso-8859-1><p>Tromsø");
        Assert.Equal("Tromsø", Assert.Single(Read("a.html", page).Passages).Text);
    }

    [Fact]
    public void Csv_IsReadByRfc4180_WithWhateverSeparator()
    {
        (DocumentFile file, Passage[] passages) = Read(
            "a.csv",
            "asset;owner;note\r\n\"PR;207\";\"Nilsen, Tor\";\"says \"\"no\"\"\nand goes\"\r\n\r\nLT-1;;x;extra\r\n"
        );
        Assert.Equal(["asset", "owner", "note"], file.Fields);
        Assert.Equal(["a › PR;207", "a › LT-1"], passages.Select(passage => passage.Title));
        Assert.Equal("owner: Nilsen, Tor\nnote: says \"no\"\nand goes", passages[0].Text);
        Assert.Equal("note: x\ncolumn 4: extra", passages[1].Text);
    }

    [Fact]
    public void Csv_ThatNeverClosesAQuote_LosesNothing()
    {
        (_, Passage[] passages) = Read("a.csv", "key,note\n1,one\n2,\"two\n3,three\n");
        Assert.Equal(["note: one", "note: \"two", "note: three"], passages.Select(passage => passage.Text));
    }

    [Fact]
    public void Csv_WithoutAHeader_NumbersItsColumns() =>
        Assert.Equal(["column 1", "column 2"], Read("a.csv", "1,2\n3,4\n").File.Fields);

    [Fact]
    public void JsonLines_AreRecords_AndBrokenLinesAreCounted()
    {
        (DocumentFile file, Passage[] passages) = Read(
            "a.jsonl",
            "{\"id\": 7, \"title\": \"Stripes\", \"tags\": [\"a\", \"b\"], \"by\": {\"name\": \"Tor\"}, \"text\": \"Long.\"}\n"
                + "oops\n{\"id\": 8, \"title\": null}\n"
        );
        Assert.Equal(["a › Stripes", "a › 8"], passages.Select(passage => passage.Title));
        Assert.Equal("id: 7\ntags: a, b\nby.name: Tor\n\nLong.", passages[0].Text);
        Assert.Equal(new DroppedText("1 line of no valid JSON", 4), Assert.Single(file.Dropped));
    }

    [Fact]
    public void BibTex_IsRead_WithAccentsStringsAndNestedBraces()
    {
        (DocumentFile file, Passage[] passages) = Read(
            "lib.bib",
            """
            @string{jtm = "Journal of Tides"}
            @article{mork2019,
              title = {Drift of {Float} Gauges},
              author = "M{\o}rk, Jens and Lind, P{\"a}r",
              journal = jtm # { B},
              year = 2019,
              abstract = {Up to 4~mm, 1--2 \& more.}
            }
            """
        );
        Passage passage = Assert.Single(passages);
        Assert.Equal("lib › Drift of Float Gauges", passage.Title);
        Assert.Contains("author: Mørk, Jens and Lind, Pär", passage.Text);
        Assert.Contains("journal: Journal of Tides B", passage.Text);
        Assert.EndsWith("Up to 4 mm, 1–2 & more.", passage.Text);
        Assert.Contains("year", file.Fields);
    }

    [Fact]
    public void Pdf_GivesASectionAPage()
    {
        (DocumentFile file, Passage[] passages) = Read("gauge.pdf", OnePage("Float gauges drift by 4 millimetres."));
        Assert.Null(file.Skipped);
        Passage passage = Assert.Single(passages);
        Assert.Equal("gauge › page 1", passage.Title);
        Assert.Equal("Float gauges drift by 4 millimetres.", passage.Text);
        Assert.Equal(
            "no page has text; a scan needs character recognition first",
            Read("scan.pdf", OnePage("")).File.Skipped
        );
    }

    private static (DocumentFile File, Passage[] Passages) Read(string name, string text) =>
        Read(name, Encoding.UTF8.GetBytes(text));

    private static (DocumentFile File, Passage[] Passages) Read(string name, byte[] bytes)
    {
        (DocumentFile file, ReadPassage[] passages) = DocumentReaders.Read(
            name,
            bytes,
            new DocumentOptions(),
            TestContext.Current.CancellationToken
        );
        return (file, Array.ConvertAll(passages, read => read.Passage));
    }

    private static byte[] OnePage(string text)
    {
        string content = text.Length == 0 ? "" : $"BT /F1 12 Tf 72 720 Td ({text}) Tj ET";
        string[] objects =
        [
            "<< /Type /Catalog /Pages 2 0 R >>",
            "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
            $"<< /Length {content.Length} >>\nstream\n{content}\nendstream",
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        ];
        StringBuilder pdf = new("%PDF-1.4\n");
        List<int> offsets = [];
        for (int i = 0; i < objects.Length; i++)
        {
            offsets.Add(pdf.Length);
            pdf.Append($"{i + 1} 0 obj\n{objects[i]}\nendobj\n");
        }
        int table = pdf.Length;
        pdf.Append($"xref\n0 {objects.Length + 1}\n0000000000 65535 f \n");
        foreach (int offset in offsets)
            pdf.Append($"{offset:D10} 00000 n \n");
        pdf.Append($"trailer\n<< /Size {objects.Length + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n");
        return Encoding.ASCII.GetBytes(pdf.ToString());
    }
}
