/**
 * The style sheet and the script of the pages, served from where the pages are.
 *
 * System fonts, one accent, light and dark, from 320 pixels up. The script makes the copy buttons work, which are hidden
 * without it, keeps private keys from being sent, and looks again for who waits until all resolvers have a record.
 */
import { PRIVATE_KEY } from "./dkim-paste.ts";

export const STYLE = `:root { --ink: #1c2230; --soft: #566074; --line: #d9dee7; --ground: #ffffff; --panel: #f5f7fa; --accent: #b3372b; --on-accent: #ffffff;
  --pass: #17713a; --warn: #8a5800; --fail: #b3261e; --indeterminate: #7a3e9d; --add: #1a5fb4; --not_applicable: #566074; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ee; --soft: #a3acbd; --line: #2f3747; --ground: #12151c; --panel: #1a1f29; --accent: #f08a7a; --on-accent: #1c1210;
    --pass: #6fd08c; --warn: #e8b65a; --fail: #ff8f85; --indeterminate: #d3a4f2; --add: #86b8f5; --not_applicable: #a3acbd; }
}
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--ground); -webkit-text-size-adjust: 100%; }
header, main, footer { max-width: 46rem; margin: 0 auto; padding: 1rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem .8rem; color: var(--soft); font-size: .9rem; }
header .name { font-weight: 700; font-size: 1.05rem; color: var(--ink); text-decoration: none; }
footer { color: var(--soft); font-size: .85rem; padding-bottom: 4rem; }
main { padding-top: .25rem; } main:focus { outline: none; }
a { color: inherit; text-decoration-color: var(--accent); text-underline-offset: .2em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
.skip { position: absolute; left: -999px; } .skip:focus { left: 1rem; top: .5rem; background: var(--ground); padding: .5rem; z-index: 2; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .4rem 0 .8rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .8rem; } h3 { font-size: 1rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; overflow-wrap: anywhere; } .lead { font-size: 1.05rem; margin-bottom: 1rem; } .soft { color: var(--soft); font-size: .9rem; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; border-bottom: 1px solid var(--line); margin-bottom: 1.2rem; }
nav a { padding: .5rem 0; text-decoration: none; color: var(--soft); border-bottom: 3px solid transparent; margin-bottom: -1px; }
@media (max-width: 24rem) { nav { column-gap: .5rem; font-size: .82rem; } } nav a:hover { color: var(--ink); } nav [aria-current] { color: var(--ink); font-weight: 600; border-color: var(--accent); }
fieldset { border: 1px solid var(--line); border-radius: 10px; padding: .4rem 1rem 1rem; margin: 1.2rem 0; min-width: 0; }
legend { font-weight: 700; padding: 0 .4rem; margin-left: -.4rem; }
.field { margin: .8rem 0; } label { font-weight: 600; } .hint { color: var(--soft); font-size: .875rem; margin: 0 0 .3rem; }
.error { color: var(--fail); font-weight: 600; } .error::before { content: "✗ "; }
input, textarea, select { width: 100%; font: inherit; color: inherit; background: var(--panel); border: 1px solid var(--soft); border-radius: 8px; padding: .6rem .7rem; }
textarea { font: .875rem/1.5 ui-monospace, Menlo, monospace; resize: vertical; } [aria-invalid="true"] { border: 2px solid var(--fail); }
::placeholder { color: var(--soft); opacity: 1; }
.actions { display: flex; flex-wrap: wrap; gap: .8rem 1.2rem; align-items: center; margin: 1.2rem 0; }
button, .button { font: inherit; font-weight: 600; cursor: pointer; border: 1px solid var(--accent); border-radius: 8px; padding: .55rem 1.1rem; background: var(--accent); color: var(--on-accent); text-decoration: none; }
.second { background: transparent; color: var(--ink); } button:hover, .button:hover { filter: brightness(1.1); }
.notice { border-left: 4px solid var(--warn); background: var(--panel); padding: .6rem 1rem; border-radius: 0 8px 8px 0; overflow-wrap: anywhere; }
.cards, .files, .stages, .tree { list-style: none; margin: 0; padding: 0; }
.card { border: 1px solid var(--line); border-left: 5px solid var(--not_applicable); border-radius: 8px; padding: .8rem 1rem; margin: .8rem 0; background: var(--panel); }
.card.pass { border-left-color: var(--pass); } .card.warn { border-left-color: var(--warn); } .card.fail { border-left-color: var(--fail); }
.card.indeterminate { border-left-color: var(--indeterminate); } .card.add { border-left-color: var(--add); }
.verdict { display: inline-block; white-space: nowrap; margin-right: .4rem; } .verdict.pass { color: var(--pass); } .verdict.warn { color: var(--warn); }
.verdict.fail { color: var(--fail); } .verdict.indeterminate { color: var(--indeterminate); } .verdict.add { color: var(--add); } .verdict.not_applicable { color: var(--soft); }
code, pre { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; unicode-bidi: isolate; } code { overflow-wrap: anywhere; }
.subject { font-weight: 600; } pre { margin: .5rem 0; padding: .6rem .8rem; white-space: pre-wrap; overflow-wrap: anywhere; background: var(--ground); border: 1px solid var(--line); border-radius: 6px; max-height: 20rem; overflow: auto; }
.copyable { display: flex; gap: .6rem; align-items: flex-start; } .copyable code { flex: 1; min-width: 0; white-space: pre-wrap; background: var(--ground); border: 1px solid var(--line); border-radius: 6px; padding: .35rem .6rem; }
.copy { flex: none; font-size: .8rem; min-height: 2rem; padding: .2rem .8rem; background: transparent; color: var(--ink); border-color: var(--soft); }
.key, dt { font-weight: 600; font-size: .85rem; color: var(--soft); } .gone del { color: var(--soft); }
dl { margin: .4rem 0 0; } dl div { margin: .4rem 0; } dd { margin: 0; }
@media (min-width: 34rem) { dl div { display: grid; grid-template-columns: 6.5rem minmax(0, 1fr); align-items: baseline; } }
details { margin-top: .4rem; } summary { cursor: pointer; color: var(--soft); padding: .2rem 0; }
.files { display: flex; flex-wrap: wrap; gap: .6rem; } .files a { display: block; border: 1px solid var(--line); border-radius: 8px; padding: .4rem .8rem; text-decoration: none; } .files a:hover { border-color: var(--accent); }
.stages > li { border-left: 3px solid var(--line); padding: .1rem 0 .1rem 1rem; margin: 0 0 1.2rem; } .stages em { color: var(--pass); font-weight: 400; }
.tree li { padding: .15rem 0; overflow-wrap: anywhere; } .d1 { margin-left: 1.1rem; } .d2 { margin-left: 2.2rem; } .d3 { margin-left: 3.3rem; } .d4 { margin-left: 4.4rem; } .d5 { margin-left: 5.5rem; }
.walk { padding-left: 1.4rem; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; font-size: .95rem; } caption { text-align: left; color: var(--soft); font-size: .85rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; } tbody th { width: 5rem; }
.scroll { overflow-x: auto; } .scroll td { min-width: 7rem; } .scroll tbody th { min-width: 11rem; } .card h2 { margin: 0 0 .4rem; }
.publish { border: 1px solid var(--line); border-radius: 8px; padding: .4rem 1rem; margin: .8rem 0; } .publish summary { color: var(--ink); font-weight: 600; } [hidden] { display: none !important; }
#said { position: fixed; left: 50%; bottom: 1rem; transform: translateX(-50%); margin: 0; padding: .5rem 1rem; border-radius: 8px; background: var(--ink); color: var(--ground); } #said:empty { padding: 0; }
`;

