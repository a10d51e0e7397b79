import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  appliedPolicies,
  formatDmarc,
  onTrial,
  parseDmarc,
  type AppliedPolicies,
  type DmarcFault,
  type DmarcRecord,
  type ReportUri,
} from "#dns/dmarc.ts";
import { cpuMs } from "../../support/cpu-time.ts";

const DEFAULTS: DmarcRecord = { adkim: "r", aspf: "r", t: "n", psd: "u", rua: [], ruf: [], fo: [], others: [] };
const mailto = (address: string): ReportUri => ({
  uri: `mailto:${address}`,
  mailDomain: address.slice(address.lastIndexOf("@") + 1),
});

const check = (text: string, tags: Partial<DmarcRecord>, ...faults: DmarcFault[]): void => {
  test(JSON.stringify(text), () => {
    expect(parseDmarc(text)).toEqual({ kind: "record", record: { ...DEFAULTS, ...tags }, faults });
  });
};

describe("a record reads as", () => {
  check("v=DMARC1", {});
  check("v=DMARC1;", {});
  check("v=DMARC1; p=none", { p: "none" });
  check(
    " V = DMARC1 ;\tP1=x; p = QUARANTINE ;; sp=Reject;np=none; ",
    {
      p: "quarantine",
      sp: "reject",
      np: "none",
      others: [["P1", "x"]],
    },
    { kind: "unknown-tag", tag: "P1", value: "x" },
  );
  check("v=DMARC1; adkim=s; aspf=S; t=y; psd=n; p=reject", { p: "reject", adkim: "s", aspf: "s", t: "y", psd: "n" });
  check("v=DMARC1; adkim=r; aspf=r; t=n; psd=u", {});
  check("v=DMARC1; psd=Y", { psd: "y" });
  check("v=DMARC1; fo=1:d:s", { fo: ["1", "d", "s"] });
  check("v=DMARC1; rua=mailto:a@A.test , MAILTO:b@b.test?subject=x,https://r.test/in", {
    rua: [
      { uri: "mailto:a@A.test", mailDomain: "a.test" },
      { uri: "MAILTO:b@b.test?subject=x", mailDomain: "b.test" },
      { uri: "https://r.test/in" },
    ],
  });
  check("v=DMARC1; ruf=mailto:a%21b@a.test", { ruf: [mailto("a%21b@a.test")] });
});

describe("what is wrong costs its tag only", () => {
  const bad = (tag: string, value: string): DmarcFault => ({ kind: "bad-value", tag, value });
  check("v=DMARC1; none; p=none", { p: "none" }, { kind: "not-a-tag", text: "none" });
  check("v=DMARC1; =x; 1p=none", {}, { kind: "not-a-tag", text: "=x" }, { kind: "not-a-tag", text: "1p=none" });
  check(`v=DMARC1; ${"x".repeat(1000)}`, {}, { kind: "not-a-tag", text: "x".repeat(60) });
  check("v=DMARC1; p=monitor; sp=", {}, bad("p", "monitor"), bad("sp", ""));
  check(
    "v=DMARC1; p=reject\u00a0; adkim=strict; t=yes",
    {},
    bad("p", "reject\u00a0"),
    bad("adkim", "strict"),
    bad("t", "yes"),
  );
  check("v=DMARC1; fo=1:x", { fo: ["1"] }, bad("fo", "x"));
  check("v=DMARC1; P=reject", { others: [["P", "reject"]] }, { kind: "unknown-tag", tag: "P", value: "reject" });
  check("v=DMARC1; rua=a@a.test,mailto:b@b.test", { rua: [mailto("b@b.test")] }, bad("rua", "a@a.test"));
  for (const uri of [
    "",
    "mailto:",
    "mailto:a@b.test@",
    "mailto:a.test",
    "mailto:a@",
    "mailto:a@192.0.2.1",
    "mailto:a b@a.test",
    "mailto:ü@a.test",
  ])
    check(`v=DMARC1; rua=${uri}`, {}, bad("rua", uri));
  check("v=DMARC1; rua=mailto:a!b@a.test", {}, bad("rua", "mailto:a!b@a.test"));
});

describe("what RFC 7489 had is kept and told", () => {
  const historic = (tag: string, value: string): DmarcFault => ({ kind: "historic-tag", tag, value });
  check(
    "v=DMARC1; p=none; pct=50; rf=afrf; ri=86400",
    {
      p: "none",
      others: [
        ["pct", "50"],
        ["rf", "afrf"],
        ["ri", "86400"],
      ],
    },
    historic("pct", "50"),
    historic("rf", "afrf"),
    historic("ri", "86400"),
  );
  for (const size of ["10m", "1", "5K"])
    check(
      `v=DMARC1; rua=mailto:a@a.test!${size}`,
      { rua: [{ ...mailto("a@a.test"), size }] },
      { kind: "historic-size", tag: "rua", value: `mailto:a@a.test!${size}` },
    );
});

