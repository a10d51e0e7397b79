/**
 * Plans over random zones, judged by mailauth: whoever passed SPF at the domain before passes after, and whom we say to
 * be let send passes.
 */
import fc from "fast-check";
import { spf } from "mailauth/lib/spf/index.js";
import { expect, test } from "vitest";
import { parseIp } from "#dns/ip-address.ts";
import { plan } from "#dns/plan.ts";
import { sendingRequirement } from "#dns/sending-requirement.ts";
import { walkSpf } from "#dns/spf-cost.ts";
import { letsSend } from "#dns/spf-reach.ts";
import { spfTermsOf } from "#dns/spf-wanted.ts";
import { applyChange, isEdit, zoneResolver, type Zone } from "#dns/zone.ts";
import { mailauthResolver } from "./support/mailauth-resolver.ts";
import { OWNERS_IPS, RELAY_IP, SENDERS, WORLD, zones } from "./support/plan-zones.ts";

const signal = new AbortController().signal;
const resolving = (zone: Zone) => zoneResolver([...zone, ...WORLD], 60);

const passes = async (zone: Zone, domain: string, ip: string): Promise<boolean> => {
  const resolver = mailauthResolver(resolving(zone));
  const asked = { sender: `a@${domain}`, ip, helo: "h.test", mta: "mta.test", resolver, strict: true };
  return (await spf(asked)).status.result === "pass";
};

test("nobody falls out by a plan, and who it says to pass does", async () => {
  let [before, ours] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...SENDERS), zones, async (sending, zone) => {
      // mailauth has a permanent error for an `mx` that leads to an address in the place of a host; RFC 7208 §5.4 has none.
      fc.pre(!zone.some((record) => record.type === "MX" && parseIp(record.data.exchange) !== undefined));
      const changes = await plan(sendingRequirement(sending, { policy: "none" }), resolving(zone), signal);
      const applied = changes.reduce(applyChange, zone);
      const isOpen = async (ip: string): Promise<boolean> => passes(zone, sending.domain, ip);
      // An `+all` is closed: who passed by that alone is not among the owner's senders.
      if (changes.some(isEdit) && !(await isOpen("192.0.2.200")))
        for (const ip of OWNERS_IPS)
          if (await passes(zone, sending.domain, ip)) {
            before += 1;
            expect(await passes(applied, sending.domain, ip), ip).toBe(true);
          }
      const tree = await walkSpf(sending.returnPath, resolving(applied));
      if (letsSend(tree, spfTermsOf(sending)) !== "yes") return;
      ours += 1;
      expect(await passes(applied, sending.returnPath, RELAY_IP)).toBe(true);
    }),
    { numRuns: 600 },
  );
  expect(before).toBeGreaterThan(20);
  expect(ours).toBeGreaterThan(50);
});
