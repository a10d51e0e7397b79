/** Each code about an MTA-STS record and its policy host with a zone that gives exactly it, and near misses. */
import { describe, expect, test } from "vitest";
import { mtaStsFindings, type FetchedPolicy, type FetchPolicy } from "#dns/mta-sts-findings.ts";
import { recordedResolver, type RecordedZone } from "#resolvers/recorded.ts";

const POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx.d.test\r\nmax_age: 604800\r\n";
const SERVED: FetchedPolicy = { kind: "text", contentType: "text/plain; charset=utf-8", text: POLICY };

const GOOD: RecordedZone = {
  "d.test": { MX: [{ preference: 10, exchange: "mx.d.test" }] },
  "_mta-sts.d.test": { TXT: ["v=STSv1; id=1;"] },
  "mta-sts.d.test": { A: ["192.0.2.1"] },
};
const txt = (...texts: string[]): RecordedZone => ({ "_mta-sts.d.test": { TXT: texts } });
const NO_RECORD: RecordedZone = { "_mta-sts.d.test": "nxdomain" };

type Expected = { says?: string; fix?: string; fetched?: FetchedPolicy };
const check = (title: string, zone: RecordedZone, expected: string, more: Expected = {}): void => {
  test(title, async () => {
    const asked: string[] = [];
    const fetchPolicy: FetchPolicy = async (host) => {
      asked.push(host);
      return more.fetched ?? SERVED;
    };
    const findings = await mtaStsFindings("d.test", recordedResolver({ ...GOOD, ...zone }), fetchPolicy);
    expect(findings.map(({ code, status }) => `${code} ${status}`).join(", ")).toBe(expected);
    if (findings[0]) expect(findings[0].text).toContain(more.says ?? "d.test");
    expect(findings[0]?.fix).toBe(more.fix);
    for (const { evidence, rfc } of findings) {
      expect(evidence.length).toBeGreaterThan(0);
      expect(rfc).toMatch(/^RFC \d+ §/);
    }
    expect(asked.every((host) => host === "mta-sts.d.test")).toBe(true);
  });
};
const PASS = "mta-sts.missing pass";

describe("without fault", () => {
  check("all there", {}, PASS);
  check("the record beside other texts", txt("x", "v=STSv1; id=1", "v=spf1 -all"), PASS);
  check(
    "by CNAMEs",
    {
      "_mta-sts.d.test": { CNAME: ["sts.host.test"] },
      "sts.host.test": { TXT: ["v=STSv1; id=1"] },
      "mta-sts.d.test": { CNAME: ["web.host.test"] },
      "web.host.test": { AAAA: ["2001:db8::1"] },
    },
    PASS,
  );
  test("without fetching, the policy is left open", async () => {
    const [finding, ...others] = await mtaStsFindings("d.test", recordedResolver(GOOD));
    expect(finding).toMatchObject({ code: "mta-sts.missing", status: "pass" });
    expect(finding?.text).toContain("the policy itself was not read");
    expect(others).toEqual([]);
  });
});

describe("not there is not spoken of", () => {
  const nowhere: RecordedZone = { ...NO_RECORD, "mta-sts.d.test": "nxdomain" };
  check("nothing", nowhere, "");
  check("texts for something else", { ...txt("v=spf1 -all"), "mta-sts.d.test": "nxdomain" }, "");
  test("a name that has no room for the label", async () => {
    const domain = `${"a.".repeat(122)}test`;
    const zone = recordedResolver({});
    expect(await mtaStsFindings(domain, zone)).toEqual([]);
  });
});

