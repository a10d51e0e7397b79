/** Each `ptr.*` code with a zone that gives exactly it, and beside it near misses that do not. */
import { describe, expect, test } from "vitest";
import { parseRelaySource } from "#dns/relay-check.ts";
import { reverseDnsFindings, type RelaySource } from "#dns/reverse-dns-findings.ts";
import { recordedResolver, type RecordedName, type RecordedZone } from "#resolvers/recorded.ts";

const sourceOf = (text: string): RelaySource => {
  const source = parseRelaySource(text);
  if (!source) throw new Error(`${text} is no source`);
  return source;
};
const MX1 = sourceOf("192.0.2.10=mx1.relay.test");
const MX6 = sourceOf("2001:db8::10=mx6.relay.test");
const REVERSE = "10.2.0.192.in-addr.arpa";
const REVERSE6 = `0.1.0.0.${"0.".repeat(20)}8.b.d.0.1.0.0.2.ip6.arpa`;
const HERE: RecordedName = { A: ["192.0.2.10"] };
const ELSEWHERE: RecordedName = { A: ["192.0.2.99"] };
const GOOD: RecordedZone = {
  [REVERSE]: { PTR: ["mx1.relay.test"] },
  "mx1.relay.test": HERE,
  [REVERSE6]: { PTR: ["mx6.relay.test"] },
  "mx6.relay.test": { AAAA: ["2001:db8:0:0::10"] },
};
const PASS = "ptr.missing pass";

type Expected = { text?: string; fix?: string; source?: RelaySource };
/** `zone`: over the good one. */
const check = (title: string, zone: RecordedZone, codes: string, expected: Expected = {}): void => {
  test(title, async () => {
    const findings = await reverseDnsFindings(expected.source ?? MX1, recordedResolver({ ...GOOD, ...zone }));
    expect(findings.map(({ code, status }) => `${code} ${status}`).join(", ")).toBe(codes);
    expect(findings[0]?.text).toContain(expected.text ?? "");
    expect(findings[0]?.fix).toBe(expected.fix);
    for (const { evidence, rfc } of findings) {
      expect(evidence.length).toBeGreaterThan(0);
      expect(rfc).toMatch(/^RFC \d+ §/);
    }
  });
};
const ptr = (...PTR: string[]): RecordedZone => ({ [REVERSE]: { PTR } });

describe("without fault", () => {
  check("IPv4", {}, PASS, { text: "192.0.2.10 is called mx1.relay.test, which leads back to it." });
  check("IPv6", {}, PASS, { source: MX6 });
  check("in another case", ptr("MX1.Relay.Test"), PASS);
  check("one of several addresses", { "mx1.relay.test": { A: ["192.0.2.9", "192.0.2.10"] } }, PASS);
  check(
    "a CNAME in the reverse tree (RFC 2317)",
    {
      [REVERSE]: { CNAME: ["10.host.test"] },
      "10.host.test": { PTR: ["mx1.relay.test"] },
    },
    PASS,
  );
  check("the same name twice", ptr("mx1.relay.test", "MX1.relay.test"), PASS);
});

describe("ptr.missing", () => {
  const missing = { text: "has no PTR record, so Gmail and Yahoo refuse", fix: "mx1.relay.test" };
  check("no name", { [REVERSE]: "nxdomain" }, "ptr.missing fail", missing);
  check("no PTR", { [REVERSE]: { TXT: ["a"] } }, "ptr.missing fail", missing);
});

