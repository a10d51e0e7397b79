/**
 * Whether mail to a name finds a host: the name's MX records and the hosts that they lead to (RFC 5321 §5.1).
 *
 * For the return-path of our mail that host is ours, and bounces depend on it; for the domain itself it is whom the
 * owner chose, and replies depend on it. Whether the hosts answer on port 25 is not asked.
 */
import { besideCname } from "./cname-findings.ts";
import type { Finding } from "./finding.ts";
import { parseIpv4, parseIpv6 } from "./ip-address.ts";
import { evidenceOf, notFoundOut, shown } from "./look-up-findings.ts";
import type { RecordData, Resolve } from "./resolver.ts";
import { wildcardFinding } from "./wildcard.ts";

export type MxCheck = {
  name: string;
  /** Where bounces to a return-path have to go; absent: the owner's own mail. */
  bounceHost?: string;
  /** Bounces come to it, at whatever host: that they find none is a failure. */
  takesBounces?: true;
};

type Mx = RecordData["MX"];

const BOUNCE_PREFERENCE = 10;
/** No sender tries more of them for one mail. */
const MOST_HOSTS = 20;
const SHOWN_HOSTS = 4;

/**
 * All `mx.*` findings of one name, with one for a CNAME beside its records or for a wildcard in their place, or why they
 * could not be found out; `signal` ends open look-ups.
 */
export const mxFindings = async (check: MxCheck, resolve: Resolve, signal?: AbortSignal): Promise<Finding[]> => {
  const { name, bounceHost } = check;
  const answer = await resolve(name, "MX", signal);
  if ("reason" in answer) return [notFoundOut(name, "MX", answer)];
  const evidence = evidenceOf(name, "MX", answer);
  const say = sayer(check, evidence);
  if (answer.kind !== "records") return judgeAbsence(check, say, resolve, signal);
  const records = answer.records.toSorted((a, b) => a.preference - b.preference).slice(0, MOST_HOSTS);
  const beside = await besideCname(name, "MX", answer, resolve, signal);
  const fault = nullMx(check, records, say) ?? addresses(check, records, say);
  const wrong = fault ?? (bounceHost === undefined ? undefined : wrongHost(name, bounceHost, records, say));
  if (wrong && bounceHost !== undefined) {
    const fix = `${BOUNCE_PREFERENCE} ${bounceHost}`;
    const wildcard = await wildcardFinding(name, "MX", `\`MX ${fix}\``, resolve, signal);
    if (wildcard) return [{ ...wildcard, status: wrong.status, fix }];
  }
  if (beside) return [wrong?.status === "fail" ? { ...beside, status: "fail" } : beside];
  if (wrong && (wrong === fault || wrong.status === "fail")) return [wrong];
  const names = new Set(records.map(({ exchange }) => exchange.toLowerCase()));
  const hosts = await Promise.all(Array.from(names, (host) => lookUpHost(host, resolve, signal)));
  const isReachable = hosts.some(({ isThere, failure }) => isThere || failure !== undefined);
  const found = [...(wrong ? [wrong] : []), ...hosts.flatMap((host) => judgeHost(host, isReachable, say))];
  if (found.length > 0) return found;
  return [say("mx.missing", "pass", `Mail to ${name} goes to ${hostsOf(records)}.`, "RFC 5321 §5.1")];
};

type Say = (
  code: `mx.${"missing" | "cname" | "ip" | "null" | "dangling" | "bounce-host"}`,
  status: Finding["status"],
  text: string,
  rfc: string,
  evidence?: readonly string[],
) => Finding;

/** The others are faults of the host that the record names. */
const RECORD_IS_WRONG: ReadonlySet<string> = new Set(["mx.missing", "mx.null", "mx.ip", "mx.bounce-host"]);

/** Findings about one name; those about our return-path know what to publish. */
const sayer =
  ({ name, bounceHost }: MxCheck, answer: readonly string[]): Say =>
  (code, status, text, rfc, evidence = []) => ({
    code,
    status,
    name,
    text: shown(text),
    ...(bounceHost !== undefined &&
      RECORD_IS_WRONG.has(code) &&
      status === "fail" && { fix: `${BOUNCE_PREFERENCE} ${bounceHost}` }),
    evidence: [...answer, ...evidence],
    rfc,
  });

const hostsOf = (records: readonly Mx[]): string =>
  records
    .slice(0, SHOWN_HOSTS)
    .map(({ exchange }) => exchange)
    .join(", ") + (records.length > SHOWN_HOSTS ? ", …" : "");

const sameHost = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

const publish = (bounceHost: string): string => `Publish \`MX ${BOUNCE_PREFERENCE} ${bounceHost}\` there.`;

