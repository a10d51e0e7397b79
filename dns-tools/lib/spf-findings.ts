/**
 * What is to be said about SPF at the name where receivers look for it: the domain of the return-path.
 *
 * Everything was looked up before (`walkSpf`); this only concludes, and says once what one mistake does. A record that
 * lets us send by other words than ours is right: no finding rests on comparing text.
 */
import type { Finding, FindingCode, FindingStatus } from "./finding.ts";
import { codeOfFailure, shown, whatToDo } from "./look-up-findings.ts";
import { authorisesInclude, authorisesIp, type Authorised } from "./spf-authorised.ts";
import { listed, malformedText, quoted, repairedSpf, spfFaults, txtLines, type SpfRecordTree } from "./spf-faults.ts";
import { JOINED_WITHOUT_SPACE, splitTerms } from "./spf-joined.ts";
import { mergeSpf } from "./spf-merge.ts";
import { letsIncludedSend } from "./spf-reach.ts";
import { SPF_LIMITS, spfPlaces, spfTotals, type SpfTree } from "./spf-tree.ts";
import { spfTermsOf, wantedSpf, type SpfWanted } from "./spf-wanted.ts";
import { formatSpf, formatSpfTerm, isSpf, parseSpf } from "./spf.ts";

export type SpfSeen = {
  tree: SpfTree;
  /** Of the domain in From, when that is another name: a record for us there is of no use. */
  fromTree?: SpfTree;
  /** Texts of records of the old type SPF (99) at the name, where somebody can see them. */
  type99?: readonly string[];
};

/** At least one finding; a `pass` has a code too: what was looked for and is not wrong. */
export const spfFindings = (wanted: SpfWanted, seen: SpfSeen): Finding[] => {
  const { tree } = seen;
  switch (tree.kind) {
    case "record":
      return [...recordFindings(tree, wanted), ...type99Beside(tree.domain, seen.type99 ?? [])];
    case "none":
      return [absence(tree, wanted, seen)];
    case "multiple":
      return [multiple(tree, wanted)];
    case "malformed": {
      return [malformed(tree, wanted)];
    }
    case "unknown": {
      const text = `We could not check the SPF record of ${tree.domain} (${shown(tree.reason)}); it may be right. ${whatToDo(tree.reason)}`;
      return [finding(codeOfFailure(tree.reason), "indeterminate", tree, text, "4.4")];
    }
    case "cut":
    case "loop": {
      const text = `The SPF record of ${tree.domain} has more terms than we read. Shorten it.`;
      return [finding("spf.too-long", "fail", tree, text, "3.4")];
    }
  }
};

const finding = (
  code: FindingCode,
  status: FindingStatus,
  tree: SpfTree,
  text: string,
  section: string,
  fix?: string,
): Finding => ({
  code,
  status,
  name: tree.domain,
  text,
  ...(fix !== undefined && { fix }),
  evidence: evidenceOf(tree),
  rfc: `RFC 7208 §${section}`,
});

const evidenceOf = (tree: SpfTree): string[] => {
  if (tree.kind === "unknown") return [shown(`${tree.domain} TXT: ${tree.reason}`)];
  if (tree.kind === "cut" || tree.kind === "loop") return [`${tree.domain} TXT: not read to its end`];
  const records = tree.kind === "none" ? tree.records.filter(isNearlySpf) : tree.records.filter(isSpf);
  if (records.length === 0) return [`${tree.domain} has no SPF record`];
  return txtLines(tree.domain, records);
};

/** Somebody meant it to be an SPF record: quotes pasted in, a space before it, a semicolon behind the version. */
const isNearlySpf = (text: string): boolean => /^\W*v\s*=\s*spf/i.test(text);

const multiple = (tree: Extract<SpfTree, { kind: "multiple" }>, wanted: SpfWanted): Finding => {
  const records = tree.records.filter(isSpf);
  const merged = mergeSpf(records, wantedSpf(wanted));
  // Out of records that are wrong no right one can be made.
  const fix = parseSpf(merged).kind === "record" ? merged : undefined;
  const change = fix === undefined ? "Keep the one that is right" : `Delete them, publish this one: ${quoted(fix)}`;
  const text = `${tree.domain} has ${records.length} SPF records. Receivers must answer permerror, so SPF fails for all your mail. ${change}.`;
  return finding("spf.multiple", "fail", tree, text, "4.5", fix);
};

const malformed = (tree: Extract<SpfTree, { kind: "malformed" }>, wanted: SpfWanted): Finding => {
  const { term, position } = tree.problem;
  const effect = "Receivers must answer permerror, so SPF fails for all your mail.";
  const parts = splitTerms(term);
  if (!parts) {
    const text = `The SPF record of ${tree.domain} is wrong at ${malformedText(tree.problem)}. ${effect} Correct that term.`;
    return finding("spf.syntax", "fail", tree, text, "4.6");
  }
  const [before, behind] = [tree.record.slice(0, position), tree.record.slice(position + term.length)];
  const split = before + parts.map(formatSpfTerm).join(" ") + behind;
  const fix = parseSpf(split).kind === "record" ? mergeSpf([split], wantedSpf(wanted)) : undefined;
  const text = `${quoted(term)} of ${tree.domain} is ${JOINED_WITHOUT_SPACE}. ${effect} Put a space between them.`;
  return finding("spf.syntax", "fail", tree, text, "3.3", fix);
};

