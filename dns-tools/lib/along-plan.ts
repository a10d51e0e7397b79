/**
 * Findings brought in line with the plan: what a check says is to be published is what the plan would publish.
 *
 * A check knows what is wrong at a name; whether that can be put right without breaking what the owner has there is the
 * plan's part. Where the plan has a conflict, the finding says so in its words and has nothing to paste; where it does
 * not know what stands, nothing is advised. A record that the plan keeps may be advised on all the same. Nothing is
 * judged here.
 */
import type { Finding } from "./finding.ts";
import { shown } from "./look-up-findings.ts";
import { plan } from "./plan.ts";
import type { Resolve } from "./resolver.ts";
import type { SendingDomain } from "./sending-domain.ts";
import { sendingRequirement } from "./sending-requirement.ts";
import { isEdit, textOf, type Change, type Edit } from "./zone.ts";

/** The same findings, in their order. Never rejects over what the DNS says; when nothing is wrong, nothing is looked up. */
export const alongPlan = async (
  sending: SendingDomain,
  findings: readonly Finding[],
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  if (!findings.some(isOpen)) return [...findings];
  const selectors = sending.selectors.flatMap(({ selector, key }) => (key ? [{ selector, key }] : []));
  const requirement = sendingRequirement({ ...sending, selectors }, sending.dmarc);
  const steps = await plan(requirement, resolve, signal ?? new AbortController().signal);
  return findings.map((finding) => {
    const step = steps.find((one) => isOpen(finding) && isAbout(one, finding));
    if (step === undefined) return finding;
    const isTold = findings.some((other) => other.status === "fail" && other !== finding && isAbout(step, other));
    return along(step, finding, isTold);
  });
};

/** There is something to be done about it by the owner of the zone. */
const isOpen = ({ status, fix, code }: Finding): boolean =>
  status === "fail" || (status === "warn" && fix !== undefined) || (status === "indeterminate" && code === UNSURE);

/** What depends on the message is not known of a record, and can be made sure of by another. */
const UNSURE = "spf.not-authorised";

const isAbout = (step: Change, { code, name, fix = "" }: Finding): boolean => {
  const at = isEdit(step) ? step.to : step.kind === "keep" ? step.record : step;
  const type = code.startsWith("mx.") || /^\d+ /.test(fix) ? "MX" : "TXT";
  return at.name === name.toLowerCase() && at.type === type;
};

/** `isTold`: another finding tells why nothing may be published, so one that merely advises need not. */
const along = (step: Change, finding: Finding, isTold: boolean): Finding => {
  const { fix, ...rest } = finding;
  const isLeft = isTold && finding.status === "warn";
  switch (step.kind) {
    case "keep":
      return finding;
    case "add":
    case "replace":
      if (finding.status !== "indeterminate") return { ...rest, fix: fix ?? valueOf(step) };
      return { ...rest, text: `${seenIn(finding.text)} Publish the record below to be sure.`, fix: valueOf(step) };
    case "conflict":
      return isLeft ? rest : { ...rest, text: withConflict(seenIn(finding.text), step.text) };
    case "unknown": {
      const text = `${seenIn(finding.text)} What stands at ${step.name} could not all be looked up (${shown(step.reason)}), so publish nothing there yet. Check again later.`;
      return isLeft || fix === undefined ? rest : { ...rest, text };
    }
  }
};

/** As a `fix` has it. */
const valueOf = ({ to }: Edit): string => (to.type === "MX" ? `${to.data.preference} ${textOf(to)}` : textOf(to));

/** The cause is told once: the plan's words may have it. */
const withConflict = (seen: string, conflict: string): string => {
  const [cause = ""] = seen.split(/(?<=\.) (?=\p{Lu})/u);
  return conflict.startsWith(cause) ? conflict : `${seen} ${conflict}`;
};

/** How the sentence begins that tells the change to make; it is the last of a text. */
const CHANGE =
  /(?<=\.) (?=(?:Add|Check|Correct|Delete|Enter|Keep|Make|Move|Paste|Publish|Put|Remove|Replace|Set|Use|When|Your DNS panel) )/g;

const seenIn = (text: string): string => {
  const change = [...text.matchAll(CHANGE)].at(-1);
  return change ? text.slice(0, change.index) : text;
};
