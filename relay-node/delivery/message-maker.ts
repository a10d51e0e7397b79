/**
 * Makes the bytes of an email: content, composed and signed, once for all the recipients of a batch, or for each when
 * the message is personal (`personal-message.ts`).
 *
 * The result depends on the email and delivery alone, so that every try of every relay sends the same bytes.
 */
import type { KeyObject } from "node:crypto";
import { parseMailbox } from "#contract/address.ts";
import { kToMs } from "#contract/ids.ts";
import { composeMessage } from "#contract/mime/compose.ts";
import type { LeasedDelivery, LeasedEmail } from "#contract/relay-protocol.ts";
import { withFeedbackId } from "./feedback-header.ts";
import type { GatewayStore } from "./gateway-store.ts";
import { mergeContent } from "./merge-content.ts";
import { type Personal, personalContent, personalLinks } from "./personal-message.ts";
import { signMessage } from "./sign.ts";

/**
 * - `made`: ready to send
 * - `unavailable`: the gateway did not give what is needed; nothing is wrong with the mail
 * - `unusable`: what the gateway gave cannot be used (a key that does not open) or is not enough (a public URL that is
 *   gone); somebody may mend it
 * - `unsendable`: this email can never be composed or signed
 */
export type Made =
  | { kind: "made"; bytes: Uint8Array; needsSmtpUtf8: boolean; returnPathKey: KeyObject }
  | { kind: "unavailable"; reason: string }
  | { kind: "unusable"; reason: string }
  | { kind: "unsendable"; reason: string };

const NO_LINK: Made = {
  kind: "unusable",
  reason: "The message has a place for the link to unsubscribe by, and none to put there: is HIKYAKU_PUBLIC_URL set?",
};

export class MessageMaker {
  readonly #store: GatewayStore;
  /** By the email object of a batch, or the delivery's when it is personal, until it is forgotten. */
  readonly #made = new WeakMap<LeasedEmail | LeasedDelivery, Promise<Made>>();

  constructor(store: GatewayStore) {
    this.#store = store;
  }

  make(account: string, keysVersion: number, email: LeasedEmail, personal?: Personal): Promise<Made> {
    const key = personal?.delivery ?? email;
    const before = this.#made.get(key);
    if (before) return before;
    const made = this.#make(account, keysVersion, email, personal);
    this.#made.set(key, made);
    return made;
  }

  /** The email or delivery is done with: signed attachments must not stay for as long as the rest of the batch. */
  forget(done: LeasedEmail | LeasedDelivery): void {
    this.#made.delete(done);
  }

  async #make(account: string, keysVersion: number, email: LeasedEmail, personal: Personal | undefined): Promise<Made> {
    const from = parseMailbox(email.meta.from);
    if (from.kind === "invalid") return { kind: "unsendable", reason: `The sender cannot be read: ${from.reason}` };
    const keys = await this.#store.keys(account, from.mailbox.domain, keysVersion);
    if (keys.kind !== "fetched") return keys;
    const content = email.content
      ? { kind: "fetched" as const, value: email.content }
      : await this.#store.content(account, email.part ?? { k: 0, chunks: 0 });
    if (content.kind !== "fetched") return content;
    try {
      const { k, id, meta } = email;
      const { returnPathKey } = keys.value;
      const links = personal && personalLinks(account, personal, returnPathKey);
      const merged = mergeContent(content.value, meta.variables, links?.unsubscribe);
      if (merged.kind === "linkless") return NO_LINK;
      const own = links ? await personalContent(merged.content, links) : merged.content;
      const marked = withFeedbackId(own, account, email, personal?.delivery, returnPathKey);
      const { bytes, needsSmtpUtf8 } = composeMessage({ k, id, meta, content: marked });
      const signed = await signMessage(bytes, keys.value.signers, Math.floor((meta.scheduled_at ?? kToMs(k)) / 1000));
      return { kind: "made", bytes: signed, needsSmtpUtf8, returnPathKey };
    } catch (error) {
      return {
        kind: "unsendable",
        reason: `The message cannot be made: ${error instanceof Error ? error.message : "unknown"}`,
      };
    }
  }
}
