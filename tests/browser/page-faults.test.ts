/** Each kind of fault is seen when it is planted in a page, and a good page has none. */
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromium, launchChromium, openPage, type WatchedPage } from "../support/chromium.ts";
import { contrastFaults, overflowFaults, sameNames, structureFaults, tabFaults } from "./page-faults.ts";
import { PHONE } from "./screenshots.ts";

const page = (content: string, attributes = ' lang="en"'): string =>
  `<!doctype html><html${attributes}><head><meta name="viewport" content="width=device-width, initial-scale=1" /><title>A page</title>
  <style>body { color: #000; background: #fff } :focus-visible { outline: 3px solid #00f }</style></head>
  <body><main><h1>A page</h1>${content}</main></body></html>`;

const GOOD = `<h2>Part</h2><label for="a">A</label> <input id="a" name="a" placeholder="b" /> <a href="#a">to a</a>
  <nav aria-label="Parts"><a href="#a">a</a></nav><details><summary>More</summary><pre tabindex="0">text</pre></details>
  <table><tr><th scope="row">a</th><td>b</td></tr></table><p style="overflow-x: auto"><span style="display: block; width: 900px">w</span></p>`;

type Find = (page: Page) => Promise<string[]>;
const structure: Find = structureFaults;
const contrast: Find = (page) => contrastFaults(page, 4.5);

const PLANTED: readonly (readonly [fault: string | RegExp, find: Find, html: string])[] = [
  ["no language", structure, page(GOOD, "")],
  ["h1 is not one", structure, page(`${GOOD}<h1>Another</h1>`)],
  ["h3 after a gap", structure, page("<h3>Deep</h3>")],
  ["an empty H2", structure, page("<h2> </h2>")],
  ["2 of main", structure, page("</main><main>")],
  ["a nav without a label", structure, page("<nav></nav>")],
  ["q has no label", structure, page('<input name="q" />')],
  ["q is described by nothing", structure, page('<label>Q<input name="q" aria-describedby="none" /></label>')],
  ["a fieldset without legend", structure, page("<fieldset><legend></legend></fieldset>")],
  ["stands in no fieldset", structure, page('<label><input type="radio" />A</label>')],
  ["no name: <button", structure, page("<button></button>")],
  ["no text: <img", structure, page('<img src="data:," />')],
  ["a table without headers", structure, page("<table><tr><td>a</td></tr></table>")],
  ["th without scope", structure, page("<table><tr><th>a</th></tr></table>")],
  ["an id is there twice", structure, page('<p id="a"></p><p id="a"></p>')],
  ["Copy", sameNames, page("<button>Copy</button><button>Copy</button>")],
  [/^4\.48: P/, contrast, page('<p style="color: #777">grey</p>')],
  [": P", contrast, page('<div style="background: #0008"><p style="color: #000a">dark</p></div>')],
  ["placeholder", contrast, page('<style>::placeholder { color: #666; opacity: .7 }</style><input placeholder="x" />')],
  ["placeholder", contrast, page('<style>::placeholder { color: #999 }</style><input placeholder="x" />')],
  ["see-through", contrast, page('<p style="opacity: .9">half</p>')],
  ["of 390: <p", overflowFaults, page(`<p>${"x".repeat(200)}</p>`)],
  [/^stop \d is/, tabFaults, page('<a href="#a" tabindex="2">a</a><a href="#b" tabindex="1">b</a>')],
  ["stop 0 is <body", tabFaults, page('<a href="#a" tabindex="-1">a</a>')],
  ["the focus is not seen", tabFaults, page('<a href="#a" style="outline: none">a</a>')],
  ["the focus is not seen", tabFaults, page('<a href="#a" style="position: fixed; left: -99px">a</a>')],
];

describe.skipIf(chromium === undefined)("a page", () => {
  let browser: Browser;
  let watched: WatchedPage;
  beforeAll(async () => {
    browser = await launchChromium();
    watched = await openPage(browser, { viewport: PHONE });
  });
  afterAll(() => browser.close());

  test("that is good has no fault", async () => {
    await watched.page.setContent(page(GOOD));
    for (const find of [structure, sameNames, contrast, overflowFaults, tabFaults])
      expect(await find(watched.page)).toEqual([]);
  });

  test.for(PLANTED)("%s", async ([fault, find, html]) => {
    await watched.page.setContent(html);
    expect(await find(watched.page)).toEqual(
      expect.arrayContaining([
        typeof fault === "string" ? expect.stringContaining(fault) : expect.stringMatching(fault),
      ]),
    );
  });

  test("is heard when it asks elsewhere, breaks its policy, throws or speaks up", async () => {
    const { page: other, requests, complaints } = await openPage(browser);
    await other.route("http://127.0.0.1:1/", (route) =>
      route.fulfill({
        headers: { "content-type": "text/html", "content-security-policy": "style-src 'self'" },
        body: page(
          '<p style="color: red">red</p><img src="http://elsewhere.test/a.png" /><script>alert(1); boom()</script>',
        ),
      }),
    );
    await other.goto("http://127.0.0.1:1/");
    expect(requests).toContain("http://elsewhere.test/a.png");
    for (const complaint of [
      "net::ERR_NAME_NOT_RESOLVED",
      "Content Security Policy",
      "dialog: 1",
      "boom is not defined",
    ])
      expect(complaints).toContainEqual(expect.stringContaining(complaint));
    await other.context().close();
  });
});
