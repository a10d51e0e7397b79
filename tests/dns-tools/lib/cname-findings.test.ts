/** `dns.cname-and-other` and `dns.proxied`: zones that give exactly them, and near misses. */
import { describe, expect, test } from "vitest";
import { besideCname, proxiedFinding, type ProxiedCheck } from "#dns/cname-findings.ts";
import type { RecordType, Resolve } from "#dns/resolver.ts";
import { recordedResolver, type RecordedName, type RecordedZone } from "#resolvers/recorded.ts";

const NAME = "_dmarc.d.test";
const txt = (...TXT: string[]): RecordedName => ({ TXT });

/** Answers `CNAME` at a name beside what the zone has there, as servers do that keep both. */
const withCname = (zone: RecordedZone, name: string, target: string): Resolve => {
  const resolve = recordedResolver(zone);
  const beside = recordedResolver({ [name]: target === "servfail" ? target : { CNAME: [target] } });
  return (asked, type, signal) => (asked === name && type === "CNAME" ? beside : resolve)(asked, type, signal);
};

/** `types`: what was asked for, in its order. */
const counted = (resolve: Resolve): { resolve: Resolve; types: RecordType[] } => {
  const types: RecordType[] = [];
  return {
    types,
    resolve: (name, type, signal) => {
      types.push(type);
      return resolve(name, type, signal);
    },
  };
};

describe("dns.cname-and-other", () => {
  const check = (title: string, type: "MX" | "TXT", resolve: Resolve, text: string | undefined): void => {
    test(title, async () => {
      const found = await besideCname(NAME, type, await resolve(NAME, type), resolve);
      expect(found && `${found.code} ${found.status}`).toBe(text && "dns.cname-and-other warn");
      expect(found?.text ?? "").toContain(text ?? "");
      if (found) expect(found.evidence[0]).toBe(`${NAME} CNAME v.test`);
    });
  };
  const own: RecordedZone = { [NAME]: txt("v=DMARC1; p=none") };
  const theirs: RecordedZone = { "v.test": txt("v=DMARC1; p=reject") };
  check(
    "another TXT",
    "TXT",
    withCname({ ...own, ...theirs }, NAME, "v.test"),
    `${NAME} has a CNAME to v.test and records of its own`,
  );
  check("nothing at the target", "TXT", withCname(own, NAME, "v.test"), "Keep one or the other.");
  check(
    "the target's, flattened",
    "TXT",
    withCname({ ...own, "v.test": txt("v=DMARC1; p=none") }, NAME, "v.test"),
    undefined,
  );
  check(
    "the target's in another order",
    "TXT",
    withCname({ [NAME]: txt("a", "b"), "v.test": txt("b", "a") }, NAME, "v.test"),
    undefined,
  );
  check("a CNAME alone", "TXT", recordedResolver({ [NAME]: { CNAME: ["v.test"] }, ...theirs }), undefined);
  check("TXT alone", "TXT", recordedResolver(own), undefined);
  check("nothing", "TXT", withCname({}, NAME, "v.test"), undefined);
  check("that could not be looked up", "TXT", withCname(own, NAME, "servfail"), undefined);
  check("a target that could not", "TXT", withCname({ ...own, "v.test": "timeout" }, NAME, "v.test"), undefined);
  const mx = (exchange: string): RecordedName => ({ MX: [{ preference: 10, exchange }] });
  check(
    "another MX",
    "MX",
    withCname({ [NAME]: mx("a.test"), "v.test": mx("b.test") }, NAME, "v.test"),
    "Which count depends on the resolver.",
  );
  check(
    "the target's MX",
    "MX",
    withCname({ [NAME]: mx("a.test"), "v.test": mx("A.test") }, NAME, "v.test"),
    undefined,
  );
});

test("behind a CNAME nothing more is asked", async () => {
  const { resolve, types } = counted(recordedResolver({ [NAME]: { CNAME: ["v.test"] }, "v.test": txt("a") }));
  expect(await besideCname(NAME, "TXT", await resolve(NAME, "TXT"), resolve)).toBeUndefined();
  expect(types).toEqual(["TXT"]);
});

describe("dns.proxied", () => {
  const asked: ProxiedCheck = { name: "s1._domainkey.d.test", cname: "s1.relay.test", publish: "`x`" };
  const { cname: _, ...unknown } = asked;
  const proxy: RecordedName = { A: ["192.0.2.104", "192.0.2.105"], AAAA: ["2001:db8::104"] };
  const at: RecordedZone = { [asked.name]: proxy };
  const check = (title: string, zone: RecordedZone, text: string | undefined, proxied: ProxiedCheck = asked): void => {
    test(title, async () => {
      const found = await proxiedFinding(proxied, recordedResolver(zone));
      expect(found && `${found.code} ${found.status}`).toBe(text && "dns.proxied fail");
      expect(found?.text ?? "").toContain(text ?? "");
      if (found) expect(found.evidence).toContain(`${asked.name} A 192.0.2.104`);
    });
  };
  check(
    "in place of our CNAME",
    at,
    "answers with addresses (192.0.2.104, 192.0.2.105, 2001:db8::104) instead of our CNAME: proxying is on. Set it to DNS only.",
  );
  check(
    "of a CNAME that is not known",
    at,
    "instead of a TXT record: so does a CNAME while proxying is on. Set it to DNS only, or publish `x`",
    unknown,
  );
  check("beside other addresses of the target", { ...at, "s1.relay.test": { A: ["192.0.2.1"] } }, "proxying is on");
  check(
    "the target's, flattened",
    { ...at, "s1.relay.test": { ...proxy, A: ["192.0.2.105", "192.0.2.104"] } },
    undefined,
  );
  check("a wildcard", { "*.d.test": proxy }, undefined);
  check("behind a CNAME", { [asked.name]: { CNAME: ["s1.relay.test"] }, "s1.relay.test": proxy }, undefined);
  check("behind another CNAME", { [asked.name]: { CNAME: ["x.test"] }, "x.test": proxy }, undefined, unknown);
  check("nothing", {}, undefined);
  check("could not be looked up", { [asked.name]: "servfail" }, undefined);
});

test("a resolver that lies without end is shown short", async () => {
  const addresses = Array.from({ length: 4000 }, (_, at) => `192.0.${at >> 8}.${at & 255}`);
  const long = `${"x".repeat(60)}.`.repeat(1000);
  const proxied = await proxiedFinding(
    { name: "a.d.test", publish: "`x`" },
    recordedResolver({ "a.d.test": { A: addresses } }),
  );
  const { resolve, types } = counted(withCname({ [NAME]: txt("a") }, NAME, long));
  const beside = await besideCname(NAME, "TXT", await resolve(NAME, "TXT"), resolve);
  expect(types).toEqual(["TXT", "CNAME", "TXT"]);
  expect([proxied?.code, beside?.code]).toEqual(["dns.proxied", "dns.cname-and-other"]);
  expect(JSON.stringify([proxied, beside]).length).toBeLessThan(6000);
});
