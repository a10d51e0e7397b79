/** Each code about a policy with a file that gives exactly it, and near misses that do not. */
import { describe, expect, test } from "vitest";
import { policyFindings, type PolicySeen } from "#dns/mta-sts-policy-findings.ts";

const policy = (changes: { mode?: string; maxAge?: number; mx?: string[]; more?: string[] } = {}): string =>
  [
    "version: STSv1",
    `mode: ${changes.mode ?? "enforce"}`,
    ...(changes.mx ?? ["mx.d.test"]).map((host) => `mx: ${host}`),
    `max_age: ${changes.maxAge ?? 604_800}`,
    ...(changes.more ?? []),
  ].join("\n");

const check = (title: string, text: string, expected: string, says = "", mxHosts: string[] = ["mx.d.test"]): void => {
  test(title, () => {
    const seen: PolicySeen = { domain: "d.test", text, mxHosts };
    const findings = policyFindings(seen);
    expect(findings.map(({ code, status }) => `${code} ${status}`).join(", ")).toBe(expected);
    expect(findings[0]?.text).toContain(says);
    for (const finding of findings) {
      expect(finding.name).toBe("mta-sts.d.test");
      expect(finding.evidence.length).toBeGreaterThan(1);
      expect(finding.rfc).toMatch(/^RFC 8461 §/);
    }
  });
};
const PASS = "mta-sts.missing pass";

describe("without fault", () => {
  check("enforced", policy(), PASS, "over TLS only, to mx.d.test");
  check("by a wildcard", policy({ mx: ["*.d.test"] }), PASS, "", ["a.d.test", "B.D.test"]);
  check("one host twice", policy(), PASS, "", ["mx.d.test", "MX.d.test"]);
  check("of a domain without MX", policy(), PASS, "", []);
  check("of a domain that takes no mail", policy(), PASS, "", ["."]);
});

describe("mta-sts.policy-syntax", () => {
  const bad = "mta-sts.policy-syntax warn";
  check(
    "a slip in the only mx",
    policy({ mx: [], more: ["nmx: mx.d.test"] }),
    bad,
    "(senders skip `nmx`, which is no key",
  );
  check("a web page", "<html>\n", bad, "`<html>`, is not `key: value`");
  check("a key that nobody knows", policy({ more: ["mxx: mx.d.test"] }), bad, "has `mxx`, which is no key");
  check(
    "a key that nobody knows is the cause of what is missing",
    policy({ mx: ["a.d.test"], more: ["nmx: mx.d.test"] }),
    "mta-sts.mx-not-covered fail",
    "senders skip `nmx`",
  );
  check("a key twice is none", policy({ more: ["mode: testing"] }), PASS);
  check("what strangers wrote is shown on one line", `x\u0007${"y".repeat(500)}`, bad, "`x·yyy");
});

describe("mta-sts.mx-not-covered", () => {
  const fail = "mta-sts.mx-not-covered fail";
  check("the only one", policy({ mx: ["mx.e.test"] }), fail, "does not name mx.d.test, where the MX of d.test leads");
  check("one of two", policy(), fail, "Add `mx: mx2.d.test` to it", ["mx.d.test", "mx2.d.test"]);
  check("two of three", policy(), fail, "Add `mx: a.test` and the others", ["mx.d.test", "a.test", "b.test"]);
  check("two labels below a wildcard", policy({ mx: ["*.d.test"] }), fail, "a.mx.d.test", ["a.mx.d.test"]);
  check(
    "while testing",
    policy({ mode: "testing" }),
    "mta-sts.mx-not-covered warn, mta-sts.not-enforced warn",
    "once it is enforced",
    ["mx.e.test"],
  );
  check("where there is no policy", policy({ mode: "none" }), "mta-sts.not-enforced warn", "", ["mx.e.test"]);
});

describe("mta-sts.mx-unused", () => {
  const warn = "mta-sts.mx-unused warn";
  check("a host", policy({ mx: ["mx.d.test", "old.test"] }), warn, "names old.test, which is no MX");
  check("a wildcard", policy({ mx: ["mx.d.test", "*.old.test"] }), warn, "names *.old.test");
  check("many", policy({ mx: ["mx.d.test", "a", "b", "c", "e", "f"] }), warn, "names a, b, c, e, …,");
  check("it says nothing new where another is missing", policy({ mx: ["old.test"] }), "mta-sts.mx-not-covered fail");
  check("two patterns for one host", policy({ mx: ["mx.d.test", "*.d.test"] }), PASS);
});

describe("mta-sts.not-enforced", () => {
  check("testing", policy({ mode: "testing" }), "mta-sts.not-enforced warn", "go on to `mode: enforce`");
  check("none", policy({ mode: "none", mx: [] }), "mta-sts.not-enforced warn", "To end MTA-STS");
});

describe("mta-sts.max-age", () => {
  check("less than a day", policy({ maxAge: 86_399 }), "mta-sts.max-age warn", "kept for 86399 s only");
  check("a day", policy({ maxAge: 86_400 }), PASS);
  check("of no policy", policy({ mode: "none", maxAge: 0 }), "mta-sts.not-enforced warn");
});