const absence = (tree: Extract<SpfTree, { kind: "none" }>, wanted: SpfWanted, seen: SpfSeen): Finding => {
  const { domain } = tree;
  const fix = wantedSpf(wanted);
  const publish = (record: string): string => `Publish at ${domain} the TXT record ${quoted(record)}`;
  const isKnown = spfTermsOf(wanted).length > 0;
  const near = tree.records.find(isNearlySpf);
  if (near !== undefined) {
    const mended = mendedSpf(near);
    const instead = mended === undefined ? (isKnown ? fix : undefined) : mergeSpf([mended], fix);
    const change = instead === undefined ? "Correct its beginning" : `Replace it by ${quoted(instead)}`;
    const text = `${quoted(near)} at ${domain} does not begin with \`v=spf1\` and a space, so receivers see no SPF record. ${change}.`;
    return finding("spf.syntax", "fail", tree, text, "4.5", instead);
  }
  const [old] = seen.type99 ?? [];
  if (old !== undefined) {
    const merged = parseSpf(old).kind === "record" ? mergeSpf([old], fix) : isKnown ? fix : undefined;
    const change = merged === undefined ? "Publish it as a TXT record" : publish(merged);
    const text = `${domain} has its SPF record as type SPF (99), which receivers no longer ask for. ${change}.`;
    return {
      ...finding("spf.type99", "fail", tree, text, "3.1", merged),
      evidence: [shown(`${domain} SPF "${old}"`)],
    };
  }
  const { fromTree } = seen;
  if (fromTree?.kind === "record" && authorised(fromTree, wanted).answer === "yes") {
    const text = `We send with a return-path at ${domain}. Receivers check SPF there, not at ${fromTree.domain}. ${publish(fix)}; your record at ${fromTree.domain} is fine, leave it.`;
    const { evidence, ...rest } = finding("spf.wrong-domain", "fail", tree, text, "2.4", fix);
    return { ...rest, evidence: [...evidence, ...txtLines(fromTree.domain, [fromTree.record])] };
  }
  if (!isKnown) {
    const text = `${domain} has no SPF record, so receivers cannot tell mail from there from forgeries. Say who sends for you (--include, --ip): the record has to name them.`;
    return finding("spf.missing", "fail", tree, text, "4.5");
  }
  return finding(
    "spf.missing",
    "fail",
    tree,
    `${domain} has no SPF record, so receivers cannot tell our mail from forgeries. ${publish(fix)}.`,
    "4.5",
    fix,
  );
};