export const SCRIPT = `"use strict";
const IS_PRIVATE = new RegExp(${JSON.stringify(PRIVATE_KEY.source)});
const said = document.getElementById("said");
let clearing;
const say = (text) => {
  said.textContent = text;
  clearTimeout(clearing);
  clearing = setTimeout(() => (said.textContent = ""), 4000);
};
for (const button of document.querySelectorAll("button.copy")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.previousElementSibling.textContent);
      say("Copied.");
    } catch {
      say("Could not copy: select the text and copy it by hand.");
    }
  });
}
for (const field of document.querySelectorAll("textarea[name=key]"))
  field.form.addEventListener("submit", (event) => {
    if (!IS_PRIVATE.test(field.value)) return;
    event.preventDefault();
    field.value = "";
    field.setAttribute("aria-invalid", "true");
    const note = document.createElement("span");
    note.className = "error";
    note.textContent = "This is a private key, and was not sent. Keep it to yourself, and paste the public half.";
    document.getElementById(field.getAttribute("aria-describedby")).replaceChildren(note);
    field.focus();
    say(note.textContent);
  });
const live = document.getElementById("live");
const pause = document.getElementById("pause");
const MOST_LOOKS = 80;
const localTimes = () => {
  for (const time of live.querySelectorAll("time"))
    time.textContent = new Date(time.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
};
const watch = (looks) => {
  localTimes();
  pause.hidden = looks >= MOST_LOOKS || !live.dataset.refresh;
  if (!pause.hidden) setTimeout(() => look(looks + 1), 1000 * live.dataset.refresh);
};
const look = async (looks) => {
  const isWanted = !document.hidden && pause.getAttribute("aria-pressed") === "false";
  try {
    const response = isWanted && (await fetch(location.href, { headers: { accept: "text/html" } }));
    if (!response || !response.ok) return watch(isWanted ? looks : looks - 1);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const found = page.getElementById("live");
    const before = live.querySelector(".lead").textContent;
    delete live.dataset.refresh;
    if (found.dataset.refresh) live.dataset.refresh = found.dataset.refresh;
    live.querySelector(".lead").textContent = found.querySelector(".lead").textContent;
    live.querySelector("table").replaceWith(found.querySelector("table"));
    if (live.querySelector(".lead").textContent !== before) say(live.querySelector(".lead").textContent);
  } catch {
    // The next look may find the way.
  }
  watch(looks);
};
if (live) {
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") === "true";
    pause.setAttribute("aria-pressed", String(!paused));
    say(paused ? "Looking again every few seconds." : "Paused.");
  });
  watch(0);
}
`;
