/**
 * Files that are no report, or are made to hurt: each is refused with its reason, soon and within little memory.
 */
import { constants, deflateRawSync, gzipSync } from "node:zlib";
import { strToU8, zipSync } from "fflate";
import { expect, test } from "vitest";
import type { Refusal } from "../../../dns-tools/reports/unpack.ts";
import { MOST_FILE_BYTES, readReport, readReports } from "../../../dns-tools/reports/read-report.ts";
import { feedbackText } from "./feedback-text.ts";
import { record, report } from "./sample-report.ts";

const GOOD = feedbackText(report([record({ dkim: "pass" })]));

const check = async (
  input: Uint8Array | string,
  problem: Refusal["problem"],
  text: RegExp = /./,
  mostXmlBytes?: number,
): Promise<void> => {
  const result = await readReport(typeof input === "string" ? strToU8(input) : input, mostXmlBytes);
  expect(result).toMatchObject({ kind: "refused", problem });
  expect(result.kind === "refused" && result.text).toMatch(text);
};

const inside = (xml: string): string => GOOD.replace("</feedback>", `${xml}</feedback>`);

test("what is no report at all", async () => {
  await check("", "empty");
  await check(gzipSync(""), "empty");
  await check(new Uint8Array(1_000).fill(0xff), "unknown-format");
  await check(new Uint8Array(1_000), "unknown-format");
  await check("a report, I swear", "unknown-format");
  await check("<", "malformed");
  await check("<html><body>Sign in</body></html>", "malformed", /<html>, not <feedback>/);
  await check("<feedback></feedback>", "malformed", /which domain/);
  await check(GOOD.replace(/<date_range>.*<\/date_range>/, ""), "malformed", /which time/);
  await check(zipSync({ "readme.txt": strToU8("hello") }), "no-report-inside");
  await check(gzipSync("hello"), "no-report-inside");
});

test("what is cut off or damaged, at whatever place", async () => {
  const packed = gzipSync(GOOD);
  const zip = zipSync({ "r.xml": strToU8(GOOD) });
  for (const share of [0.1, 0.5, 0.9]) {
    await check(GOOD.slice(0, GOOD.length * share), "malformed");
    await check(packed.subarray(0, packed.length * share), "damaged");
  }
  await check(zip.subarray(0, zip.length / 4), "damaged");
  await check(zip.subarray(0, zip.length / 2), "damaged");
  const flipped = Uint8Array.from(packed);
  flipped[Math.floor(flipped.length / 2)] = 0xff;
  await check(flipped, "damaged");
  // A digit that became another: XML cannot tell, the CRC can.
  const stored = Buffer.from(gzipSync(GOOD, { level: 0 }));
  stored.write("9", stored.indexOf("<count>1") + "<count>".length);
  await check(stored, "damaged");
  const spoiled = Uint8Array.from(zip);
  // A block of a type that there is not.
  spoiled[35] = 0xff;
  await check(spoiled, "damaged");
  await check(GOOD.replace("</row>", ""), "malformed", /closes what is not open/);
  await check(GOOD + GOOD.slice(GOOD.indexOf("<feedback")), "malformed", /more than one report/);
  await check(`x${GOOD.slice(GOOD.indexOf("<feedback"))}`, "unknown-format");
});

/** A gigabyte, as far as anybody reads it: blocks of deflate may stand one after the other (RFC 1951 §2.3). */
const gigabyte = (header: Uint8Array): Uint8Array => {
  const block = deflateRawSync(new Uint8Array(16_000_000), { finishFlush: constants.Z_FULL_FLUSH });
  return Buffer.concat([header, ...Array.from({ length: 64 }, () => block)]);
};

/** Of a zip, with sizes and CRC to follow; they never come. */
const localHeader = (): Uint8Array => {
  const name = strToU8("r.xml");
  const header = new Uint8Array(30 + name.length);
  header.set([0x50, 0x4b, 3, 4, 20, 0, 8, 0, 8, 0]);
  header[26] = name.length;
  header.set(name, 30);
  return header;
};

test("bombs stop at the limit", async () => {
  const peakKilobytes = (): number => process.resourceUsage().maxRSS;
  const before = peakKilobytes();
  await check(gigabyte(gzipSync("").subarray(0, 10)), "too-large");
  await check(gigabyte(localHeader()), "too-large");
  expect(peakKilobytes() - before).toBeLessThan(500_000);
  await check(gzipSync(new Uint8Array(2_000)), "too-large", /larger inside/, 1_000);
  await check(GOOD, "too-large", /larger inside/, 100);
  await check(new Uint8Array(MOST_FILE_BYTES + 1), "too-large", /10 MB/);
});

