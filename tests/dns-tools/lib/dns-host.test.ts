/**
 * Where a domain's zone begins, and who hosts it: by its own records, and "could not find out" where they are not to be
 * had.
 */
import { expect, test } from "vitest";
import { findZone, hostOf } from "#dns/dns-host.ts";
import { SOME_SUFFIXES } from "../support/some-suffixes.ts";
import type { Resolve } from "#dns/resolver.ts";
import { zoneResolver, type ZoneRecord } from "#dns/zone.ts";

const soa = (name: string): ZoneRecord => ({
  ...{ name, type: "SOA" },
  data: { mname: "a", rname: "b", serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 1 },
});
const ns = (name: string, data: string): ZoneRecord => ({ name, type: "NS", data });
const at = (name: string, ...servers: string[]): ZoneRecord[] => [
  soa(name),
  ...servers.map((server) => ns(name, server)),
];

const check = async (domain: string, zone: readonly ZoneRecord[], expected: object): Promise<void> => {
  expect(await findZone(domain, SOME_SUFFIXES, zoneResolver(zone, 60)), domain).toEqual(expected);
};

test("the zone is the domain's own, or its parent's, and never a registry's", async () => {
  const zones = [...at("d.test", "b.test", "A.test"), ...at("test", "r.test"), ...at("co.uk", "r.test")];
  const found = { kind: "zone", apex: "d.test", nameServers: ["a.test", "b.test"] };
  await check("d.test", zones, found);
  await check("mail.d.test", zones, found);
  await check(`${"a.".repeat(6)}d.test`, zones, found);
  await check("mail.free.test", zones, { kind: "none" });
  await check("free.co.uk", zones, { kind: "none" });
  await check("deep.d.test", [...zones, ...at("deep.d.test", "c.test")], {
    ...{ kind: "zone", apex: "deep.d.test", nameServers: ["c.test"] },
  });
  await check("alias.d.test", [...zones, { name: "alias.d.test", type: "CNAME", data: "test" }], found);
});

test("a name with many labels is walked a little way only", async () => {
  const asked: string[] = [];
  const resolve: Resolve = async (name) => {
    asked.push(name);
    return { kind: "nxdomain" };
  };
  expect(await findZone(`${"a.".repeat(100)}test`, SOME_SUFFIXES, resolve)).toEqual({ kind: "none" });
  expect(asked.length).toBe(8);
});

test("what could not be looked up is not concluded from", async () => {
  const ill = (type: string): Resolve => {
    const whole = zoneResolver(at("d.test", "a.test"), 60);
    return async (name, asked) => (asked === type ? { kind: "servfail", reason: "ill" } : whole(name, asked));
  };
  for (const type of ["SOA", "NS"])
    expect(await findZone("d.test", SOME_SUFFIXES, ill(type)), type).toEqual({ kind: "unknown", reason: "ill" });
});

test("hosts by their name servers", () => {
  const checkHost = (servers: string[], expected: string | undefined): void => {
    expect(hostOf(servers)?.name, servers.join()).toBe(expected);
  };
  checkHost(["gina.ns.cloudflare.com", "rob.ns.cloudflare.com"], "Cloudflare");
  checkHost(["ns-1.awsdns-00.com", "ns-1600.awsdns-08.co.uk", "ns-900.awsdns-48.net"], "Amazon Route 53");
  checkHost(["ns-cloud-a1.googledomains.com"], "Google Cloud DNS, or Squarespace");
  checkHost(["ns1-01.azure-dns.com", "ns2-01.azure-dns.net"], "Azure DNS");
  checkHost(["ns01.domaincontrol.com"], "GoDaddy");
  checkHost(["dns1.registrar-servers.com"], "Namecheap");
  checkHost(["ns1045.ui-dns.biz", "ns1045.ui-dns.de"], "IONOS");
  checkHost(["dns10.ovh.net", "ns10.ovh.net"], "OVHcloud");
  checkHost(["helium.ns.hetzner.de", "hydrogen.ns.hetzner.com"], "Hetzner");
  checkHost(["ns-1-a.gandi.net"], "Gandi");
  checkHost(["ns1.digitalocean.com"], "DigitalOcean");
  checkHost(["ns1.vercel-dns.com"], "Vercel");
  checkHost(["ns01.squarespacedns.com", "dns1.p01.nsone.net"], "Squarespace");
  checkHost(["dns1.p01.nsone.net"], "NS1, or Netlify");
  checkHost(["ns1.wixdns.net"], "Wix");
  checkHost(["ns1abc.name.com"], "name.com");
  checkHost(["maceio.ns.porkbun.com"], "Porkbun");
  checkHost(["ns1.dnsimple.com", "ns2.dnsimple-edge.net"], "DNSimple");
  checkHost(["ns1.hover.com"], "Hover");
  checkHost(["docks01.rzone.de"], "STRATO");
  checkHost(["nsany1.infomaniak.com"], "Infomaniak");
  checkHost(["a1-2.akam.net"], "Akamai Edge DNS");
  checkHost(["ns1.cloudns.net"], "ClouDNS");
  checkHost(["ns1.linode.com"], "Linode");
  checkHost(["ns1.vultr.com"], "Vultr");
  checkHost([], undefined);
  checkHost(["ns1.d.test"], undefined);
  checkHost(["ns.cloudflare.com.d.test"], undefined);
  checkHost(["gina.ns.cloudflare.com", "ns01.domaincontrol.com"], undefined);
});
