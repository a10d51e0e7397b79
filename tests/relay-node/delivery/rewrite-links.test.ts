/** Links led over us, and nothing else of an HTML body touched. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { findPlaces, rewriteHtml } from "../../../relay-node/delivery/rewrite-links.ts";
import { cpuMs } from "../../support/cpu-time.ts";

const over = (target: string): string => `over:${target}`;
const rewrite = async (html: string, pixelUrl?: string): Promise<string> =>
  rewriteHtml(html, await findPlaces(html), over, pixelUrl);
const check = async (html: string, expected: string): Promise<void> => expect(await rewrite(html), html).toBe(expected);
const keeps = (html: string): Promise<void> => check(html, html);

test("an absolute link is led over us, however it is written", async () => {
  const to = `href="over:https://a.test/"`;
  await check(`<a href="https://a.test/">x</a>`, `<a ${to}>x</a>`);
  await check(`<a href='https://a.test/'>x</a>`, `<a ${to}>x</a>`);
  await check(`<a href=https://a.test/>x</a>`, `<a ${to}>x</a>`);
  await check(`<A\n HREF = "HTTPS://A.test"  class=b>x</A>`, `<A\n ${to}  class=b>x</A>`);
  await check(`<a href="\t https://a.test \n">x</a>`, `<a ${to}>x</a>`);
  await check(`<a class='b"c' title="d'e>" href="https://a.test" id=f>`, `<a class='b"c' title="d'e>" ${to} id=f>`);
  await check(`<map><AREA shape=rect href="https://a.test"></map>`, `<map><AREA shape=rect ${to}></map>`);
  await check(`<a href="http://a.test">`, `<a href="over:http://a.test/">`);
});

test("the target is what a browser would have asked for", async () => {
  await check(`<a href="https://a.test/?a=1&amp;b=2&copy=3">`, `<a href="over:https://a.test/?a=1&b=2&copy=3">`);
  await check(`<a href="https://a.test/?q=&quot;x&#39;&#x3e;">`, `<a href="over:https://a.test/?q=%22x%27%3E">`);
  await check(`<a href="https://ä.test/ü#ö">`, `<a href="over:https://xn--4ca.test/%C3%BC#%C3%B6">`);
  // Of two attributes of a name the first counts.
  await check(
    `<a href="https://a.test" href="https://b.test">`,
    `<a href="over:https://a.test/" href="https://b.test">`,
  );
});

test("what is no web link, or is not to be led over us, stays", async () => {
  for (const href of [
    ...["mailto:a@b.test", "tel:+81", "#top", "cid:logo", "javascript:alert(1)", "data:text/html,x", "ftp://a.test/"],
    ...["/path", "//a.test/", "page.html", "", "https:a.test", "https://", "https://[", "httpsx://a.test"],
    ...["https://user@a.test/", "https://:password@a.test/", `https://a.test/${"x".repeat(2000)}`],
  ])
    await keeps(`<a href="${href}">x</a>`);
  await keeps(`<a href="https://a.test" data-hikyaku-track="off">x</a>`);
  await keeps(`<a DATA-HIKYAKU-TRACK=Off href="https://a.test">x</a>`);
  await keeps(`<a name="https://a.test">x</a>`);
  await keeps(`<link href="https://a.test"><form action="https://a.test"><img src="https://a.test">`);
  // A base is only of relative links, which stay, and ours are absolute.
  await check(`<base href="https://b.test/"><a href="c">`, `<base href="https://b.test/"><a href="c">`);
});

test("what only looks like a link stays", async () => {
  await keeps(`<!-- <a href="https://a.test"> -->`);
  await keeps(`<!--[if mso]><v:roundrect href="https://a.test"><a href="https://a.test"></a><![endif]-->`);
  await keeps(`<script>"<a href='https://a.test'>"</script>`);
  await keeps(`<style>a[href="https://a.test"] { color: red }</style><title><a href="https://a.test"></title>`);
  await keeps(`<textarea><a href="https://a.test"></textarea>`);
  await keeps(`<p title="<a href='https://a.test'>">&lt;a href="https://a.test"&gt; https://a.test</p>`);
  await keeps(`</a href="https://a.test">`);
  await keeps(`<a href="https://a.test`);
});

test("what Outlook's comments show to the others is read", async () => {
  await check(
    `<!--[if !mso]><!--><a href="https://a.test/">x</a><!--<![endif]-->`,
    `<!--[if !mso]><!--><a href="over:https://a.test/">x</a><!--<![endif]-->`,
  );
  await check(
    `<![if !mso]><a href=https://a.test/><![endif]>`,
    `<![if !mso]><a href="over:https://a.test/"><![endif]>`,
  );
});

test("malformed HTML stays as malformed as it was", async () => {
  const to = `href="over:https://a.test/"`;
  await check(`<p><a href="https://a.test/"<b>x</p></i>`, `<p><a ${to}<b>x</p></i>`);
  await check(
    `<a href="https://a.test/"class=x/>\r\n\0<table><a href=https://a.test/>`,
    `<a ${to}class=x/>\r\n\0<table><a ${to}>`,
  );
  await check(
    `\ufeff<pre>\n\n<a href=https://a.test/>\ud83d\ude00\ud83d`,
    `\ufeff<pre>\n\n<a ${to}>\ud83d\ude00\ud83d`,
  );
  await check(`<template><a href=https://a.test/></template>`, `<template><a ${to}></template>`);
  await check(`<svg><a href=https://a.test/ /></svg>`, `<svg><a ${to} /></svg>`);
});

test("the picture stands before the last </body>, or at the end", async () => {
  const picture = /<img src="https:\/\/o\.test\/x" alt="" width="1" height="1" style="[^"]*">/;
  const place = async (html: string): Promise<string> =>
    (await rewrite(html, "https://o.test/x")).replace(picture, "@");
  expect(await place("<html><body><p>x</p></BODY ></html>")).toBe("<html><body><p>x</p>@</BODY ></html>");
  expect(await place("<!-- </body> --><p>x")).toBe("<!-- </body> --><p>x@");
  expect(await place("<body>a</body>b</body>c")).toBe("<body>a</body>b@</body>c");
  expect(await place("")).toBe("@");
  expect(await place(`<body></body><a href=https://a.test/>`)).toBe(`<body>@</body><a href="over:https://a.test/">`);
});

test("each link has its own place, across the parser's pieces", async () => {
  const line = `<p class="x">ü😀&nbsp;\r\n<a href='https://a.test/?n=NN&amp;m=1' title="y">z</a>\r`;
  const html = Array.from({ length: 900 }, (_, n) => line.replace("NN", String(n)).padEnd(400, " ")).join("");
  const expected = html.replaceAll(
    /href='https:\/\/a\.test\/\?n=(\d+)&amp;m=1'/g,
    `href="over:https://a.test/?n=$1&m=1"`,
  );
  expect(await rewrite(html)).toBe(expected);
});

test("too much is left as it came, and read in no time", async () => {
  const link = `<a href=https://a.test/>`;
  const many = await rewrite(link.repeat(1001));
  expect(many.match(/over:/g)).toHaveLength(1000);
  expect(many.endsWith(link)).toBe(true);
  await keeps(`${link}${" ".repeat(2_000_000)}`);
  const fromMs = cpuMs();
  for (const piece of [
    "<svg><math>",
    "<a x='",
    "<",
    "&",
    "<!--",
    "<a ",
    "<div a=b c=d>",
    "<script><!--<script>",
    "]]>",
    "\r\n",
  ])
    await keeps(piece.repeat(Math.floor(1_000_000 / piece.length)));
  await keeps(`<a ${Array.from({ length: 150_000 }, (_, n) => `a${n}`).join(" ")}>`);
  expect(cpuMs() - fromMs).toBeLessThan(15_000);
});

/** Pieces that HTML is made of, none of which is a link to follow. */
const PIECES = [
  "<p>",
  "</p>",
  "<a href='",
  '<a href="#x">',
  "</a>",
  "<!--",
  "-->",
  "<script>",
  "</script>",
  "<svg>",
  "]]>",
  "<![CDATA[",
].concat([
  "<body>",
  "</body>",
  "<table>",
  "'",
  '"',
  ">",
  "<",
  "=",
  "&amp;",
  "&",
  "\r\n",
  "\r",
  "\0",
  "\ufeff",
  "😀",
  "\ud83d",
  "x y",
]);

test("property: without links the output is the input, and a picture is all that comes to it", async () => {
  const html = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.constantFrom(...PIECES)).map((pieces) => pieces.join("")),
  );
  await fc.assert(
    fc.asyncProperty(html, async (text) => {
      expect(await rewrite(text)).toBe(text);
      expect((await rewrite(text, "https://o.test/x")).replace(/<img src="https:\/\/o\.test\/x"[^>]*>/, "")).toBe(text);
    }),
    { numRuns: 500 },
  );
});

test("property: whatever stands around it, a place that is found is a link", async () => {
  const pieces = fc.array(fc.constantFrom(...PIECES, "<a href=https://a.test/>", "<A HREF='https://a.test/'>"));
  await fc.assert(
    fc.asyncProperty(pieces, async (list) => {
      const text = list.join("");
      for (const { start, end, target } of (await findPlaces(text)).links) {
        expect(text.slice(start, end)).toMatch(/^href\s*=\s*['"]?https?:/i);
        expect(target).toMatch(/^https?:\/\/a\.test\//);
      }
    }),
    { numRuns: 500 },
  );
});
