/**
 * The way to a DMARC policy that protects: three stages, and what must be seen before each next one.
 *
 * Words only. `pct` is in none of them: RFC 9989 took it out, and some receivers then apply a policy to all mail.
 */
import type { DmarcPolicy } from "#dns/dmarc.ts";

export type PolicyStage = {
  policy: DmarcPolicy;
  /** What it does: in a few words, and in full. */
  brief: string;
  does: string;
  before: string;
};

export const POLICY_STAGES: readonly PolicyStage[] = [
  {
    policy: "none",
    brief: "watch only",
    does: "Watch. Receivers do nothing to mail that fails, and send you a report each day.",
    before: "Nothing has to be seen first. Give a report address, or nobody will tell you what fails.",
  },
  {
    policy: "quarantine",
    brief: "fakes go to spam",
    does: "Mail that fails goes to spam.",
    before:
      "See two weeks of reports in which every source that is yours passes SPF or DKIM for your own domain: newsletters, invoices, the office printer. What you do not know is either forged or forgotten; find out which. With t=y in the record receivers act one step milder for a trial (RFC 9989); pct is gone, do not use it.",
  },
  {
    policy: "reject",
    brief: "fakes are refused",
    does: "Mail that fails is refused, and whoever sent it is told so.",
    before:
      "See two to four more weeks in which no mail of yours was put to spam by the policy, a month’s end among them. Sign with DKIM everywhere: SPF breaks when mail is forwarded. Take out t=y.",
  },
];