test("sizes that lie are not believed", async () => {
  const zip = zipSync({ "r.xml": strToU8(GOOD.replace("</feedback>", `${" ".repeat(100_000)}</feedback>`)) });
  const lying = (size: number): Uint8Array => {
    const copy = Uint8Array.from(zip);
    const view = new DataView(copy.buffer);
    // The size that it unpacks to, in the local header (APPNOTE 4.3.7).
    view.setUint32(22, size, true);
    return copy;
  };
  for (const size of [0, 1, 0xff_ff_ff_ff]) expect(await readReport(lying(size))).toMatchObject({ kind: "report" });
  await check(lying(1), "too-large", /./, 50_000);
});

test("an archive within an archive", async () => {
  await check(gzipSync(gzipSync(GOOD)), "nested");
  await check(zipSync({ "r.xml": gzipSync(GOOD) }), "nested");
  await check(gzipSync(zipSync({ "r.xml": strToU8(GOOD) })), "nested");
});

test("entities and document types", async () => {
  const laughs = `<!DOCTYPE f [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>${GOOD.slice(GOOD.indexOf("<feedback"))}`;
  await check(laughs, "malformed", /document type/);
  await check(
    `<!DOCTYPE f SYSTEM "file:///etc/passwd">${GOOD.slice(GOOD.indexOf("<feedback"))}`,
    "malformed",
    /document type/,
  );
  await check(inside('<!ENTITY x SYSTEM "http://127.0.0.1/">'), "malformed", /document type/);
  const unknown = GOOD.replace("receiver.test</org_name>", "&x;&#65;&#x42;&#xffffffff;&#1114112;</org_name>");
  expect(await readReport(strToU8(unknown))).toMatchObject({
    report: { organization: "&x;AB&#xffffffff;&#1114112;" },
  });
});

test("a document that is deep, wide or one long tag", async () => {
  await check(inside("<a>".repeat(1_000) + "</a>".repeat(1_000)), "malformed", /nested more than/);
  await check(inside(`<record>${"<a/>".repeat(10_000)}</record>`), "malformed", /more than 5000 elements/);
  await check(inside(`<a ${'b="c" '.repeat(100_000)}/>`), "malformed", /cannot be read/);
  await check(inside(`<a${" ".repeat(1_000_000)}`), "malformed", /cannot be read/);
  await check(inside("<!--"), "malformed", /comment/);
});

test("records of an extension are not the report's", async () => {
  const [own = ""] = /<record>.*<\/record>/s.exec(GOOD) ?? [];
  const theirs = own.replaceAll(/<(\/?)/g, "<$1x:");
  expect(await readReport(strToU8(inside(theirs)))).toMatchObject({ report: { records: [{ messages: 1 }] } });
  expect(await readReport(strToU8(inside(own)))).toMatchObject({ report: { records: [{}, {}] } });
});

test("names of prototypes are names like others", async () => {
  const evil = "<__proto__><polluted>yes</polluted></__proto__><constructor><prototype/></constructor>";
  const xml = inside(evil).replace("<dkim>pass</dkim>", `${evil}<dkim>pass</dkim>`);
  expect(await readReport(strToU8(xml))).toMatchObject({ kind: "report", report: { records: [{ dkim: "pass" }] } });
  expect("polluted" in {}).toBe(false);
  const results = GOOD.replace(
    "<auth_results>",
    "<auth_results><spf><domain>a.test</domain><result>constructor</result></spf>",
  );
  expect(await readReport(strToU8(results))).toMatchObject({
    report: { records: [{ spfResults: [{ result: "unknown" }] }] },
  });
});

test("texts are cut, on one line and without control characters", async () => {
  const name = `\u001B[31m\u202Eevil\n${"x".repeat(100_000)}`;
  const result = await readReport(strToU8(feedbackText(report([], { organization: name }))));
  const { organization } = result.kind === "report" ? result.report : { organization: "" };
  expect(organization.length).toBeLessThan(400);
  expect(organization).not.toMatch(/\p{Cc}|\u202E/u);
});

test("files together share one limit, in turn", async () => {
  const file = (name: string, text: string): { name: string; bytes: () => Promise<Uint8Array> } => ({
    name,
    bytes: () => Promise.resolve(strToU8(text)),
  });
  const results = await readReports(
    [file("a", GOOD), file("b", "?"), file("c", GOOD), file("d", GOOD)],
    GOOD.length * 2.5,
  );
  expect(results.map(({ name, result }) => `${name} ${result.kind === "report" ? "report" : result.problem}`)).toEqual([
    "a report",
    "b unknown-format",
    "c report",
    "d too-large",
  ]);
});
