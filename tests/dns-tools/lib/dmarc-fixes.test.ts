/** Whatever stands there: what a DMARC finding says to paste mends what it tells, and never makes the policy milder. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { checkDmarc } from "#dns/check-dmarc.ts";
import { discoverPolicy, requestedPolicy } from "#dns/dmarc-discovery.ts";
import { isAsStrict } from "#dns/dmarc-merge.ts";
import { onTrial, type DmarcPolicy } from "#dns/dmarc.ts";
import type { Finding } from "#dns/finding.ts";
import { recordedResolver, type RecordedZone } from "#resolvers/recorded.ts";
import { pasted } from "../support/paste-fix.ts";
import { SOME_SUFFIXES } from "../support/some-suffixes.ts";

const policy = fc.constantFrom("none", "quarantine", "reject");
const tag = (name: string, value: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.option(value).map((chosen) => (chosen === null ? "" : `; ${name}=${chosen}`));
const faulty = fc
  .tuple(
    fc.constantFrom("v=DMARC1", "v=dmarc1", '"v=DMARC1'),
    tag("p", fc.oneof({ weight: 6, arbitrary: policy }, fc.constant("monitor"))),
    tag("sp", policy),
    tag("np", policy),
    tag("t", fc.constantFrom("y", "n")),
    tag("psd", fc.constantFrom("n", "u")),
    tag("rua", fc.constantFrom("mailto:r@d.test", "r@d.test", "https://r.test", "mailto:r@r.example!10m")),
    tag("pct", fc.constantFrom("0", "50", "100")),
    tag("ri", fc.constant("1")),
    tag("ruaa", fc.constant("x")),
  )
  .map((parts) => parts.join(""));
const sound = fc
  .tuple(policy, tag("sp", policy), tag("np", policy), tag("t", fc.constantFrom("y", "n")))
  .map(([p, ...parts]) => `v=DMARC1; p=${p}${parts.join("")}; rua=mailto:r@d.test`);
const record = fc.oneof(faulty, sound);
const texts = fc.array(record, { maxLength: 2 });
const zones = fc
  .record({ own: texts, above: texts, misplaced: texts, suffix: fc.boolean() })
  .map(({ own, above, misplaced, suffix }): RecordedZone => {
    const at = (name: string, TXT: string[]): RecordedZone => (TXT.length > 0 ? { [name]: { TXT } } : {});
    return {
      "x.d.test": { A: ["192.0.2.1"] },
      ...at("_dmarc.x.d.test", own),
      ...at("_dmarc.d.test", above),
      ...at("d.test", misplaced),
      ...at("_dmarc.test", suffix ? ["v=DMARC1; p=reject; psd=y; rua=mailto:r@test"] : []),
    };
  });
const wishes = fc.option(
  fc.record(
    { policy: fc.constantFrom<DmarcPolicy>("none", "quarantine", "reject"), rua: fc.constant("mailto:w@d.test") },
    { requiredKeys: ["policy"] },
  ),
  { nil: undefined },
);

/** What receivers do with failing mail; `pct` counts as it was meant, for older ones go by it. */
const inForce = async (from: string, zone: RecordedZone): Promise<DmarcPolicy> => {
  const resolve = recordedResolver(zone);
  const discovery = await discoverPolicy(from, resolve);
  if (discovery.kind !== "policy") return "none";
  const requested = await requestedPolicy(from, discovery, resolve);
  if (requested.kind !== "policy") return "none";
  const { others, t } = discovery.found.record;
  const isHeldBack = t !== "y" && others.some(([name, value]) => name === "pct" && Number(value) < 100);
  return isHeldBack ? onTrial(requested.policy) : requested.policy;
};

const isTrouble = ({ status }: Finding): boolean => status === "fail" || status === "warn";

test("a fix mends its finding, there and not elsewhere, and keeps the policy", async () => {
  await fc.assert(
    fc.asyncProperty(zones, fc.constantFrom("x.d.test", "d.test"), wishes, async (zone, from, wish) => {
      const ask = { from, spf: from, dkim: [from], suffixes: SOME_SUFFIXES };
      const run = (over: RecordedZone): Promise<Finding[]> => checkDmarc(ask, wish, recordedResolver(over));
      const before = await Promise.all(["x.d.test", "d.test"].map((at) => inForce(at, zone)));
      const findings = (await run(zone)).filter(isTrouble);
      for (const finding of findings) {
        if (finding.fix === undefined) continue;
        // One record, one thing to paste.
        for (const other of findings)
          if (other.name === finding.name && other.fix !== undefined) expect(other.fix).toBe(finding.fix);
        const after = pasted(zone, finding);
        expect((await run(after)).filter(isTrouble).map(({ code, name }) => `${code} ${name}`)).not.toContain(
          `${finding.code} ${finding.name}`,
        );
        for (const [index, at] of ["x.d.test", "d.test"].entries()) {
          const [was, is] = [before[index] ?? "none", await inForce(at, after)];
          expect(isAsStrict(is, was), `${at} was ${was} and is ${is} after ${finding.fix} at ${finding.name}`).toBe(
            true,
          );
        }
      }
    }),
    { numRuns: 600 },
  );
});
