/**
 * The pages as browsers and readers get them: what is hostile in a zone stays text, all is small, and every input has
 * its name.
 */
import { expect, test } from "vitest";
import type { RecordedZone } from "../../../dns-tools/resolvers/recorded.ts";
import { ANSWERS, answer, BARE, page } from "./scene.ts";

const PAGES = [
  "/",
  `/?${ANSWERS}`,
  `/check?${ANSWERS}`,
  `/plan?${ANSWERS}`,
  `/propagation?${ANSWERS}`,
  `/domain-connect?${ANSWERS}`,
  `/explain?${ANSWERS}`,
  "/account",
  "/check?domain=@",
];
const MOST_OCTETS = 100_000;

const octetsOf = (text: string): number => new TextEncoder().encode(text).length;

const SCRIPT_TEXT = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`;

test("records with markup in them are text", async () => {
  const zone: RecordedZone = {
    ...BARE,
    "d.test": { TXT: [`v=spf1 include:${SCRIPT_TEXT} ~all`, SCRIPT_TEXT] },
    "send.d.test": { TXT: [`v=spf1 ${SCRIPT_TEXT} ~all`], MX: [{ preference: 1, exchange: SCRIPT_TEXT }] },
    "s1._domainkey.d.test": { TXT: [`v=DKIM1; p=AAAA; n=${SCRIPT_TEXT}`] },
    "_dmarc.d.test": { TXT: [`v=DMARC1; p=none; x=${SCRIPT_TEXT}; rua=mailto:a@${SCRIPT_TEXT}`] },
  };
  const typed = new URLSearchParams([
    ["domain", SCRIPT_TEXT],
    ["selector", SCRIPT_TEXT],
    ["key", `</textarea>${SCRIPT_TEXT}`],
    ["rua", SCRIPT_TEXT],
  ]).toString();
  let seen = 0;
  for (const path of [...PAGES, `/?${typed}`, `/check?${typed}`]) {
    const html = await page(zone, path);
    expect(html, path).not.toMatch(/<script>|<img|onerror=alert\(1\)>[^&]*<\/script>/);
    expect(html.match(/<script/g), path).toHaveLength(1);
    expect(html.match(/<\/textarea/g)?.length, path).toBe(html.match(/<textarea/g)?.length);
    if (html.includes("&lt;script&gt;")) seen++;
  }
  expect(seen).toBeGreaterThan(4);
});

test("a page is below 100 KB with all it needs, also over a zone that was made large", async () => {
  const long = '<&">'.repeat(12_000);
  const zone: RecordedZone = {
    ...BARE,
    "d.test": { TXT: [`v=spf1 ${`x=${"y".repeat(200)} `.repeat(300)}-all`, ...Array.from({ length: 40 }, () => long)] },
    "send.d.test": { TXT: [`v=spf1 ${"include:spf.relay.test ".repeat(400)}-all`, long] },
    "s1._domainkey.d.test": { TXT: Array.from({ length: 30 }, (_, at) => `v=DKIM1; p=AAAA; n=${at}${long}`) },
    "_dmarc.d.test": {
      TXT: [`v=DMARC1; p=none; ${Array.from({ length: 900 }, (_, at) => `x${at}=${"y".repeat(40)}`).join(";")}`],
    },
  };
  const frame = octetsOf(await page(zone, "/wizard.css")) + octetsOf(await page(zone, "/wizard.js"));
  for (const path of PAGES) {
    expect(octetsOf(await page(BARE, path)) + frame, path).toBeLessThan(MOST_OCTETS / 2);
    expect(octetsOf(await page(zone, path)) + frame, path).toBeLessThan(MOST_OCTETS);
  }
  expect(await page(zone, "/explain?domain=d.test")).toMatch(/\d+ more did not fit/);
});

test("strict headers on everything, and nothing from elsewhere", async () => {
  for (const path of [...PAGES, "/wizard.css", "/wizard.js", `/export/zone?${ANSWERS}`, "/nowhere"]) {
    const { headers } = await answer(BARE, path);
    expect(headers.get("content-security-policy"), path).toMatch(/^default-src 'self'; /);
    expect(headers.get("content-security-policy"), path).not.toContain("unsafe");
    expect(headers.get("x-content-type-options"), path).toBe("nosniff");
    expect(headers.get("referrer-policy"), path).toBe("same-origin");
  }
  for (const path of PAGES) {
    const html = await page(BARE, path);
    expect(html, path).not.toMatch(/(?:src|href|action)="(?:https?:)?\/\//);
    // What a strict policy forbids would not work.
    expect(html, path).not.toMatch(/ style="| on\w+="|<style|javascript:/);
  }
});

test("a language, one h1, landmarks, no gap in the headings", async () => {
  for (const path of PAGES) {
    const html = await page(BARE, path);
    expect(html, path).toContain('<html lang="en">');
    expect(html.match(/<h1[ >]/g), path).toHaveLength(1);
    for (const landmark of ["<header", '<main id="content"', "<footer"]) expect(html, path).toContain(landmark);
    expect(html, path).toContain('class="skip" href="#content"');
    expect(html, path).toMatch(/role="status" aria-live="polite"/);
    expect(html, path).toMatch(/<title>[^<]+<\/title>/);
    const levels = [...html.matchAll(/<h(\d)[ >]/g)].map(([, level]) => Number(level));
    levels.forEach((level, at) => expect(level - (levels[at - 1] ?? 0), path).toBeLessThanOrEqual(1));
  }
});

test("each input has a label and each hint its input; ids are there once", async () => {
  for (const path of PAGES) {
    const html = await page(BARE, path);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size, path).toBe(ids.length);
    for (const [control] of html.matchAll(/<(?:input(?! type="hidden")|textarea|select)\b[^>]*>/g)) {
      const id = / id="([^"]+)"/.exec(control)?.[1];
      expect(html, control).toContain(`<label for="${id}">`);
      const note = / aria-describedby="([^"]+)"/.exec(control)?.[1];
      expect(ids, control).toContain(note);
    }
    for (const [, target] of html.matchAll(/ href="#([^"]+)"/g)) expect(ids, path).toContain(target);
    for (const [button] of html.matchAll(/<button[^>]*class="copy"[^>]*>/g))
      expect(button, path).toMatch(/aria-label="Copy [^"]+" hidden/);
  }
});
