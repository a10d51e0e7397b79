/**
 * `/reports` of the wizard: the form, files in, pages and JSON out, within their bounds; nothing needs the script.
 */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { wizardApp } from "../../../dns-tools/wizard/app.ts";
import { recordedResolver } from "../../../dns-tools/resolvers/recorded.ts";
import { feedbackText } from "../reports/feedback-text.ts";
import { record, report } from "../reports/sample-report.ts";
import type { ReportRecord } from "../../../dns-tools/lib/dmarc-report.ts";

const app = wizardApp({ resolve: recordedResolver({}), basePath: "/setup" });
const sample = (name: string): Blob =>
  new Blob([readFileSync(new URL(`../../vectors/dmarc-reports/${name}`, import.meta.url))]);
const xml = (records: readonly ReportRecord[], some = {}): Blob => new Blob([feedbackText(report(records, some))]);

const upload = (
  files: Record<string, Blob>,
  path = "/setup/reports",
  accept = "text/html",
): Response | Promise<Response> => {
  const body = new FormData();
  for (const [name, file] of Object.entries(files)) body.append("file", file, name);
  return app.request(path, { method: "POST", body, headers: { accept } });
};
const page = async (files: Record<string, Blob>): Promise<string> => (await upload(files)).text();

test("the form, and its twin", async () => {
  const form = await (await app.request("/setup/reports", { headers: { accept: "text/html" } })).text();
  expect(form).toContain('<form method="post" action="/setup/reports" enctype="multipart/form-data">');
  expect(await (await app.request("/setup/reports.json")).json()).toEqual({ files: 20, bytes: 10_000_000 });
});

test("what each source does and what to mend", async () => {
  const text = await page({ "google.xml": sample("google.xml"), "spf-only.xml": sample("spf-only.xml") });
  expect(text).toContain("DKIM passes for <code>esp.example</code>");
  expect(text).toContain("Do not go on to <code>p=quarantine</code> yet");
  expect(text).toContain("2 reports from google.com, spf.test; 2026-11-01 to 2026-11-01.");
});

test("as JSON, by path and by Accept", async () => {
  for (const answer of [
    await upload({ "a.xml": sample("google.xml") }, "/setup/reports.json"),
    await upload({ "a.xml": sample("google.xml") }, "/setup/reports", "application/json"),
  ]) {
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ domains: [{ domain: "example.com", messages: 123 }], unreadable: [] });
  }
});

test("a file that cannot be read is named, and the others are read", async () => {
  const text = await page({ "bad<b>.zip": new Blob(["no"]), "a.xml": sample("google.xml") });
  expect(text).toMatch(/<code>bad&lt;b&gt;.zip<\/code>\s+is neither XML nor gzip/);
  expect(text).toContain("esp.example");
  expect((await upload({ "a.xml": new Blob(["no"]) })).status).toBe(422);
});

test("what is not a form with files, or too much of it", async () => {
  const post = (body: string, headers: Record<string, string> = {}): Response | Promise<Response> =>
    app.request("/setup/reports.json", { method: "POST", body, headers });
  expect((await post("hello", { "content-type": "text/plain" })).status).toBe(400);
  expect((await post("hello", { "content-type": "multipart/form-data; boundary=b" })).status).toBe(400);
  expect((await upload({})).status).toBe(400);
  expect((await upload({ "": new Blob([]) })).status).toBe(400);
  const files = Object.fromEntries(Array.from({ length: 21 }, (_, at) => [`${at}.xml`, new Blob(["x"])]));
  expect((await upload(files)).status).toBe(400);
  const large = await upload({ "a.xml": new Blob([new Uint8Array(10_200_000)]) }, "/setup/reports.json");
  expect(large.status).toBe(413);
  expect(await large.json()).toMatchObject({ error: expect.stringContaining("10 MB") });
});

test("a page stays below 100 KB whatever is sent, and nothing of it is markup", async () => {
  const evil = '<script>alert("x")</script>';
  const records = Array.from({ length: 1_000 }, (_, at) =>
    record({
      sourceIp: `10.${Math.floor(at / 250)}.1.${at % 250}`,
      reasons: [{ type: "local_policy", comment: evil + "x".repeat(300) }],
      dkimResults: Array.from({ length: 10 }, () => ({ domain: "e.test", selector: evil, result: "fail" as const })),
    }),
  );
  const files = Object.fromEntries(
    Array.from({ length: 20 }, (_, at) => [
      `${evil}${at}`,
      xml(at === 0 ? records : records.slice(0, 20), {
        organization: evil.repeat(20),
        published: { domain: `${"d".repeat(60)}.${at}.test`, policy: "none", adkim: "r", aspf: "r", testing: false },
      }),
    ]),
  );
  const text = await page(files);
  expect(new TextEncoder().encode(text).length).toBeLessThan(100_000);
  expect(text).toMatch(/\d+ more did not fit on this page/);
  expect(text).not.toContain("<script>alert");
});

test("a bomb takes what is left of the limit, and no more", async () => {
  const bomb = new Blob([gzipSync(Buffer.alloc(50_000_000))]);
  const answer = await upload({ "a.xml": sample("google.xml"), "b.gz": bomb }, "/setup/reports.json");
  expect(await answer.json()).toMatchObject({
    domains: [{ messages: 123 }],
    unreadable: [{ name: "b.gz", problem: "too-large" }],
  });
});
