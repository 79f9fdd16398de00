namespace David.Grpo.Figures

/// A name and what it stands for: ("seed", "7").
type Fact =
    {
        /// What it says something of.
        Name: string
        /// What it says.
        Text: string
    }

/// Which values of a column are the best, and set in bold.
[<RequireQualifiedAccess>]
type Best =
    /// None is marked.
    | Unmarked
    /// The largest number is set in bold.
    | Highest
    /// The smallest number is set in bold.
    | Lowest

/// A column of a table.
type TableColumn =
    {
        /// Its heading.
        Name: string
        /// "%", "searches", "s"; written under the name. Empty for none.
        Unit: string
        /// Numbers stand to the right, words to the left.
        Numeric: bool
        /// Places after the point, 0 to 15.
        Decimals: int
        /// Which number is set in bold.
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
    /// Text.
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
        /// In the order of the rows' cells.
        Columns: TableColumn[]
        /// One cell a column.
        Rows: Cell[][]
    }

/// Who wrote a part of a transcript.
[<RequireQualifiedAccess>]
type Author =
    /// Instruction and question.
    | Prompt
    /// Sampled by the policy.
    | Policy
    /// The environment: search results and the text around them.
    | Observation
    /// Written by an expert.
    | Expert

/// What a part of a transcript does.
[<RequireQualifiedAccess>]
type SpanKind =
    /// Plain text.
    | Text
    /// The query of a search.
    | Search
    /// The final answer.
    | Answer

/// A part of a transcript with one author.
type Span =
    {
        /// Who wrote it.
        Author: Author
        /// What it is.
        Kind: SpanKind
        /// As it was written.
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
        /// In the order of writing.
        Spans: Span[]
    }

/// A part of a report.
[<RequireQualifiedAccess>]
type Section =
    /// Of the first order.
    | Heading of text: string
    /// Of the second order.
    | Subheading of text: string
    /// Paragraphs, parted by blank lines.
    | Prose of text: string
    /// Names and values: a configuration, an environment.
    | Facts of facts: Fact[]
    /// Numbers in rows.
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
        /// Of the page.
        Title: string
        /// One line under the title. May be empty.
        Subtitle: string
        /// In the order of reading.
        Sections: Section[]
    }
