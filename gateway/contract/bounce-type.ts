/**
 * What kind of bounce a refusal is, in Resend's words: one table over the codes, then one over the server's text.
 *
 * `Permanent` takes an address off all later mail, so only what speaks of the address itself is: never a refusal for
 * policy, content, size or the sender's address, and never a guess. The text is asked only where the code says
 * nothing by itself, and can then make a hard bounce only with words for an address that is not there.
 * It does not say whether a refusal ends a delivery; that is `relay-node/smtp/classify.ts`.
 */
import { z } from "zod";

/**
 * `Permanent`: no mail will ever reach this address. `Transient`: this mail did not, another may.
 * `Undetermined`: nobody can tell.
 */
export const BounceType = z.enum(["Permanent", "Transient", "Undetermined"]);
export type BounceType = z.infer<typeof BounceType>;

/** `NoEmail`: a hard bounce that does not say whose. */
export const BounceSubType = z.enum([
  "General",
  "NoEmail",
  "MailboxFull",
  "MessageTooLarge",
  "ContentRejected",
  "AttachmentRejected",
  "Undetermined",
]);
export type BounceSubType = z.infer<typeof BounceSubType>;

export type BounceVerdict = { type: BounceType; subType: BounceSubType };

/** A reply or what a report quotes of one. A whole `Reply` fits. */
export type Refusal = { code?: number | undefined; enhanced?: string | undefined; text: string };

const HARD: BounceVerdict = { type: "Permanent", subType: "General" };
const SOFT: BounceVerdict = { type: "Transient", subType: "General" };
const FULL: BounceVerdict = { type: "Transient", subType: "MailboxFull" };
const LARGE: BounceVerdict = { type: "Transient", subType: "MessageTooLarge" };
const CONTENT: BounceVerdict = { type: "Transient", subType: "ContentRejected" };
const ATTACHMENT: BounceVerdict = { type: "Transient", subType: "AttachmentRejected" };
const UNSURE: BounceVerdict = { type: "Undetermined", subType: "Undetermined" };

/** Characters of a text that are looked at. */
const TEXT_LIMIT = 2000;

export const bounceTypeOf = ({ code, enhanced, text }: Refusal): BounceVerdict => {
  const [, statusClass, status] = /^([45])\.(\d{1,3}\.\d{1,3})$/.exec(enhanced ?? "") ?? [];
  if (status === undefined) return byCode(code, text);
  const verdict = BY_STATUS.find(([statuses]) => statuses.some((wanted) => fits(status, wanted)))?.[1];
  // RFC 3463 §2: the class says whether trying again may help; even of a mailbox that "does not exist" for now.
  if (statusClass === "4" || isTemporary(code)) return verdict?.type === "Transient" ? verdict : SOFT;
  return verdict ?? byText(text) ?? UNSURE;
};

/** RFC 3463 §2: `2.2` is exact, `3.` a whole subject. */
const fits = (status: string, wanted: string): boolean =>
  wanted.endsWith(".") ? status.startsWith(wanted) : status === wanted;

const isTemporary = (code: number | undefined): boolean => code !== undefined && code >= 400 && code < 500;

/** `subject.detail` of class 5, first fit wins. What is not here is vague: the text is asked. */
const BY_STATUS: readonly (readonly [statuses: readonly string[], verdict: BounceVerdict])[] = [
  // RFC 3463 §3.2: no such mailbox, no such system, bad syntax, ambiguous, moved. X.1.10 is a null MX (RFC 7505 §4.2).
  [["1.1", "1.2", "1.3", "1.4", "1.6", "1.10"], HARD],
  // RFC 3463 §3.2 X.1.7, X.1.8; RFC 7505 §4.2 X.7.27: the sender's address, which says nothing of the recipient's.
  [["1.7", "1.8", "1.9", "7.27"], SOFT],
  // RFC 3463 §3.3: disabled, full, message too long.
  [["2.1"], HARD],
  [["2.2"], FULL],
  [["2.3", "3.4"], LARGE],
  // RFC 3463 §3.4: the system, not the mailbox.
  [["3."], SOFT],
  // RFC 3463 §3.5 without X.4.0, X.4.1 and X.4.4, which large systems also give for addresses that are not there.
  [["4.2", "4.3", "4.5", "4.6", "4.7", "4.8", "4.9"], SOFT],
  // Exchange Online: the domain does not exist; and a message that expired, or went round.
  [["4.310"], HARD],
  [["4.14", "4.300", "4.312", "4.316"], SOFT],
  // RFC 3463 §3.6: too many recipients.
  [["5.3"], SOFT],
  // RFC 6531 §3.7.4: an address beyond ASCII on a path that knows only ASCII.
  [["6.7"], SOFT],
  [["6."], CONTENT],
  // RFC 7372: the mail failed SPF, DKIM or reverse DNS.
  [["7.20", "7.21", "7.22", "7.23", "7.24", "7.25", "7.26"], SOFT],
  // RFC 3463 §3.8 X.7.4 to X.7.7: cryptography.
  [["7.4", "7.5", "7.6", "7.7"], SOFT],
];

