/**
 * What a scripted SMTP server answers, as data, and the book that counts visits.
 */

/**
 * One answer: a reply (`550 5.1.1 no`; several lines by "\r\n"), or `disconnect`, or `silence` (the connection
 * stays, nothing is answered any more), or for `starttls` only `bad-handshake` (220, then garbage).
 */
export type Answer = string;
/** A list is by visit: the first time, the second…; its last answer stays. */
export type Answers = Answer | readonly Answer[];

export type Script = {
  greeting?: Answers;
  /** Replaces the whole EHLO reply. */
  ehlo?: Answers;
  helo?: Answers;
  starttls?: Answers;
  /** Answers to AUTH and to each line after a 334. */
  auth?: Answers;
  mail?: Answers;
  rcpt?: Answers;
  data?: Answers;
  /** Acts on the first octets of a message, before its dot: `disconnect`, `silence` or a reply. */
  message?: Answers;
  dot?: Answers;
  rset?: Answers;
};

export const EXTENSIONS = ["PIPELINING", "SIZE 10485760", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"] as const;

const DEFAULTS: Record<Exclude<keyof Script, "ehlo">, Answer> = {
  greeting: "220 scripted.test ESMTP",
  helo: "250 scripted.test",
  starttls: "220 2.0.0 go ahead",
  auth: "235 2.7.0 welcome",
  mail: "250 2.1.0 sender ok",
  rcpt: "250 2.1.5 recipient ok",
  data: "354 go ahead",
  message: "",
  dot: "250 2.0.0 taken",
  rset: "250 2.0.0 reset",
};

/** Answers in turn: a recipient's own first, then the server's, then the defaults. */
export class AnswerBook {
  readonly #script: Script;
  readonly #recipients: Record<string, Script>;
  readonly #offers: readonly string[];
  readonly #visits = new Map<string, number>();

  constructor(script: Script, recipients: Record<string, Script>, offers: readonly string[]) {
    this.#script = script;
    this.#recipients = recipients;
    this.#offers = offers;
  }

  next(verb: keyof Script, recipient?: string): Answer {
    const own = recipient === undefined ? undefined : this.#recipients[recipient]?.[verb];
    const answers = own ?? this.#script[verb] ?? (verb === "ehlo" ? this.#ehlo() : DEFAULTS[verb]);
    const key = own === undefined ? verb : `${verb} ${recipient}`;
    const visit = this.#visits.get(key) ?? 0;
    this.#visits.set(key, visit + 1);
    return typeof answers === "string" ? answers : (answers[Math.min(visit, answers.length - 1)] ?? "");
  }

  isScripted(verb: keyof Script): boolean {
    return this.#script[verb] !== undefined;
  }

  #ehlo(): Answer {
    const lines = ["scripted.test", ...this.#offers];
    return lines.map((line, at) => `250${at === lines.length - 1 ? " " : "-"}${line}`).join("\r\n");
  }
}
