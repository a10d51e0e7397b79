/**
 * What one required record comes to at its name: it stands, it is to be put there, or it must not be.
 *
 * A need knows its record and judges what was found at the name; the ways of the DNS that concern every record (CNAMEs,
 * wildcards, several needs at one name) are the plan's part.
 */
import type { Resolve } from "./resolver.ts";
import type { MailRecord, Purpose } from "./zone.ts";

export type Verdict =
  /** `record` may be that of another name, which counts here. `caution` as in `Change`. */
  | { kind: "standing"; record: MailRecord; caution?: string }
  /** `from` may be empty. */
  | { kind: "change"; from: readonly MailRecord[]; to: MailRecord; caution?: string }
  /** The change would break what is the owner's: `standing` and `text` as in `Change`. */
  | { kind: "conflict"; standing: readonly MailRecord[]; text: string }
  | { kind: "unknown"; reason: string };

export type Need = {
  purpose: Purpose;
  name: string;
  type: "MX" | "TXT";
  /** Of all records of the type that receivers find at the name. Never rejects over what the DNS says. */
  judge: (found: readonly MailRecord[], resolve: Resolve, signal: AbortSignal) => Promise<Verdict>;
  /** What a wildcard gives the name counts there, and a record of its own begins as that. */
  keepsGiven?: true;
  /** A sentence: what to do when the name is taken. */
  instead: string;
};
