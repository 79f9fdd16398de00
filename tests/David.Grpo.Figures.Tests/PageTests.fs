module David.Grpo.Figures.Tests.PageTests

open System
open System.Xml.Linq
open Expecto
open David.Grpo.Tests
open David.Grpo.Figures

let private hostile =
    "<script>alert('1')</script> & \"quoted\" \u0000\u001B\uD800 ]]> <!-- --></style>"

let private shown =
    "<script>alert('1')</script> & \"quoted\" \uFFFD\uFFFD\uFFFD ]]> <!-- --></style>"

let private report (sections: Section[]) : Report =
    {
        Title = "Arms"
        Subtitle = "One budget"
        Sections = sections
    }

let private parse (report: Report) : XElement =
    XDocument.Parse(Page.render report).Root |> nonNull

let private named (name: string) (root: XElement) =
    root.Descendants() |> Seq.filter (fun e -> e.Name.LocalName = name) |> Array.ofSeq

let private classOf (element: XElement) : string =
    match element.Attribute(XName.Get "class") with
    | null -> ""
    | found -> found.Value

let private texts elements =
    elements |> Array.map (fun (element: XElement) -> element.Value)

let private figure (text: string) =
    Figure.Page(
        text,
        text,
        2,
        [|
            Panel.Curves(
                text,
                Axis.Linear(text, text),
                Axis.Linear(text, text),
                [| Curve.Line(text, [| 0.0; 1.0 |], [| 1.0; 2.0 |]) |]
            )
        |]
    )

let private arms =
    {
        Caption = "Arms"
        Columns =
            [|
                TableColumn.Words "Arm"
                TableColumn.Numbers("Exact match", "%", 1, Best.Highest)
                TableColumn.Numbers("Time", "s", 0, Best.Lowest)
            |]
        Rows =
            [|
                [|
                    Cell.Words "GRPO"
                    Cell.Number(Estimate.PlusMinus(51.24, 3.1))
                    Cell.Number(Estimate.Exact 1840.0)
                |]
                [|
                    Cell.Words "David-GRPO"
                    Cell.Number(Estimate.PlusMinus(51.2, 2.0))
                    Cell.Missing
                |]
                [|
                    Cell.Words "SFT"
                    Cell.Number(Estimate.Exact 20.0)
                    Cell.Number(Estimate.Exact nan)
                |]
            |]
    }

/// A report that holds every kind of section, with the given text everywhere.
let private everything (text: string) =
    let span author = Span.Of(author, text)

    report [|
        Section.Heading text
        Section.Heading "Second"
        Section.Heading "Third"
        Section.Subheading text
        Section.Prose text
        Section.Facts [| { Name = text; Text = text } |]
        Section.Table
            { arms with
                Caption = text
                Rows = [| [| Cell.Words text; Cell.Missing; Cell.Missing |] |]
            }
        Section.Figure(figure text, text)
        Section.Transcripts [|
            {
                Title = text
                Note = text
                Spans =
                    [|
                        span Author.Prompt
                        span Author.Policy
                        Span.Search(Author.Policy, text)
                        span Author.Observation
                        span Author.Expert
                        Span.Answer(Author.Policy, text)
                    |]
            }
        |]
        Section.Details(text, [| Section.Heading text; Section.Prose text |])
    |]

