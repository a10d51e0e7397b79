/** Whom records let send, against what a receiver says of them. */
import fc from "fast-check";
import { spf } from "mailauth/lib/spf/index.js";
import { describe, expect, test } from "vitest";
import { parseIp } from "#dns/ip-address.ts";
import { authorisesInclude, authorisesIp, spfResults, type Authorised } from "#dns/spf-authorised.ts";
import { walkSpf } from "#dns/spf-cost.ts";
import { spfFaults } from "#dns/spf-faults.ts";
import { recordedResolver, type RecordedName, type RecordedZone } from "#resolvers/recorded.ts";
import { mailauthResolver } from "../support/mailauth-resolver.ts";

const ZONE: RecordedZone = {
  "h.test": { A: ["192.0.2.1"], AAAA: ["2001:db8::1"] },
  "m.test": { MX: [{ preference: 0, exchange: "h.test" }] },
  "many.test": { MX: Array.from({ length: 11 }, () => ({ preference: 0, exchange: "h.test" })) },
  "ours.test": { TXT: ["v=spf1 ip4:192.0.2.0/24 -all"] },
  "far.test": { TXT: ["v=spf1 include:ours.test ~all"] },
  "plus.test": { TXT: ["v=spf1 +all"] },
  "two.test": { TXT: ["v=spf1 -all", "v=spf1 +all"] },
  "ill.test": "servfail",
};

const tree = async (terms: string, name = "d.test") =>
  walkSpf(name, recordedResolver({ ...ZONE, "d.test": { TXT: [`v=spf1 ${terms}`] } }));

const checkIp = (terms: string, address: string, expected: Authorised): void => {
  test(`${address} by ${terms}`, async () => {
    expect(authorisesIp(await tree(terms), address)).toBe(expected);
  });
};

describe("an address passes", () => {
  checkIp("ip4:192.0.2.0/24 -all", "192.0.2.9", "yes");
  checkIp("ip4:192.0.2.99/24 -all", "::ffff:192.0.2.9", "yes");
  checkIp("ip4:192.0.2.0/25 -all", "192.0.2.129", "no");
  checkIp("ip6:2001:db8::/32 -all", "2001:db8::9", "yes");
  checkIp("ip6:::ffff:192.0.2.9 -all", "192.0.2.9", "no");
  checkIp("ip4:0.0.0.0/0 -all", "2001:db8::1", "no");
  checkIp("ip6:::/0 -all", "192.0.2.1", "no");
  checkIp("a:h.test/24 -all", "192.0.2.9", "yes");
  checkIp("a:h.test/24 -all", "2001:db8::1", "yes");
  checkIp("a:h.test//32 -all", "2001:db8::9", "yes");
  checkIp("a:h.test//32 -all", "192.0.2.9", "no");
  checkIp("mx:m.test -all", "192.0.2.1", "yes");
  checkIp("mx:h.test -all", "192.0.2.1", "no");
  checkIp("exists:h.test -all", "203.0.113.1", "yes");
  checkIp("exists:gone.test -all", "203.0.113.1", "no");
  checkIp("include:far.test -all", "192.0.2.1", "yes");
  checkIp("-include:ours.test +all", "192.0.2.1", "no");
  checkIp("-include:ours.test +all", "203.0.113.1", "yes");
  checkIp("~ip4:192.0.2.1 ip4:192.0.2.0/24", "192.0.2.1", "no");
  checkIp("-all ip4:192.0.2.1", "192.0.2.1", "no");
  checkIp("redirect=ours.test", "192.0.2.1", "yes");
  checkIp("redirect=ours.test ?all", "192.0.2.1", "no");
  checkIp("", "192.0.2.1", "no");
});

describe("an address depends on what is not known", () => {
  checkIp("exists:%{i}.x.test -all", "192.0.2.1", "unknown");
  checkIp("exists:%{i}.x.test ip4:192.0.2.1 -all", "192.0.2.1", "yes");
  checkIp("?exists:%{i}.x.test -all", "192.0.2.1", "no");
  checkIp("ptr -all", "192.0.2.1", "unknown");
  checkIp("include:ill.test -all", "192.0.2.1", "unknown");
  checkIp("a:ill.test -all", "192.0.2.1", "unknown");
  checkIp("mx:many.test -all", "192.0.2.1", "unknown");
  checkIp("redirect=%{d}.x.test", "192.0.2.1", "unknown");
});

const checkInclude = (terms: string, expected: Authorised): void => {
  test(`ours.test by ${terms}`, async () => {
    expect(authorisesInclude(await tree(terms), "Ours.test.")).toBe(expected);
  });
};

