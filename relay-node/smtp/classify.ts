/**
 * What a refusal means: one table over (phase, code, enhanced code), read from the top, first fit wins.
 *
 * Total: every phase and every code has an answer, the last rows are the defaults. The first digit decides
 * only there. The table looks at codes, never at text: words change, and a text can be the sender's own.
 * It does not decide whether to retry; that is the account's.
 *
 * - RFC 5321 §4.2.2, §4.2.3: what each code says
 * - RFC 3463 §3: what `subject.detail` of an enhanced code says
 */
import type { Phase } from "#contract/reply.ts";

/** `server`: the failure speaks of this host, another MX may do better (RFC 5321 §5.1). `recipient`: every host would say it. */
export type Scope = "recipient" | "server";

export type Classification = {
  kind: "delivered" | "deferred" | "bounced" | "unknown";
  scope: Scope;
  /** A short sentence for people. */
  reason: string;
};

type Row = Classification & {
  /** Absent: any. */
  phases?: readonly Phase[];
  /** Exact codes, or the class 2, 3, 4 or 5; absent: any. */
  codes?: readonly number[];
  /** `2.2` is exact, `3.` is a whole subject; the class is the code's own. Absent: any, also none. */
  statuses?: readonly string[];
};

/** Whether a reply lets the dialogue go on, or for `dot` ends it well (RFC 5321 §4.3.2). */
export const advances = (phase: Phase, code: number): boolean => {
  switch (phase) {
    case "greeting":
    case "tls":
      return code === 220;
    case "auth":
      return code === 235;
    case "data":
      return code === 354;
    case "ehlo":
    case "mail":
    case "rcpt":
    case "dot":
      return code >= 200 && code < 300;
    case "route":
    case "connect":
    case "local":
      return false;
  }
};

/** The meaning of a reply that ends a delivery in this phase. `enhanced` is the whole `5.1.1`. */
export const classify = (phase: Phase, code: number, enhanced?: string): Classification =>
  ROWS.find((row) => fits(row, phase, code, enhanced)) ?? NOT_IN_SMTP;

const fits = (row: Row, phase: Phase, code: number, enhanced: string | undefined): boolean => {
  if (row.phases && !row.phases.includes(phase)) return false;
  if (row.codes && !row.codes.includes(code) && !row.codes.includes(Math.floor(code / 100))) return false;
  if (!row.statuses) return true;
  const status = enhanced?.slice(2) ?? "";
  return row.statuses.some((wanted) => (wanted.endsWith(".") ? status.startsWith(wanted) : status === wanted));
};

const NOT_IN_SMTP: Classification = { kind: "deferred", scope: "server", reason: "the server answered out of turn" };

const delivered = (reason: string): Classification => ({ kind: "delivered", scope: "recipient", reason });
const deferredBy = (scope: Scope, reason: string): Classification => ({ kind: "deferred", scope, reason });
const bouncedBy = (scope: Scope, reason: string): Classification => ({ kind: "bounced", scope, reason });

const OPENING = ["greeting", "ehlo"] as const;
const ENVELOPE = ["mail", "rcpt", "data", "dot"] as const;

