// The pages of the documentation, from the checkout's own texts and notebooks, and from what the program says of itself:
//     dotnet fsi docs/pages.fsx CHECKOUT OUT PROGRAM       PROGRAM is david.dll

open System
open System.Diagnostics
open System.IO
open System.Net
open System.Text.Json
open System.Text.RegularExpressions

let root, pages, program =
    match fsi.CommandLineArgs with
    | [| _; root; pages; program |] -> Path.GetFullPath root, Path.GetFullPath pages, Path.GetFullPath program
    | _ -> failwith "usage: dotnet fsi docs/pages.fsx CHECKOUT OUT PROGRAM"

let read (file: string) =
    File.ReadAllText(Path.Combine(root, file))

let notebooks =
    Directory.GetFiles(Path.Combine(root, "notebooks"), "*.ipynb") |> Array.sort

/// Paths of the guides, in the order of README's table of them.
let guides =
    let inReadme =
        Regex.Matches(read "README.md", @"^\|.*\((docs/[\w-]+\.md)\)", RegexOptions.Multiline)
        |> Seq.map _.Groups[1].Value
        |> List.ofSeq

    let all =
        Directory.GetFiles(Path.Combine(root, "docs"), "*.md")
        |> Array.map (fun file -> $"docs/{Path.GetFileName file}")

    match List.except inReadme (List.ofArray all) with
    | [] -> inReadme
    | missing -> failwith $"""README's table of guides lacks {String.Join(", ", missing)}."""

/// Where each file of the checkout is found on the site, from its root.
let places =
    dict
        [|
            "README.md", "index.html"
            "CONTRIBUTING.md", "CONTRIBUTING.html"
            "src/PACKAGE.md", "PACKAGE.html"
            "notebooks/LOG.md", "LOG.html"
            "docs/demo.svg", "docs/demo.svg"
            for guide in guides do
                guide, Path.ChangeExtension(guide, ".html")
            for file in notebooks do
                let name = Path.GetFileNameWithoutExtension file
                $"notebooks/{name}.ipynb", $"notebooks/{name}.html"
        |]

/// A command that prints what has a page of its own leads there.
let referTo (up: string) (text: string) =
    let linked (pattern: string) (page: string) (text: string) =
        Regex.Replace(text, $"(?<!`)`\./david {pattern}`(?!`)", (fun found -> $"[{found.Value}]({up}{page})"))

    text
    |> linked "train --keys" "keys-of-train.html"
    |> linked "compare --keys" "keys-of-compare.html"
    |> linked "([\w ]+ )?--help" "commands.html"

/// Links to other files of the checkout lead to their pages; where a file has no page, its name stays. A link to nothing ends
/// it all: viewers of the files themselves would follow it.
let relink (folder: string) (up: string) (text: string) =
    Regex.Replace(
        text,
        @"\[(?<text>[^\]\n]+)\]\((?<path>(?!\w+:|#)[^)\s#]+)(?<anchor>#[^)]*)?\)",
        fun link ->
            let path =
                Path.GetRelativePath(root, Path.Combine(root, folder, link.Groups["path"].Value))

            match places.TryGetValue path with
            | _ when not (Path.Exists(Path.Combine(root, path))) -> failwith $"{folder}: nothing lies at {link.Value}."
            | true, place -> $"""[{link.Groups["text"].Value}]({up}{place}{link.Groups["anchor"].Value})"""
            | _ -> link.Groups["text"].Value
    )
    |> referTo up

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

let heading (text: string) =
    match Regex.Match(text, @"\A\s*# (.+)") with
    | found when found.Success -> Some(found.Groups[1].Value.Trim())
    | _ -> None

for index, (file, title) in
    List.indexed
        [
            "README.md", "David.Grpo"
            for guide in guides do
                guide, heading (read guide) |> Option.defaultValue guide
            "src/PACKAGE.md", "What the packages are"
            "CONTRIBUTING.md", "Contributing"
            "notebooks/LOG.md", "Record of experiments"
        ] do
    let up = if places[file].Contains '/' then "../" else ""

    write
        (Path.ChangeExtension(places[file], ".md"))
        (frontMatter title "Guide" index
         + fenced (relink (string (Path.GetDirectoryName file)) up (read file)))

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

    let title = blocks |> List.tryPick heading |> Option.defaultValue name

    write
        $"notebooks/{name}.md"
        (frontMatter $"{index + 1}. {title}" "Notebooks" index
         + String.concat "\n\n" (blocks |> List.filter ((<>) ""))
         + "\n")

