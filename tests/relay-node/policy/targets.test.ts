/** MX records into targets, over a zone that is data. */
import { expect, test } from "vitest";
import { findTargets, type MailResolver, routeTargets } from "../../../relay-node/policy/targets.ts";

type Zone = Record<string, { mx?: readonly (readonly [number, string])[]; ips?: readonly string[] } | "failed">;

const resolver = (zone: Zone): MailResolver => ({
  resolveMx: async (domain) => {
    const entry = zone[domain];
    if (entry === undefined) return { kind: "no-domain" };
    if (entry === "failed") return { kind: "failed", reason: "SERVFAIL" };
    if (!entry.mx) return { kind: "no-data" };
    return { kind: "mx", records: entry.mx.map(([preference, exchange]) => ({ preference, exchange })) };
  },
  resolveAddresses: async (host) => {
    const entry = zone[host];
    if (entry === undefined) return { kind: "no-domain" };
    if (entry === "failed") return { kind: "failed", reason: "SERVFAIL" };
    return entry.ips ? { kind: "addresses", addresses: entry.ips } : { kind: "no-data" };
  },
});

/** A chance that gives these numbers in turn. */
const chance = (...numbers: number[]): (() => number) => {
  let at = 0;
  return () => numbers[at++ % numbers.length] ?? 0;
};

const find = async (domain: string, zone: Zone, random = chance(0)): Promise<string> => {
  const result = await findTargets(domain, resolver(zone), { port: 2525, tls: "opportunistic", random });
  if (result.kind !== "targets") return `${result.kind} ${result.reason}`;
  return result.targets.map(({ host, ip }) => `${host}/${ip}`).join(" ");
};

test("by preference, each name to all its addresses", async () => {
  const zone: Zone = {
    "d.test": {
      mx: [
        [20, "mx2.test"],
        [10, "MX1.test"],
      ],
    },
    "mx1.test": { ips: ["192.0.2.1", "2001:db8::1"] },
    "mx2.test": { ips: ["192.0.2.2"] },
  };
  expect(await find("d.test", zone)).toBe("mx1.test/192.0.2.1 mx1.test/2001:db8::1 mx2.test/192.0.2.2");
  expect(await findTargets("d.test", resolver(zone), { port: 2525, tls: "required", random: chance(0) })).toMatchObject(
    {
      targets: [{ host: "mx1.test", ip: "192.0.2.1", port: 2525, tls: "required" }, {}, {}],
    },
  );
});

test("equal preferences are shuffled by the chance given", async () => {
  const zone: Zone = {
    "d.test": {
      mx: [
        [10, "a.test"],
        [10, "b.test"],
        [5, "c.test"],
      ],
    },
    "a.test": { ips: ["192.0.2.1"] },
    "b.test": { ips: ["192.0.2.2"] },
    "c.test": { ips: ["192.0.2.3"] },
  };
  expect(await find("d.test", zone, chance(0.1, 0.9))).toBe("c.test/192.0.2.3 a.test/192.0.2.1 b.test/192.0.2.2");
  expect(await find("d.test", zone, chance(0.9, 0.1))).toBe("c.test/192.0.2.3 b.test/192.0.2.2 a.test/192.0.2.1");
});

test("no MX: the domain's own address (RFC 5321 §5.1)", async () => {
  expect(await find("d.test", { "d.test": { ips: ["192.0.2.1"] } })).toBe("d.test/192.0.2.1");
  expect(await find("d.test", { "d.test": {} })).toMatch(/^bounced 5\.4\.4 /);
});

test("domains that take no mail", async () => {
  expect(await find("d.test", { "d.test": { mx: [[0, ""]], ips: ["192.0.2.1"] } })).toMatch(/^bounced 5\.1\.10 /);
  expect(await find("d.test", {})).toMatch(/^bounced 5\.1\.2 /);
  expect(await find("[192.0.2.1]", {})).toMatch(/^bounced 5\.1\.2 /);
  expect(await find("192.0.2.1", {})).toMatch(/^bounced 5\.1\.2 /);
});

test("DNS that does not answer never bounces", async () => {
  expect(await find("d.test", { "d.test": "failed" })).toMatch(/^deferred 4\.4\.3 /);
  expect(await find("d.test", { "d.test": { mx: [[10, "a.test"]] }, "a.test": "failed" })).toMatch(
    /^deferred 4\.4\.3 /,
  );
  // One MX is unknown for now, the other is there: it is tried.
  const zone: Zone = {
    "d.test": {
      mx: [
        [10, "a.test"],
        [20, "b.test"],
      ],
    },
    "a.test": "failed",
    "b.test": { ips: ["192.0.2.2"] },
  };
  expect(await find("d.test", zone)).toBe("b.test/192.0.2.2");
});

test("MX names without an address", async () => {
  expect(await find("d.test", { "d.test": { mx: [[10, "gone.test"]] } })).toMatch(/^deferred 4\.4\.4 /);
  expect(await find("d.test", { "d.test": { mx: [[10, "z.test"]] }, "z.test": { ips: ["0.0.0.0", "::"] } })).toMatch(
    /^deferred 4\.4\.4 /,
  );
});

test("loopback stays, a null MX beside others and an address as exchange are passed over, a name counts once", async () => {
  const mx = [
    [0, ""],
    [5, "192.0.2.9"],
    [10, "a.test"],
    [20, "a.test"],
  ] as const;
  expect(await find("d.test", { "d.test": { mx }, "a.test": { ips: ["127.0.0.2"] } })).toBe("a.test/127.0.0.2");
});

test("bounded: ten hosts, twenty addresses", async () => {
  const zone: Zone = { "d.test": { mx: Array.from({ length: 50 }, (_, at) => [at, `mx${at}.test`] as const) } };
  for (let at = 0; at < 50; at++) zone[`mx${at}.test`] = { ips: [`192.0.2.${at}`] };
  expect((await find("d.test", zone)).split(" ")).toHaveLength(10);
  for (let at = 0; at < 50; at++)
    zone[`mx${at}.test`] = { ips: Array.from({ length: 9 }, (_, n) => `198.51.${at}.${n}`) };
  expect((await find("d.test", zone)).split(" ")).toHaveLength(20);
});

test("the targets of a route", async () => {
  const route = { host: "relay.test", port: 587, tls: "required", auth: { user: "u", pass: "p" } } as const;
  const zone: Zone = { "relay.test": { ips: ["192.0.2.1"] }, "down.test": "failed" };
  const targets = (host: string) => routeTargets({ ...route, host }, resolver(zone));
  expect(await targets("relay.test")).toEqual({ kind: "targets", targets: [{ ...route, ip: "192.0.2.1" }] });
  expect(await targets("127.0.0.1")).toMatchObject({ targets: [{ host: "127.0.0.1", ip: "127.0.0.1" }] });
  expect(await targets("localhost")).toMatchObject({ targets: [{ ip: "127.0.0.1" }, { ip: "::1" }] });
  expect(await targets("gone.test")).toMatchObject({ kind: "deferred", phase: "route" });
  expect(await targets("down.test")).toMatchObject({ kind: "deferred", phase: "route" });
});
