/** `hikyaku dns reports`: files as they came, in words and as JSON, and the four ways it ends. */
import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { z } from "zod";
import { feedbackText } from "../../dns-tools/reports/feedback-text.ts";
import { record, report } from "../../dns-tools/reports/sample-report.ts";
import { run, type Run } from "./fake-api.ts";

const SAMPLES = fileURLToPath(new URL("../../vectors/dmarc-reports/", import.meta.url));
const cli = (...files: string[]): Promise<Run> => run(["dns", "reports", ...files], {}, SAMPLES);

const Summary = z.object({
  domains: z.array(
    z.object({
      domain: z.string(),
      messages: z.number(),
      reports: z.number(),
      sources: z.array(z.object({ sender: z.object({ name: z.string() }), verdict: z.object({ code: z.string() }) })),
      readiness: z.object({ word: z.string() }),
    }),
  ),
  unreadable: z.array(z.object({ name: z.string(), problem: z.string() })),
});

test("all aligned: 0", async () => {
  const { exit, out } = await cli("yahoo.xml", "mail-ru.xml");
  expect(exit).toBe(0);
  expect(out).toContain("example.com: p=none, 2 reports, 2026-11-01 to 2026-11-01");
  expect(out).toContain("next stage: too-early.");
});

test("something fails: 1, and says what to mend", async () => {
  const { exit, out } = await cli("google.xml");
  expect(exit).toBe(1);
  expect(out).toMatch(/SOURCE +MESSAGES +PASS/);
  expect(out).toContain("DKIM passes for `esp.example`, but is not aligned with `example.com`");
  expect(out).toContain("dkim: esp.example k1: pass");
  expect(out).not.toContain("\u001B");
});

test("unreadable: 3; wrong use: 2; a fault that is sure counts for more", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hikyaku-reports-"));
  writeFileSync(join(folder, "a.gz"), gzipSync("no"));
  const bad = join(folder, "a.gz");
  const unread = await cli(bad, "yahoo.xml");
  expect(unread).toMatchObject({ exit: 3, err: expect.stringContaining("has something else than XML inside") });
  expect(await cli(bad, "google.xml")).toMatchObject({ exit: 1 });
  expect(await cli("there-is-none.xml")).toMatchObject({ exit: 2 });
  expect(await cli(folder)).toMatchObject({ exit: 2 });
  expect(await cli()).toMatchObject({ exit: 2 });
});

test("a record that was left out is unknown, and not taken for good", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hikyaku-reports-"));
  const good = record({ dkim: "pass", spf: "pass" });
  const write = (name: string, ...records: ReturnType<typeof record>[]): string => {
    writeFileSync(join(folder, name), feedbackText(report(records)));
    return join(folder, name);
  };
  const none = await cli(write("none.xml", record({ sourceIp: "nobody" })));
  expect(none).toMatchObject({ exit: 3, out: expect.stringContaining("next stage: unknown.") });
  expect(none.out).not.toContain("Nothing would be lost");
  expect(await cli(write("half.xml", good, record({ sourceIp: "nobody" })))).toMatchObject({ exit: 3 });
  expect(await cli(write("bad.xml", record(), record({ sourceIp: "nobody" })))).toMatchObject({ exit: 1 });
  expect(await cli(write("good.xml", good))).toMatchObject({ exit: 0 });
});

test("as JSON, all samples together", async () => {
  const { exit, out } = await cli("--json", ...readdirSync(SAMPLES));
  expect(exit).toBe(1);
  const { domains, unreadable } = Summary.parse(JSON.parse(out));
  expect(unreadable).toEqual([]);
  expect(domains).toMatchObject([{ domain: "example.com", messages: 372, reports: 22 }]);
  const said = domains[0]?.sources.map(({ sender, verdict }) => `${verdict.code} ${sender.name}`);
  expect(said).toEqual([
    "report.dkim-broken 192.0.2.30",
    "report.other-name mail.example.com",
    "report.dkim-elsewhere esp.example",
    "report.unauthenticated 192.0.2.124",
    "report.unauthenticated 203.0.113.66",
    "report.forwarded 203.0.113.9",
    "report.forwarded example.net",
    "report.spf-only 192.0.2.40",
    "report.aligned example.com",
    "report.aligned 192.0.2.1",
  ]);
});

test("a text of a stranger does nothing to a terminal; rows are bounded", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hikyaku-reports-"));
  const strangers = Array.from({ length: 300 }, (_, at) =>
    record({ sourceIp: `10.0.0.${at % 250}`, messages: at + 1 }),
  );
  const many = Array.from({ length: 300 }, (_, at) => record({ sourceIp: `10.1.${at % 2}.${at % 150}` }));
  writeFileSync(
    join(folder, "r.xml"),
    feedbackText(report([...strangers, ...many], { organization: "\u001B]0;owned\u0007" })),
  );
  const { out } = await cli(join(folder, "r.xml"));
  for (const control of ["\u001B", "\u0007"]) expect(out).not.toContain(control);
  expect(out).toMatch(/\d+ more sources: see --json/);
});
