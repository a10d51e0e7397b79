/**
 * A domain checked as a whole: each part speaks, one mistake speaks once, and what the DNS did not say is no fault.
 */
import { expect, test } from "vitest";
import { checkDomain, type DomainReport } from "../../../dns-tools/lib/check.ts";
import type { SendingDomain } from "../../../dns-tools/lib/sending-domain.ts";
import type { FetchPolicy } from "../../../dns-tools/lib/mta-sts-findings.ts";
import { formatMtaStsPolicy } from "../../../dns-tools/lib/mta-sts.ts";
import { SOME_SUFFIXES } from "../support/some-suffixes.ts";
import { boundedRun } from "../../../dns-tools/resolvers/bounded.ts";
import { recordedResolver, type RecordedZone } from "../../../dns-tools/resolvers/recorded.ts";
import { RSA_2048 } from "../support/public-keys.ts";

const SENDING: SendingDomain = {
  domain: "d.test",
  returnPath: "send.d.test",
  selectors: [{ selector: "s1" }],
  includes: ["spf.relay.test"],
  addresses: [],
  bounceHost: "bounce.relay.test",
};

const KEY = `v=DKIM1; k=rsa; p=${RSA_2048}`;

const GOOD: RecordedZone = {
  "d.test": { MX: [{ preference: 10, exchange: "mail.d.test" }], A: ["192.0.2.1"] },
  "mail.d.test": { A: ["192.0.2.2"] },
  "send.d.test": {
    MX: [{ preference: 10, exchange: "bounce.relay.test" }],
    TXT: ["v=spf1 include:spf.relay.test ~all"],
  },
  "bounce.relay.test": { A: ["192.0.2.3"] },
  "spf.relay.test": { TXT: ["v=spf1 ip4:192.0.2.0/24 ~all"] },
  "s1._domainkey.d.test": { TXT: [KEY] },
  "_dmarc.d.test": { TXT: ["v=DMARC1; p=reject; rua=mailto:dmarc@d.test"] },
};

const check = (zone: RecordedZone, sending: Partial<SendingDomain> = {}): Promise<DomainReport> =>
  checkDomain({ ...SENDING, ...sending }, SOME_SUFFIXES, boundedRun(recordedResolver(zone)).resolve);

const troubles = ({ findings }: DomainReport): string[] =>
  findings.filter(({ status }) => status !== "pass").map(({ code, status, name }) => `${status} ${code} ${name}`);

test("a domain that has everything passes, and each part says so", async () => {
  const report = await check(GOOD);
  expect(troubles(report)).toEqual([]);
  expect(report.status).toBe("pass");
  const groups = report.findings.map(({ code }) => code.split(".")[0]);
  expect(new Set(groups)).toEqual(new Set(["spf", "dkim", "dmarc", "align", "mx"]));
});

test("one mistake is one finding, and nothing that follows from it", async () => {
  const cases: [RecordedZone, string][] = [
    [{ "send.d.test": { MX: GOOD_MX } }, "fail spf.missing send.d.test"],
    [{ "s1._domainkey.d.test": "nxdomain" }, "fail dkim.missing s1._domainkey.d.test"],
    [{ "_dmarc.d.test": "nxdomain" }, "fail dmarc.missing _dmarc.d.test"],
    [{ "_dmarc.d.test": { A: ["192.0.2.104"] } }, "fail dns.proxied _dmarc.d.test"],
    [{ "s1._domainkey.d.test": { A: ["192.0.2.104"] } }, "fail dns.proxied s1._domainkey.d.test"],
    [{ "send.d.test": { TXT: ["v=spf1 include:spf.relay.test ~all"] } }, "fail mx.missing send.d.test"],
    [{ "mail.d.test": "nxdomain" }, "fail mx.dangling d.test"],
    [{ "_dmarc.d.test": { TXT: ["v=DMARC1; p=reject; aspf=s; rua=mailto:dmarc@d.test"] } }, "warn align.strict d.test"],
  ];
  for (const [change, trouble] of cases) {
    const report = await check({ ...GOOD, ...change });
    expect(troubles(report), trouble).toEqual([trouble]);
    expect(report.status).toBe(trouble.split(" ")[0]);
  }
});