const ROWS: readonly Row[] = [
  { phases: ["dot"], codes: [2], ...delivered("accepted") },
  // All was sent, and the answer neither takes nor refuses it.
  { phases: ["dot"], codes: [3], kind: "unknown", scope: "recipient", reason: "the server gave no verdict" },

  // RFC 5321 §3.8: the server closes, whatever was asked; rate limits come as 421 4.7.x too.
  { codes: [421], ...deferredBy("server", "the server is closing the connection") },

  // RFC 7504 §3: a host that never takes mail. Another MX may; if none does, waiting will not help.
  { phases: OPENING, codes: [521], ...bouncedBy("server", "the host accepts no mail") },
  // RFC 5321 §3.1: 554 refuses the session, before it knows any mail. Blocks of an IP address end, so the mail waits.
  { phases: OPENING, codes: [5], ...deferredBy("server", "the server refuses our connection") },
  { phases: OPENING, codes: [4], ...deferredBy("server", "the server is not ready") },
  { phases: ["tls"], codes: [4, 5], ...deferredBy("server", "the server offers STARTTLS and refuses it") },
  // RFC 4954 §6. Wrong credentials are the operator's to mend: the customer's mail waits for it.
  { phases: ["auth"], codes: [454, 432], ...deferredBy("server", "the server cannot authenticate us now") },
  { phases: ["auth"], codes: [534, 538], ...deferredBy("server", "the server wants another way to authenticate") },
  { phases: ["auth"], codes: [4, 5], ...deferredBy("server", "the server refuses our credentials") },
  { phases: ENVELOPE, codes: [530, 534, 535, 538], ...deferredBy("server", "the server wants authentication or TLS") },

  // RFC 5321 §4.5.3.1.10: "too many recipients" is temporary even as 5xx; RFC 3463 §3.6, X.5.3.
  { phases: ENVELOPE, codes: [4, 5], statuses: ["5.3"], ...deferredBy("recipient", "too many recipients for now") },

  // RFC 3463 §3.3, X.2.2. A 4yz mailbox may be emptied; a server that says 5yz has given up waiting for that.
  { phases: ENVELOPE, codes: [5], statuses: ["2.2"], ...bouncedBy("recipient", "the mailbox is full") },
  { phases: ENVELOPE, codes: [4], statuses: ["2.2"], ...deferredBy("recipient", "the mailbox is full") },

  // RFC 3463 §3.4, X.3.4 and §3.3, X.2.3.
  { phases: ENVELOPE, codes: [5], statuses: ["3.4", "2.3"], ...bouncedBy("recipient", "the message is too big") },
  // RFC 3463 §3.4: the mail system itself, not the mailbox.
  { phases: ENVELOPE, codes: [5], statuses: ["3."], ...bouncedBy("server", "the mail system does not take it") },
  { phases: ENVELOPE, codes: [4], statuses: ["3.1"], ...deferredBy("server", "the mail system is full") },
  { phases: ENVELOPE, codes: [4], statuses: ["3."], ...deferredBy("server", "the mail system has a problem") },
  // RFC 3463 §3.5, X.4.6.
  { phases: ENVELOPE, codes: [5], statuses: ["4.6"], ...bouncedBy("server", "the mail goes round in a loop") },
  { phases: ENVELOPE, codes: [4], statuses: ["4."], ...deferredBy("server", "the server has a network problem") },

  // RFC 3463 §3.2, X.1.7 and X.1.8, in whichever phase the server looks at the sender.
  {
    phases: ENVELOPE,
    codes: [5],
    statuses: ["1.7", "1.8"],
    ...bouncedBy("recipient", "the sender address is refused"),
  },
  {
    phases: ENVELOPE,
    codes: [4],
    statuses: ["1.7", "1.8"],
    ...deferredBy("recipient", "the sender cannot be checked"),
  },
  // RFC 3463 §3.8; RFC 7372 for 7.20 to 7.26, what failed authentication of the mail means.
  {
    phases: ENVELOPE,
    codes: [5],
    statuses: ["7.20", "7.21", "7.22", "7.23", "7.24", "7.25", "7.26"],
    ...bouncedBy("recipient", "the mail failed SPF, DKIM, DMARC or reverse DNS"),
  },
  { phases: ENVELOPE, codes: [5], statuses: ["7."], ...bouncedBy("recipient", "refused by policy") },
  // RFC 6647 §5: greylisting.
  { phases: ENVELOPE, codes: [4], statuses: ["7."], ...deferredBy("recipient", "held off by policy or greylisting") },
  // RFC 3463 §3.7.
  { phases: ENVELOPE, codes: [5], statuses: ["6."], ...bouncedBy("recipient", "the content is refused") },

  // RFC 3463 §3.2, X.1.6 and §3.3, X.2.1.
  {
    phases: ["rcpt", "data", "dot"],
    codes: [5],
    statuses: ["1.6"],
    ...bouncedBy("recipient", "the mailbox has moved"),
  },
  {
    phases: ["rcpt", "data", "dot"],
    codes: [5],
    statuses: ["2.1"],
    ...bouncedBy("recipient", "the mailbox is disabled"),
  },
  // RFC 3463 §3.2, X.1.2 and X.1.10 (RFC 7505 §4.2); RFC 7504 §4 for 556.
  {
    phases: ["rcpt", "data", "dot"],
    codes: [5],
    statuses: ["1.2", "1.10"],
    ...bouncedBy("recipient", "the domain takes no mail"),
  },
  { phases: ["mail", "rcpt"], codes: [556], ...bouncedBy("recipient", "the domain takes no mail") },
  {
    phases: ["rcpt", "data", "dot"],
    codes: [5],
    statuses: ["1.3"],
    ...bouncedBy("recipient", "the address is malformed"),
  },
  {
    phases: ["rcpt", "data", "dot"],
    codes: [5],
    statuses: ["1."],
    ...bouncedBy("recipient", "the mailbox does not exist"),
  },

  // RFC 5321 §4.2.4: a server that knows no such command or order has lost its place; our command was right.
  {
    phases: ENVELOPE,
    codes: [500, 502, 503, 504],
    ...deferredBy("server", "the server lost its place in the dialogue"),
  },
  // RFC 5321 §4.1.1.11: parameters it announced itself; another host may know them.
  { phases: ["mail", "rcpt"], codes: [555], ...bouncedBy("server", "the server refuses parameters it announced") },

  { phases: ["mail"], codes: [501, 553], ...bouncedBy("recipient", "the sender address is refused") },
  { phases: ["mail"], codes: [552], ...bouncedBy("recipient", "the message is too big") },
  { phases: ["mail"], codes: [4], ...deferredBy("server", "the server takes no mail now") },
  { phases: ["mail"], codes: [5], ...bouncedBy("recipient", "the server refuses the sender") },

  // RFC 5321 §4.5.3.1.10: a bare 552 here is the old "too many recipients" and is to be read as 452.
  { phases: ["rcpt"], codes: [552, 452], ...deferredBy("recipient", "too many recipients or no room for now") },
  { phases: ["rcpt"], codes: [501, 553], ...bouncedBy("recipient", "the address is malformed or not allowed") },
  // RFC 5321 §3.4.
  { phases: ["rcpt"], codes: [551], ...bouncedBy("recipient", "the user is not local") },
  { phases: ["rcpt"], codes: [550], ...bouncedBy("recipient", "the mailbox is refused") },
  { phases: ["rcpt"], codes: [450], ...deferredBy("recipient", "the mailbox is busy or greylisted") },
  // RFC 5321 §4.2.3 calls 451 a local error; to RCPT nearly all of them are greylisting (RFC 6647 §2.5).
  { phases: ["rcpt"], codes: [451], ...deferredBy("recipient", "held off, perhaps by greylisting") },
  { phases: ["rcpt"], codes: [4], ...deferredBy("recipient", "the recipient cannot be served now") },
  { phases: ["rcpt"], codes: [5], ...bouncedBy("recipient", "the recipient is refused") },

  { phases: ["data"], codes: [4], ...deferredBy("server", "the server takes no message now") },
  { phases: ["data"], codes: [5], ...bouncedBy("recipient", "the server refuses to take the message") },

  { phases: ["dot"], codes: [552], ...bouncedBy("recipient", "the message is too big or the mailbox full") },
  { phases: ["dot"], codes: [452], ...deferredBy("server", "the mail system is full") },
  { phases: ["dot"], codes: [4], ...deferredBy("recipient", "the message was not taken this time") },
  { phases: ["dot"], codes: [5], ...bouncedBy("recipient", "the message is refused") },

  // `route`, `connect`, `local`, and 2yz or 3yz where they have no place.
  { ...NOT_IN_SMTP },
];
