using David.Grpo.Documents;

namespace David.Grpo.Host.Tests.Documents;

/// <summary>Tables: which row names the fields, what stands above it, and quotes.</summary>
public sealed partial class DocumentReaderTests
{
    [Theory]
    // pandas' to_csv: the index has no name.
    [InlineData(
        ",name,office,salary\n0,Mira Holt,Bergen,51000\n1,Jon Vik,Turku,47000\n",
        "column 1|name|office|salary"
    )]
    [InlineData("item,,count\nLamp,B4,17\nRope,C9,230\n", "item|column 2|count")]
    [InlineData("name,name,year\nMira,Holt,2019\nJon,Vik,2020\n", "name|name 2|year")]
    [InlineData("country,2019,2020\nNorway,5.3,5.4\nFinland,5.5,5.5\n", "country|2019|2020")]
    [InlineData("item,1,price\nLamp,a,3.50\nRope,b,12\n", "item|1|price")]
    [InlineData("Lamp,B4,17\nRope,C9,230\n", "column 1|column 2|column 3")]
    [InlineData("Norway,2019,2020\nSweden,2018,2021\n", "column 1|column 2|column 3")]
    [InlineData("item,price\nLamp,\"€ 1,200.50\"\nRope,\"€ 3\"\n", "item|price")]
    // Rows that end with a separator, and R's write.table.
    [InlineData("name,age\nMira,30,\nJon,40,\n", "name|age")]
    [InlineData("name,age\n1,Mira,30\n2,Jon,40\n", "column 1|name|age")]
    // Above the header.
    [InlineData("sep=;\nitem;shelf;count\nLamp;B4;17\n", "item|shelf|count")]
    [InlineData("\"sep=|\"\r\nitem|shelf\r\nLamp|B4\r\n", "item|shelf")]
    [InlineData("Quarterly report\n\nitem,shelf,count\nLamp,B4,17\nRope,C9,230\n", "item|shelf|count")]
    [InlineData(
        "Report of shops, 2026\nby the office\nitem;shelf;count\nLamp;B4;17\nRope;C9;230\n",
        "item|shelf|count"
    )]
    [InlineData("Sales by region, by hand\nitem,shelf,count\nLamp,B4,17\nRope,C9,230\n", "item|shelf|count")]
    [InlineData("# exported today\n# by hand\nitem,count\nLamp,17\n", "item|count")]
    [InlineData("# exported, today\nitem,count\nLamp,17\nRope,3\n", "item|count")]
    [InlineData("#item,count\nLamp,17\nRope,3\n", "item|count")]
    public void Csv_HasTheFieldsThatItsHeaderNames(string text, string fields) =>
        Assert.Equal(fields.Split('|'), Read("a.csv", text).File.Fields);

    [Fact]
    public void Csv_WhatStandsAboveTheHeader_IsText_AndIsNoRecord()
    {
        (DocumentFile file, Passage[] passages) = Read(
            "a.csv",
            "Quarterly report\n\nitem,shelf,count\nLamp,B4,17\nRope,C9,230\n"
        );
        Assert.Equal(["a", "a › Lamp", "a › Rope"], passages.Select(passage => passage.Title));
        Assert.Equal(
            ["Quarterly report", "shelf: B4\ncount: 17", "shelf: C9\ncount: 230"],
            passages.Select(p => p.Text)
        );
        Assert.Empty(file.Dropped);
        Assert.Equal(
            new DroppedText("line that names the separator", 5),
            Assert.Single(Read("a.csv", "sep=;\nitem;count\nLamp;4\n").File.Dropped)
        );
    }

    [Fact]
    public void Tsv_AQuoteIsALetter()
    {
        (_, Passage[] passages) = Read(
            "a.tsv",
            "id\ttext\ttitle\n1\t\"Heroes\" was recorded in Berlin\tBowie song\n2\t\"Open quote never closed\tBroken\n"
                + "3\tThe Vistula flows through Krakow\tVistula\n4\tA 7\" single was pressed\tSingle\n5\t\"Low\"\tAlbum\n"
        );
        Assert.Equal(
            ["a › Bowie song", "a › Broken", "a › Vistula", "a › Single", "a › Album"],
            passages.Select(passage => passage.Title)
        );
        Assert.Contains("\n\"Heroes\" was", passages[0].Text);
        Assert.Contains("\n\"Open quote", passages[1].Text);
        Assert.Contains("A 7\" single", passages[3].Text);
        Assert.Contains("\n\"Low\"", passages[4].Text);
    }

    [Fact]
    public void Tsv_ThatOnlyAsQuotedHasOneWidth_IsReadSo()
    {
        (_, Passage[] passages) = Read("a.tsv", "name\tnote\nLamp\t\"two\nlines\"\nRope\t\"a\ttab\"\n");
        Assert.Equal(["note: two\nlines", "note: a\ttab"], passages.Select(passage => passage.Text));
    }

