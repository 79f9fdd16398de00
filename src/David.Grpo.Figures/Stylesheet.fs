namespace David.Grpo.Figures

/// The look of pages and figures. It refers to nothing outside, and holds neither '<' nor '&'.
[<RequireQualifiedAccess>]
module internal Stylesheet =

    /// The palette's blue, and what stands for it on a dark ground, where it is too dim.
    let blue = "#0072B2"

    let blueInTheDark = "#4079F0"

    /// The ink of figures on light and on dark ground, and these grounds.
    let ink = "#1C2128"

    let paper = "#FFFFFF"
    let inkInTheDark = "#E6E8EB"
    let paperInTheDark = "#15181C"

    let figureInTheDark =
        $""".david-figure [fill="{blue}"]{{fill:{blueInTheDark}}} .david-figure [stroke="{blue}"]{{stroke:{blueInTheDark}}}"""

    /// A figure that stands alone on a page.
    let figure =
        $".david-figure{{color:{ink};background:{paper}}}\n@media (prefers-color-scheme:dark){{.david-figure{{color:{inkInTheDark};background:{paperInTheDark}}}{figureInTheDark}}}"

    let page =
        """
:root { color-scheme: light dark;
  --ink: #1c2128; --soft: #59626e; --line: #d9dde2; --paper: #ffffff; --tint: #f5f6f8;
  --policy: #0072b2; --search: #b35000; --answer: #007a59; --observation: #7d8590; --expert: #a8447f; --prompt: #7d8590; }
@media (prefers-color-scheme: dark) { :root {
  --ink: #e4e7eb; --soft: #9aa4b0; --line: #32383f; --paper: #15181c; --tint: #1d2126;
  --policy: #56b4e9; --search: #f0a35e; --answer: #4cc9a0; --observation: #7d8590; --expert: #e39ac6; --prompt: #7d8590; }
"""
        + figureInTheDark
        + """ }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  -webkit-text-size-adjust: 100%; overflow-wrap: break-word; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 3rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { max-width: 42rem; margin: .75rem 0; }
header p { color: var(--soft); margin: .4rem 0 0; }
nav { margin: 1.25rem 0 1.75rem; font-size: .9rem; display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; }
a { color: var(--policy); text-decoration: none; }
a:hover, a:focus-visible { text-decoration: underline; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1.5rem; margin: 1rem 0; font-size: .9rem; }
dt { color: var(--soft); }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { caption-side: top; text-align: left; color: var(--soft); font-size: .9rem; padding-bottom: .5rem; }
caption span { display: block; position: sticky; left: 0; max-width: min(42rem, calc(100vw - 2.5rem)); }
th, td { text-align: left; padding: .45rem 1.6rem .45rem 0; border-bottom: 1px solid var(--line); vertical-align: top; unicode-bidi: isolate; }
th:last-child, td:last-child { padding-right: 0; }
thead th { font-weight: 600; vertical-align: bottom; border-bottom: 1.5px solid var(--soft); }
tbody th { font-weight: 400; }
th small { display: block; font-weight: 400; color: var(--soft); font-size: .82rem; }
.numeric { text-align: right; white-space: nowrap; }
.words { max-width: 24rem; }
.best { font-weight: 700; }
.interval { font-weight: 400; color: var(--soft); }
.dense { font-size: .84rem; }
.dense th, .dense td { padding-right: .85rem; }
.dense tbody th { min-width: 7.5rem; max-width: 12rem; overflow-wrap: anywhere; }
.dense .interval { display: block; font-size: .82em; }
figure { margin: 1.25rem 0; }
figure .david-figure { display: block; width: min(100%, 30rem); height: auto; }
figure .wide .david-figure { width: 100%; }
figcaption { max-width: 42rem; color: var(--soft); font-size: .9rem; margin-top: .6rem; }
figure .scroll { margin: 0; }
.narrow { display: none; }
details { margin: 1rem 0; }
summary { cursor: pointer; color: var(--soft); font-size: .92rem; }
details.section[open] { padding-bottom: .5rem; border-bottom: 1px solid var(--line); }
.transcripts { display: grid; gap: 1.25rem; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); margin: 1.25rem 0; align-items: start; }
.transcript { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; min-width: 0; }
.transcript h3 { margin: 0; padding: .6rem .9rem 0; background: var(--tint); }
.transcript .note { margin: 0; padding: 0 .9rem .6rem; background: var(--tint); color: var(--soft); font-size: .88rem; border-bottom: 1px solid var(--line); }
.span { --author: var(--prompt); border-left: 3px solid var(--author); margin: .75rem .9rem; padding-left: .75rem; font-size: .9rem; }
.policy { --author: var(--policy); } .expert { --author: var(--expert); }
.observation { --author: var(--observation); } .prompt { --author: var(--prompt); }
.search { --author: var(--search); } .answer { --author: var(--answer); }
.who { color: var(--author); font-size: .72rem; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; }
.said { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; margin: 0; max-width: none; }
.prompt .said, .observation .said { color: var(--soft); }
.search .said { font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: .84rem; }
.answer .said { font-weight: 650; font-size: 1rem; }
.span details { margin: 0; }
.span summary { font-size: .86rem; overflow-wrap: anywhere; }
@media (max-width: 44rem) {
  main { padding: 1.5rem 1rem 3rem; } h1 { font-size: 1.5rem; }
  .wide { display: none; } .narrow { display: block; }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0; } dd { margin-bottom: .5rem; } }
@media print {
  :root { color-scheme: light; --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --tint: #fff; }
  body { font-size: 10pt; } main { max-width: none; padding: 0; } nav { display: none; }
  .wide { display: block; } .narrow { display: none; } .scroll { overflow: visible; }
  figure, tr, .span { break-inside: avoid; } h2, h3 { break-after: avoid; }
  details::details-content { content-visibility: visible; block-size: auto; } }
"""
