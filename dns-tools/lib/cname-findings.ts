/**
 * What goes wrong with CNAMEs: one that stands beside other records, and one that a DNS host answers for itself, since
 * it sends the name's traffic through its proxy.
 *
 * A CNAME that is "flattened" (the host looks up its target and answers with the records from there) is as good as one:
 * what equals the target's records is never a fault here.
 */
import type { Finding } from "./finding.ts";
import { evidenceOf, shown } from "./look-up-findings.ts";
import { txtText, type Answer, type Resolve } from "./resolver.ts";
import { PROBE_LABEL } from "./wildcard.ts";

type Kept = "MX" | "TXT";

/**
 * That a name has a CNAME and, beside it, records of its own that say something else than the CNAME's target does;
 * `own` is what a look-up of them gave. A `warn`: who knows that they are wrong makes it a `fail`.
 */
export const besideCname = async (
  name: string,
  type: Kept,
  own: Answer<Kept>,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding | undefined> => {
  // With a CNAME on the way they are not the name's own.
  if (own.kind !== "records" || own.aliases.length > 0) return undefined;
  const cname = await resolve(name, "CNAME", signal);
  const [target] = cname.kind === "records" ? cname.records : [];
  if (target === undefined) return undefined;
  const there = await resolve(target, type, signal);
  if ("reason" in there || fingerprint(there) === fingerprint(own)) return undefined;
  return {
    code: "dns.cname-and-other",
    status: "warn",
    name,
    text: shown(
      `${name} has a CNAME to ${target} and records of its own, which say something else. Which count depends on the resolver. Keep one or the other.`,
    ),
    evidence: [...evidenceOf(name, "CNAME", cname), ...evidenceOf(name, type, own)],
    // RFC 1034 §3.6.2: where a CNAME is, no other data should be.
    rfc: "RFC 1034 §3.6.2",
  };
};

/** The same for the same records in any order. */
const fingerprint = (answer: Answer<Kept>): string =>
  answer.kind === "records"
    ? answer.records
        .map((data) => (Array.isArray(data) ? txtText(data) : `${data.preference} ${data.exchange.toLowerCase()}`))
        .toSorted()
        .join("\n")
    : "";

export type ProxiedCheck = {
  /** It has no TXT record, and no CNAME that can be seen. */
  name: string;
  /** Where its CNAME should lead; absent: that one is published is not known. */
  cname?: string;
  /** What should stand there, as a text says it. */
  publish: string;
};

/** That a name answers with addresses where there should be a CNAME or TXT record: a proxy's, in front of it. */
export const proxiedFinding = async (
  { name, cname, publish }: ProxiedCheck,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding | undefined> => {
  // A wildcard answers for every name: then nothing of the name's own is there.
  const probe = `${PROBE_LABEL}${name.slice(name.indexOf("."))}`;
  const [own, wildcard, flattened] = await Promise.all([
    lookUpAddresses(name, resolve, signal),
    lookUpAddresses(probe, resolve, signal),
    cname === undefined ? undefined : lookUpAddresses(cname, resolve, signal),
  ]);
  if (own.addresses.length === 0 || own.isAlias || wildcard.addresses.length > 0) return undefined;
  if (own.addresses.join() === flattened?.addresses.join()) return undefined;
  const seen = `${name} answers with addresses (${own.addresses.slice(0, SHOWN_ADDRESSES).join(", ")})`;
  const text =
    cname === undefined
      ? `${seen} instead of a TXT record: so does a CNAME while proxying is on. Set it to DNS only, or publish ${publish} in its place.`
      : `${seen} instead of our CNAME: proxying is on. Set it to DNS only.`;
  return {
    code: "dns.proxied",
    status: "fail",
    name,
    text: shown(text),
    evidence: own.evidence,
    rfc: "RFC 1034 §3.6.2",
  };
};

const SHOWN_ADDRESSES = 3;

/** In an order of their own: resolvers turn them. */
const lookUpAddresses = async (
  name: string,
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<{ addresses: string[]; isAlias: boolean; evidence: string[] }> => {
  const [v4, v6] = await Promise.all([resolve(name, "A", signal), resolve(name, "AAAA", signal)]);
  const found = [v4, v6].filter((answer) => answer.kind === "records");
  return {
    addresses: found.flatMap(({ records }) => records).toSorted(),
    isAlias: found.some(({ aliases }) => aliases.length > 0),
    evidence: [...evidenceOf(name, "A", v4), ...evidenceOf(name, "AAAA", v6)],
  };
};