test("a CNAME beside other records is told once for each name", async () => {
  const zone = recordedResolver(GOOD);
  const cname = recordedResolver({ "*.test": { CNAME: ["v.test"] } });
  const beside = ["_dmarc.d.test", "send.d.test"];
  const report = await checkDomain(SENDING, SOME_SUFFIXES, (name, type) =>
    (type === "CNAME" && beside.includes(name) ? cname : zone)(name, type),
  );
  expect(troubles(report).toSorted()).toEqual(beside.map((name) => `warn dns.cname-and-other ${name}`));
});

const GOOD_MX = [{ preference: 10, exchange: "bounce.relay.test" }];

test("what could not be found out is not missing, and a sure fault counts for more", async () => {
  const unknown = await check({ ...GOOD, "s1._domainkey.d.test": "servfail" });
  expect(unknown.status).toBe("indeterminate");
  expect(troubles(unknown)).toEqual(["indeterminate dns.indeterminate s1._domainkey.d.test"]);
  const both = await check({ ...GOOD, "s1._domainkey.d.test": "servfail", "mail.d.test": "nxdomain" });
  expect(both.status).toBe("fail");
});

test("a name that could not be looked up is told once, however many parts asked for it", async () => {
  const { bounceHost: _, ...sending } = SENDING;
  const spf = ["v=spf1 include:spf.relay.test ~all"];
  const zone: RecordedZone = { ...GOOD, "send.d.test": { TXT: spf, MX: MAIL_MX }, "mail.d.test": "servfail" };
  const report = await checkDomain(sending, SOME_SUFFIXES, boundedRun(recordedResolver(zone)).resolve);
  expect(troubles(report)).toEqual(["indeterminate dns.indeterminate mail.d.test"]);
});

const MAIL_MX = [{ preference: 10, exchange: "mail.d.test" }];

test("that SPF and DKIM align is no news while one of them does not stand", async () => {
  const codesOf = (report: DomainReport): string[] => report.findings.map(({ code }) => code);
  expect(codesOf(await check(GOOD))).toContain("align.none");
  expect(codesOf(await check({ ...GOOD, "s1._domainkey.d.test": "nxdomain" }))).not.toContain("align.none");
});

test("without a selector DKIM is left open, and a record of the domain itself is judged", async () => {
  const report = await check(
    { ...GOOD, "d.test": { TXT: ["v=spf1 include:spf.relay.test -all"], A: ["192.0.2.1"] } },
    { selectors: [], returnPath: "d.test" },
  );
  expect(troubles(report)).toEqual(["not_applicable dkim.missing _domainkey.d.test"]);
  expect(report.status).toBe("pass");
});

test("bounces that get lost are a failure, wherever the return-path is", async () => {
  const { bounceHost: _, ...sending } = SENDING;
  const of = async (zone: RecordedZone, returnPath: string): Promise<string[]> =>
    troubles(await checkDomain({ ...sending, returnPath }, SOME_SUFFIXES, recordedResolver({ ...GOOD, ...zone })));
  const spf = ["v=spf1 include:spf.relay.test ~all"];
  expect(await of({ "send.d.test": { TXT: spf } }, "send.d.test")).toEqual(["fail mx.missing send.d.test"]);
  const nowhere = { TXT: spf, MX: [{ preference: 0, exchange: "." }] };
  expect(await of({ "send.d.test": nowhere }, "send.d.test")).toEqual(["fail mx.null send.d.test"]);
  expect(await of({ "d.test": { TXT: spf } }, "d.test")).toEqual(["fail mx.missing d.test"]);
  expect(await of({ "d.test": { MX: nowhere.MX } }, "send.d.test")).toEqual(["warn mx.null d.test"]);
});

