/**
 * What is wrong with a DMARC record that applies, judged by its text alone.
 *
 * A finding's `fix` is the whole record with everything put right that can be, so one paste answers all of them. What
 * the owner wished stays, but for the next step that `dmarc.none-forever` advises. Whether report addresses may
 * receive is asked in dmarc-report-destination.ts.
 */
import type { FoundRecord } from "./dmarc-discovery.ts";
import { appliedPolicies, formatDmarc, parseDmarc, type DmarcFault, type DmarcRecord } from "./dmarc.ts";
import type { Finding } from "./finding.ts";
import { shown } from "./look-up-findings.ts";

export type RecordCheck = {
  /** The record's name, `_dmarc.…`. */
  name: string;
  found: FoundRecord;
  /** The tag that holds for the domain that is checked: `sp` below the record's own. */
  tag: "p" | "sp";
  /** Where the owner can take reports. */
  reportAddress?: string;
  /** How long the policy is known to have been none; absent: nobody knows. */
  noneForDays?: number;
};

/** Time enough to see all of a domain's mail in reports, the monthly and the quarterly too. */
const LONGEST_TRIAL_DAYS = 90;
const QUOTED_CHARACTERS = 80;
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
export const judgeDmarcRecord = (check: RecordCheck): Finding[] =>
  [syntax, historicTag, noRua, noneForever].flatMap((judge) => judge(check) ?? []);

type About = Pick<Finding, "code" | "status" | "text" | "rfc">;

const say = ({ name, found }: RecordCheck, about: About, fix: DmarcRecord): Finding => ({
  ...about,
  name,
  fix: formatDmarc(fix),
  evidence: [shown(`${name} TXT "${found.text}"`)],
});

/** Tags in capitals are meant; what `pct` held back, `t` does. */
const corrected = ({ text, record: asRead }: FoundRecord): DmarcRecord => {
  const inSmallLetters = parseDmarc(text.replaceAll(/;[ \t]*[A-Za-z]+/g, (start) => start.toLowerCase()));
  const record = inSmallLetters.kind === "record" ? inSmallLetters.record : asRead;
  const { p = "none", rua, ruf, others } = record;
  const heldBack = others.some(([tag, value]) => tag === "pct" && Number(value) < 100) && p !== "none";
  const uris = (list: DmarcRecord["rua"]): DmarcRecord["rua"] => list.map(({ size: _, ...uri }) => uri);
  return { ...record, p, t: heldBack ? "y" : record.t, rua: uris(rua), ruf: uris(ruf), others: [] };
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
  return say(check, { code: "dmarc.syntax", status, text, rfc: "RFC 9989 §4.7" }, corrected(found));
};

const describe = (fault: DmarcFault): string | undefined => {
  switch (fault.kind) {
    case "not-a-tag":
      return `\`${shown(fault.text, QUOTED_CHARACTERS)}\` is not tag=value`;
    case "bad-value":
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
  const historic = found.faults.flatMap((fault) =>
    fault.kind === "historic-tag" || fault.kind === "historic-size" ? [fault] : [],
  );
  if (historic.length === 0) return undefined;
  const told = historic
    .slice(0, MOST_TOLD_FAULTS)
    .map(({ tag, value }) => `\`${tag}=${shown(value, QUOTED_CHARACTERS)}\``)
    .join(", ");
  const fix = corrected(found);
  const effect =
    fix.t === "y" && found.record.t === "n"
      ? `some receivers now apply p=${found.record.p ?? "none"} to all mail. To hold it back, \`t=y\` is the tag now.`
      : "receivers pass over that.";
  const text = `The DMARC record at ${name} has ${told}, which RFC 9989 took out: ${effect} Replace the record by the one below.`;
  return say(check, { code: "dmarc.historic-tag", status: "warn", text, rfc: "RFC 9989 Appendix C" }, fix);
};

/** Receivers need know no other reports than those by mail. */
const asksForMail = ({ rua }: DmarcRecord): boolean => rua.some(({ mailDomain }) => mailDomain !== undefined);

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
  const fixed = corrected(found);
  return say(
    check,
    about,
    reportAddress === undefined ? fixed : { ...fixed, rua: [...rua, { uri: `mailto:${reportAddress}` }] },
  );
};

const noneForever = (check: RecordCheck): Finding | undefined => {
  const { found, name, tag, noneForDays = Infinity } = check;
  const { p, sp = p } = found.record;
  // Before there are reports, and while the record is wrong, that is what is to be done first.
  if ((tag === "p" ? p : sp) !== "none" || !asksForMail(found.record) || noneForDays <= LONGEST_TRIAL_DAYS)
    return undefined;
  if (appliedPolicies({ kind: "record", ...found })?.domain !== p) return undefined;
  const written = found.record.sp !== undefined && tag === "sp" ? "sp" : "p";
  const since = noneForDays === Infinity ? "" : ` for ${Math.floor(noneForDays)} days`;
  const text = `The DMARC record at ${name} says ${written}=none${since}: anybody can send in your name, and receivers only report it. When the reports show that your own mail passes, go on to ${written}=quarantine, with \`t=y\` at first.`;
  const about: About = { code: "dmarc.none-forever", status: "warn", text, rfc: "RFC 9989 §5.1.7" };
  return say(check, about, { ...corrected(found), [written]: "quarantine", t: "y" });
};
