/**
 * Whether what a name answers is the name's own, or that of a wildcard beside it, which answers for every name
 * (RFC 4592). A record at the name itself overrides the wildcard.
 */
import type { Finding } from "./finding.ts";
import { evidenceOf } from "./look-up-findings.ts";
import { txtText, type Resolve } from "./resolver.ts";

/** A name that nobody has: what answers there is a wildcard. */
export const PROBE_LABEL = "_hikyaku-wildcard-probe";

/** `texts`: of the TXT records at `name`, which are not what was looked for; `undefined`: they are the name's own. */
export const wildcardFinding = async (
  name: string,
  texts: readonly string[],
  publish: string,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding | undefined> => {
  const parent = name.slice(name.indexOf(".") + 1);
  const probe = `${PROBE_LABEL}.${parent}`;
  const answer = await resolve(probe, "TXT", signal);
  if (answer.kind !== "records") return undefined;
  const probed = answer.records.map(txtText);
  if (probed.length !== texts.length || !texts.every((text) => probed.includes(text))) return undefined;
  return {
    code: "dns.wildcard",
    status: "fail",
    name,
    text: `A name that nobody has, ${probe}, answers the same: a wildcard replies at ${name}, not a record of its own. Publish ${publish} there; it overrides the wildcard.`,
    evidence: evidenceOf(probe, "TXT", answer),
    rfc: "RFC 4592 §3.3",
  };
};
