/**
 * Whether what a name answers is the name's own, or that of a wildcard beside it, which answers for every name
 * (RFC 4592). A record at the name itself overrides the wildcard, so there is nothing to replace.
 *
 * A record that is a wildcard's twin cannot be told from it.
 */
import type { Finding } from "./finding.ts";
import { evidenceOf } from "./look-up-findings.ts";
import { txtText, type Resolve } from "./resolver.ts";

/** A name that nobody has: what answers there is a wildcard. */
export const PROBE_LABEL = "_hikyaku-wildcard-probe";

/** Of a name whose records are not what was looked for; `undefined`: they are the name's own, or it has none. */
export const wildcardFinding = async (
  name: string,
  type: "MX" | "TXT",
  publish: string,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding | undefined> => {
  const probe = `${PROBE_LABEL}.${name.slice(name.indexOf(".") + 1)}`;
  const [own, wild] = await Promise.all([name, probe].map((at) => seenAt(at, type, resolve, signal)));
  if (!own || !wild || own.standing.join("\n") !== wild.standing.join("\n")) return undefined;
  return {
    code: "dns.wildcard",
    status: "fail",
    name,
    text: `A name that nobody has, ${probe}, answers the same: a wildcard replies at ${name}, not a record of its own. Publish ${publish} there; it overrides the wildcard.`,
    evidence: wild.evidence,
    rfc: "RFC 4592 §3.3",
  };
};

/** `standing`: the first CNAME, if there is one, and the records in an order of their own. `undefined`: there is neither. */
type Seen = { standing: readonly string[]; evidence: readonly string[] };

const seenAt = async (
  name: string,
  type: "MX" | "TXT",
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<Seen | undefined> => {
  const answer = await resolve(name, type, signal);
  if ("reason" in answer) return undefined;
  const evidence = evidenceOf(name, type, answer);
  if (answer.kind === "records") {
    const texts = answer.records.map((data) =>
      "exchange" in data ? `${data.preference} ${data.exchange.toLowerCase()}` : txtText(data),
    );
    return { standing: [answer.aliases[0]?.toLowerCase() ?? "", ...texts.toSorted()], evidence };
  }
  const cname = await resolve(name, "CNAME", signal);
  const [target] = cname.kind === "records" ? cname.records : [];
  return target === undefined
    ? undefined
    : { standing: [target.toLowerCase()], evidence: [...evidenceOf(name, "CNAME", cname), ...evidence] };
};