describe("ptr.not-confirmed", () => {
  check("our name has another address", { "mx1.relay.test": ELSEWHERE }, "ptr.not-confirmed fail", {
    text: "mx1.relay.test, but that has 192.0.2.99, so Gmail and Yahoo refuse mail from it. Publish `A 192.0.2.10`",
    fix: "192.0.2.10",
  });
  check("our name has none", { "mx1.relay.test": {} }, "ptr.not-confirmed fail", {
    text: "has no A record",
    fix: "192.0.2.10",
  });
  check("our name has the other family only", { "mx6.relay.test": HERE }, "ptr.not-confirmed fail", {
    text: "no AAAA record",
    fix: "2001:db8::10",
    source: MX6,
  });
  const other = { text: "which does not lead back to it", fix: "mx1.relay.test" };
  check("another name that is not there", ptr("host.test"), "ptr.not-confirmed fail", other);
  // Resolvers fail over what they cannot ask for.
  check("what is no host name", { ...ptr("."), ".": "servfail" }, "ptr.not-confirmed fail", other);
  check("nor is this", ptr("a b.test", "192.0.2.10"), "ptr.not-confirmed fail", other);
  check(
    "ours among others, none leads back",
    { ...ptr("x.test", "mx1.relay.test"), "mx1.relay.test": ELSEWHERE },
    "ptr.not-confirmed fail",
    {
      fix: "192.0.2.10",
    },
  );
});

describe("ptr.helo", () => {
  const named = { ...ptr("host.test"), "host.test": HERE };
  check("another name that leads back", named, "ptr.helo warn", {
    text: "we say EHLO mx1.relay.test, but its PTR record says host.test",
    fix: "mx1.relay.test",
  });
  check("the name in EHLO leads elsewhere", { ...named, "mx1.relay.test": ELSEWHERE }, "ptr.helo warn", {
    text: "but that has 192.0.2.99",
    fix: "192.0.2.10",
  });
  check("the name in EHLO is not there", { ...named, "mx1.relay.test": "nxdomain" }, "ptr.helo fail", {
    text: "but that has no A record, so receivers that look it up",
    fix: "192.0.2.10",
  });
});

describe("ptr.multiple", () => {
  const two = { ...ptr("mx1.relay.test", "host.test"), "host.test": HERE };
  check("both lead back", two, "ptr.multiple warn", { text: "has 2 PTR records", fix: "mx1.relay.test" });
  check("one leads back", { ...two, "host.test": ELSEWHERE }, "ptr.multiple warn", { fix: "mx1.relay.test" });
});

describe("ptr.generic", () => {
  const generic = "192-0-2-10.host.test";
  check("in place of ours", { ...ptr(generic), [generic]: HERE }, "ptr.generic warn", {
    text: "like a line of an access provider",
    fix: "mx1.relay.test",
  });
  check("as ours", { ...ptr(generic), [generic]: HERE }, "ptr.generic warn", {
    text: "Give the relay a name of its own",
    source: sourceOf(`192.0.2.10=${generic}`),
  });
  check("that does not lead back: only the cause", ptr(generic), "ptr.not-confirmed fail", { fix: "mx1.relay.test" });
});

describe("could not be found out", () => {
  const unknown = "dns.indeterminate indeterminate";
  for (const kind of ["servfail", "timeout", "refused"] as const) {
    check(`PTR, ${kind}`, { [REVERSE]: kind }, unknown, { text: "they may be right" });
    check(`way back, ${kind}`, { "mx1.relay.test": kind }, unknown, { text: "the A records of mx1.relay.test" });
    check(`name in EHLO, ${kind}`, { ...ptr("host.test"), "host.test": HERE, "mx1.relay.test": kind }, unknown);
  }
  check("one of two names", { ...ptr("gone.test", "ill.test"), "ill.test": "servfail" }, unknown);
});

test("an answer of 64 KB: a few names are looked up, and what is shown is short", async () => {
  const names = Array.from({ length: 2000 }, (_, at) => `h${at}.test`);
  const zone = recordedResolver({ ...GOOD, ...ptr("\u001b[2J.test", ...names) });
  const asked: string[] = [];
  const findings = await reverseDnsFindings(MX1, (name, type, signal) => {
    asked.push(name);
    return zone(name, type, signal);
  });
  // PTR, the name in EHLO, and ten names without the one that is none.
  expect(asked.length).toBe(11);
  expect(findings.map(({ code }) => code)).toEqual(["ptr.not-confirmed"]);
  expect(JSON.stringify(findings).length).toBeLessThan(5000);
  expect(findings[0]?.text).not.toMatch(/\p{Cc}/u);
});