test("what is not a record at all", () => {
  const others = ["", "v=spf1 -all", "v=dmarc1; p=none", "v=DMARC1p; p=none", "v=DMARC1 p=none", "p=none; v=DMARC1"];
  for (const text of [
    ...others,
    "v=DMARC10",
    '"v=DMARC1; p=none"',
    "\ufeffv=DMARC1",
    ";v=DMARC1",
    "v=DMARC1\\; p=none",
  ])
    expect(parseDmarc(text), text).toEqual({ kind: "not-dmarc" });
});

test("a tag twice costs the record", () => {
  const twice = (tag: string): unknown => ({ kind: "malformed", reason: `the tag \`${tag}\` is there twice` });
  expect(parseDmarc("v=DMARC1; p=none; p=none")).toEqual(twice("p"));
  expect(parseDmarc("v=DMARC1; x=1; p=none; x=2")).toEqual(twice("x"));
  expect(parseDmarc("v=DMARC1; v=DMARC1")).toEqual(twice("v"));
});

describe("receivers act on", () => {
  const applied = (text: string, expected: AppliedPolicies | undefined): void => {
    test(text, () => {
      const parsed = parseDmarc(text);
      expect(parsed.kind === "record" && appliedPolicies(parsed)).toEqual(expected);
    });
  };
  const all = (policy: AppliedPolicies["domain"]): AppliedPolicies => ({
    domain: policy,
    subdomain: policy,
    nonexistent: policy,
  });
  applied("v=DMARC1; p=reject", all("reject"));
  applied("v=DMARC1; p=reject; sp=none", { domain: "reject", subdomain: "none", nonexistent: "none" });
  applied("v=DMARC1; p=none; np=reject", { domain: "none", subdomain: "none", nonexistent: "reject" });
  applied("v=DMARC1", undefined);
  applied("v=DMARC1; sp=reject", undefined);
  applied("v=DMARC1; p=reject; sp=rejct", undefined);
  applied("v=DMARC1; p=reject; np=", undefined);
  applied("v=DMARC1; p=reject; adkim=strict", all("reject"));
  applied("v=DMARC1; rua=mailto:a@a.test", all("none"));
  applied("v=DMARC1; p=reject; sp=rejct; rua=mailto:a@a.test", all("none"));
  applied("v=DMARC1; rua=a@a.test", undefined);
  applied("v=DMARC1; rua=https://r.test", all("none"));
});

test("t=y is one level less", () => {
  expect([onTrial("reject"), onTrial("quarantine"), onTrial("none")]).toEqual(["quarantine", "none", "none"]);
});

test("what is written reads back the same", () => {
  const policy = fc.constantFrom("none" as const, "quarantine" as const, "reject" as const);
  const mode = fc.constantFrom("r" as const, "s" as const);
  const uri = fc.oneof(
    fc.stringMatching(/^[a-z0-9+._-]{1,12}@[a-z]{1,8}\.test$/).map(mailto),
    fc.stringMatching(/^https:\/\/[a-z]{1,8}\.test\/[a-z0-9%]{0}[a-z/]{0,8}$/).map((text) => ({ uri: text })),
  );
  const uris = fc.array(
    fc
      .tuple(uri, fc.option(fc.constantFrom("1", "10m", "5K")))
      .map(([written, size]): ReportUri => (size === null ? written : { ...written, size })),
    { maxLength: 4 },
  );
  const other = fc.tuple(
    fc.stringMatching(/^(pct|rf|ri|x[a-z]{0,5}|P)$/),
    fc.stringMatching(/^[!-:<-~]([ -:<-~]{0,8}[!-:<-~])?$/),
  );
  const record = fc.record(
    {
      p: policy,
      sp: policy,
      np: policy,
      adkim: mode,
      aspf: mode,
      t: fc.constantFrom("y" as const, "n" as const),
      psd: fc.constantFrom("y" as const, "n" as const, "u" as const),
      rua: uris,
      ruf: uris,
      fo: fc.array(fc.constantFrom("0" as const, "1" as const, "d" as const, "s" as const), { maxLength: 3 }),
      others: fc.uniqueArray(other, { selector: ([name]) => name, maxLength: 4 }),
    },
    { requiredKeys: ["adkim", "aspf", "t", "psd", "rua", "ruf", "fo", "others"] },
  );
  fc.assert(
    fc.property(record, (written) => {
      expect(parseDmarc(formatDmarc(written))).toMatchObject({ kind: "record", record: written });
    }),
  );
  expect(
    formatDmarc({ ...DEFAULTS, p: "reject", t: "y", adkim: "s", rua: [mailto("a@a.test")], others: [["pct", "5"]] }),
  ).toBe("v=DMARC1; p=reject; adkim=s; t=y; rua=mailto:a@a.test; pct=5");
});

test("any text is read in a moment, and never throws", () => {
  fc.assert(fc.property(fc.string(), (text) => void parseDmarc(`v=DMARC1;${text}`)));
  const fromMs = cpuMs();
  for (const run of [" ", "!", "@", "!1", ",", ";", "a=", "%"]) {
    parseDmarc(`v=DMARC1; rua=mailto:a${run.repeat(100_000)}x`);
    parseDmarc(`v=DMARC1; p=none${run.repeat(100_000)}x`);
  }
  expect(cpuMs() - fromMs).toBeLessThan(2000);
});