[<Tests>]
let tests =
    testList "PageTests" [
        test "a page is well formed, with hostile text everywhere, and shows it as it is" {
            let root = parse (everything hostile)
            isEmpty (named "script" root)
            named "h2" root |> texts |> contains shown
            named "summary" root |> texts |> contains shown
            named "td" root |> texts |> Array.append (named "th" root |> texts) |> contains shown

            named "div" root
            |> Array.filter (fun e -> classOf e = "said" && e.Value = shown)
            |> Array.length
            |> equals 6
        }

        test "a page refers to nothing outside itself and runs no script" {
            let text = Page.render (everything "plain")
            let foreign = text.Replace("xmlns=\"http://www.w3.org/2000/svg\"", "")
            foreign |> lacksText "http:"
            foreign |> lacksText "https:"
            foreign |> lacksText "url("
            foreign |> lacksText "@import"
            foreign |> lacksText "<script"
            foreign |> lacksText "src="
            foreign |> containsText "default-src &#39;none&#39;"
        }

        test "a page is HTML: void elements are closed, others have an end tag" {
            let text = Page.render (everything "plain")
            text |> startsWith "<!DOCTYPE html>\n<html lang=\"en\">"

            isFalse (
                System.Text.RegularExpressions.Regex.IsMatch(
                    text,
                    "<(div|p|td|th|dd|dt|span|style|title|desc|svg|g)(\\s[^>]*)?/>"
                )
            )

            text |> lacksText "</meta>"
        }

        test "equal reports give equal text" {
            Page.render (everything "plain") |> equals (Page.render (everything "plain"))
        }

        test "cells are written to the places of their column, with their intervals" {
            let cells = parse (report [| Section.Table arms |]) |> named "td" |> texts
            cells |> equals [| "51.2 ± 3.1"; "1\u202F840"; "51.2 ± 2.0"; "–"; "20.0"; "–" |]
        }

        test "the best of a column is marked, and so is what looks equal to it" {
            let best =
                parse (report [| Section.Table arms |])
                |> named "td"
                |> Array.filter (fun cell -> (classOf cell).Contains "best")
                |> texts

            best |> equals [| "51.2 ± 3.1"; "1\u202F840"; "51.2 ± 2.0" |]
        }

        test "a row without a cell for each column is refused with the mend" {
            let table =
                { arms with
                    Rows = [| [| Cell.Words "GRPO" |] |]
                }

            let error =
                throws<ArgumentException>(fun () -> Page.render (report [| Section.Table table |]) |> ignore)

            error.Message |> containsText "Table 'Arms', row 1 has 1 cells; it has 3 columns"
        }

        test "links lead to the headings" {
            let root = parse (everything "plain")

            let targets =
                named "a" root
                |> Array.map (fun link -> (link.Attribute(XName.Get "href") |> nonNull).Value.TrimStart '#')

            let ids =
                named "h2" root
                |> Array.choose (fun heading ->
                    match heading.Attribute(XName.Get "id") with
                    | null -> None
                    | id -> Some id.Value)

            targets.Length |> equals 3
            targets |> equals ids
        }

        test "a transcript says who wrote what, and folds long prompts and observations only" {
            let long = String.replicate 100 "words "

            let transcript =
                {
                    Title = "After training"
                    Note = ""
                    Spans =
                        [|
                            Span.Of(Author.Prompt, long)
                            Span.Of(Author.Policy, long)
                            Span.Search(Author.Policy, "governor\r\nof California")
                            Span.Of(Author.Observation, "short")
                            Span.Answer(Author.Expert, "James Cameron")
                        |]
                }

            let root = parse (report [| Section.Transcripts [| transcript; transcript |] |])
            let who = named "div" root |> Array.filter (fun e -> classOf e = "who") |> texts

            let expected =
                [| "prompt"; "policy"; "policy searches"; "observation"; "expert answers" |]

            who |> equals (Array.append expected expected)
            (named "details" root).Length |> equals 2
            (named "summary" root |> Array.head).Value |> containsText "(599 characters)"
            let said = named "div" root |> Array.filter (fun e -> classOf e = "said") |> texts
            said[2] |> equals "governor\nof California"
        }

        test "prose is parted into paragraphs at blank lines" {
            let paragraphs =
                parse (report [| Section.Prose "one\nstill one\r\n\r\ntwo\n\n\n\nthree" |]) |> named "p" |> texts

            paragraphs |> equals [| "One budget"; "one\nstill one"; "two"; "three" |]
        }

        test "a figure for a full page is laid out a second time for narrow screens" {
            let widths =
                parse (report [| Section.Figure(figure "a", "") |])
                |> named "svg"
                |> Array.filter (fun svg -> classOf svg = "david-figure")
                |> Array.map (fun svg -> (svg.Attribute(XName.Get "width") |> nonNull).Value)

            widths |> equals [| "680"; "340" |]
        }

        test "links stand in lines of their group, escaped" {
            let root =
                report [|
                    Section.Links [|
                        {
                            Name = "David"
                            Links =
                                [|
                                    {
                                        Text = hostile
                                        Address = "david/seed-1/index.html"
                                    }
                                    {
                                        Text = "seed 2"
                                        Address = "a&b.html"
                                    }
                                |]
                        }
                    |]
                |]
                |> parse

            let links = named "dd" root |> Array.collect (named "a")
            texts links |> equals [| shown; "seed 2" |]

            links
            |> Array.map (fun link -> (link.Attribute(XName.Get "href") |> nonNull).Value)
            |> equals [| "david/seed-1/index.html"; "a&b.html" |]
        }
    ]
