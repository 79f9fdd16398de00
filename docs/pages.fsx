// The pages of the documentation, from the checkout's own texts and notebooks:
//     dotnet fsi docs/pages.fsx CHECKOUT OUT

open System
open System.IO
open System.Net
open System.Text.Json
open System.Text.RegularExpressions

let root, pages =
    match fsi.CommandLineArgs with
    | [| _; root; pages |] -> Path.GetFullPath root, Path.GetFullPath pages
    | _ -> failwith "usage: dotnet fsi docs/pages.fsx CHECKOUT OUT"

let notebooks =
    Directory.GetFiles(Path.Combine(root, "notebooks"), "*.ipynb") |> Array.sort

/// Where each file of the checkout is found on the site, from its root.
let places =
    dict
        [|
            "README.md", "index.html"
            "CONTRIBUTING.md", "CONTRIBUTING.html"
            "src/PACKAGE.md", "PACKAGE.html"
            "notebooks/LOG.md", "LOG.html"
            "docs/demo.svg", "docs/demo.svg"
            for file in notebooks do
                let name = Path.GetFileNameWithoutExtension file
                $"notebooks/{name}.ipynb", $"notebooks/{name}.html"
        |]

/// Links to other files of the checkout lead to their pages; where a file has none, its name stays.
let relink (folder: string) (up: string) (text: string) =
    Regex.Replace(
        text,
        @"\[(?<text>[^\]\n]+)\]\((?<path>(?!\w+:|#)[^)\s#]+)(?<anchor>#[^)]*)?\)",
        fun link ->
            let path =
                Path.GetRelativePath(root, Path.Combine(root, folder, link.Groups["path"].Value))

            match places.TryGetValue path with
            | true, place -> $"""[{link.Groups["text"].Value}]({up}{place}{link.Groups["anchor"].Value})"""
            | _ -> link.Groups["text"].Value
    )

/// Indented blocks are commands and trees, and would be coloured as F#.
let fenced (text: string) =
    let outside (part: string) =
        Regex.Replace(
            part,
            @"(?<=\n\n)(?:(?:    .*|[ ]*)\n)*    .*(?:\n|\z)",
            fun block ->
                let lines =
                    block.Value.TrimEnd().Split '\n' |> Array.map (fun line -> Regex.Replace(line, "^    ", ""))

                "```text\n" + String.Join('\n', lines) + "\n```\n"
        )

    Regex.Split(text, @"(^```[\s\S]*?^```\s*?$)", RegexOptions.Multiline)
    |> Array.map (fun part -> if part.StartsWith "```" then part else outside part)
    |> String.Concat

let write (path: string) (text: string) =
    let full = Path.Combine(pages, path)
    Directory.CreateDirectory(nonNull (Path.GetDirectoryName full)) |> ignore
    File.WriteAllText(full, text)

let frontMatter (title: string) (category: string) (index: int) =
    $"---\ntitle: {title}\ncategory: {category}\ncategoryindex: 1\nindex: {index}\n---\n"

for index, (file, title) in
    List.indexed
        [
            "README.md", "David.Grpo"
            "src/PACKAGE.md", "Packages"
            "CONTRIBUTING.md", "Contributing"
            "notebooks/LOG.md", "Record of experiments"
        ] do
    let text = File.ReadAllText(Path.Combine(root, file))

    write
        (Path.ChangeExtension(places[file], ".md"))
        (frontMatter title "Guide" index + fenced (relink (string (Path.GetDirectoryName file)) "" text))

let joined (node: JsonElement) =
    match node.ValueKind with
    | JsonValueKind.Array -> node.EnumerateArray() |> Seq.map (fun line -> string (line.GetString())) |> String.Concat
    | _ -> string (node.GetString())

/// A block of HTML ends at an empty line, so it has none. A zero line break keeps what is written as it was.
let preformatted (kind: string) (text: string) =
    let written =
        WebUtility.HtmlEncode(Regex.Replace(text.TrimEnd(), "\x1b\[[0-9;]*m", ""))

    $"""<pre class="{kind}">{written.Replace("\n", "&#10;")}</pre>"""

let onOneLine (html: string) = Regex.Replace(html, @"\s*\n\s*", " ")

let shown (output: JsonElement) =
    match output.GetProperty("output_type").GetString() with
    | "stream" -> preformatted "cell-output" (joined (output.GetProperty "text"))
    | "error" -> preformatted "cell-output" (string (output.GetProperty("evalue").GetString()))
    | _ ->
        let data = output.GetProperty "data"

        let first (mime: string) (render: string -> string) =
            match data.TryGetProperty mime with
            | true, text -> Some(render (joined text))
            | _ -> None

        [
            first "image/svg+xml" (fun svg -> $"""<div class="cell-figure">{onOneLine svg}</div>""")
            first "text/html" (fun html -> $"""<div class="cell-figure">{onOneLine html}</div>""")
            first "text/markdown" id
            first "text/plain" (preformatted "cell-output")
        ]
        |> List.tryPick id
        |> Option.defaultValue ""

for index, file in Array.indexed notebooks do
    use notebook = JsonDocument.Parse(File.ReadAllText file)

    let main =
        let kernel = notebook.RootElement.GetProperty("metadata").GetProperty "kernelspec"

        if string (kernel.GetProperty("language").GetString()) = "C#" then
            "csharp"
        else
            "fsharp"

    let blocks =
        [
            for cell in notebook.RootElement.GetProperty("cells").EnumerateArray() do
                let source = joined (cell.GetProperty "source")

                if cell.GetProperty("cell_type").GetString() = "markdown" then
                    relink "notebooks" "../" source
                elif cell.GetProperty("cell_type").GetString() = "code" then
                    let language, code =
                        match source.Split('\n', 2) with
                        | [| "#!csharp"; code |] -> "csharp", code
                        | [| "#!fsharp"; code |] -> "fsharp", code
                        | _ -> main, source

                    $"```{language}\n{code.TrimEnd()}\n```"

                    for output in cell.GetProperty("outputs").EnumerateArray() do
                        shown output
        ]

    let name = Path.GetFileNameWithoutExtension file

    let title =
        blocks
        |> List.tryPick (fun block ->
            let heading = Regex.Match(block, @"\A\s*# (.+)")

            if heading.Success then
                Some(heading.Groups[1].Value.Trim())
            else
                None)
        |> Option.defaultValue name

    write
        $"notebooks/{name}.md"
        (frontMatter $"{index + 1}. {title}" "Notebooks" index
         + String.concat "\n\n" (blocks |> List.filter ((<>) ""))
         + "\n")
