/** Each `mx.*` code with a zone that gives exactly it, and beside it near misses that do not. */
import { describe, expect, test } from "vitest";
import { mxFindings, mxHostFindings, type MxCheck } from "#dns/mx-findings.ts";
import { recordedResolver, type RecordedName, type RecordedZone } from "#resolvers/recorded.ts";

const RETURN_PATH: MxCheck = { name: "send.d.test", bounceHost: "bounce.relay.test" };
const OWN: MxCheck = { name: "d.test" };
const HOST: RecordedName = { A: ["192.0.2.1"] };
const HOSTS: RecordedZone = { "bounce.relay.test": HOST, "mx.d.test": HOST, "mx6.d.test": { AAAA: ["2001:db8::1"] } };

const mx = (...exchanges: string[]): RecordedName => ({
  MX: exchanges.map((exchange, at) => ({ preference: at * 10, exchange })),
});

type Expected = { text?: string; fix?: string };
const check = (title: string, asked: MxCheck, zone: RecordedZone, codes: string, expected: Expected = {}): void => {
  test(title, async () => {
    const findings = await mxFindings(asked, recordedResolver({ ...HOSTS, ...zone }));
    expect(findings.map(({ code, status }) => `${code} ${status}`).join(", ")).toBe(codes);
    const [first] = findings;
    expect(first?.text).toContain(expected.text ?? asked.name);
    expect(first?.fix).toBe(expected.fix);
    for (const { evidence, rfc } of findings) {
      expect(evidence.length).toBeGreaterThan(0);
      expect(rfc).toMatch(/^RFC \d+ §/);
    }
  });
};
const bounces = (title: string, entry: RecordedName, codes: string, expected?: Expected): void =>
  check(`return-path: ${title}`, RETURN_PATH, { "send.d.test": entry }, codes, expected);
const own = (title: string, entry: RecordedName, codes: string, expected?: Expected): void =>
  check(`own: ${title}`, OWN, { "d.test": entry }, codes, expected);

const PASS = "mx.missing pass";
const fix = "10 bounce.relay.test";

describe("without fault", () => {
  bounces("ours", mx("Bounce.Relay.Test"), PASS, { text: "goes to Bounce.Relay.Test" });
  bounces("a spare behind ours", mx("bounce.relay.test", "mx.d.test"), PASS);
  own("two, one by IPv6 only", mx("mx.d.test", "mx6.d.test"), PASS, { text: "goes to mx.d.test, mx6.d.test" });
  const MX = [20, 10].map((preference) => ({ preference, exchange: preference === 10 ? "mx.d.test" : "mx6.d.test" }));
  own("in the order of their preferences", { MX }, PASS, { text: "goes to mx.d.test, mx6.d.test" });
  own("many", mx(...Array.from({ length: 6 }, () => "mx.d.test")), PASS, { text: "mx.d.test, …." });
});

describe("mx.missing", () => {
  const published = { text: "Publish `MX 10 bounce.relay.test` there.", fix };
  check("return-path: no name", RETURN_PATH, {}, "mx.missing fail", published);
  bounces("no MX, an address", HOST, "mx.missing fail", published);
  check("own: no name", OWN, {}, "mx.missing warn", { text: "neither an MX record nor an address" });
  own("an address alone is enough (RFC 5321 §5.1)", HOST, PASS, { text: "goes to its own address" });
});

describe("could not be found out", () => {
  for (const kind of ["servfail", "timeout", "refused"] as const) {
    bounces(kind, kind, "dns.indeterminate indeterminate");
    check(
      `own: host, ${kind}`,
      OWN,
      { "d.test": mx("ill.test"), "ill.test": kind },
      "dns.indeterminate indeterminate",
      {
        text: "the A records of ill.test",
      },
    );
  }
});

describe("mx.null", () => {
  bounces("alone", mx("."), "mx.null fail", { text: "says that it takes no mail", fix });
  bounces("beside ours", mx(".", "bounce.relay.test"), "mx.null fail", { fix });
  own("alone", mx("."), "mx.null warn", { text: "receivers may refuse mail from it" });
  own("a preference of 0 is none", mx("mx.d.test"), PASS);
});

