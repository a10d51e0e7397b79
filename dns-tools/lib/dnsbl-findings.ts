/**
 * Whether addresses that send mail are on block lists.
 *
 * A list is believed only after its test entries were right (RFC 5782 §7), so that a resolver that lies about it and a
 * list that was given up are told from a listing, and from its absence. `resolve` is to be of a resolver that the
 * machine has to itself: lists do not answer those that everybody shares.
 */
import { BLOCKLISTS, readListing, type Blocklist, type Listing } from "./dnsbl.ts";
import type { Finding } from "./finding.ts";
import { evidenceOf } from "./look-up-findings.ts";
import type { Resolve } from "./resolver.ts";
import { reversedLabels } from "./reverse-dns.ts";
import type { RelaySource } from "./reverse-dns-findings.ts";

/** RFC 5782 §5: on each list by agreement, and on none. */
const TEST_LISTED = "2.0.0.127";
const TEST_CLEAR = "1.0.0.127";
const SHOWN_CODES = 4;

/** All `dnsbl.*` findings: of each list one that says how it is, or one for each address that it has. */
export const blocklistFindings = async (
  sources: readonly RelaySource[],
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding[]> => (await Promise.all(BLOCKLISTS.map((list) => askList(list, sources, resolve, signal)))).flat();

/** For who has no resolver to ask them by; `why` is a sentence. */
export const blocklistsNotAsked = (why: string): Finding[] =>
  BLOCKLISTS.map(({ zone }) => ({
    code: "dnsbl.indeterminate",
    status: "not_applicable",
    name: zone,
    text: `${zone} was not asked. ${why}`,
    evidence: [],
    rfc: "RFC 5782 §7",
  }));

const askList = async (
  list: Blocklist,
  sources: readonly RelaySource[],
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<Finding[]> => {
  const { zone, versions } = list;
  const asked = sources.filter(({ ip }) => versions.includes(ip.version));
  if (asked.length === 0) return [];
  const ask = async (labels: string): Promise<Look> => {
    const name = `${labels}.${zone}`;
    const answer = await resolve(name, "A", signal);
    return { name, listing: readListing(answer), evidence: evidenceOf(name, "A", answer) };
  };
  const unfit = judgeTests(zone, await Promise.all([ask(TEST_LISTED), ask(TEST_CLEAR)]));
  if (unfit) return [unfit];
  const looks = await Promise.all(asked.map(async (source) => ({ source, ...(await ask(reversedLabels(source.ip))) })));
  const listed = looks.flatMap(({ source, ...look }) => judgeListing(list, source, look));
  const [silent] = looks.flatMap(({ listing, evidence }) => judgeSilence(zone, listing, evidence) ?? []);
  const found = silent ? [...listed, silent] : listed;
  return found.length > 0 ? found : [clear(zone, asked, looks)];
};

type Look = { name: string; listing: Listing; evidence: readonly string[] };

/** Why what is said in the name of a list is not to be believed. */
const judgeTests = (zone: string, [onIt, offIt]: readonly [Look, Look]): Finding | undefined => {
  const evidence = [...onIt.evidence, ...offIt.evidence];
  const silence = judgeSilence(zone, onIt.listing, evidence) ?? judgeSilence(zone, offIt.listing, evidence);
  if (silence) return silence;
  if (onIt.listing.kind !== "listed")
    return unknown(zone, "the entry that each list has for tests is not seen", OWN_RESOLVER, evidence);
  if (offIt.listing.kind !== "listed") return undefined;
  return unknown(zone, "an address that no list has is listed", OWN_RESOLVER, evidence);
};

const judgeSilence = (zone: string, listing: Listing, evidence: readonly string[]): Finding | undefined => {
  switch (listing.kind) {
    case "clear":
    case "listed":
      return undefined;
    case "refused":
      return unknown(zone, listing.reason, OWN_RESOLVER, evidence);
    case "failed":
      return unknown(zone, listing.reason, "Check again later.", evidence);
  }
};

const OWN_RESOLVER = "That is no listing. Ask it by a resolver that only you use (HIKYAKU_DNS, --dns).";

const unknown = (zone: string, reason: string, change: string, evidence: readonly string[]): Finding => ({
  code: "dnsbl.indeterminate",
  status: "indeterminate",
  name: zone,
  text: `Whether we are on ${zone} is not known, because ${reason}. ${change}`,
  evidence,
  rfc: "RFC 5782 §7",
});

const judgeListing = (
  { zone, status, codes, removal }: Blocklist,
  { address }: RelaySource,
  { name, listing, evidence }: Look,
): Finding[] => {
  if (listing.kind !== "listed") return [];
  const meanings = new Set(
    listing.codes.slice(0, SHOWN_CODES).map((code) => codes[code] ?? `${code}, which we have no words for`),
  );
  const effect = status === "fail" ? "Large receivers refuse its mail" : "Receivers count that against its mail";
  return [
    {
      code: "dnsbl.listed",
      status,
      name,
      text: `${address} is on ${zone}: ${[...meanings].join("; ")}. ${effect}. Find and end the cause, then see ${removal}.`,
      evidence,
      rfc: "RFC 5782 §2.1",
    },
  ];
};

const clear = (zone: string, asked: readonly RelaySource[], looks: readonly Look[]): Finding => ({
  code: "dnsbl.listed",
  status: "pass",
  name: zone,
  text: `${asked.length === 1 ? `${asked[0]?.address} is not` : `None of ${asked.length} addresses is`} on ${zone}.`,
  evidence: looks.flatMap(({ evidence }) => evidence),
  rfc: "RFC 5782 §2.1",
});