/** RFC 5321 §4.2.3, without an enhanced code. A bare 550 is the mailbox or policy: the text may tell. */
const byCode = (code: number | undefined, text: string): BounceVerdict => {
  if (isTemporary(code)) return byText(text)?.subType === "MailboxFull" ? FULL : SOFT;
  // RFC 7504 §4: the domain takes no mail.
  if (code === 556) return HARD;
  const verdict = byText(text);
  if (verdict) return verdict;
  return code === 552 ? FULL : UNSURE;
};

/**
 * Words, first fit wins. What is against us or the mail stands above what is against the address: a server that
 * says both ("mailbox unavailable: your IP is on a block list") does not tell us about the address.
 */
const BY_TEXT: readonly (readonly [words: RegExp, verdict: BounceVerdict])[] = [
  [
    /\b(?:sender|from|return-?path|envelope from)\b[^.;]{0,40}\b(?:reject|verif|invalid|denied|not exist|unknown)/i,
    SOFT,
  ],
  [/\bspf\b|\bdkim\b|\bdmarc\b|unauthenticated|\brdns\b|reverse dns|\bptr\b/i, SOFT],
  [/attachment|file type|executable/i, ATTACHMENT],
  [
    /quota|mailbox (?:is |was )?(?:too )?full|over ?quota|out of storage|storage (?:limit|allocation)|insufficient disk/i,
    FULL,
  ],
  [/too (?:large|big|long)|(?:message|size) (?:size )?exceed|size limit|maximum (?:message )?size/i, LARGE],
  [
    /\bspam|\bjunk|virus|malware|phish|content|\bunsolicited|\buce\b|\bube\b|\bbulk mail|suspicious|message (?:was )?(?:rejected|blocked)/i,
    CONTENT,
  ],
  [
    /block ?list|black ?list|\bdnsbl|\brbl\b|spamhaus|barracuda|reputation|\bbanned|blocked|\bpolicy|prohibited|\brate\b|too many|not permitted|unable to relay|\brelay(?:ing)? (?:access )?(?:denied|is denied|not)|authenticat|closed group|restricted|unable to verify/i,
    SOFT,
  ],
  [/timed? ?out|temporar|try (?:again|later)|connection (?:refused|reset)|expired|retry/i, SOFT],
  // Advice to the reader, not what happened.
  [/\b(?:may|might)\b|possible (?:cause|reason)|perhaps|\beither\b/i, UNSURE],
  // RFC 7505 §4.2, as Postfix has it.
  [/^(?:x-postfix; )?domain \S{1,255} does not accept mail|\bnull ?mx\b/i, HARD],
  [
    /(?:no such|unknown|invalid|non-?existent|bad) (?:local )?(?:user|mailbox|recipient|address|account|domain|host)/i,
    HARD,
  ],
  [
    /(?:user|mailbox|recipient|address|account|host|domain)\b[^.;]{0,60}(?:not found|unknown|(?:does ?n[o']?t|do not|not) exist|(?:could ?n[o']?t|cannot) be found|doesn't have|is ?n[o']?t (?:a )?(?:valid|known|local)|not (?:listed|known|valid|recogni[sz]ed|here))/i,
    HARD,
  ],
  [
    /(?:user|mailbox|account|address)\b[^.;]{0,40}(?:disabled|inactive|deactivated|discontinued|no longer (?:available|in use|valid|active|exists|accept))|no mailbox here|no (?:user|account|mailbox) (?:by|with|here)|not a (?:known|valid) (?:user|mailbox|recipient)/i,
    HARD,
  ],
];

const byText = (text: string): BounceVerdict | undefined => {
  // An address is its owner's words, not the server's: `spam@example.com` says nothing.
  const looked = text
    .slice(0, TEXT_LIMIT)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/[^\s<>()"']{1,64}@[^\s<>()"',;:]{1,255}/g, "@");
  return BY_TEXT.find(([words]) => words.test(looked))?.[1];
};