describe("mx.ip", () => {
  bounces("IPv4", mx("192.0.2.1"), "mx.ip fail", { text: "is the IP address 192.0.2.1", fix });
  bounces("beside ours", mx("bounce.relay.test", "192.0.2.1"), "mx.ip fail", { fix });
  own("IPv4", mx("192.0.2.1"), "mx.ip fail");
  own("IPv6", mx("2001:db8::1"), "mx.ip fail");
  own("a literal", mx("[192.0.2.1]"), "mx.ip fail");
  check("own: a name of numbers", OWN, { "d.test": mx("192.0.2.1.d.test"), "192.0.2.1.d.test": HOST }, PASS);
});

describe("mx.bounce-host", () => {
  bounces("another", mx("mx.d.test"), "mx.bounce-host fail", { text: "is mx.d.test, so bounces", fix });
  bounces("another that is not even there", mx("gone.test"), "mx.bounce-host fail", { fix });
  bounces("the panel's domain behind it", mx("bounce.relay.test.d.test"), "mx.bounce-host fail", {
    text: "enter `bounce.relay.test.` with a dot",
    fix,
  });
  bounces("a longer name", mx("xbounce.relay.test"), "mx.bounce-host fail", { text: "Replace it by", fix });
  bounces("another before ours", mx("mx.d.test", "bounce.relay.test"), "mx.bounce-host warn", { text: "Delete it" });
  const MX = ["bounce.relay.test", "mx.d.test"].map((exchange) => ({ preference: 10, exchange }));
  bounces("another as soon as ours", { MX }, "mx.bounce-host warn");
  own("the owner's mail is the owner's", mx("mx.d.test"), PASS);
});

describe("mx.dangling", () => {
  own("the only host", mx("gone.test"), "mx.dangling fail", { text: "gone.test has no address, so mail there is not" });
  own("one of two", mx("mx.d.test", "gone.test"), "mx.dangling warn", { text: "gone.test" });
  own("one twice, in two cases", mx("gone.test", "Gone.test"), "mx.dangling fail", { text: "gone.test" });
  const unsure: RecordedZone = { "d.test": mx("gone.test", "ill.test"), "ill.test": "servfail" };
  check("own: one, and one that may be there", OWN, unsure, "mx.dangling warn, dns.indeterminate indeterminate", {
    text: "so senders waste a try on it",
  });
  own("two of two", mx("gone.test", "lost.test"), "mx.dangling fail, mx.dangling fail", { text: "gone.test" });
  bounces("ours", mx("bounce.relay.test"), PASS);
  check(
    "return-path: ours is gone",
    RETURN_PATH,
    { "send.d.test": mx("bounce.relay.test"), "bounce.relay.test": {} },
    "mx.dangling fail",
    {
      text: "bounce.relay.test has no address",
    },
  );
  const half: RecordedZone = { "d.test": mx("half.test"), "half.test": { CNAME: ["mx.d.test"] } };
  check("own: an alias of a host is there", OWN, half, "mx.cname warn", { text: "half.test is a CNAME to mx.d.test" });
});

describe("mx.cname", () => {
  const alias: RecordedName = { CNAME: ["mx6.d.test"] };
  check("own: IPv6 only", OWN, { "d.test": mx("alias.test"), "alias.test": alias }, "mx.cname warn", {
    text: "Use mx6.d.test as the MX",
  });
  check(
    "own: to nothing",
    OWN,
    { "d.test": mx("alias.test"), "alias.test": { CNAME: ["gone.test"] } },
    "mx.dangling fail",
    {
      text: "alias.test",
    },
  );
  check("own: the domain itself may be one", OWN, { "d.test": { CNAME: ["e.test"] }, "e.test": mx("mx.d.test") }, PASS);
});

describe("dns.cname-and-other", () => {
  const beside = (title: string, entry: RecordedName, target: RecordedName, codes: string): void => {
    test(title, async () => {
      const zone = recordedResolver({ ...HOSTS, "send.d.test": entry, "v.test": target });
      const cname = recordedResolver({ "send.d.test": { CNAME: ["v.test"] } });
      const findings = await mxFindings(RETURN_PATH, (name, type) =>
        (name === "send.d.test" && type === "CNAME" ? cname : zone)(name, type),
      );
      expect(findings.map(({ code, status }) => `${code} ${status}`).join(", ")).toBe(codes);
    });
  };
  beside("beside ours", mx("bounce.relay.test"), mx("mx.d.test"), "dns.cname-and-other warn");
  beside("beside another", mx("mx.d.test"), mx("bounce.relay.test"), "dns.cname-and-other fail");
  beside("that says the same", mx("bounce.relay.test"), mx("bounce.relay.test"), PASS);
  const led: RecordedZone = { "send.d.test": { CNAME: ["v.test"] }, "v.test": mx("bounce.relay.test") };
  check("return-path: a CNAME alone", RETURN_PATH, led, PASS);
});

