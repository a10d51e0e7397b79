/** BIMI records read, and each code with a zone that gives exactly it, and near misses. */
import { describe, expect, test } from "vitest";
import { bimiFindings, parseBimi, type BimiRecord } from "#dns/bimi.ts";
import { resolverOf, type TxtZone } from "../support/txt-zone.ts";

const LOGO = "https://d.test/logo.svg";
const PEM = "https://d.test/mark.pem";

describe("records", () => {
  const check = (text: string, expected: BimiRecord | string): void =>
    test(text.slice(0, 80), () => {
      const parsed = parseBimi(text);
      if (typeof expected === "string") expect(parsed.kind === "malformed" && parsed.reason).toContain(expected);
      else expect(parsed).toEqual(expected);
    });
  check(`v=BIMI1; l=${LOGO}`, { kind: "logo", logo: LOGO });
  check(`v=BIMI1; l=${LOGO}; a=;`, { kind: "logo", logo: LOGO });
  check(`v=BIMI1;l=${LOGO};a=${PEM};avp=brand`, { kind: "logo", logo: LOGO, authority: PEM });
  check("v=BIMI1; l=https://d.test/LOGO.SVGZ?v=1.png", { kind: "logo", logo: "https://d.test/LOGO.SVGZ?v=1.png" });
  check("v=BIMI1; l=https://d.test/logo", { kind: "logo", logo: "https://d.test/logo" });
  check("v=BIMI1; l=; a=;", { kind: "declined" });
  check("v=BIMI1; l=", { kind: "declined" });
  check("v=BIMI1;", "no `l=`");
  check(`v=BIMI1; l=; a=${PEM}`, "l= is not an https: URL");
  check("v=BIMI1; l=http://d.test/logo.svg", "l= is not an https: URL");
  check("v=BIMI1; l=d.test/logo.svg", "l= is not an https: URL");
  check("v=BIMI1; l=https://", "l= is not an https: URL");
  check("v=BIMI1; l=https://d.test/logo.png", "not an SVG file");
  check(`v=BIMI1; l=${LOGO}; a=self`, "a= is not an https: URL");
  check(`v=BIMI1; l=${LOGO}; l=${LOGO}`, "there twice");
});

const enforced = (record = "v=DMARC1; p=reject; rua=mailto:r@d.test"): TxtZone => ({ "_dmarc.d.test": [record] });
const at = (...texts: string[]): TxtZone => ({ ...enforced(), "default._bimi.d.test": texts });
const RECORD = `v=BIMI1; l=${LOGO}; a=${PEM}`;
const PASS = "bimi.missing pass";

type Expected = { says?: string; name?: string; domain?: string };
const check = (title: string, zone: TxtZone, expected: string, more: Expected = {}): void => {
  test(title, async () => {
    const findings = await bimiFindings(more.domain ?? "d.test", resolverOf(zone));
    expect(findings.map(({ code, status }) => `${code} ${status}`).join(", ")).toBe(expected);
    const [finding] = findings;
    if (finding) {
      expect(finding.name).toBe(more.name ?? "default._bimi.d.test");
      expect(finding.text).toContain(more.says ?? "");
      expect(finding.evidence.length).toBeGreaterThan(0);
    }
  });
};

describe("without fault", () => {
  check("right", at(RECORD), PASS, { says: `the logo ${LOGO} beside mail of d.test.` });
  check("without a certificate", at(`v=BIMI1; l=${LOGO}`), PASS, { says: "Gmail and Apple do not" });
  check("of the organization, for a name below", at(RECORD), PASS, {
    domain: "news.d.test",
    says: "mail of news.d.test",
  });
  check("of a name below itself", { ...at("v=BIMI1;"), "default._bimi.news.d.test": [RECORD] }, PASS, {
    domain: "news.d.test",
    name: "default._bimi.news.d.test",
  });
  check("no logo is wanted", { ...at("v=BIMI1; l=; a="), ...enforced("v=DMARC1; p=none") }, PASS, {
    says: "shows no logo",
  });
  check("not there", enforced(), "");
  check("a text for something else", at("v=spf1 -all"), "");
});

describe("bimi.multiple", () => {
  check("two", at(RECORD, RECORD), "bimi.multiple warn", { says: "has 2 BIMI records, so no logo is shown" });
  check("one, and one that is skipped", at(RECORD, "v=BIMI2; l="), PASS);
});

describe("bimi.syntax", () => {
  check("a picture of another form", at("v=BIMI1; l=https://d.test/a.png"), "bimi.syntax warn", { says: "not an SVG" });
  check("without the semicolon", at(`v=BIMI1 l=${LOGO}`), "bimi.syntax warn", { says: "begin with `v=BIMI1;`" });
  check("in small letters", at(`v=bimi1; l=${LOGO}`), "bimi.syntax warn", { says: "begin with `v=BIMI1;`" });
  check("spaces about the version", at(`v = BIMI1 ; l=${LOGO}`), PASS);
});

describe("bimi.not-enforced", () => {
  const warn = "bimi.not-enforced warn";
  const dmarc = (record: string): TxtZone => ({ ...at(RECORD), ...enforced(record) });
  check("none", dmarc("v=DMARC1; p=none; rua=mailto:r@d.test"), warn, { says: "has no p=quarantine or p=reject" });
  check("no policy", dmarc("v=DMARC1; rua=mailto:r@d.test"), warn, { says: "has no p=quarantine" });
  check("subdomains left out", dmarc("v=DMARC1; p=reject; sp=none"), warn, { says: "says sp=none" });
  check("a test", dmarc("v=DMARC1; p=reject; t=y"), warn, { says: "says t=y" });
  check("a part of the mail", dmarc("v=DMARC1; p=quarantine; pct=50"), warn, { says: "says pct=50" });
  check("all of the mail", dmarc("v=DMARC1; p=quarantine; pct=100"), PASS);
  check("pct of reject", dmarc("v=DMARC1; p=reject; pct=50"), PASS);
  check("without DMARC, that is what is told", { "default._bimi.d.test": [RECORD] }, "");
  check("DMARC not to be found out", { ...at(RECORD), "_dmarc.d.test": { fails: "servfail" } }, "");
});

describe("could not be found out", () => {
  check(
    "the record",
    { ...enforced(), "default._bimi.d.test": { fails: "timeout" } },
    "dns.indeterminate indeterminate",
  );
  check(
    "the organization's",
    { ...enforced(), "default._bimi.d.test": { fails: "timeout" } },
    "dns.indeterminate indeterminate",
    { domain: "news.d.test" },
  );
});