let said (arguments: string list) =
    let start =
        ProcessStartInfo("dotnet", program :: arguments, RedirectStandardOutput = true)

    start.Environment["DAVID_COMMAND"] <- "./david"
    use david = nonNull (Process.Start start)
    let text = david.StandardOutput.ReadToEnd()
    david.WaitForExit()

    if david.ExitCode <> 0 then
        failwith $"""david {String.Join(" ", arguments)} ended with {david.ExitCode}."""

    text.Trim()

/// What the launcher does itself, and the program only names.
let launcher =
    let lines =
        read "david" |> _.Split('\n') |> Array.filter _.StartsWith("#     ./david ")

    {|
        Help = String.Join("\n", lines |> Array.map _.Substring(6))
        Names = lines |> Array.map (fun line -> line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[2])
    |}

/// A command, with those below it: their names, and what their help says.
let rec commands (names: string list) =
    let help = said (names @ [ "--help" ])
    let below = Regex.Match(help, @"^Commands:\n((?:  .*\n?)+)", RegexOptions.Multiline)

    (names, help)
    :: [
        for command in Regex.Matches(below.Groups[1].Value, @"^  ([a-z]+)", RegexOptions.Multiline) do
            let name = command.Groups[1].Value

            if not (Array.contains name launcher.Names) then
                yield! commands (names @ [ name ])
    ]

write
    "commands.md"
    (frontMatter "Commands" "Reference" 0
     + "# Commands\n\nWhat each command says of itself with `--help`. What the launcher of a checkout does besides:\n\n"
     + preformatted "help" launcher.Help
     + "\n"
     + String.concat
         ""
         [
             for names, help in commands [] do
                 let title = String.Join(" ", "./david" :: names)
                 $"""{"\n"}## {title}{"\n\n"}{preformatted "help" help}{"\n"}"""
         ])

/// A row a key of what `--keys` prints: its path, its default, its type and range, its meaning.
let keyRows (text: string) =
    let path = Collections.Generic.List<int * string>()

    [
        for line in text.Split '\n' do
            // What stands behind a # is a key of a section or of a list's item; a list's item begins with a dash.
            let line =
                Regex.Replace(line, "^(#?)( *)(- )?", (fun start -> String(' ', start.Length)))

            let key = Regex.Match(line, @"^( *)(\w+):(.*?)(?:\s+# (.*))?$")

            if not key.Success then
                failwith $"--keys prints a line that is no key: {line}"

            let depth = key.Groups[1].Length
            path.RemoveAll(fun (other, _) -> other >= depth) |> ignore
            path.Add(depth, key.Groups[2].Value)

            let code (text: string) =
                if text = "" then "" else $"<code>{text}</code>"

            let kind, meaning =
                match WebUtility.HtmlEncode(key.Groups[4].Value).Split(": ", 2) with
                | [| kind; meaning |] -> kind, meaning
                | kind -> kind[0], ""

            let cells =
                [
                    code (String.Join(".", Seq.map snd path))
                    code (WebUtility.HtmlEncode(key.Groups[3].Value.Trim()))
                    kind
                    meaning
                ]

            $"""<tr><td>{String.Join("</td><td>", cells)}</td></tr>"""
    ]

for index, command in List.indexed [ "train"; "compare" ] do
    let rows = keyRows (said [ command; "--keys" ])

    write
        $"keys-of-{command}.md"
        (frontMatter $"Keys of david {command}" "Reference" (index + 1)
         + $"# Keys of a file of `./david {command}`\n\n"
         + $"The file is YAML; a dot is a level of it. `./david {command} --keys > my.yaml` writes one with every key.\n\n"
         + "<div class=\"keys\"><table><thead><tr><th>key</th><th>default</th><th>type</th><th>meaning</th></tr></thead><tbody>\n"
         + String.Join("\n", rows)
         + "\n</tbody></table></div>\n")
