/**
 * What is wrong with the DANE of a domain's MX hosts (RFC 7672): TLSA records that senders do not see or cannot use.
 *
 * Without TLSA records there is nothing to say. They count only where DNSSEC vouches for the MX and for them; of a
 * resolver that does not validate, that cannot be learnt. Nobody requires DANE, so no fault is more than a warning.
 */
import { formatTlsa, tlsaProblem, type Tlsa } from "./dane.ts";
import type { Finding, FindingStatus } from "./finding.ts";
import { notFoundOut, shown } from "./look-up-findings.ts";
import type { Answer, Resolve } from "./resolver.ts";

/** No sender tries more of them for one mail. */
const MOST_HOSTS = 20;
const SHOWN_HOSTS = 4;
const SHOWN_RECORDS = 20;
const LONGEST_NAME_OCTETS = 253;
/** A zone that has long been signed: who does not vouch for it vouches for none. */
const SIGNED_ZONE = "com";

type Host = { host: string; name: string; tlsa: Answer<"TLSA">; addressIsSigned: boolean };
type Records = Extract<Answer<"TLSA">, { kind: "records" }>;
type Protected = Host & { tlsa: Records };

/** `dane.missing` with the status `pass` when all is right. */
export const daneFindings = async (domain: string, resolve: Resolve, signal?: AbortSignal): Promise<Finding[]> => {
  const mx = await resolve(domain, "MX", signal);
  if (mx.kind !== "records") return [];
  const exchanges = mx.records.toSorted((a, b) => a.preference - b.preference).map(({ exchange }) => exchange);
  const names = [...new Set(exchanges.map((exchange) => exchange.toLowerCase()))]
    .filter((host) => host !== "." && tlsaName(host).length <= LONGEST_NAME_OCTETS)
    .slice(0, MOST_HOSTS);
  const hosts = await Promise.all(names.map((host) => lookUpHost(host, resolve, signal)));
  const unknown = hosts.flatMap(notKnown);
  const held = hosts.filter(hasRecords);
  if (held.length === 0) return unknown;
  const isSigned = mx.authenticated && held.every(({ tlsa }) => tlsa.authenticated);
  if (isSigned) return [...unknown, ...judge(domain, hosts, held)];
  const validates =
    mx.authenticated || held.some(({ tlsa }) => tlsa.authenticated) || (await isValidating(resolve, signal));
  return [...unknown, validates ? unsigned(domain, held) : notVouchedFor(domain, held)];
};

const tlsaName = (host: string): string => `_25._tcp.${host}`;

const lookUpHost = async (host: string, resolve: Resolve, signal?: AbortSignal): Promise<Host> => {
  const name = tlsaName(host);
  const [tlsa, address] = await Promise.all([resolve(name, "TLSA", signal), resolve(host, "A", signal)]);
  return { host, name, tlsa, addressIsSigned: address.kind === "records" && address.authenticated };
};

const hasRecords = (host: Host): host is Protected => host.tlsa.kind === "records";

/** RFC 7672 §2.2: in a zone that is not signed, senders do not ask, and so a failure costs nothing. */
const notKnown = ({ name, tlsa, addressIsSigned }: Host): Finding[] =>
  "reason" in tlsa && addressIsSigned ? [notFoundOut(name, "TLSA", tlsa)] : [];

const isValidating = async (resolve: Resolve, signal?: AbortSignal): Promise<boolean> => {
  const answer = await resolve(SIGNED_ZONE, "SOA", signal);
  return answer.kind === "records" && answer.authenticated;
};

const listed = (hosts: readonly Host[]): string =>
  hosts
    .slice(0, SHOWN_HOSTS)
    .map(({ host }) => host)
    .join(", ") + (hosts.length > SHOWN_HOSTS ? ", …" : "");