describe("mta-sts.missing", () => {
  const warn = "mta-sts.missing warn";
  const fix = "v=STSv1; id=b3e2d313f4de0ef4aa3efe932077bc8c";
  check("a policy that no record announces", NO_RECORD, warn, { says: "has no record that announces it", fix });
  check(
    "a wildcard makes the host",
    { ...NO_RECORD, "mta-sts.d.test": "nxdomain", "*.d.test": { A: ["192.0.2.1"] } },
    "",
  );
  check("beside a wildcard", { ...NO_RECORD, "*.d.test": { A: ["192.0.2.1"] } }, "");
  check("a policy that ends", NO_RECORD, "", {
    fetched: { ...SERVED, text: "version: STSv1\nmode: none\nmax_age: 1" },
  });
  check("a web page", NO_RECORD, "", { fetched: { ...SERVED, text: "<html>" } });
  check("nobody knows", NO_RECORD, "", { fetched: { kind: "failed", reason: "x" } });
  check("the host serves something else", NO_RECORD, "", { fetched: { kind: "not-served", reason: "x" } });
});

describe("mta-sts.multiple", () => {
  check("two", txt("v=STSv1; id=1", "v=STSv1; id=2"), "mta-sts.multiple warn", { says: "has 2 MTA-STS records" });
  check("one, and one that is skipped", txt("v=STSv1; id=1", "v=STSv2; id=2"), PASS);
});

describe("mta-sts.syntax", () => {
  const warn = "mta-sts.syntax warn";
  check("no id", txt("v=STSv1;"), warn, { says: "it has no `id=`, so senders act as if there were no policy" });
  check("a wrong id", txt("v=STSv1; id=2026-11-24"), warn, { says: "letters and digits" });
  check("quotes", txt('"v=STSv1; id=1"'), warn, { says: "does not begin with `v=STSv1;`" });
  check("no semicolon", txt("v=STSv1 id=1"), warn, { says: "does not begin with `v=STSv1;`" });
  check("the name of the thing", txt("v=MTA-STS1; id=1"), warn);
  check("something else by its beginning", { ...txt("v=strange"), "mta-sts.d.test": "nxdomain" }, "");
});

describe("mta-sts.host", () => {
  check("no name", { "mta-sts.d.test": "nxdomain" }, "mta-sts.host warn", { says: "has no address" });
  check("no address", { "mta-sts.d.test": { TXT: ["x"] } }, "mta-sts.host warn");
  check("IPv6 only", { "mta-sts.d.test": { AAAA: ["2001:db8::1"] } }, PASS);
});

describe("mta-sts.fetch", () => {
  check("nobody knows", {}, "mta-sts.fetch indeterminate", {
    fetched: { kind: "failed", reason: "mta-sts.d.test did not answer in time" },
    says: "could not be fetched (mta-sts.d.test did not answer in time)",
  });
  check("not there", {}, "mta-sts.fetch warn", {
    fetched: { kind: "not-served", reason: "HTTP status 404" },
    says: "There is no policy at https://mta-sts.d.test/.well-known/mta-sts.txt (HTTP status 404)",
  });
});

describe("mta-sts.media-type", () => {
  const served = (contentType: string): Expected => ({ fetched: { ...SERVED, contentType } });
  check("a web page", {}, "mta-sts.media-type warn", {
    ...served("text/html"),
    says: "as `text/html`, not as text/plain",
  });
  check("none", {}, "mta-sts.media-type warn", { ...served(""), says: "as no content type" });
  check("a longer word", {}, "mta-sts.media-type warn", served("text/plainer"));
  check("in capitals", {}, PASS, served("Text/Plain"));
  check("with a parameter", {}, PASS, served("text/plain;charset=utf-8"));
});

describe("the policy is judged with the MX", () => {
  check("another MX", { "d.test": { MX: [{ preference: 10, exchange: "b.test" }] } }, "mta-sts.mx-not-covered fail", {
    says: "b.test",
  });
  check("MX not known", { "d.test": "servfail" }, PASS);
});

describe("could not be found out", () => {
  for (const kind of ["servfail", "timeout", "refused"] as const) {
    check(`the record: ${kind}`, { "_mta-sts.d.test": kind }, "dns.indeterminate indeterminate");
    check(`the host: ${kind}`, { "mta-sts.d.test": kind }, "dns.indeterminate indeterminate");
    check(`the host that nobody needs: ${kind}`, { ...NO_RECORD, "mta-sts.d.test": kind }, "");
  }
});
