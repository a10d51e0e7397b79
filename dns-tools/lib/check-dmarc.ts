/**
 * The DMARC of a domain whose owner has said what is wished: what to publish is then what the plan publishes.
 *
 * What is wrong is told by dmarc-findings.ts; here only the change to make is another. A correction of the owner's own
 * record stays one, brought up to the wish. Of a record that is as wished, or could not be looked up, nothing changes.
 */
import { dmarcFindings, type DmarcCheck } from "./dmarc-findings.ts";
import { mergeDmarc, type DmarcWish } from "./dmarc-merge.ts";
import type { Finding, FindingCode } from "./finding.ts";
import { plan } from "./plan.ts";
import type { Resolve } from "./resolver.ts";
import { isEdit, textOf } from "./zone.ts";

/** At least one, as `dmarcFindings`; without a wish they are the same. */
export const checkDmarc = async (
  check: DmarcCheck,
  wish: DmarcWish | undefined,
  resolve: Resolve,
  signal?: AbortSignal,
): Promise<Finding[]> => {
  if (wish === undefined) return dmarcFindings(check, resolve, signal);
  const reportAddress = /^mailto:(.+)$/i.exec(wish.rua ?? "")?.[1];
  const findings = await dmarcFindings(
    { ...check, ...(reportAddress !== undefined && { reportAddress }) },
    resolve,
    signal,
  );
  if (findings.every(({ fix }) => fix === undefined)) return findings;
  const requirement = { domain: check.from, records: [], dmarc: wish };
  const [change] = await plan(requirement, resolve, signal ?? new AbortController().signal);
  if (change === undefined || !isEdit(change)) return findings;
  const planned = { name: change.to.name, text: textOf(change.to) };
  return findings.map((finding) => towards(finding, planned, wish));
};

/** Of the domain's own name. */
type Planned = { name: string; text: string };

/** Of the owner's own record, with what is wrong in it put right. */
const CORRECTIONS: ReadonlySet<FindingCode> = new Set<FindingCode>([
  "dmarc.historic-tag",
  "dmarc.no-rua",
  "dmarc.quotes",
  "dmarc.syntax",
  "dmarc.wrong-name",
  "dns.wildcard",
]);

const towards = (finding: Finding, planned: Planned, wish: DmarcWish): Finding => {
  const { code, name, text, fix } = finding;
  if (fix === undefined) return finding;
  const ofPlan = { ...finding, name: planned.name, fix: planned.text };
  if (code === "dmarc.missing")
    return { ...ofPlan, text: `${upTo("Publish ", text)}Publish \`${planned.text}\` at ${planned.name}.` };
  if (code === "dmarc.none-forever" && wish.policy !== "none")
    return {
      ...ofPlan,
      text: `${upTo("When ", text)}When the reports show that your own mail passes, publish the record below at ${planned.name}.`,
    };
  // A record further up is that of other domains too: what is wished of this one is not put into it.
  if (name !== planned.name) return finding;
  // Which of several goes on, and how strict it has to be, is one choice.
  if (code === "dmarc.multiple") return { ...finding, fix: planned.text };
  if (CORRECTIONS.has(code) || code === "dmarc.none-forever") return { ...finding, fix: mergeDmarc([fix], wish) };
  return code === "dns.proxied" ? { ...ofPlan, text: text.replaceAll(`\`${fix}\``, `\`${planned.text}\``) } : finding;
};

/** What was seen and what it causes: the change to make comes last. */
const upTo = (change: string, text: string): string => text.slice(0, text.lastIndexOf(change));