const recordsOf = (held: readonly Protected[]): string[] =>
  held
    .flatMap(({ name, tlsa }) => tlsa.records.map((record) => shown(`${name} TLSA ${formatTlsa(record)}`)))
    .slice(0, SHOWN_RECORDS);

const say = (
  about: { code: `dane.${"missing" | "unsigned" | "unusable"}`; status: FindingStatus; name: string; rfc: string },
  text: string,
  held: readonly Protected[],
): Finding => ({ ...about, text: shown(text), evidence: recordsOf(held) });

/** RFC 7672 §2.2: only what DNSSEC vouches for counts, the MX records and the TLSA records alike. */
const unsigned = (domain: string, held: readonly Protected[]): Finding => {
  const bare = held.filter(({ tlsa }) => !tlsa.authenticated);
  const [first] = bare;
  const about = { code: "dane.unsigned", rfc: "RFC 7672 §2.2" } as const;
  if (first === undefined) {
    const text = `${listed(held)} can be reached by DANE, but the zone of ${domain} is not signed by DNSSEC, so senders do not use it. Signing the zone is all that is missing.`;
    return say({ ...about, status: "not_applicable", name: domain }, text, held);
  }
  const text = `${listed(bare)} has TLSA records that are not signed by DNSSEC, so senders ignore them. Have the zone signed, or delete them.`;
  return say({ ...about, status: "warn", name: first.name }, text, bare);
};

const notVouchedFor = (domain: string, held: readonly Protected[]): Finding => {
  const text = `${listed(held)} has TLSA records; whether senders may use them was not checked, for the resolver asked does not validate DNSSEC. Ask one that does.`;
  return say({ code: "dane.unsigned", status: "not_applicable", name: domain, rfc: "RFC 7672 §2.2" }, text, held);
};

/** Hosts whose records DNSSEC vouches for. */
const judge = (domain: string, hosts: readonly Host[], held: readonly Protected[]): Finding[] => {
  const faults = [...held.flatMap(unusable), ...without(domain, hosts, held)];
  if (faults.length > 0) return faults;
  const text = `Senders that use DANE deliver mail to ${domain} to ${listed(held)} only over TLS with the certificates that TLSA records name.`;
  return [say({ code: "dane.missing", status: "pass", name: domain, rfc: "RFC 7672 §2.2" }, text, held)];
};

const unusable = (host: Protected): Finding[] => {
  const wrong = host.tlsa.records.flatMap((record) => {
    const problem = tlsaProblem(record);
    return problem === undefined ? [] : [{ record, problem }];
  });
  const [first] = wrong;
  if (first === undefined) return [];
  const isAll = wrong.length === host.tlsa.records.length;
  // RFC 7672 §2.2: with records of which none can be used, senders want TLS, but no certain certificate.
  const effect = isAll ? "any certificate will do for senders" : "senders skip it and use the others";
  const text = `The TLSA record \`${brief(first.record)}\` of ${host.host} cannot be used, for ${first.problem}: ${effect}. Replace it by \`3 1 1\` and the SHA-256 of the host's public key.`;
  return [say({ code: "dane.unusable", status: "warn", name: host.name, rfc: "RFC 7672 §3.1" }, text, [host])];
};

const BRIEF_CHARACTERS = 24;
const brief = (record: Tlsa): string => shown(formatTlsa(record), BRIEF_CHARACTERS);

/** Who can keep senders from the hosts with records makes them use one without. */
const without = (domain: string, hosts: readonly Host[], held: readonly Protected[]): Finding[] => {
  const bare = hosts.filter(({ tlsa }) => tlsa.kind === "nodata" || tlsa.kind === "nxdomain");
  const [first] = bare;
  if (first === undefined) return [];
  const text = `Of the MX hosts of ${domain}, ${listed(bare)} has no TLSA record and the others have: mail that goes there is not protected. Publish one at ${first.name} too.`;
  return [say({ code: "dane.missing", status: "warn", name: first.name, rfc: "RFC 7672 §2.2" }, text, held)];
};
