/**
 * Who asks an account for something, as the Worker has seen it: proved by its token's tag, not yet by the account.
 */
import type { ApiKeyClaims } from "../core/token.ts";

export type Visitor =
  | ({ kind: "key"; ip: string | undefined } & ApiKeyClaims)
  /** The admin token was right. */
  | { kind: "operator"; ip: string | undefined };

/** A visitor at a moment: what rooms that write down who did something need. */
export type Visit = { visitor: Visitor; nowMs: number };

export const actorOf = (visitor: Visitor): string =>
  visitor.kind === "operator" ? "operator" : `api_key:${visitor.key}`;
