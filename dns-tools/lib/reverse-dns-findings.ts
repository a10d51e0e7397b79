/**
 * Whether an address that sends mail is called what it calls itself: its PTR record, the way back from there, and the
 * name in EHLO.
 *
 * Gmail and Yahoo refuse mail from an address without a name that leads back to it; the rest is what receivers count
 * against a sender. One mistake gives one finding, the first that has to be mended.
 */
import { parseDomain } from "./domain.ts";
import type { Finding, FindingStatus } from "./finding.ts";
import { parseIp, type IpAddress } from "./ip-address.ts";
import { evidenceOf, notFoundOut, shown, type LookUpFailure } from "./look-up-findings.ts";
import type { Resolve } from "./resolver.ts";
import { looksGeneric, reverseName } from "./reverse-dns.ts";

/** Where mail comes from: an address, and the name that the relay says in EHLO from there. */
export type RelaySource = { address: string; ip: IpAddress; heloName: string };

/** More names of one address than anybody looks at. */
const MOST_NAMES = 10;
const SHOWN_ADDRESSES = 4;

/** All `ptr.*` findings of one address, at least one, or why they could not be found out; `signal` ends open look-ups. */
export const reverseDnsFindings = async (
  source: RelaySource,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  const { address, ip, heloName } = source;
  const reverse = reverseName(ip);
  const [answer, helo] = await Promise.all([
    resolve(reverse, "PTR", signal),
    lookForward(heloName, ip, resolve, signal),
  ]);
  if ("reason" in answer) return [notFoundOut(reverse, "PTR", answer)];
  const evidence = evidenceOf(reverse, "PTR", answer);
  const say = sayer(reverse, evidence);
  const setPtr = `Have whoever gives you the address set its PTR to \`${heloName}\`.`;
  if (answer.kind !== "records") {
    const text = `${address} has no PTR record, so Gmail and Yahoo refuse mail from it. ${setPtr}`;
    return [say("ptr.missing", "fail", text, "RFC 1912 §2.1", { fix: heloName })];
  }
  const names = [...new Set(answer.records.map((name) => name.toLowerCase()))].slice(0, MOST_NAMES);
  const ways = await Promise.all(names.map((name) => lookForward(name, ip, resolve, signal)));
  const ours: Ours = { ...source, names, helo, setPtr, say };
  // RFC 1912 §2.1: a PTR leads to a name, and that back to the address.
  if (!ways.some(({ leads }) => leads === "yes")) return [unconfirmed(ours, ways)];
  const found = [...heloFindings(ours), ...nameFindings(ours)];
  if (found.length > 0) return found;
  return [say("ptr.missing", "pass", `${address} is called ${heloName}, which leads back to it.`, "RFC 1912 §2.1")];
};

type Say = (
  code: `ptr.${"missing" | "multiple" | "not-confirmed" | "helo" | "generic"}`,
  status: FindingStatus,
  text: string,
  rfc: string,
  more?: { fix?: string; evidence?: readonly string[] },
) => Finding;

const sayer =
  (name: string, answer: readonly string[]): Say =>
  (code, status, text, rfc, { fix, evidence = [] } = {}) => ({
    code,
    status,
    name,
    text: shown(text),
    ...(fix !== undefined && { fix }),
    evidence: [...answer, ...evidence],
    rfc,
  });

type Way = {
  /** Whether the name has the address. */
  leads: "yes" | "no" | "unknown";
  addresses: readonly string[];
  failure?: { name: string; type: "A" | "AAAA"; answer: LookUpFailure };
  evidence: readonly string[];
};

