/**
 * How `/docs` looks: system fonts, one accent, light and dark, a column beside the text where there is room.
 */
import { raw } from "hono/html";

export const DOCS_STYLE = raw(`
:root { --ink: #1c2230; --soft: #5b6475; --line: #dde1e8; --ground: #ffffff; --panel: #f5f7fa; --accent: #b3372b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ee; --soft: #9aa3b5; --line: #2c3342; --ground: #12151c; --panel: #1a1f29; --accent: #f08a7a; }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
a { color: inherit; text-decoration-color: var(--accent); text-underline-offset: .2em; }
a:focus-visible, summary:focus-visible, pre:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 1rem; top: 1rem; background: var(--ground); padding: .5rem; z-index: 1; }
nav { padding: 1rem; background: var(--panel); border-bottom: 1px solid var(--line); font-size: .875rem; }
nav a { display: flex; align-items: baseline; gap: .5rem; padding: .2rem .3rem; text-decoration: none; border-radius: 4px; }
nav a:hover { background: var(--line); }
nav span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
nav .name { font-weight: 700; font-size: 1.05rem; margin-bottom: .4rem; } nav .tag { font-weight: 600; margin-top: .7rem; }
main { padding: 1.25rem 1rem 4rem; max-width: 54rem; }
@media (min-width: 60rem) {
  body { display: grid; grid-template-columns: 19rem minmax(0, 1fr); }
  nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; border: 0; border-right: 1px solid var(--line); }
  main { padding: 2.5rem 3rem 6rem; }
}
@media (max-width: 59.99rem) { nav { display: flex; flex-wrap: wrap; gap: .1rem .4rem; } nav a:not(.tag, .name) { display: none; } nav .name { flex-basis: 100%; margin: 0; } nav .tag { margin: 0; font-weight: 400; } }
h1 { font-size: 2rem; line-height: 1.2; margin: 0 0 1rem; } main:focus { outline: none; }
h2 { margin: 3.5rem 0 0; font-size: 1.4rem; border-bottom: 1px solid var(--line); padding-bottom: .4rem; }
h3 { margin: 2.2rem 0 .3rem; font-size: 1.1rem; } h3 a { text-decoration: none; } h3 a:hover { text-decoration: underline; }
.path { margin: 0 0 .8rem; overflow-wrap: anywhere; } small { color: var(--soft); }
.method { font: 700 .68rem/1.5 ui-monospace, monospace; flex: none; min-width: 5em; padding: 0 .35em; text-align: center; border-radius: 3px; border: 1px solid var(--line); color: var(--soft); display: inline-block; }
.POST, .PUT, .PATCH { color: var(--accent); } .DELETE { color: var(--ground); background: var(--soft); }
code, pre { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 6px; padding: .8rem 1rem; overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .9rem; margin: .6rem 0; }
caption { text-align: left; color: var(--soft); font-size: .8rem; } tbody { vertical-align: top; }
th, td { text-align: left; padding: .35rem .8rem .35rem 0; border-top: 1px solid var(--line); font-weight: 400; overflow-wrap: break-word; }
th code { overflow-wrap: anywhere; } @media (max-width: 34rem) { td { overflow-wrap: anywhere; } }
tbody th { width: 34%; } #content section:not(#problems) td:nth-child(2) { width: 24%; } #problems td:last-child { width: 24%; }
.depth1 { padding-left: 1.2rem; } .depth2 { padding-left: 2.4rem; } .depth3, .depth4, .depth5 { padding-left: 3.6rem; }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--soft); }
.refusals { font-size: .8rem; color: var(--soft); } dt { font-weight: 600; margin-top: .8rem; } dd { margin: 0; }
tr:target { background: var(--panel); }
`);