const judgeAbsence = async (
  { name, bounceHost, takesBounces }: MxCheck,
  say: Say,
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<Finding[]> => {
  const rfc = "RFC 5321 §5.1";
  if (bounceHost !== undefined)
    return [
      say(
        "mx.missing",
        "fail",
        `${name} has no MX record, so bounces of our mail do not reach us. ${publish(bounceHost)}`,
        rfc,
      ),
    ];
  // RFC 5321 §5.1: without an MX mail goes to the addresses of the name itself.
  const { failure, evidence, isThere } = await lookUpHost(name, resolve, signal);
  if (isThere)
    return [say("mx.missing", "pass", `${name} has no MX record: mail goes to its own address.`, rfc, evidence)];
  if (failure) return [failure];
  const text = `${name} has neither an MX record nor an address, so ${takesBounces ? "bounces" : "replies"} to it are lost. Publish the MX record of the host that takes its mail.`;
  return [say("mx.missing", takesBounces ? "fail" : "warn", text, rfc, evidence)];
};

const nullMx = ({ name, bounceHost, takesBounces }: MxCheck, records: readonly Mx[], say: Say): Finding | undefined => {
  if (!records.some(({ exchange }) => exchange === ".")) return undefined;
  // RFC 7505 §3: it says that the name takes no mail, and stands alone. §4.2: mail from such a name may be refused.
  const seen = `${name} has a null MX (\`0 .\`), which says that it takes no mail`;
  if (bounceHost === undefined) {
    const text = `${seen}: ${takesBounces ? "bounces" : "replies"} are lost and receivers may refuse mail from it. Replace it by the MX of the host that takes its mail.`;
    return say("mx.null", takesBounces ? "fail" : "warn", text, "RFC 7505 §4.2");
  }
  const text = `${seen}: bounces of our mail are lost and receivers may refuse our mail. Replace it by \`${BOUNCE_PREFERENCE} ${bounceHost}\`.`;
  return say("mx.null", "fail", text, "RFC 7505 §4.2");
};

const isAddress = (host: string): boolean => {
  const bare = host.replace(/^\[(ipv6:)?(.*)\]$/i, "$2");
  return parseIpv4(bare) !== undefined || parseIpv6(bare) !== undefined;
};

const addresses = ({ name, bounceHost }: MxCheck, records: readonly Mx[], say: Say): Finding | undefined => {
  const found = records.find(({ exchange }) => isAddress(exchange));
  if (!found) return undefined;
  const instead = bounceHost === undefined ? "the name of that host" : `\`${bounceHost}\``;
  const text = `The MX of ${name} is the IP address ${found.exchange}; an MX takes a host name, so mail there is not delivered. Replace it by ${instead}.`;
  return say("mx.ip", "fail", text, "RFC 5321 §5.1");
};

/** `fail`: bounces do not reach us; `warn`: another host is tried before ours or as soon. */
const wrongHost = (name: string, bounceHost: string, records: readonly Mx[], say: Say): Finding | undefined => {
  const ours = records.find(({ exchange }) => sameHost(exchange, bounceHost));
  if (ours === undefined) {
    const doubled = records.find(({ exchange }) => exchange.toLowerCase().startsWith(`${bounceHost.toLowerCase()}.`));
    const change = doubled
      ? `Your DNS panel added your domain to the host: enter \`${bounceHost}.\` with a dot at its end.`
      : `Replace it by \`${BOUNCE_PREFERENCE} ${bounceHost}\`.`;
    const text = `The MX of ${name} is ${hostsOf(records)}, so bounces of our mail do not reach us. ${change}`;
    return say("mx.bounce-host", "fail", text, "RFC 5321 §5.1");
  }
  const rival = records.find(
    ({ exchange, preference }) => preference <= ours.preference && !sameHost(exchange, bounceHost),
  );
  if (rival === undefined) return undefined;
  const text = `${rival.exchange} is an MX of ${name} beside ${bounceHost} and is tried first or as soon, so bounces of our mail go there. Delete it.`;
  return say("mx.bounce-host", "warn", text, "RFC 5321 §5.1");
};

type Host = {
  host: string;
  isThere: boolean;
  aliases: readonly string[];
  /** Why the addresses are not known. */
  failure?: Finding;
  evidence: readonly string[];
};

const lookUpHost = async (host: string, resolve: Resolve, signal: AbortSignal | undefined): Promise<Host> => {
  const [v4, v6] = await Promise.all([resolve(host, "A", signal), resolve(host, "AAAA", signal)]);
  const evidence = [...evidenceOf(host, "A", v4), ...evidenceOf(host, "AAAA", v6)];
  const there = [v4, v6].find((answer) => answer.kind === "records");
  const found = { host, evidence, isThere: there !== undefined, aliases: there?.aliases ?? [] };
  if ("reason" in v4) return { ...found, failure: notFoundOut(host, "A", v4) };
  return "reason" in v6 ? { ...found, failure: notFoundOut(host, "AAAA", v6) } : found;
};

/** What is wrong with a name as the only MX host of others: nothing, or one finding. */
export const mxHostFindings = async (host: string, resolve: Resolve, signal?: AbortSignal): Promise<Finding[]> => {
  const found = await lookUpHost(host, resolve, signal);
  return judgeHost(found, false, sayer({ name: host }, []));
};

/** `isReachable`: of all hosts one has an address, or may have. */
const judgeHost = ({ host, isThere, aliases, failure, evidence }: Host, isReachable: boolean, say: Say): Finding[] => {
  const target = aliases.at(-1);
  if (target !== undefined) {
    // RFC 2181 §10.3: an MX never points to an alias; some senders refuse to follow.
    const text = `The MX host ${host} is a CNAME to ${target}; an MX must not point to a CNAME, and some senders do not deliver there. Use ${target} as the MX.`;
    return [say("mx.cname", "warn", text, "RFC 2181 §10.3", evidence)];
  }
  if (isThere) return [];
  if (failure) return [failure];
  const effect = isReachable ? "so senders waste a try on it" : "so mail there is not delivered";
  const text = `The MX host ${host} has no address, ${effect}. Correct its name or delete the record.`;
  return [say("mx.dangling", isReachable ? "warn" : "fail", text, "RFC 5321 §5.1", evidence)];
};
