/**
 * What is wrong with a DMARC record that applies, judged by its text alone.
 *
 * A finding's `fix` is the whole record with everything put right that can be, so one paste answers all of them. What
 * the owner wished stays, but for the next step that `dmarc.none-forever` advises once all else is right; no fix makes
 * the policy milder. Whether report addresses may receive is asked in dmarc-report-destination.ts.
 */
import type { FoundRecord } from "./dmarc-discovery.ts";
import { heldBackByPct, holdsBack } from "./dmarc-floor.ts";
import { appliedPolicies, formatDmarc, parseDmarc, type DmarcFault, type DmarcRecord } from "./dmarc.ts";
import type { Finding } from "./finding.ts";
import { shown } from "./look-up-findings.ts";

export type RecordCheck = {
  /** The record's name, `_dmarc.…`. */
  name: string;
  found: FoundRecord;
  /** Where the domain that is checked has its own record, or could: the same name, or one below. */
  ownName: string;
  /** Where the owner can take reports. */
  reportAddress?: string;
  /** How long the policy is known to have been none; absent: nobody knows. */
  noneForDays?: number;
};

/** Time enough to see all of a domain's mail in reports, the monthly and the quarterly too. */
const LONGEST_TRIAL_DAYS = 90;
const QUOTED_CHARACTERS = 80;
/** A fault's value is cut there. */
const CUT_CHARACTERS = 60;
const ADDRESS = /^[^@\s:]+@[^@\s]+$/;
const MOST_TOLD_FAULTS = 4;

const POLICIES = "none, quarantine or reject";
const REPORT_URI = "a URI such as mailto:dmarc@example.com";
const VALUES = new Map([
  ["p", POLICIES],
  ["sp", POLICIES],
  ["np", POLICIES],
  ["adkim", "r or s"],
  ["aspf", "r or s"],
  ["t", "y or n"],
  ["psd", "y, n or u"],
  ["rua", REPORT_URI],
  ["ruf", REPORT_URI],
  ["fo", "0, 1, d or s"],
]);

/** None when all is well. */
export const judgeDmarcRecord = (check: RecordCheck): Finding[] => {
  const faults = [syntax, historicTag, noRua].flatMap((judge) => judge(check) ?? []);
  return faults.length > 0 ? faults : noneForever(check);
};

type About = Pick<Finding, "code" | "status" | "text" | "rfc">;

const say = ({ name, found }: RecordCheck, about: About, fix: DmarcRecord | undefined): Finding => ({
  ...about,
  name,
  ...(fix && { fix: formatDmarc(fix) }),
  evidence: [shown(`${name} TXT "${found.text}"`)],
});

/**
 * Tags in capitals are meant. `pct` stays where it holds a policy back, for older receivers go by it, and `t` comes to it
 * for the others.
 */
const corrected = ({ found: { text, record: asRead, faults }, reportAddress }: RecordCheck): DmarcRecord => {
  const inSmallLetters = parseDmarc(text.replaceAll(/;[ \t]*[A-Za-z]+/g, (start) => start.toLowerCase()));
  const record = inSmallLetters.kind === "record" ? inSmallLetters.record : asRead;
  const { p = "none", others } = record;
  const holding = p === "none" ? [] : others.filter(holdsBack);
  const uris = (tag: "rua" | "ruf"): DmarcRecord["rua"] => [
    ...record[tag].map(({ size: _, ...uri }) => uri),
    ...faults.flatMap((fault) => (fault.kind === "bad-value" && fault.tag === tag ? meantUri(fault.value) : [])),
  ];
  const rua = uris("rua");
  const added = reportAddress !== undefined && !rua.some(isMail) ? [{ uri: `mailto:${reportAddress}` }] : [];
  return {
    ...record,
    p,
    t: holding.length > 0 ? "y" : record.t,
    rua: [...rua, ...added],
    ruf: uris("ruf"),
    others: holding,
  };
};

/** An address where a URI should be; none when the value was cut or is no address. */
const meantUri = (value: string): { uri: string }[] => {
  const uri = `mailto:${value}`;
  const parsed = parseDmarc(`v=DMARC1; rua=${uri}`);
  const isMeant = value.length < CUT_CHARACTERS && ADDRESS.test(value);
  return isMeant && parsed.kind === "record" && parsed.faults.length === 0 ? [{ uri }] : [];
};

const syntax = (check: RecordCheck): Finding | undefined => {
  const { found, name } = check;
  const wrong = found.faults.flatMap((fault) => describe(fault) ?? []);
  if (found.record.p === undefined && !found.faults.some((fault) => fault.kind === "bad-value" && fault.tag === "p"))
    wrong.push("there is no `p`");
  if (wrong.length === 0) return undefined;
  const told = wrong.slice(0, MOST_TOLD_FAULTS).join("; ") + (wrong.length > MOST_TOLD_FAULTS ? "; and more" : "");
  const [status, effect] = effectOf(found);
  const text = `The DMARC record at ${name} has a mistake: ${told}. ${effect} Replace the record by the one below.`;
  return say(check, { code: "dmarc.syntax", status, text, rfc: "RFC 9989 §4.7" }, corrected(check));
};

