/** How the page looks: on a screen, light or dark, wide or narrow, and on paper. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1d2129; --soft: #5a6270; --line: #dcd9d1; --accent: #1f5fa8;
  --blocking: #b3452c; --non-blocking: #a87608; --multiplexing: #22795a; --signal-driven: #6d4bb4; --asynchronous: #1c6aae;
  --c1: #1c6aae; --c2: #b3452c; --c3: #22795a; --c4: #a87608; --c5: #6d4bb4; --c6: #0e7f8c; --c7: #b03a76; --c8: #5d6673;
  --held: #b3452c; --checking: #c78d12; --free-line: #2f8f6b; --free-fill: #e3f2eb; --copy: #2b3445; --column: #f1efe9;
  --good: #1d7a4f; --warn: #91660a; --bad: #b3372b; --good-ground: #e1f2e9; --warn-ground: #f8edcf; --bad-ground: #f9e1dd; --none-ground: #ebe9e4;
  --sans: system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', 'WenQuanYi Micro Hei', sans-serif;
  --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171c; --card: #1b1f26; --ink: #e6e8ec; --soft: #9ea7b4; --line: #333a45; --accent: #7fb4ee;
    --blocking: #ee8163; --non-blocking: #e0b14a; --multiplexing: #5cc29a; --signal-driven: #b094ee; --asynchronous: #6fb2f2;
    --c1: #6fb2f2; --c2: #ee8163; --c3: #5cc29a; --c4: #e0b14a; --c5: #b094ee; --c6: #4fc3cf; --c7: #ec84b4; --c8: #a4adba;
    --held: #d96a4b; --checking: #d9a93c; --free-line: #5cc29a; --free-fill: #1d3a30; --copy: #cfd6e2; --column: #20252d;
    --good: #6fd3a3; --warn: #e6bd5c; --bad: #f2907f; --good-ground: #173527; --warn-ground: #3a2f13; --bad-ground: #43221d; --none-ground: #2a2f37;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 4rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.6 var(--sans); -webkit-text-size-adjust: 100%; }
[hidden] { display: none !important; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
a { color: var(--accent); text-underline-offset: .15em; }
code, .mono { font-family: var(--mono); font-size: .92em; }
.edition > *, .languages { max-width: 70rem; margin-inline: auto; padding-inline: 1rem; }
.languages { border: 0; display: flex; justify-content: flex-end; gap: .35rem; padding-block: .8rem 0; }
.languages label { position: relative; cursor: pointer; }
.languages input { position: absolute; opacity: 0; inset: 0; margin: 0; cursor: pointer; }
.languages span { display: block; padding: .2rem .8rem; border: 1px solid var(--line); border-radius: 99px; font-size: .9rem; color: var(--soft); background: var(--card); }
.languages input:checked + span { background: var(--ink); color: var(--paper); border-color: var(--ink); }
.languages input:focus-visible + span { outline: 3px solid var(--accent); outline-offset: 2px; }
header { padding-block: 1.2rem 1.4rem; }
h1 { font-size: clamp(1.9rem, 5vw, 3rem); line-height: 1.15; letter-spacing: -.02em; margin: 0 0 .5rem; text-wrap: balance; }
.subtitle { font-size: 1.15rem; margin: 0; color: var(--soft); }
.date { margin: .15rem 0 0; color: var(--soft); font-size: .9rem; font-variant-numeric: tabular-nums; }
nav { position: sticky; top: 0; z-index: 2; background: var(--paper); border-block: 1px solid var(--line); max-width: none !important; }
nav ul { list-style: none; display: flex; gap: .2rem; margin: 0 auto; padding: .35rem 0; max-width: 68rem; overflow-x: auto; }
nav a { display: block; padding: .3rem .75rem; border-radius: 6px; white-space: nowrap; text-decoration: none; color: var(--ink); font-size: .95rem; }
nav a:hover { background: var(--column); }
h2 { font-size: 1.65rem; line-height: 1.25; margin: 3rem 0 .6rem; letter-spacing: -.01em; }
h3 { font-size: 1.15rem; line-height: 1.35; margin: 2rem 0 .5rem; }
.about { color: var(--soft); max-width: 48rem; margin: 0 0 1rem; }
.missing { color: var(--soft); font-style: italic; }
.warning { background: var(--warn-ground); border-inline-start: 4px solid var(--warn); border-radius: 4px; padding: .6rem 1rem; margin: 1.2rem 0 0; overflow-wrap: anywhere; }
.warning ul { margin: .3rem 0 0; padding-inline-start: 1.2rem; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1rem 1rem .6rem; min-width: 0; break-inside: avoid; }
figcaption { font-weight: 650; margin-bottom: .5rem; line-height: 1.35; }
figure svg.plot { display: block; width: 100%; max-width: 480px; height: auto; overflow: visible; color: var(--ink); font-family: var(--sans); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20.5rem), 1fr)); gap: 1rem; margin: 1rem 0; align-items: start; }
.axis { margin: 0; font-size: .8rem; color: var(--soft); }
.axis.end { text-align: end; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin: 0 0 .5rem; padding: 0; font-size: .85rem; color: var(--soft); }
.legend li { display: flex; align-items: center; gap: .4rem; }
.legend.kinds { margin-top: .8rem; }
.scroll { overflow-x: auto; overscroll-behavior-x: contain; }
.reading { margin: .6rem 0; padding-inline-start: 1.2rem; max-width: 56rem; }
.reading li { margin-block: .15rem; }
.small-print, .notes { color: var(--soft); font-size: .87rem; padding-inline-start: 1.2rem; max-width: 60rem; }
.notes { overflow-wrap: anywhere; }
details.numbers { margin-top: .5rem; font-size: .87rem; }
details.numbers summary { cursor: pointer; color: var(--accent); width: fit-content; }
details.raw th, details.raw td { white-space: nowrap; }
table { border-collapse: collapse; font-size: .85rem; font-variant-numeric: tabular-nums; margin-top: .4rem; }
th, td { text-align: start; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
thead th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: 600; white-space: nowrap; }
td.number { text-align: end; white-space: nowrap; }
svg.layers { display: block; width: 100%; max-width: 480px; height: auto; font-family: var(--sans); }
.layers text { fill: var(--ink); font-size: 11.5px; } .layers .head, .layers .whose { font-weight: 600; }
.layers rect { fill: var(--column); stroke: var(--line); } .layers .across { fill: none; stroke: none; }
.layers .bracket { fill: none; stroke: var(--soft); stroke-width: 1.4; } .layers .line { stroke: var(--ink); stroke-width: 3; }
.layers .call { font: 10.5px var(--mono); fill: var(--accent); }
svg.phases { display: block; min-width: 860px; width: 100%; height: auto; font-family: var(--sans); color: var(--ink); }
.phases text { fill: var(--ink); font-size: 12px; }
.phases .family { font-size: 14.5px; font-weight: 700; }
.phases .name { font: 600 13px var(--mono); }
.phases .small { font-size: 10.5px; fill: var(--soft); }
.phases .call { font: 10px var(--mono); fill: var(--soft); }
.phases .value { font-weight: 650; font-variant-numeric: tabular-nums; }
.phases .tick { font-size: 11px; fill: var(--soft); }
.phases .moment-name { font-size: 11.5px; font-weight: 650; }
.phases .phase { font-weight: 700; font-size: 14px; }
.phases .bracket { fill: none; stroke: var(--soft); stroke-width: 1.6; }
.phases .column { fill: var(--column); }
.phases .grid { stroke: var(--line); }
.phases .moment { stroke: var(--ink); stroke-width: 1.4; stroke-dasharray: 5 3; }
rect.held { fill: var(--held); }
rect.free { fill: var(--free-fill); stroke: var(--free-line); stroke-width: 1.4; stroke-dasharray: 3 2.4; }
rect.copying { fill: var(--copy); }
rect.copied { fill: var(--free-fill); stroke: var(--free-line); stroke-width: 1.4; }
.hatch-ground { fill: var(--checking); fill-opacity: .28; }
.hatch { fill: var(--checking); }
.tabs { display: flex; flex-wrap: wrap; gap: .3rem; margin: 1rem 0 .8rem; }
.tabs button { font: 600 .92rem var(--mono); color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .35rem .8rem; cursor: pointer; }
.tabs button[aria-selected=true] { background: var(--ink); color: var(--paper); border-color: var(--ink); }
.panel { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: .2rem 1rem 1rem; }
.panel h3 { margin-top: 1rem; }
svg.ff-trace { display: block; min-width: 900px; width: 100%; height: auto; }
.ff-trace .paper { fill: var(--card) !important; }
.agreement td, .agreement th { white-space: nowrap; }
.agreement thead th { white-space: normal; }
.verdicts { list-style: none; margin: 1rem 0; padding: 0; display: grid; gap: .3rem; }
.verdicts a { display: flex; gap: .7rem; align-items: baseline; color: inherit; text-decoration: none; padding: .3rem .5rem; border-radius: 8px; }
.verdicts a:hover { background: var(--column); }
.badge { flex: none; display: inline-block; min-width: 8.9em; text-align: center; font-size: .8rem; font-weight: 700; line-height: 1.5; padding: .05rem .6rem; border-radius: 99px; color: var(--soft); background: var(--none-ground); }
.badge.holds, .passed { color: var(--good); } .badge.holds { background: var(--good-ground); }
.badge.holds-when { color: var(--warn); background: var(--warn-ground); }
.badge.does-not-hold, .failed { color: var(--bad); } .badge.does-not-hold { background: var(--bad-ground); }
.tally { font-weight: 650; }
.experiment { border-top: 1px solid var(--line); margin-top: 1.6rem; scroll-margin-top: 3.5rem; }
.question { font-size: 1.05rem; font-weight: 600; margin: .3rem 0; max-width: 52rem; }
.method, .checks { color: var(--soft); font-size: .92rem; max-width: 56rem; margin: .3rem 0; }
.findings { margin: .8rem 0; display: grid; gap: .7rem; }
.finding { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: .6rem .9rem; }
.findings dt { font-weight: 600; } .findings dd { margin: .3rem 0 0; color: var(--soft); overflow-wrap: anywhere; }
.findings dd.when { color: var(--warn); }
.machine { padding-inline-start: 1.2rem; overflow-wrap: anywhere; }
.download { font: inherit; font-weight: 600; color: var(--paper); background: var(--accent); border: 0; border-radius: 8px; padding: .5rem 1.1rem; cursor: pointer; }
footer { color: var(--soft); font-size: .85rem; padding-block: 2.5rem 3rem; overflow-wrap: anywhere; }
@media (max-width: 40rem) {
  h2 { margin-top: 2.2rem; font-size: 1.4rem; }
  .verdicts a { flex-direction: column; gap: .1rem; }
  figure, .panel { padding-inline: .8rem; }
}
@media print {
  :root { --paper: #fff; --card: #fff; --line: #ccc; color-scheme: light; }
  @page { margin: 14mm; }
  body { font-size: 10pt; }
  .languages, nav, .tabs, .download { display: none !important; }
  .panel[hidden] { display: block !important; }
  .panel, .experiment, .finding { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; }
  svg.phases, svg.ff-trace { min-width: 0; }
  .charts { grid-template-columns: 1fr 1fr; }
  a { color: inherit; text-decoration: none; }
}
`