/** The record without what stands before it or around it; `undefined`: that does not make one of it. */
const mendedSpf = (near: string): string | undefined => {
  const text = near.replace(/^\W*v\s*=\s*spf1?[\s;,]*/i, "v=spf1 ").replace(/[\s"'`;,\\]+$/, "");
  return parseSpf(text).kind === "record" ? text : undefined;
};

const type99Beside = (domain: string, records: readonly string[]): Finding[] =>
  records.length === 0
    ? []
    : [
        {
          code: "spf.type99",
          status: "warn",
          name: domain,
          text: `${domain} has records of type SPF (99) beside its TXT record. Nobody asks for them, and they will come to differ. Delete them.`,
          evidence: records.map((record) => shown(`${domain} SPF "${record}"`)),
          rfc: "RFC 7208 §3.1",
        },
      ];

const recordFindings = (tree: SpfRecordTree, wanted: SpfWanted): Finding[] => {
  const verdict = authorised(tree, wanted);
  const gone = sendersWithoutRecord(tree, wanted);
  const repaired = formatSpf(repairedSpf(tree));
  // All of the record's findings give the same one to paste, and that one lets us send.
  const isForUs = verdict.answer === "no" || gone.length > 0;
  const whole = isForUs ? mergeSpf([repaired], wantedSpf(wanted)) : repaired;
  const faults = spfFaults(tree).map((fault) => {
    const sender = gone.find(({ term }) => fault.code === "spf.include-none" && fault.text.startsWith(quoted(term)));
    if (sender) return senderGone(fault, sender);
    return fault.fix !== undefined && fault.name === tree.domain ? { ...fault, fix: whole } : fault;
  });
  // One mistake, one finding: our term is there, but behind `all`, or run into another.
  const words = repaired.toLowerCase().split(" ");
  const isHidden = verdict.missing.length > 0 && verdict.missing.every((term) => words.includes(term.toLowerCase()));
  if (verdict.answer === "no" && isHidden && faults.length > 0)
    return faults.map((fault) => (fault.code === "spf.after-all" ? { ...fault, status: "fail" } : fault));
  // Nor is it said twice that everybody may send, or that the DNS did not say; nor that mail passes which fails.
  const isOpen = faults.some(({ code }) => code === "spf.plus-all");
  const isFailing = faults.some(({ status }) => status === "fail");
  const isSaid =
    isOpen ||
    (verdict.answer === "unknown" && (isFailing || faults.some(({ status }) => status === "indeterminate"))) ||
    (verdict.answer === "yes" && isFailing);
  const findings = isSaid ? faults : [...faults, ...authorisationFindings(tree, wanted, verdict, whole)];
  return faults.length > 0 || verdict.answer === "no" ? findings : [...findings, costFinding(tree)];
};

type Sender = { name: string; term: string };

/** Who is to send, as the record names them, but whose own record is not there. */
const sendersWithoutRecord = (tree: SpfRecordTree, { includes }: SpfWanted): Sender[] =>
  spfPlaces(tree).flatMap(({ node: { text, children } }) =>
    children?.kind === "none" && includes.includes(children.domain) ? [{ name: children.domain, term: text }] : [],
  );

/** The term is right and stays: there is nothing for the owner to publish. */
const senderGone = ({ fix: _, ...fault }: Finding, { name, term }: Sender): Finding => ({
  ...fault,
  text: `${quoted(term)} names your sender, whose own SPF record at ${name} is missing; that alone is permerror, so SPF fails for your mail. Leave yours as it is: who runs ${name} has to publish that record.`,
});

/** Nothing is wrong with the record itself. */
const costFinding = (tree: SpfRecordTree): Finding => {
  const { lookups, uncounted } = spfTotals(tree);
  const unknown = tree.terms.filter((node) => node.uncounted);
  const macros = uncounted ? ` What ${listed(unknown)} needs depends on the message and cannot be counted.` : "";
  const text = `The SPF record of ${tree.domain} is right. It needs ${uncounted ? "at least " : ""}${lookups} of ${SPF_LIMITS.lookups} look-ups.${macros}`;
  return finding("spf.lookups", "pass", tree, text, "4.6.4");
};

type Verdict = { answer: Authorised | "not-asked"; missing: string[] };

/** What receivers answer for an address decides; where that is not known or not asked, that the includes are there. */
const authorised = (tree: SpfTree, { includes, addresses }: SpfWanted): Verdict => {
  const byAddress = addresses.map((address) => authorisesIp(tree, address));
  const byInclude = includes.map((domain) => authorisesInclude(tree, domain));
  const wanted: SpfWanted =
    includes.length > 0
      ? { includes: includes.filter((_, at) => byInclude[at] !== "yes"), addresses: [] }
      : { includes: [], addresses: addresses.filter((_, at) => byAddress[at] !== "yes") };
  const forAddresses = together(byAddress);
  const forIncludes = together(includes.map((domain) => letsIncludedSend(tree, domain)));
  const isKnown = forAddresses === "yes" || forAddresses === "no" || forIncludes === "not-asked";
  return { answer: isKnown ? forAddresses : forIncludes, missing: spfTermsOf(wanted).map(formatSpfTerm) };
};

const together = (answers: readonly Authorised[]): Verdict["answer"] => {
  if (answers.length === 0) return "not-asked";
  return answers.find((answer) => answer === "no") ?? answers.find((answer) => answer === "unknown") ?? "yes";
};

const authorisationFindings = (
  tree: SpfRecordTree,
  wanted: SpfWanted,
  { answer, missing }: Verdict,
  fix: string,
): Finding[] => {
  const { domain } = tree;
  const terms = missing.map(quoted).join(" ");
  const senders = wanted.addresses.length > 0 ? wanted.addresses.join(", ") : "our relays";
  switch (answer) {
    case "not-asked":
      return [];
    case "yes": {
      const text =
        missing.length === 0
          ? `The SPF record of ${domain} lets ${senders} send.`
          : `The SPF record of ${domain} does not name ${terms}, but evaluating it for ${senders} gives pass. Nothing to do.`;
      return [finding("spf.not-authorised", "pass", tree, text, "4")];
    }
    case "unknown": {
      const text = `Whether the SPF record of ${domain} lets ${senders} send depends on the message or on what we could not look up. Check a message that has arrived.`;
      return [finding("spf.not-authorised", "indeterminate", tree, text, "7")];
    }
    case "no": {
      if (missing.length === 0) {
        const text = `The SPF record of ${domain} names us, but receivers do not let ${senders} pass: a term before ours says no, or what it includes does not have these addresses.`;
        return [finding("spf.not-authorised", "fail", tree, text, "4")];
      }
      const seen = `The SPF record of ${domain} does not let ${senders} send: receivers treat our mail as forged.`;
      const lookups = spfTotals(tree).lookups + missing.filter((term) => term.startsWith("include:")).length;
      if (lookups > SPF_LIMITS.lookups) {
        const text = `${seen} It has no room for ${terms}: that would be ${lookups} look-ups, the limit is ${SPF_LIMITS.lookups}. Use a return-path with a record of its own, such as send.${domain}, or remove from it what you no longer send through.`;
        return [finding("spf.not-authorised", "fail", tree, text, "4.6.4")];
      }
      return [finding("spf.not-authorised", "fail", tree, `${seen} Add ${terms} before its \`all\`.`, "4", fix)];
    }
  }
};