const describe = (fault: DmarcFault): string | undefined => {
  switch (fault.kind) {
    case "not-a-tag":
      return `\`${shown(fault.text, QUOTED_CHARACTERS)}\` is not tag=value`;
    case "bad-value":
      if ((fault.tag === "rua" || fault.tag === "ruf") && meantUri(fault.value).length > 0)
        return `\`${fault.tag}=${fault.value}\` lacks \`mailto:\` in front of the address`;
      return `\`${fault.tag}=${shown(fault.value, QUOTED_CHARACTERS)}\` is not ${VALUES.get(fault.tag) ?? "allowed"}`;
    case "unknown-tag":
      return VALUES.has(fault.tag.toLowerCase())
        ? `the tag \`${fault.tag}\` is to be written \`${fault.tag.toLowerCase()}\``
        : `there is no tag \`${shown(fault.tag, QUOTED_CHARACTERS)}\``;
    case "historic-tag":
    case "historic-size":
      return undefined;
  }
};

/** RFC 9989 §4.10.1. */
const effectOf = (found: FoundRecord): ["fail" | "warn", string] => {
  const policies = appliedPolicies({ kind: "record", ...found });
  if (!policies) return ["fail", "Receivers act as if there were no record."];
  const policyIsLost = policies.domain !== found.record.p;
  return ["warn", policyIsLost ? "Receivers take the policy to be none." : "Receivers pass over it."];
};

const historicTag = (check: RecordCheck): Finding | undefined => {
  const { found, name } = check;
  const { p = "none", t } = found.record;
  // With `t=y` beside it, `pct` says the same to older receivers.
  const isOfUse = (tag: string, value: string): boolean => t === "y" && p !== "none" && holdsBack([tag, value]);
  const historic = found.faults.flatMap((fault) =>
    (fault.kind === "historic-tag" && !isOfUse(fault.tag, fault.value)) || fault.kind === "historic-size"
      ? [fault]
      : [],
  );
  if (historic.length === 0) return undefined;
  const told = historic
    .slice(0, MOST_TOLD_FAULTS)
    .map(({ tag, value }) => `\`${tag}=${shown(value, QUOTED_CHARACTERS)}\``)
    .join(", ");
  const effect = heldBackByPct(found.record) ?? "receivers pass over that.";
  const text = `The DMARC record at ${name} has ${told}, which RFC 9989 took out: ${effect} Replace the record by the one below.`;
  const about: About = { code: "dmarc.historic-tag", status: "warn", text, rfc: "RFC 9989 Appendix C" };
  return say(check, about, corrected(check));
};

/** Receivers need know no other reports than those by mail. */
const asksForMail = ({ rua }: DmarcRecord): boolean => rua.some(isMail);
const isMail = ({ uri }: { uri: string }): boolean => /^mailto:/i.test(uri);

const noRua = (check: RecordCheck): Finding | undefined => {
  const { found, name, reportAddress } = check;
  const { rua } = found.record;
  // A wrong address is a mistake in the record, told as such.
  const wished = found.faults.some((fault) => fault.kind === "bad-value" && fault.tag === "rua");
  if (wished || asksForMail(found.record)) return undefined;
  // A record that counts for nothing has that put right first.
  if (!appliedPolicies({ kind: "record", ...found })) return undefined;
  const seen = rua.length === 0 ? "has no `rua`" : "has no `mailto:` in its `rua`, and receivers need know no other";
  const text = `The DMARC record at ${name} ${seen}, so no receiver tells you who sends in your name and what of it fails. Add \`rua=mailto:\` with an address that takes reports.`;
  const about: About = { code: "dmarc.no-rua", status: "warn", text, rfc: "RFC 9989 §4.7" };
  // Without an address there is nothing to paste.
  return say(check, about, reportAddress === undefined ? undefined : corrected(check));
};

const noneForever = (check: RecordCheck): Finding[] => {
  const { found, name, ownName, noneForDays = Infinity } = check;
  const policies = appliedPolicies({ kind: "record", ...found });
  const { sp, np } = found.record;
  const applies = name === ownName ? policies?.domain : policies?.subdomain;
  // Before there are reports, those are what is to be done first.
  if (applies !== "none" || !asksForMail(found.record) || noneForDays <= LONGEST_TRIAL_DAYS) return [];
  const since = noneForDays === Infinity ? "" : ` for ${Math.floor(noneForDays)} days`;
  const seen = (tag: string): string =>
    `The DMARC record at ${name} says ${tag}=none${since}: anybody can send in your name, and receivers only report it. When the reports show that your own mail passes, `;
  const about = { code: "dmarc.none-forever", status: "warn", rfc: "RFC 9989 §5.1.7" } as const;
  const { sp: _, ...record } = corrected(check);
  if (name !== ownName && sp !== undefined) {
    // The record above is that of others too: a record of its own goes on alone.
    const own: DmarcRecord = { ...record, p: "quarantine", t: trial(np), psd: "u" };
    const text = `${seen("sp")}publish the record below at ${ownName}.`;
    return [{ ...say(check, { ...about, text }, own), name: ownName }];
  }
  const next: DmarcRecord = { ...record, ...(sp && { sp }), p: "quarantine", t: trial(sp, np) };
  const text = `${seen("p")}go on to p=quarantine${next.t === "y" ? ", with `t=y` at first" : ""}.`;
  return [say(check, { ...about, text }, next)];
};

/** `t` holds back all policies of a record (RFC 9989 §4.7): it must not make one milder that is in force. */
const trial = (...others: readonly (DmarcRecord["p"] | undefined)[]): "y" | "n" =>
  others.every((policy) => policy === undefined || policy === "none") ? "y" : "n";
