/**
 * A domain of an account as the DNS library checks it: read back from the records that its owner was told to publish.
 */
import type { DomainRecord } from "#contract/domain.ts";
import type { SendingDomain } from "#dns/sending-domain.ts";
import { parseDkimRecord } from "#dns/dkim-record.ts";
import { parseSpf } from "#dns/spf.ts";

const KEY_NAME = "._domainkey";

/** `receivingHost`: where the domain's own mail is to come, when receiving is on. `tracking`: its host for links, and where it leads. */
export type CheckedDomain = SendingDomain & { receivingHost?: string; tracking?: { host: string; target: string } };

/** Throws over records that were not made by `sendingRecords`: what is stored is ours. */
export const sendingDomainOf = (domain: string, records: readonly DomainRecord[]): CheckedDomain => {
  const of = (record: DomainRecord["record"], type: DomainRecord["type"]): DomainRecord[] =>
    records.filter((each) => each.record === record && each.type === type);
  const [spf] = of("SPF", "TXT");
  const [mx] = of("SPF", "MX");
  const [receiving] = of("Receiving", "MX");
  const [tracking] = of("Tracking", "CNAME");
  return {
    domain,
    returnPath: spf === undefined ? domain : `${spf.name}.${domain}`,
    selectors: of("DKIM", "TXT").map(({ name, value }) => {
      const parsed = parseDkimRecord(value);
      if (parsed.kind !== "key") throw new Error(`the record kept for ${name}.${domain} is no DKIM key record`);
      return { selector: name.slice(0, -KEY_NAME.length), key: parsed.key };
    }),
    includes: spf === undefined ? [] : includesOf(spf.value),
    addresses: [],
    ...(mx !== undefined && { bounceHost: mx.value }),
    ...(receiving !== undefined && { receivingHost: receiving.value }),
    ...(tracking !== undefined && { tracking: { host: `${tracking.name}.${domain}`, target: tracking.value } }),
  };
};

const includesOf = (spf: string): string[] => {
  const parsed = parseSpf(spf);
  if (parsed.kind !== "record") throw new Error("the SPF record kept for a domain is none");
  return parsed.terms.flatMap((term) => (term.kind === "include" ? [term.domainSpec] : []));
};