describe("an include is there", () => {
  checkInclude("include:OURS.test -all", "yes");
  checkInclude("include:far.test -all", "yes");
  checkInclude("redirect=far.test", "yes");
  checkInclude("redirect=ours.test", "no");
  checkInclude("?include:ours.test -all", "no");
  checkInclude("?include:far.test -all", "no");
  checkInclude("-all include:ours.test", "no");
  checkInclude("include:notours.test a:ours.test exists:ours.test -all", "no");
  checkInclude("include:%{d}.x.test -all", "unknown");
  checkInclude("exists:%{i}.x.test -all", "unknown");
  checkInclude("a:%{h} -exists:%{i}.x.test -all", "no");
  checkInclude("include:ill.test -all", "unknown");
  checkInclude("include:%{d}.x.test include:ours.test -all", "yes");
});

test("what is no record lets nobody send, and what is not known may", async () => {
  for (const name of ["two.test", "gone.test"]) {
    expect(authorisesIp(await tree("", name), "192.0.2.1"), name).toBe("no");
    expect(authorisesInclude(await tree("", name), "ours.test"), name).toBe("no");
  }
  expect(authorisesIp(await tree("", "ill.test"), "192.0.2.1")).toBe("unknown");
  expect(authorisesInclude(await tree("", "ill.test"), "ours.test")).toBe("unknown");
  const any = await tree("+all");
  expect(() => authorisesIp(any, "host")).toThrow("not an IP address");
});

/** Records of a handful of names that lead to each other. */
const NAMES = ["d.test", "b.test", "c.test", "h.test", "six.test", "m.test", "gone.test"];
const name = fc.constantFrom(...NAMES);
const sign = fc.constantFrom("", "", "-", "~", "?");
const term = fc.oneof(
  fc.tuple(sign, fc.constantFrom("include:", "include:", "a:", "mx:", "exists:"), name).map((parts) => parts.join("")),
  fc
    .tuple(
      sign,
      fc.constantFrom("a", "mx", "ptr", "ip4:192.0.2.1", "ip4:192.0.2.0/30", "ip6:2001:db8::/127", "a:h.test/30//126"),
    )
    .map((parts) => parts.join("")),
  fc.constantFrom("-all", "~all", "?all", "+all", "redirect=b.test", "redirect=c.test", "wrong"),
);
const texts = fc.array(term, { maxLength: 5 }).map((terms) => `v=spf1 ${terms.join(" ")}`);
const zone = fc
  .tuple(
    fc.array(texts, { minLength: 1, maxLength: 1 }),
    fc.array(texts, { minLength: 1, maxLength: 2 }),
    fc.array(texts, { maxLength: 1 }),
    fc.integer({ min: 1, max: 11 }),
  )
  .map(([d, b, c, hosts]): Record<string, RecordedName> => ({
    "d.test": { TXT: d, A: ["192.0.2.3"] },
    "b.test": { TXT: b, AAAA: ["2001:db8::3"] },
    "c.test": { TXT: c, A: ["192.0.2.7"] },
    "h.test": { A: ["192.0.2.1", "192.0.2.2"], AAAA: ["2001:db8::1"] },
    "six.test": { AAAA: ["2001:db8::2"] },
    "m.test": { MX: Array.from({ length: hosts }, () => ({ preference: 0, exchange: "h.test" })) },
  }));
/** Every client has a name, as relays do: without, a `ptr` finds nothing, which is the client's fault. */
const REVERSE: RecordedZone = {
  "*.in-addr.arpa": { PTR: ["h.test"] },
  "*.ip6.arpa": { PTR: ["h.test"] },
};
const client = fc.constantFrom("192.0.2.1", "192.0.2.3", "203.0.113.9", "2001:db8::1", "2001:db8::3");

test("a receiver's verdict is one of ours; permerror only where we told of a fault", async () => {
  const seen = new Map<string, number>();
  const property = fc.asyncProperty(zone, client, async (recorded, address) => {
    const resolve = recordedResolver({ ...recorded, ...REVERSE });
    const walked = await walkSpf("d.test", resolve);
    const receiver = { sender: "a@d.test", ip: address, helo: "h.test", mta: "mta.test", strict: true };
    const { status } = await spf({ ...receiver, resolver: mailauthResolver(resolve) });
    seen.set(status.result, (seen.get(status.result) ?? 0) + 1);
    const ip = parseIp(address);
    if (status.result === "permerror")
      expect(walked.kind === "record" ? spfFaults(walked).map(({ code }) => code) : ["root"]).toContainEqual(
        expect.stringMatching(/root|lookups|void|include-none|loop|syntax|multiple/),
      );
    else expect(ip && [...spfResults(walked, ip)]).toContain(status.result);
  });
  await fc.assert(property, { numRuns: 2000 });
  for (const result of ["pass", "fail", "softfail", "neutral", "permerror"])
    expect(seen.get(result), result).toBeGreaterThan(20);
});
