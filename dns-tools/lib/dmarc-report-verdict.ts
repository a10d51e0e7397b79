/**
 * What is said of one source of mail in DMARC reports: what was seen, what it causes, the one change to make.
 *
 * One source gives one verdict, by the reason for which most of its failing messages fail. A source that nothing
 * authenticates is `indeterminate`: forged and forgotten look the same in a report, and only the owner knows which it is.
 */
import type { Cause } from "./dmarc-report-cause.ts";
import type { Source } from "./dmarc-report-sources.ts";
import type { FindingStatus } from "./finding.ts";

/** Stable API, as the codes of findings are. */
export type SourceCode = `report.${Cause}`;

export type SourceVerdict = { code: SourceCode; status: FindingStatus; text: string; rfc: string };

export const judgeSource = (source: Source): SourceVerdict => {
  const cause = mainCause(source);
  const { status, text, rfc } = VERDICTS[cause];
  return { code: `report.${cause}`, status, text: text(wordsFor(source, cause)), rfc };
};

/** Of what fails, the most; where nothing fails, DKIM's absence counts when SPF alone carries most of the mail. */
const mainCause = ({ causes, messages, byDkim }: Source): Cause => {
  const failing = causes.filter(({ cause }) => cause !== "aligned" && cause !== "spf-only");
  const [most] = failing.toSorted((a, b) => b.messages - a.messages);
  if (most !== undefined) return most.cause;
  return byDkim * 2 >= messages ? "aligned" : "spf-only";
};

type Words = { share: string; from: string; other: string; overrides: string };

const wordsFor = ({ sender, messages, causes, headerFrom, otherNames, overrides }: Source, cause: Cause): Words => {
  const [from = "your domain"] = headerFrom.first;
  const concerned = causes.find((one) => one.cause === cause)?.messages ?? messages;
  const mails = `${messages.toLocaleString("en")} message${messages === 1 ? "" : "s"}`;
  return {
    share: concerned === messages ? mails : `${concerned.toLocaleString("en")} of ${mails}`,
    from,
    other: otherNames.first[0] ?? sender.name,
    overrides: overrides.first[0] ?? "none",
  };
};

type Verdict = { status: FindingStatus; text: (words: Words) => string; rfc: string };

const VERDICTS: Record<Cause, Verdict> = {
  aligned: {
    status: "pass",
    text: ({ share, from }) => `${share}: signed for \`${from}\`, so DMARC passes. Nothing to change.`,
    rfc: "RFC 9989 §5.3.5",
  },
  "spf-only": {
    status: "warn",
    text: ({ share, from }) =>
      `${share} pass by SPF alone, which breaks when mail is forwarded. Turn on DKIM for \`${from}\` at this sender.`,
    rfc: "RFC 9989 §4.4",
  },
  forwarded: {
    status: "warn",
    text: ({ share, from, overrides }) =>
      `${share} came by a forwarder or mailing list and failed on the way; the receiver says why it let them in (\`${overrides}\`). See that all your mail is signed for \`${from}\`: a signature survives plain forwarding.`,
    rfc: "RFC 9990 §3.1.6",
  },
  changed: {
    status: "warn",
    text: ({ share, from, other }) =>
      `${share} have a signature for \`${from}\` that no longer verifies, and come by \`${other}\`: a list or forwarder that changes mail. Nothing to mend in your DNS; should this be a service of yours, let it sign after its changes.`,
    rfc: "RFC 9989 §4.4.1",
  },
  "other-name": {
    status: "fail",
    text: ({ share, from, other }) =>
      `${share} are authenticated for \`${other}\`, which is not taken for aligned with \`${from}\`: your record asks for the very same name, or the receiver sees two organizations. Sign with \`d=${from}\`; or, if they are there, take \`adkim=s\` and \`aspf=s\` out of the record.`,
    rfc: "RFC 9989 §4.4",
  },
  "dkim-elsewhere": {
    status: "fail",
    text: ({ share, from, other }) =>
      `${share}: DKIM passes for \`${other}\`, but is not aligned with \`${from}\`, so DMARC fails. If this sender is yours, turn on DKIM for \`${from}\` there.`,
    rfc: "RFC 9989 §4.4.1",
  },
  "spf-elsewhere": {
    status: "fail",
    text: ({ share, from, other }) =>
      `${share}: SPF passes for the return-path \`${other}\`, but is not aligned with \`${from}\`, and nothing of yours signs, so DMARC fails. If this sender is yours, turn on DKIM for \`${from}\` there; a plain forwarder of unsigned mail looks the same.`,
    rfc: "RFC 9989 §4.4.2",
  },
  "dkim-broken": {
    status: "fail",
    text: ({ share, from }) =>
      `${share} have a signature for \`${from}\` that does not verify, and SPF does not pass either, so DMARC fails. If this address is yours, compare its key with the one in your DNS; else it was changed on its way, or forged.`,
    rfc: "RFC 6376 §6.1",
  },
  unauthenticated: {
    status: "indeterminate",
    text: ({ share, from }) =>
      `${share} from here are not authenticated at all, so DMARC fails: forged, or a sender of yours that was forgotten. If it is yours, turn on DKIM for \`${from}\` there; if not, there is nothing to mend, and a policy of reject keeps such mail out.`,
    rfc: "RFC 9989 §5.3.5",
  },
};
