/**
 * What is wrong with an MTA-STS policy, judged by its text and the MX of the domain that it is for.
 *
 * Only an enforced policy that does not name an MX makes mail fail; everything else is a warning. Which certificates
 * the hosts have is not known here.
 */
import type { Finding, FindingStatus } from "./finding.ts";
import { shown } from "./look-up-findings.ts";
import { mxPatternMatches, parseMtaStsPolicy, type MtaStsPolicy } from "./mta-sts.ts";

export type PolicySeen = {
  domain: string;
  /** As it was served. */
  text: string;
  /** Exchanges of the domain's MX records; without any, whether the policy fits is not asked. */
  mxHosts: readonly string[];
};

/** RFC 8461 §3.3. */
export const policyUrl = (domain: string): string => `https://mta-sts.${domain}/.well-known/mta-sts.txt`;

/** Less than senders let pass between two looks at a policy (RFC 8461 §3.3), who then have none at times. */
const SHORTEST_MAX_AGE_SECONDS = 86_400;
/** No sender tries more of them for one mail. */
const MOST_HOSTS = 20;
const SHOWN_LINES = 20;
const SHOWN_NAMES = 4;

/** At least one; `mta-sts.missing` with the status `pass` when all is right. */
export const policyFindings = (seen: PolicySeen): Finding[] => {
  const { domain, text } = seen;
  const say = sayer(seen);
  const parsed = parseMtaStsPolicy(text);
  if (parsed.kind === "invalid") {
    const fault = `The policy at ${policyUrl(domain)} cannot be used, for ${parsed.reason}${skipped(parsed.unknownKeys)}: senders act as if there were none. Correct the file and give the record another id.`;
    return [say("mta-sts.policy-syntax", "warn", fault, "RFC 8461 §3.2")];
  }
  const { policy, unknownKeys } = parsed;
  if (policy.mode === "none") {
    const none = `The policy at ${policyUrl(domain)} says \`mode: none\`: senders act as if there were none. To end MTA-STS, delete it and the record once its max_age is over; to use it, go on to testing.`;
    return [say("mta-sts.not-enforced", "warn", none, "RFC 8461 §8.3")];
  }
  const fit = uncovered(seen, policy, skipped(unknownKeys), say) ?? unknown(domain, unknownKeys, say);
  const found = [fit ?? unused(seen, policy, say), testing(domain, policy, say), maxAge(domain, policy, say)];
  const faults = found.filter((finding) => finding !== undefined);
  if (faults.length > 0) return faults;
  const pass = `Senders that keep to MTA-STS deliver mail to ${domain} over TLS only, to ${listed(policy.mx)}.`;
  return [say("mta-sts.missing", "pass", pass, "RFC 8461 §5")];
};

type Say = (
  code: `mta-sts.${"missing" | "policy-syntax" | "mx-not-covered" | "mx-unused" | "not-enforced" | "max-age"}`,
  status: FindingStatus,
  text: string,
  rfc: string,
) => Finding;

const sayer = ({ domain, text: policy }: PolicySeen): Say => {
  const lines = policy.split(/\r?\n/, SHOWN_LINES).filter((line) => line !== "");
  const evidence = [`GET ${policyUrl(domain)}`, ...lines.map((line) => shown(line))];
  return (code, status, text, rfc) => ({
    code,
    status,
    name: `mta-sts.${domain}`,
    text: shown(text),
    evidence,
    rfc,
  });
};

const listed = (names: readonly string[]): string =>
  names.slice(0, SHOWN_NAMES).join(", ") + (names.length > SHOWN_NAMES ? ", …" : "");

/** RFC 8461 §3.2: unknown keys are no fault, but a slip in a known one makes one. */
const skipped = (unknownKeys: readonly string[]): string =>
  unknownKeys.length === 0 ? "" : ` (senders skip \`${listed(unknownKeys)}\`, which is no key of a policy)`;

const uncovered = (
  { domain, mxHosts }: PolicySeen,
  { mode, mx }: MtaStsPolicy,
  remark: string,
  say: Say,
): Finding | undefined => {
  const missed = hostsOf(mxHosts).filter((host) => !mx.some((pattern) => mxPatternMatches(pattern, host)));
  const [first] = missed;
  if (first === undefined) return undefined;
  const seen = `The policy at ${policyUrl(domain)} does not name ${listed(missed)}, where the MX of ${domain} leads${remark}`;
  const change = `Add \`mx: ${first}\`${missed.length > 1 ? " and the others" : ""} to it and give the record another id.`;
  // RFC 8461 §5: in testing, senders deliver all the same and only report it.
  const [status, effect]: [FindingStatus, string] =
    mode === "enforce"
      ? ["fail", "senders that keep to MTA-STS do not deliver there"]
      : ["warn", "once it is enforced, senders do not deliver there"];
  return say("mta-sts.mx-not-covered", status, `${seen}: ${effect}. ${change}`, "RFC 8461 §4.1");
};

/** A null MX (RFC 7505) is no host. */
const hostsOf = (mxHosts: readonly string[]): string[] =>
  [...new Set(mxHosts.map((host) => host.toLowerCase()))].filter((host) => host !== ".").slice(0, MOST_HOSTS);

const unknown = (domain: string, unknownKeys: readonly string[], say: Say): Finding | undefined => {
  if (unknownKeys.length === 0) return undefined;
  const text = `The policy at ${policyUrl(domain)} has \`${listed(unknownKeys)}\`, which is no key of a policy: senders skip it. Correct or delete that line.`;
  return say("mta-sts.policy-syntax", "warn", text, "RFC 8461 §3.2");
};

const unused = ({ domain, mxHosts }: PolicySeen, { mx }: MtaStsPolicy, say: Say): Finding | undefined => {
  const hosts = hostsOf(mxHosts);
  const idle = hosts.length === 0 ? [] : mx.filter((pattern) => !hosts.some((host) => mxPatternMatches(pattern, host)));
  if (idle.length === 0) return undefined;
  const text = `The policy at ${policyUrl(domain)} names ${listed(idle)}, which is no MX of ${domain}. Delete it there unless mail is about to move.`;
  return say("mta-sts.mx-unused", "warn", text, "RFC 8461 §4.1");
};

const testing = (domain: string, { mode }: MtaStsPolicy, say: Say): Finding | undefined => {
  if (mode !== "testing") return undefined;
  const text = `The policy at ${policyUrl(domain)} says \`mode: testing\`: senders deliver without TLS too, and only report it. When TLS-RPT reports show no failures, go on to \`mode: enforce\` and give the record another id.`;
  return say("mta-sts.not-enforced", "warn", text, "RFC 8461 §5");
};

const maxAge = (domain: string, { maxAgeSeconds }: MtaStsPolicy, say: Say): Finding | undefined => {
  if (maxAgeSeconds >= SHORTEST_MAX_AGE_SECONDS) return undefined;
  const text = `The policy at ${policyUrl(domain)} is kept for ${maxAgeSeconds} s only: who holds senders off it for that long switches it off. Set \`max_age\` to some weeks, such as 1209600.`;
  return say("mta-sts.max-age", "warn", text, "RFC 8461 §3.2");
};
