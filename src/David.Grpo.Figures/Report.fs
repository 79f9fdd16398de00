namespace David.Grpo.Figures

/// A name and what it stands for: ("seed", "7").
type Fact = { Name: string; Text: string }

/// Which values of a column are the best, and set in bold.
[<RequireQualifiedAccess>]
type Best =
    /// None is marked.
    | Unmarked
    | Highest
    | Lowest

/// A column of a table.
type TableColumn =
    {
        Name: string
        /// "%", "searches", "s"; written under the name. Empty for none.
        Unit: string
        /// Numbers stand to the right, words to the left.
        Numeric: bool
        /// Places after the point, 0 to 15.
        Decimals: int
        Best: Best
    }

    /// A column of words.
    static member Words(name: string) : TableColumn =
        {
            Name = name
            Unit = ""
            Numeric = false
            Decimals = 0
            Best = Best.Unmarked
        }

    /// A column of numbers.
    static member Numbers(name: string, unit: string, decimals: int, best: Best) : TableColumn =
        {
            Name = name
            Unit = unit
            Numeric = true
            Decimals = decimals
            Best = best
        }

/// A cell of a table.
[<RequireQualifiedAccess>]
type Cell =
    | Words of text: string
    /// A value, with its interval if it has one: "51.2 ± 3.1".
    | Number of value: Estimate
    /// Not measured: "–".
    | Missing

/// A table.
[<TypeFormatterSource("David.Grpo.Figures.TableFormatterSource", "text/html", "text/plain")>]
type Table =
    {
        /// Empty for none.
        Caption: string
        Columns: TableColumn[]
        /// One cell a column.
        Rows: Cell[][]
    }

/// Who wrote a part of a transcript.
[<RequireQualifiedAccess>]
type Author =
    | Prompt
    | Policy
    /// The environment: search results and the text around them.
    | Observation
    | Expert

/// What a part of a transcript does.
[<RequireQualifiedAccess>]
type SpanKind =
    | Text
    /// The query of a search.
    | Search
    /// The final answer.
    | Answer

/// A part of a transcript with one author.
type Span =
    {
        Author: Author
        Kind: SpanKind
        Text: string
    }

    /// Text that only tells or thinks.
    static member Of(author: Author, text: string) : Span =
        {
            Author = author
            Kind = SpanKind.Text
            Text = text
        }

    /// A query.
    static member Search(author: Author, query: string) : Span =
        {
            Author = author
            Kind = SpanKind.Search
            Text = query
        }

    /// A final answer.
    static member Answer(author: Author, answer: string) : Span =
        {
            Author = author
            Kind = SpanKind.Answer
            Text = answer
        }

/// An episode to read.
type Transcript =
    {
        /// "Before training".
        Title: string
        /// What became of it: "1 search, exact match 0". May be empty.
        Note: string
        Spans: Span[]
    }

/// A link to another page, relative to this one, or to a place in this one ("#…").
type Link = { Text: string; Address: string }

/// Links that belong together, under a name that may be empty.
type LinkGroup = { Name: string; Links: Link[] }

/// A part of a report.
[<RequireQualifiedAccess>]
type Section =
    | Heading of text: string
    | Subheading of text: string
    /// Paragraphs, parted by blank lines.
    | Prose of text: string
    /// Names and values: a configuration, an environment.
    | Facts of facts: Fact[]
    /// Links, a line a group.
    | Links of groups: LinkGroup[]
    | Table of table: Table
    /// A figure with its caption; the caption may be empty.
    | Figure of figure: Figure * caption: string
    /// Transcripts side by side where there is room: before and after training.
    | Transcripts of transcripts: Transcript[]
    /// Sections that are folded away until the reader opens them.
    | Details of summary: string * sections: Section[]

/// What a run or a comparison has to say.
type Report =
    {
        Title: string
        /// One line under the title. May be empty.
        Subtitle: string
        Sections: Section[]
    }