test("what a wildcard answers at the return-path is not to be replaced, and what lets us send is right", async () => {
  const { "send.d.test": _, ...rest } = GOOD;
  const at = async (zone: RecordedZone): Promise<string[]> => {
    const report = await checkDomain(SENDING, SOME_SUFFIXES, recordedResolver({ ...rest, ...zone }));
    return report.findings
      .filter(({ status }) => status === "fail")
      .map(({ code, name, fix }) => `${code} ${name} ${fix ?? ""}`);
  };
  const spf = "dns.wildcard send.d.test v=spf1 include:spf.relay.test ~all";
  const mx = "10 bounce.relay.test";
  const other = "v=spf1 -all";
  expect(await at({ "*.d.test": { TXT: [other] } })).toEqual([spf, `mx.missing send.d.test ${mx}`]);
  expect(await at({ "*.d.test": { TXT: [other, other] } })).toEqual([spf, `mx.missing send.d.test ${mx}`]);
  expect(await at({ "*.d.test": { MX: MAIL_MX, TXT: [other] } })).toEqual([spf, `dns.wildcard send.d.test ${mx}`]);
  expect(await at({ "*.d.test": { MX: GOOD_MX, TXT: ["v=spf1 include:spf.relay.test ~all"] } })).toEqual([]);
  expect(await at({ "send.d.test": { MX: GOOD_MX, TXT: [other] }, "*.d.test": { TXT: ["v=spf1 ~all"] } })).toEqual([
    "spf.not-authorised send.d.test v=spf1 include:spf.relay.test -all",
  ]);
});

test("a run that is cut short says so and ends", async () => {
  const run = boundedRun(recordedResolver(GOOD), { mostLookUps: 4, timeoutMs: 60_000 });
  const report = await checkDomain(SENDING, SOME_SUFFIXES, run.resolve);
  expect(report.status).toBe("indeterminate");
  expect(run.cut()).toContain("4 look-ups");
  expect(report.findings.some(({ status }) => status === "fail")).toBe(false);
});

const CERTIFICATE = new Uint8Array(32);
const BONUS: RecordedZone = {
  "d.test": { MX: [{ preference: 10, exchange: "mail.d.test" }], A: ["192.0.2.1"], authenticated: true },
  "_mta-sts.d.test": { TXT: ["v=STSv1; id=1"] },
  "mta-sts.d.test": { A: ["192.0.2.4"] },
  "_smtp._tls.d.test": { TXT: ["v=TLSRPTv1; rua=mailto:tls@d.test"] },
  "_25._tcp.mail.d.test": {
    TLSA: [{ usage: 3, selector: 1, matchingType: 1, certificate: CERTIFICATE }],
    authenticated: true,
  },
  "default._bimi.d.test": { TXT: ["v=BIMI1; l=https://d.test/logo.svg; a=https://d.test/mark.pem"] },
};

const policyOf =
  (...mx: string[]): FetchPolicy =>
  async () => ({
    kind: "text",
    contentType: "text/plain",
    text: formatMtaStsPolicy({ mode: "enforce", mx, maxAgeSeconds: 604_800 }),
  });

const checkBonus = (zone: RecordedZone, fetchPolicy?: FetchPolicy): Promise<DomainReport> =>
  checkDomain(SENDING, SOME_SUFFIXES, recordedResolver({ ...GOOD, ...BONUS, ...zone }), undefined, fetchPolicy);

test("what nobody requires is told where it is there, and fails where it makes mail fail", async () => {
  const good = await checkBonus({}, policyOf("mail.d.test"));
  expect(troubles(good)).toEqual([]);
  expect(good.findings.slice(-4).map(({ code }) => code)).toEqual([
    "mta-sts.missing",
    "tls-rpt.missing",
    "dane.missing",
    "bimi.missing",
  ]);
  const broken = await checkBonus({}, policyOf("old.test"));
  expect(troubles(broken)).toEqual(["fail mta-sts.mx-not-covered mta-sts.d.test"]);
  expect(broken.status).toBe("fail");
  expect((await checkBonus({})).status).toBe("pass");
});

test("faults in what nobody requires are warnings", async () => {
  const zone: RecordedZone = {
    "_mta-sts.d.test": { TXT: ["v=STSv1;"] },
    "_smtp._tls.d.test": { TXT: ["v=TLSRPTv1; rua=x"] },
    "_25._tcp.mail.d.test": { TLSA: [{ usage: 1, selector: 1, matchingType: 1, certificate: CERTIFICATE }] },
    com: { SOA: [SOA], authenticated: true },
    "default._bimi.d.test": { TXT: ["v=BIMI1; l=x"] },
  };
  const report = await checkBonus(zone, policyOf("mail.d.test"));
  expect(troubles(report).map((trouble) => trouble.split(" ").slice(0, 2).join(" "))).toEqual([
    "warn mta-sts.syntax",
    "warn tls-rpt.syntax",
    "warn dane.unsigned",
    "warn bimi.syntax",
  ]);
  expect(report.status).toBe("warn");
});

const SOA = { mname: "a.test", rname: "b.test", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 };
