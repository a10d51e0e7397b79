/**
 * The desk for mail to domains with receiving on: any address of such a domain, kept by the account that has it.
 *
 * 2xx means that the account has the message. A message for several recipients of an account is one there; it is kept
 * when the first of them is answered, and the others are told the same.
 */
import type { Logger } from "pino";
import {
  RECEIVED_LIMIT_BYTES,
  TRACE_LIMIT_BYTES,
  type ReceivedMail,
  type ReceivedVerdict,
} from "#contract/received.ts";
import { parseDomain } from "#dns/domain.ts";
import { cleanText } from "./field-groups.ts";
import type { Authenticate } from "./received-authentication.ts";
import { readFields } from "./received-fields.ts";
import { outlineOf } from "./received-outline.ts";
import { type Post, receivedKey } from "./received-post.ts";
import type { ReceivingDomains } from "./receiving-domains.ts";
import type { Desk, InboundDelivery, SmtpReply } from "./reception.ts";
import { receivedField } from "./trace-field.ts";

export type ReceivedDeskOptions = {
  /** What this relay calls itself. */
  name: string;
  domains: Pick<ReceivingDomains, "receiverOf" | "forget">;
  authenticate: Authenticate;
  post: Post;
  log: Logger;
  nowMs: () => number;
};

/** By account, the reply to a message. */
type Replies = Map<string, Promise<SmtpReply>>;

export const createReceivedDesk = (options: ReceivedDeskOptions): Desk => {
  const { domains } = options;
  /** By the bytes of a message, which are the same for all its recipients. */
  const replies = new WeakMap<Uint8Array, Replies>();
  return {
    owns: async ({ localPart, domain }) => {
      if (localPart === "" || domain === "") return "no";
      const { kind } = await domains.receiverOf(domain);
      return kind === "account" ? "yes" : kind === "nobody" ? "no" : "unknown";
    },
    wanted: { bytes: RECEIVED_LIMIT_BYTES, beyond: "refuse" },
    take: async (delivery) => {
      const receiver = await domains.receiverOf(domainOf(delivery.recipient));
      if (receiver.kind !== "account") return receiver.kind === "nobody" ? NOBODY : LATER;
      const ofMessage: Replies = replies.get(delivery.bytes) ?? new Map();
      replies.set(delivery.bytes, ofMessage);
      const reply = ofMessage.get(receiver.account) ?? keep(options, receiver.account, delivery);
      ofMessage.set(receiver.account, reply);
      return reply;
    },
  };
};

const NOBODY: SmtpReply = { code: 550, text: "5.1.1 There is no such address here" };
const LATER: SmtpReply = { code: 451, text: "4.3.0 The message cannot be kept now, try again later" };
const LONG_HEADER: SmtpReply = { code: 552, text: "5.3.4 Its header is too long" };

const keep = async (options: ReceivedDeskOptions, account: string, delivery: InboundDelivery): Promise<SmtpReply> => {
  const { domains, authenticate, post, log } = options;
  const { bytes, mailFrom } = delivery;
  const outline = outlineOf(bytes);
  if (!outline) return LONG_HEADER;
  const receivedFor = await ofAccount(domains, account, delivery);
  const key = receivedKey(mailFrom, receivedFor, bytes);
  const { authentication, fields } = await authenticate(delivery, outline.top);
  const trace = traceOf(options, delivery, key, fields);
  const { headers, text, html, ...head } = await readFields(bytes, outline, trace.length);
  const mail: ReceivedMail = {
    head: { ...head, received_for: receivedFor, authentication },
    body: { headers, text, html },
    size: trace.length + bytes.length,
  };
  const verdict = await post(account, key, mail, [trace, bytes]);
  log.info({ event: "received", account, verdict, size: bytes.length });
  return verdict === "no-domain" ? replyToOthers(domains, receivedFor) : replyTo(verdict);
};

/** It is not this account's any more. Refused is what nobody has, as the gateway says now: another may have it since. */
const replyToOthers = async (
  domains: ReceivedDeskOptions["domains"],
  receivedFor: readonly string[],
): Promise<SmtpReply> => {
  const names = new Set(receivedFor.map(domainOf));
  for (const domain of names) domains.forget(domain);
  const receivers = await Promise.all(Array.from(names, (domain) => domains.receiverOf(domain)));
  return receivers.every(({ kind }) => kind === "nobody") ? NOBODY : LATER;
};

const replyTo = (verdict: Exclude<ReceivedVerdict, "no-domain"> | "unavailable"): SmtpReply => {
  switch (verdict) {
    case "stored":
    case "known":
      return { code: 250, text: "2.0.0 Taken" };
    case "full":
      return { code: 452, text: "4.2.2 There is no room for it now" };
    case "suspended":
      return { code: 450, text: "4.2.1 Nothing is taken for this address now" };
    case "unavailable":
      return LATER;
  }
};

/** smtp-server hands domains over in Unicode. */
const domainOf = (address: string): string => {
  const parsed = parseDomain(address.slice(address.lastIndexOf("@") + 1));
  return parsed.kind === "domain" ? parsed.domain : "";
};

/** The recipients that are the account's, in one spelling of their domain. */
const ofAccount = async (
  domains: ReceivedDeskOptions["domains"],
  account: string,
  { recipient, recipients = [recipient] }: InboundDelivery,
): Promise<string[]> => {
  const receivers = await Promise.all(recipients.map((address) => domains.receiverOf(domainOf(address))));
  const own = recipients.filter((_, index) => {
    const receiver = receivers[index];
    return receiver?.kind === "account" && receiver.account === account;
  });
  return [...new Set(own.map((address) => `${address.slice(0, address.lastIndexOf("@"))}@${domainOf(address)}`))];
};

/** RFC 5321 §4.4: the envelope sender, how it came, and what was proved; the newest on top. */
const traceOf = (
  { name, nowMs }: ReceivedDeskOptions,
  { client, mailFrom }: InboundDelivery,
  key: string,
  fields: string,
): Buffer => {
  const own =
    `Return-Path: <${cleanText(mailFrom).replaceAll(/[<>]/g, "")}>\r\n` +
    receivedField({ client, name, id: key.slice(0, 16), nowMs: nowMs() });
  const trace = Buffer.from(own + fields);
  return trace.length <= TRACE_LIMIT_BYTES ? trace : Buffer.from(own);
};
