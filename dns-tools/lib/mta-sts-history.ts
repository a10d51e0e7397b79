/**
 * What one look at an MTA-STS policy cannot see: that it changed, and its id with it or not; that it became milder; that
 * it is gone.
 *
 * Senders ask for a policy anew when the record has another id, and else keep theirs until its max_age is over (RFC 8461
 * §3.1, §3.3). What could not be found out is no change. Whoever looks keeps the history; nothing waits here.
 */
import { lookUpBonus } from "./bonus-record.ts";
import { type DomainReport, worstOf } from "./check.ts";
import type { Finding } from "./finding.ts";
import { shown } from "./look-up-findings.ts";
import { MTA_STS_KIND, type FetchedPolicy } from "./mta-sts-findings.ts";
import { policyUrl } from "./mta-sts-policy-findings.ts";
import {
  MTA_STS_MODES,
  mtaStsRecord,
  parseMtaStsPolicy,
  parseMtaStsRecord,
  policyId,
  type MtaStsMode,
} from "./mta-sts.ts";
import type { Resolve } from "./resolver.ts";

/** What senders would have found; `text`: of a policy that can be used. */
export type PolicyLook =
  | { kind: "announced"; id: string; text: string; mode: MtaStsMode }
  | { kind: "not-announced" }
  /** Why is among the findings of the look. */
  | { kind: "unknown" };

export type PolicyHistory = {
  /** The policy that each id came with, the newest last. */
  seen: readonly { id: string; text: string }[];
  strictest: MtaStsMode;
  last: MtaStsMode;
};

export const NO_HISTORY: PolicyHistory = { seen: [], strictest: "none", last: "none" };

/** A zone may make up ids without end. */
const MOST_IDS = 8;

/** The record, as `resolve` has it, and the policy that was fetched beside it; `undefined`: none was. */
export const lookAtPolicy = async (
  domain: string,
  fetched: FetchedPolicy | undefined,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<PolicyLook> => {
  const found = await lookUpBonus(recordName(domain), MTA_STS_KIND, resolve, signal);
  if (found.kind === "none") return { kind: "not-announced" };
  const record = found.kind === "record" ? parseMtaStsRecord(found.text) : undefined;
  if (record?.kind !== "record" || fetched?.kind !== "text") return { kind: "unknown" };
  const parsed = parseMtaStsPolicy(fetched.text);
  if (parsed.kind === "invalid") return { kind: "unknown" };
  return { kind: "announced", id: record.id, text: fetched.text, mode: parsed.policy.mode };
};

/** The report with what is wrong by what was seen before, one finding for each cause, and the history with this look. */
export const sinceBefore = async (
  history: PolicyHistory,
  report: DomainReport,
  look: PolicyLook,
): Promise<{ history: PolicyHistory; report: DomainReport }> => {
  const { domain, findings } = report;
  switch (look.kind) {
    case "unknown":
      return { history, report };
    case "not-announced": {
      // RFC 8461 §8.3: who has said `none` may end it. And that a policy is left without a record is told already.
      const isTold = findings.some(({ code, status }) => code === "mta-sts.missing" && status === "warn");
      const gone = history.last === "none" || isTold ? [] : [noMoreAnnounced(domain)];
      return { history, report: withFindings(report, [...findings, ...gone]) };
    }
    case "announced": {
      const { strictest } = history;
      const milder = isMilder(look.mode, strictest) ? becameMilder(domain, look.mode, strictest) : undefined;
      const others = findings.filter(({ code }) => milder === undefined || code !== "mta-sts.not-enforced");
      const id = await idFinding(domain, history.seen, look);
      const told = [id, milder].filter((finding) => finding !== undefined);
      return { history: remember(history, look), report: withFindings(report, [...others, ...told]) };
    }
  }
};

const withFindings = (report: DomainReport, findings: Finding[]): DomainReport => ({
  ...report,
  status: worstOf(findings),
  findings,
});

type Announced = Extract<PolicyLook, { kind: "announced" }>;

const remember = ({ seen, strictest }: PolicyHistory, look: Announced): PolicyHistory => {
  const isKnown = seen.some(({ id }) => id === look.id);
  return {
    seen: isKnown ? seen : [...seen, { id: look.id, text: look.text }].slice(-MOST_IDS),
    strictest: isMilder(look.mode, strictest) ? strictest : look.mode,
    last: look.mode,
  };
};

const isMilder = (mode: MtaStsMode, than: MtaStsMode): boolean =>
  MTA_STS_MODES.indexOf(mode) < MTA_STS_MODES.indexOf(than);

const recordName = (domain: string): string => `_mta-sts.${domain}`;

/** The id says that the policy changed, and it did not; or the other way round. */
const idFinding = async (
  domain: string,
  seen: PolicyHistory["seen"],
  { id, text }: Announced,
): Promise<Finding | undefined> => {
  const name = recordName(domain);
  const about = { code: "mta-sts.id", status: "warn", name, rfc: "RFC 8461 §3.1" } as const;
  const at = seen.findIndex((known) => known.id === id);
  const [known, before] = at < 0 ? [undefined, seen.at(-1)] : [seen[at], seen[at - 1]];
  if (known && known.text !== text) {
    const fix = mtaStsRecord(await policyId(text));
    const said = `The policy at ${policyUrl(domain)} is another than it was, and ${name} still has the id \`${id}\`: senders that know the old one keep to it until its max_age is over. Publish \`${fix}\` there.`;
    return { ...about, text: said, fix, evidence: [`${name} has the id ${id}`, ...evidenceOf(domain, text)] };
  }
  if (before === undefined || before.text !== text) return undefined;
  const said = `${name} went from the id \`${before.id}\` to \`${id}\`, but the policy at ${policyUrl(domain)} is what it was: when another one comes, senders that asked meanwhile will not know. If another is to be there, serve it, and then give the record one more id.`;
  return { ...about, text: said, evidence: [`${name} has the id ${id}`, ...evidenceOf(domain, text)] };
};

const becameMilder = (domain: string, mode: MtaStsMode, before: MtaStsMode): Finding => {
  const effect =
    mode === "testing"
      ? "senders deliver without TLS again, and only report it"
      : "senders act again as if there were none";
  return {
    code: "mta-sts.milder",
    status: "warn",
    name: `mta-sts.${domain}`,
    text: `The policy at ${policyUrl(domain)} said \`mode: ${before}\` and says \`mode: ${mode}\` now: ${effect}. If you did not mean it to, go back to \`mode: ${before}\` and give the record another id.`,
    evidence: [`GET ${policyUrl(domain)}: mode: ${mode}`],
    rfc: "RFC 8461 §5",
  };
};

const noMoreAnnounced = (domain: string): Finding => {
  const name = recordName(domain);
  return {
    code: "mta-sts.missing",
    status: "warn",
    name,
    text: `${name} announced an MTA-STS policy and no longer does: senders that know it keep to it until its max_age is over, the others deliver without TLS. Publish the record again; to end MTA-STS, serve \`mode: none\` first, until that time is over.`,
    evidence: [`${name} has no MTA-STS record`],
    rfc: "RFC 8461 §8.3",
  };
};

const SHOWN_LINES = 6;

const evidenceOf = (domain: string, policy: string): string[] => [
  `GET ${policyUrl(domain)}`,
  ...policy
    .split(/\r?\n/, SHOWN_LINES)
    .filter((line) => line !== "")
    .map((line) => shown(line)),
];