describe("where bounces come to, at whatever host", () => {
  const TAKES: MxCheck = { name: "bounce.relay.test", takesBounces: true };
  const takes = (title: string, entry: RecordedName, codes: string, text: string): void =>
    check(title, TAKES, { "bounce.relay.test": entry }, codes, { text });
  takes("another host", mx("mx.d.test"), PASS, "goes to mx.d.test");
  takes("no host", {}, "mx.missing fail", "so bounces to it are lost");
  takes("null MX", mx("."), "mx.null fail", "bounces are lost");

  test("as an MX host of others", async () => {
    const asHost = async (zone: RecordedZone): Promise<string[]> =>
      (await mxHostFindings("h.test", recordedResolver(zone))).map(({ code, status }) => `${code} ${status}`);
    expect(await asHost({ "h.test": HOST })).toEqual([]);
    expect(await asHost({ "h.test": {} })).toEqual(["mx.dangling fail"]);
    expect(await asHost({ ...HOSTS, "h.test": { CNAME: ["mx.d.test"] } })).toEqual(["mx.cname warn"]);
    expect(await asHost({ "h.test": "servfail" })).toEqual(["dns.indeterminate indeterminate"]);
  });
});

test("no more than 20 hosts are looked up, side by side", async () => {
  const asked: string[] = [];
  const exchanges = Array.from({ length: 500 }, (_, at) => `h${at}.test`);
  const zone = recordedResolver({ "d.test": mx(...exchanges) });
  const findings = await mxFindings(OWN, (name, type, signal) => {
    asked.push(name);
    return zone(name, type, signal);
  });
  // Its MX, whether a CNAME is beside it, and both families of each host.
  expect(asked.length).toBe(42);
  expect(findings.length).toBe(20);
});

describe("one family of addresses cannot be found out", () => {
  const half = (title: string, zone: RecordedZone, ill: "A" | "AAAA", code: string): void => {
    test(title, async () => {
      const whole = recordedResolver(zone);
      const findings = await mxFindings(OWN, async (name, type, signal) =>
        type === ill ? { kind: "servfail", reason: "ill" } : whole(name, type, signal),
      );
      expect(findings.map((finding) => `${finding.code} ${finding.status}`)).toEqual([code]);
    });
  };
  const unknown = "dns.indeterminate indeterminate";
  half("the host is there by the other", { ...HOSTS, "d.test": mx("mx.d.test") }, "AAAA", PASS);
  half("the host is there by the other, IPv6", { ...HOSTS, "d.test": mx("mx6.d.test") }, "A", PASS);
  half("the other is not there, A", { "d.test": mx("gone.test") }, "A", unknown);
  half("the other is not there, AAAA", { "d.test": mx("gone.test") }, "AAAA", unknown);
  half("no MX, A", {}, "A", unknown);
  half("no MX, AAAA", {}, "AAAA", unknown);
});

describe("dns.wildcard", () => {
  const fix = "10 bounce.relay.test";
  const text = "Publish `MX 10 bounce.relay.test` there; it overrides the wildcard";
  check("the MX of every name", RETURN_PATH, { "*.d.test": mx("mx.d.test") }, "dns.wildcard fail", { text, fix });
  check(
    "over a CNAME",
    RETURN_PATH,
    { "*.d.test": { CNAME: ["d.test"] }, "d.test": mx("mx.d.test") },
    "dns.wildcard fail",
    { text, fix },
  );
  check("a null MX of every name", RETURN_PATH, { "*.d.test": mx(".") }, "dns.wildcard fail", { text, fix });
  check("ours by a wildcard is as good as any", RETURN_PATH, { "*.d.test": mx("bounce.relay.test") }, PASS, {
    text: "bounce.relay.test",
  });
  check(
    "one that says something else is not it",
    RETURN_PATH,
    { "send.d.test": mx("mx.d.test"), "*.d.test": mx("mx6.d.test") },
    "mx.bounce-host fail",
    { fix },
  );
});