    [Theory]
    [InlineData("\"Heroes\" is a song", "\"Heroes\" is a song")]
    [InlineData("\"Heroes\" and \"Low\"", "\"Heroes\" and \"Low\"")]
    [InlineData("\"He said \"no\" to me\"", "He said \"no\" to me")]
    [InlineData("\"He said \"\"no\"\" to me\"", "He said \"no\" to me")]
    [InlineData("\"Heroes", "\"Heroes")]
    [InlineData("a 7\" single", "a 7\" single")]
    [InlineData(" \"two, three\" ", "two, three")]
    public void Csv_AQuoteOfProse_StaysInItsCell(string cell, string text)
    {
        (_, Passage[] passages) = Read("a.csv", $"id,note,end\n1,{cell},x\n2,plain,\"y\"\n");
        Assert.Equal([$"note: {text}\nend: x", "note: plain\nend: y"], passages.Select(passage => passage.Text));
    }

    [Fact]
    public void Csv_AQuoteOfProse_TakesInNoOtherCell()
    {
        (_, Passage[] passages) = Read("a.csv", "id,note,end\n1,\"Heroes\" is good,\"x\"\n2,b,c\n");
        Assert.Equal(["note: \"Heroes\" is good\nend: x", "note: b\nend: c"], passages.Select(passage => passage.Text));
    }

    [Fact]
    public void Json_WithNumbersThatAreNone_KeepsTheRecord()
    {
        (DocumentFile file, Passage[] passages) = Read(
            "a.jsonl",
            "{\"title\": \"NaN is no number\", \"mean\": NaN, \"top\": Infinity, \"low\": -Infinity}\n{\"title\": \"b\", \"x\": [1, NaN]}\n"
        );
        Assert.Empty(file.Dropped);
        Assert.Equal(["a › NaN is no number", "a › b"], passages.Select(passage => passage.Title));
        Assert.Equal(
            ["mean: NaN\ntop: Infinity\nlow: -Infinity", "x: 1, NaN"],
            passages.Select(passage => passage.Text)
        );
    }

    [Theory]
    [InlineData("{\"title\": \"a\u0085b\"}\n{\"title\": \"c\"}\n", 2)]
    [InlineData("{\"title\": \"a\u2028b\"}\n", 1)]
    [InlineData("{\"title\": \"bell\a\"}\n", 1)]
    public void Json_WithCharactersThatEndLinesElsewhere_KeepsItsRecords(string text, int records)
    {
        (DocumentFile file, Passage[] passages) = Read("a.jsonl", text);
        Assert.Equal(records, passages.Length);
        Assert.Empty(file.Dropped);
    }

    [Theory]
    [InlineData(
        "url = \"http://people.example.org/~eva/what--and_why.pdf\"",
        "url: http://people.example.org/~eva/what--and_why.pdf"
    )]
    [InlineData("doi = {10.1000/abc--1_2}", "doi: 10.1000/abc--1_2")]
    [InlineData("doi = {10.1000/abc\\_1}", "doi: 10.1000/abc_1")]
    [InlineData("howpublished = {\\url{http://a.org/~b--c}}", "howpublished: http://a.org/~b--c")]
    [InlineData(
        "note = {See \\href{http://a.org/~b}{the page} -- or http://c.org/d--e.}",
        "note: See http://a.org/~b the page – or http://c.org/d--e."
    )]
    [InlineData("pages = {107--120}", "pages: 107–120")]
    [InlineData("file = {:home/eva~1/x--y.pdf:PDF}", "file: :home/eva~1/x--y.pdf:PDF")]
    public void BibTex_AddressesAreReadLetterByLetter(string field, string line) =>
        Assert.Contains(line, Read("a.bib", $"@misc{{k1,\n title = {{T}},\n {field}\n}}\n").Passages[0].Text);

    [Theory]
    [InlineData("@article{bad,\n title={An unclosed {brace},\n year={2001}\n}\n\n", true)]
    [InlineData("@article{bad,\n title={Cut off\n", true)]
    [InlineData("@comment{@article{old,\n title={Old}\n}}\n", false)]
    public void BibTex_AnEntryThatIsNotClosed_SpoilsNoOther(string bad, bool isTold)
    {
        (DocumentFile file, Passage[] passages) = Read(
            "a.bib",
            bad
                + "@article{good,\n title={The good paper},\n year={2002}\n}\n\n@book{better, title=\"The better\", year=2003}\n"
        );
        Assert.Equal(["a › The good paper", "a › The better"], passages.Select(passage => passage.Title));
        Assert.Contains("year: 2002", passages[0].Text);
        Assert.Equal(
            isTold ? ["entry bad, which is not closed"] : [],
            file.Dropped.Select(dropped => dropped.What).Where(what => what != "text between entries")
        );
    }

    [Fact]
    public void BibTex_AnEntryThatABraceOfAnotherCloses_SpoilsNoOther()
    {
        (DocumentFile file, Passage[] passages) = Read(
            "a.bib",
            "@article{bad,\n title={An unclosed {brace},\n year={2001}\n}\n@article{good,\n title={Good}\n}\n}\n"
        );
        Assert.Equal("a › Good", Assert.Single(passages).Title);
        Assert.Contains("entry bad, which is not closed", file.Dropped.Select(dropped => dropped.What));
    }

    [Fact]
    public void BibTex_AQuoteThatIsNotClosed_EndsBeforeTheNextField()
    {
        Passage passage = Assert.Single(
            Read("a.bib", "@article{a,\n title = \"An unclosed quote,\n year = \"2001\",\n note = {x}\n}\n").Passages
        );
        Assert.Equal("a › An unclosed quote", passage.Title);
        Assert.Contains("year: 2001\nnote: x", passage.Text);
    }
}
