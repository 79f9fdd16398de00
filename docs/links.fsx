// Whether every link within a folder of pages leads somewhere. Names of types that are not public have no page: they stay
// names.
//     dotnet fsi docs/links.fsx FOLDER

open System
open System.Collections.Generic
open System.IO
open System.Net
open System.Text.RegularExpressions

let site =
    match fsi.CommandLineArgs with
    | [| _; site |] -> Path.GetFullPath site
    | _ -> failwith "usage: dotnet fsi docs/links.fsx FOLDER"

let link =
    Regex("""<[^>]+?\s(?:href|src)\s*=\s*(?:"([^"]*)"|'([^']*)')""", RegexOptions.IgnoreCase)

let anchor =
    Regex("""\s(?:id|name)\s*=\s*(?:"([^"]*)"|'([^']*)')""", RegexOptions.IgnoreCase)

let given (found: Match) =
    WebUtility.HtmlDecode(found.Groups[1].Value + found.Groups[2].Value)

let anchors = Dictionary<string, HashSet<string>>()

let anchorsOf (file: string) =
    match anchors.TryGetValue file with
    | true, known -> known
    | _ ->
        let known = HashSet(anchor.Matches(File.ReadAllText file) |> Seq.map given)
        anchors[file] <- known
        known

let pages =
    Directory.GetFiles(site, "*.html", SearchOption.AllDirectories) |> Array.sort

let fileOf (page: string) (path: string) =
    if path = "" then
        page
    else
        Path.GetFullPath(Path.Combine(string (Path.GetDirectoryName page), Uri.UnescapeDataString((path.Split '?')[0])))

for page in pages do
    let text = File.ReadAllText page

    let mended =
        Regex.Replace(
            text,
            """<a href="(\.\./reference/[^"#]+)(#[^"]*)?">([^<]*)</a>""",
            fun found ->
                let file = fileOf page found.Groups[1].Value

                if not (File.Exists file) then
                    found.Groups[3].Value
                elif found.Groups[2].Success && not ((anchorsOf file).Contains(found.Groups[2].Value.Substring 1)) then
                    $"""<a href="{found.Groups[1].Value}">{found.Groups[3].Value}</a>"""
                else
                    found.Value
        )

    if mended <> text then
        File.WriteAllText(page, mended)

let isElsewhere (target: string) =
    target = "" || target = "#" || Regex.IsMatch(target, @"\A(\w+:|//)")

let links =
    pages
    |> Array.collect (fun page ->
        link.Matches(File.ReadAllText page)
        |> Seq.map given
        |> Seq.filter (isElsewhere >> not)
        |> Seq.distinct
        |> Seq.map (fun target -> page, target)
        |> Array.ofSeq)

let broken =
    links
    |> Array.filter (fun (page, target) ->
        let path, place =
            match target.Split('#', 2) with
            | [| path; place |] -> path, Uri.UnescapeDataString place
            | _ -> target, ""

        let file = fileOf page path

        not (File.Exists file)
        || (place <> ""
            && file.EndsWith(".html", StringComparison.Ordinal)
            && not ((anchorsOf file).Contains place)))

for page, target in Array.truncate 40 broken do
    eprintfn $"{Path.GetRelativePath(site, page)}: nothing lies at {target}"

printfn $"{pages.Length} pages, {links.Length} links, {broken.Length} broken"
exit (if Array.isEmpty broken then 0 else 1)
