"""The style sheet of the page: one column of headings, one of content; light, dark, narrow and print.

Blue is the forged model and grey the base model; green and red are verdicts, always beside a word. Bars are neutral.
"""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #fcfdfd; --ink: #171b21; --soft: #55606c; --rule: #d4dbe2; --wash: #f1f4f7; --match: #e2f0e9;
  --base: #86919d; --forged: #1d4f9e; --better: #0a6b4a; --worse: #a9331a; --unclear: #55606c;
  --serif: Charter, "Bitstream Charter", "Sitka Text", Cambria, "Source Serif 4", Georgia, serif;
  --sans: "Inter", "Segoe UI", "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161b; --ink: #e2e7ec; --soft: #9ca7b3; --rule: #303943; --wash: #1a2027; --match: #16302a;
    --base: #8591a0; --forged: #8db5f6; --better: #62c99d; --worse: #f2937a; --unclear: #9ca7b3;
  }
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); font: 17px/1.55 var(--serif); -webkit-text-size-adjust: 100%; }
body { max-width: 76rem; margin: 0 auto; padding: 3.5rem 2rem 5rem; }
h1 { font-size: 2.3rem; line-height: 1.15; font-weight: 600; letter-spacing: -0.01em; margin: 0; text-wrap: balance; }
h2 { font-size: 1.15rem; line-height: 1.3; font-weight: 600; margin: 0; }
h3 { font-size: 1.02rem; font-weight: 600; margin: 1.8rem 0 0.6rem; }
h1, h2, h3, dd, p, li, figcaption, dd code, .stack code, .long { overflow-wrap: anywhere; }
th, td { overflow-wrap: break-word; }
p { max-width: 41rem; margin: 0 0 0.9rem; }
strong { font-weight: 600; }
code, pre { font-family: var(--mono); font-size: 0.8em; }
nav, table, dl, figcaption, .note { font-family: var(--sans); font-size: 0.84rem; line-height: 1.45; }
.note, figcaption { color: var(--soft); }
.quiet { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:focus-visible { outline: 2px solid var(--forged); outline-offset: 2px; }

header { padding-bottom: 2.4rem; }
header .lede { margin: 1rem 0 1.2rem; color: var(--soft); }
nav ul { list-style: none; display: flex; flex-wrap: wrap; gap: 0.3rem 1.3rem; margin: 0; padding: 0; }
nav a { color: var(--forged); text-decoration: underline; text-decoration-thickness: 1px; text-underline-offset: 3px; }
section { border-top: 1px solid var(--rule); padding: 2.2rem 0 2.8rem; }
section > .body > :first-child { margin-top: 0; }
@media (min-width: 62rem) {
  section { display: grid; grid-template-columns: 9.5rem minmax(0, 1fr); column-gap: 2.5rem; }
  section > h2 { position: sticky; top: 1.5rem; align-self: start; }
}
@media (max-width: 61.99rem) { section > h2 { margin-bottom: 1rem; font-size: 1.35rem; } }

.answers { list-style: none; margin: 0.4rem 0 2rem; padding: 0; max-width: 54rem; }
.answers li { display: grid; grid-template-columns: 1.9rem 1fr; padding: 0.5rem 0; font-size: 1.08rem; line-height: 1.5; }
.answers .mark { font-family: var(--sans); font-size: 0.9rem; line-height: 1.65rem; }
.better .mark, .better strong, .verdict.better { color: var(--better); }
.worse .mark, .worse strong, .verdict.worse { color: var(--worse); }
.unclear .mark, .unclear strong, .verdict.unclear { color: var(--unclear); }
.verdict { font-weight: 600; white-space: nowrap; }

table { border-collapse: collapse; width: 100%; margin: 0 0 1.6rem; border-bottom: 1.5px solid var(--ink);
  font-variant-numeric: tabular-nums lining-nums; }
caption { text-align: left; color: var(--soft); padding-bottom: 0.5rem; caption-side: top; }
thead th { border-top: 1.5px solid var(--ink); border-bottom: 1px solid var(--soft); vertical-align: bottom;
  font-weight: 600; }
th, td { text-align: left; vertical-align: top; padding: 0.42rem 1.1rem 0.42rem 0; font-weight: 400; }
th:last-child, td:last-child { padding-right: 0; }
tbody tr + tr > * { border-top: 1px solid var(--rule); }
tfoot tr > * { border-top: 1px solid var(--soft); font-weight: 600; }
.num { text-align: right; white-space: nowrap; }
.lead { font-weight: 600; }
.under { display: block; color: var(--soft); font-weight: 400; }
.barred { width: 34%; min-width: 7rem; padding-top: 0.68rem; }
.forested { width: 19%; min-width: 8rem; }
.named { width: 27%; }
.scroll { overflow-x: auto; }
dl { margin: 0 0 1.6rem; display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: 0.9rem 1.6rem; }
dl div { min-width: 0; }
dt { color: var(--soft); }
dd { margin: 0; font-variant-numeric: tabular-nums; }
pre { margin: 0 0 1.2rem; padding: 0.75rem 0.9rem; background: var(--wash); line-height: 1.5; white-space: pre-wrap;
  overflow-wrap: anywhere; tab-size: 4; }
.limits { margin: 0; padding-left: 1.1rem; max-width: 41rem; }
.limits li { margin-bottom: 0.55rem; }

figure { margin: 0 0 2rem; padding: 0.6rem 0.6rem 0 3.2rem; }
figcaption { margin: 0 0 0.9rem -3.2rem; max-width: 41rem; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 0 2.5rem; }
svg { display: block; overflow: visible; }
svg svg { overflow: hidden; }
svg text { font: 0.74rem var(--sans); fill: var(--soft); font-variant-numeric: tabular-nums; }
.plot { margin-bottom: 1.9rem; }
.grid { stroke: var(--rule); }
polyline { fill: none; stroke-width: 1.4; stroke-linejoin: round; }
polyline.train { stroke: var(--base); }
polyline.validation { stroke: var(--forged); stroke-width: 2; }
polyline.aside { stroke: var(--soft); }
.dot.train { fill: var(--base); } .dot.validation { fill: var(--forged); } .dot.aside { fill: var(--soft); }
line.best { stroke: var(--ink); stroke-dasharray: 2 3; }
circle.best { fill: none; stroke: var(--ink); stroke-width: 1.2; }
text.best { fill: var(--ink); }
.key { display: inline-block; width: 1.3rem; border-top: 2px solid; vertical-align: 0.25em; margin-right: 0.3rem; }
.key.train { border-color: var(--base); } .key.validation { border-color: var(--forged); }
.forest .zero { stroke: var(--soft); }
.forest .interval { stroke: currentColor; stroke-width: 2; } .forest .point { fill: currentColor; }
.piece { border-radius: 3px; padding: 0.05em 0; box-shadow: inset 0 0 0 0.5px var(--rule); }
.piece-0 { background: color-mix(in srgb, #2f6fde 26%, var(--paper)); }
.piece-1 { background: color-mix(in srgb, #e0a020 30%, var(--paper)); }
.piece-2 { background: color-mix(in srgb, #1f9d6b 26%, var(--paper)); }
.piece-3 { background: color-mix(in srgb, #cf4a33 24%, var(--paper)); }
.piece-4 { background: color-mix(in srgb, #8a55c8 26%, var(--paper)); }
.piece-5 { background: color-mix(in srgb, #14a0b0 26%, var(--paper)); }
.bar { background: var(--wash); }
.bar.all rect, .bar.kept rect { fill: var(--soft); } .bar.lost rect { fill: var(--base); }

details { border-top: 1px solid var(--rule); padding: 0.4rem 0; }
details[open] { padding-bottom: 1.2rem; }
summary { cursor: pointer; font-family: var(--sans); font-size: 0.9rem; }
summary .verdict { display: inline-block; min-width: 3rem; }
details h4 { margin: 0.9rem 0 0.3rem; font: 600 0.84rem/1.35 var(--sans); color: var(--soft); }
.sample { margin: 0 0 3rem; }
.sample h3 { margin-top: 0; font-family: var(--mono); font-size: 0.85rem; }
.sample h3 span { font-family: var(--sans); font-weight: 400; color: var(--soft); margin-left: 0.7rem; }
.sample pre { margin: 0; }
.given { color: var(--soft); }
.three { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); gap: 0 1px; margin: 1px 0; }
.three > div { display: grid; grid-row: span 2; grid-template-rows: auto 1fr; grid-template-rows: subgrid; }
.three pre { padding: 0.3rem 0 0.75rem; }
.three h4 { margin: 0; padding: 0.55rem 0.9rem 0.45rem; background: var(--wash); font: 600 0.84rem/1.35 var(--sans);
  border-top: 2px solid var(--soft); }
.three .is-base h4 { border-color: var(--base); } .three .is-forged h4 { border-color: var(--forged); }
.three h4 span { display: block; font-weight: 400; color: var(--soft); }
.three h4 .same { color: var(--better); font-weight: 600; }
.line { display: block; border-left: 3px solid transparent; min-height: 1.5em; position: relative;
  padding: 0 0.9rem 0 calc(1.35rem + var(--hang, 0ch)); text-indent: calc(-1 * var(--hang, 0ch)); }
.line.deep { white-space: pre; overflow-wrap: normal; }
.three pre { overflow-x: auto; }
.line.equal { background: var(--match); border-left-color: var(--better); }
.line.start::before { content: "\\25B8"; position: absolute; left: 0.3rem; text-indent: 0; color: var(--forged); }
.cut { color: var(--soft); font-style: italic; }
pre > .cut { display: block; padding-left: 1.35rem; }

@media (max-width: 46rem) {
  html { font-size: 16px; }
  body { padding: 2rem 1.1rem 3rem; }
  h1 { font-size: 1.75rem; }
  .three { grid-template-columns: minmax(0, 1fr); }
  table.stack, .stack tbody, .stack tfoot, .stack tr, .stack th, .stack td, .stack caption { display: block; }
  .stack tbody { border-top: 1.5px solid var(--ink); }
  .stack thead { display: none; }
  .stack tbody tr { padding: 0.7rem 0; }
  .stack tbody tr + tr { border-top: 1px solid var(--rule); }
  .stack tbody tr > * { border-top: 0; padding: 0.12rem 0; width: auto; }
  .stack td { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); gap: 0 0.6rem; text-align: left;
    white-space: normal; }
  .stack td:empty { display: none; }
  .stack tfoot tr { border-top: 1px solid var(--soft); padding: 0.7rem 0; }
  .stack tfoot tr > * { border-top: 0; padding: 0.12rem 0; }
  .stack th, .stack td { overflow-wrap: anywhere; }
  .stack td::before { content: attr(data-label); color: var(--soft); }
  .stack td > * { grid-column: 2; }
}
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --rule: #bbb; --wash: #f4f4f4; --match: #e6f1eb;
    --base: #777; --forged: #1d4f9e; --better: #0a6b4a; --worse: #a9331a; --unclear: #444; }
  html { font-size: 11pt; }
  body { padding: 0; max-width: none; }
  nav { display: none; }
  section > h2 { position: static; }
  section, .scroll { overflow: visible; }
  tfoot { display: table-row-group; }  /* once, at the end of the table, and not on every sheet */
  tr, figure, .answers li, .sample h3, dl div { break-inside: avoid; }
  h2, h3, caption { break-after: avoid; }
  svg, .line, pre { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
body:has(#failures-alone:checked) details.answer.pass { display: none; }
"""
