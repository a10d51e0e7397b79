/**
 * Whether a domain may go on to the next stage of its DMARC policy, by what reports say: none, quarantine, reject.
 *
 * Two weeks have to be seen, and what is sure to be somebody's real sender has to pass. What nobody authenticates is told,
 * never counted against: much of it is forged, which is what the policy is for. No clock: the period is the reports'.
 */
import type { SourceVerdict } from "./dmarc-report-verdict.ts";
import type { Source } from "./dmarc-report-sources.ts";
import type { PublishedPolicy } from "./dmarc-report.ts";
import type { DmarcPolicy } from "./dmarc.ts";

const LEAST_DAYS = 14;
/** Of a domain's mail, in what fails at senders that can be mended. */
const MOST_LOST_SHARE = 0.005;
const DAY_SECONDS = 86_400;

export type Readiness = {
  /** `unknown`: no mail is in what could be understood of the reports. */
  word: "ready" | "not-yet" | "too-early" | "done" | "unknown";
  /** The next stage; absent: there is none. */
  next?: DmarcPolicy;
  days: number;
  messages: number;
  passed: number;
  text: string;
};

export type Seen = {
  published: PublishedPolicy;
  beginSeconds: number;
  endSeconds: number;
  sources: readonly (Source & { verdict: SourceVerdict })[];
  /** Records that could not be understood: what their mail would come to is not known. */
  leftOut: number;
};

export const judgeReadiness = ({ published, beginSeconds, endSeconds, sources, leftOut }: Seen): Readiness => {
  const messages = total(sources, (source) => source.messages);
  const passed = total(sources, (source) => source.passed);
  const failing = (status: SourceVerdict["status"]): number =>
    total(sources, ({ verdict, messages: all, passed: good }) => (verdict.status === status ? all - good : 0));
  const days = Math.max(1, Math.round((endSeconds - beginSeconds) / DAY_SECONDS));
  const seen = { days, messages, passed };
  const records = `${count(leftOut)} record${leftOut === 1 ? "" : "s"}`;
  if (messages === 0) {
    const why = leftOut === 0 ? "has no mail" : `has ${records}, and none could be understood`;
    return { word: "unknown", ...seen, text: `What was reported ${why}: nothing can be said. Wait for other reports.` };
  }
  const share = `${count(passed)} of ${count(messages)} messages (${percent(passed, messages)}) passed in ${count(days)} day${days === 1 ? "" : "s"}`;
  const lost = messages - passed;
  const strangers = failing("indeterminate");
  const uncounted =
    leftOut === 0 ? "" : ` ${records} could not be understood, and may have mail that would be lost too.`;
  const costs =
    lost === 0
      ? `Nothing ${leftOut === 0 ? "" : "of that "}would be lost.${uncounted}`
      : `${count(lost)} would be lost, ${count(strangers)} of them from addresses that nothing authenticates: find out whether one is yours.${uncounted}`;
  if (published.policy === "reject" && !published.testing)
    return { word: "done", ...seen, text: `${share}. The policy is reject, which is the last stage: keep watching.` };
  const next = published.testing ? published.policy : published.policy === "none" ? "quarantine" : "reject";
  const step = published.testing ? `take \`t=y\` out of \`p=${next}\`` : `go on to \`p=${next}\``;
  if (passed === 0 || failing("fail") > messages * MOST_LOST_SHARE)
    return {
      word: "not-yet",
      next,
      ...seen,
      text: `${share}. Do not ${step} yet: mend the senders marked as failing. ${costs}`,
    };
  if (days < LEAST_DAYS)
    return {
      word: "too-early",
      next,
      ...seen,
      text: `${share}. It looks good; see ${LEAST_DAYS} days before you ${step}. ${costs}`,
    };
  return { word: "ready", next, ...seen, text: `${share}. You may ${step}. ${costs}` };
};

const total = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);
const count = (number: number): string => number.toLocaleString("en");
/** Rounded down, so that 100% is all. */
const percent = (part: number, whole: number): string =>
  whole === 0 ? "none" : `${(Math.floor((part / whole) * 1000) / 10).toString()}%`;