const lookForward = async (
  name: string,
  ip: IpAddress,
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<Way> => {
  // A PTR may hold anything; what is no host name leads nowhere.
  if (parseDomain(name).kind === "invalid") return { leads: "no", addresses: [], evidence: [] };
  const type = ip.version === 4 ? "A" : "AAAA";
  const answer = await resolve(name, type, signal);
  const evidence = evidenceOf(name, type, answer);
  if ("reason" in answer) return { leads: "unknown", addresses: [], failure: { name, type, answer }, evidence };
  const addresses = answer.kind === "records" ? answer.records : [];
  const leads = addresses.some((text) => isSame(ip, parseIp(text))) ? "yes" : "no";
  return { leads, addresses, evidence };
};

const isSame = (a: IpAddress, b: IpAddress | undefined): boolean => a.version === b?.version && a.bits === b.bits;

type Ours = RelaySource & { names: readonly string[]; helo: Way; setPtr: string; say: Say };

const recordOf = ({ address, ip }: RelaySource): string => `${ip.version === 4 ? "A" : "AAAA"} ${address}`;

const hasInstead = ({ ip }: RelaySource, { addresses }: Way): string =>
  addresses.length === 0
    ? `no ${ip.version === 4 ? "A" : "AAAA"} record`
    : addresses.slice(0, SHOWN_ADDRESSES).join(", ") + (addresses.length > SHOWN_ADDRESSES ? ", …" : "");

const unconfirmed = (ours: Ours, ways: readonly Way[]): Finding => {
  const { address, heloName, names, helo, setPtr, say } = ours;
  const failed = ways.find(({ failure }) => failure !== undefined)?.failure;
  if (failed) return notFoundOut(failed.name, failed.type, failed.answer);
  const evidence = ways.flatMap((way) => way.evidence);
  const isOurs = names.includes(heloName);
  const [name = ""] = isOurs ? [heloName] : names;
  const seen = isOurs
    ? `${address} is called ${name}, but that has ${hasInstead(ours, helo)}`
    : `${address} is called ${name}, which does not lead back to it`;
  const change = isOurs ? `Publish \`${recordOf(ours)}\` at ${name}.` : setPtr;
  const text = `${seen}, so Gmail and Yahoo refuse mail from it. ${change}`;
  return say("ptr.not-confirmed", "fail", text, "RFC 1912 §2.1", { fix: isOurs ? address : heloName, evidence });
};

/** RFC 5321 §2.3.5: the name in EHLO is one that can be looked up. */
const heloFindings = (ours: Ours): Finding[] => {
  const { address, heloName, helo, say } = ours;
  if (helo.failure) return [notFoundOut(helo.failure.name, helo.failure.type, helo.failure.answer)];
  if (helo.leads === "yes") return [];
  const text = `From ${address} we say EHLO ${heloName}, but that has ${hasInstead(ours, helo)}, so receivers that look it up take us for a forger. Publish \`${recordOf(ours)}\` at ${heloName}.`;
  const status = helo.addresses.length === 0 ? "fail" : "warn";
  return [say("ptr.helo", status, text, "RFC 5321 §4.1.1.1", { fix: address, evidence: helo.evidence })];
};

/** What is wrong with names that do lead back. */
const nameFindings = ({ address, ip, heloName, names, helo, setPtr, say }: Ours): Finding[] => {
  const [name = "", ...others] = names;
  if (others.length > 0) {
    const text = `${address} has ${names.length} PTR records (${names.join(", ")}): receivers pick any one of them. ${setPtr} Have the others deleted.`;
    return [say("ptr.multiple", "warn", text, "RFC 1912 §2.1", { fix: heloName })];
  }
  if (looksGeneric(name, ip)) {
    const isOurs = name === heloName;
    const change = isOurs ? "Give the relay a name of its own, in its PTR and in HIKYAKU_RELAY_SOURCES." : setPtr;
    const text = `${address} is called ${name}, like a line of an access provider: many receivers refuse mail from such names. ${change}`;
    return [say("ptr.generic", "warn", text, "RFC 1912 §2.1", isOurs ? {} : { fix: heloName })];
  }
  if (name === heloName || helo.leads !== "yes") return [];
  const text = `From ${address} we say EHLO ${heloName}, but its PTR record says ${name}: some receivers count that against us. ${setPtr}`;
  return [say("ptr.helo", "warn", text, "RFC 5321 §4.1.4", { fix: heloName })];
};
