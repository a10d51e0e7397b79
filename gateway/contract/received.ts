/**
 * Mail that comes in for domains with receiving on: Resend's shapes of `/v1/emails/receiving`, and what a relay hands over.
 *
 * A message is kept as the bytes that came. What a relay has found in it is an outline: header fields, and where each
 * part stands; parts are decoded when they are read. Addresses, names and texts are what strangers wrote: they prove
 * nothing, only `authentication` says what was proved.
 */
import { z } from "zod";

/** Of one message, without the trace fields that the relay puts before it. */
export const RECEIVED_LIMIT_BYTES = 40_000_000;
/** The trace fields before it have no more. */
export const TRACE_LIMIT_BYTES = 16_384;
/** The JSON line before the bytes of a message. */
export const RECEIVED_LINE_LIMIT = 1_500_000;
/** Octets of the header; what has more is refused. */
export const HEADER_LIMIT_BYTES = 128 * 1024;
/** Parts that are told apart; what comes behind them counts to the last. */
export const PARTS_LIMIT = 200;
/** Addresses of one field. */
export const ADDRESSES_LIMIT = 100;
/** Of a message's recipients here: as many as one SMTP transaction has. */
const RECIPIENTS_LIMIT = 100;
const ADDRESS_LENGTH = 320;
const NAME_LENGTH = 255;

const Address = z.string().max(ADDRESS_LENGTH * 2);
const Addresses = z.array(Address).max(ADDRESSES_LIMIT);

/** RFC 8601 §2.7: `pass`, `fail`, `softfail`, `neutral`, `none`, `policy`, `temperror`, `permerror`. */
const Result = z.string().max(20);

/** What was proved of the sender. Nothing is refused for it: whose domain it is decides. */
export const Authentication = z
  .object({
    spf: Result,
    dkim: Result.meta({ description: "`pass` when one signature holds" }),
    dmarc: Result,
    dmarc_policy: Result.nullable().meta({ description: "What the domain of From asks for: none, quarantine, reject" }),
    arc: Result,
    results: z.array(z.string().max(1000)).max(50).meta({ description: "RFC 8601, one an entry" }),
  })
  .meta({
    id: "Authentication",
    example: { spf: "pass", dkim: "pass", dmarc: "pass", dmarc_policy: "reject", arc: "none", results: ["spf=pass"] },
  });
export type Authentication = z.infer<typeof Authentication>;

/** A leaf of the message; `start` and `end` are of its encoded octets in what is kept. */
export const ReceivedPart = z.object({
  type: z.string().max(NAME_LENGTH),
  encoding: z.enum(["none", "base64", "quoted-printable"]),
  charset: z.string().max(100).nullable(),
  filename: z.string().max(NAME_LENGTH).nullable(),
  content_id: z.string().max(NAME_LENGTH).nullable(),
  content_disposition: z.string().max(100).nullable(),
  start: z.int().min(0),
  end: z.int().min(0),
  /** Decoded. */
  size: z.int().min(0),
});
export type ReceivedPart = z.infer<typeof ReceivedPart>;

/** What lists show. */
export const ReceivedHead = z.object({
  from: Address,
  to: Addresses,
  cc: Addresses,
  bcc: Addresses,
  reply_to: Addresses,
  subject: z.string().max(2000),
  message_id: z.string().max(500),
  received_for: z.array(z.string().max(ADDRESS_LENGTH)).min(1).max(RECIPIENTS_LIMIT),
  authentication: Authentication,
  attachments: z.array(ReceivedPart).max(PARTS_LIMIT),
});
export type ReceivedHead = z.infer<typeof ReceivedHead>;

/** What one email shows beyond that: the first field of each name, and what people read. */
export const ReceivedBody = z.object({
  headers: z.record(z.string(), z.string()),
  text: z.array(ReceivedPart).max(PARTS_LIMIT),
  html: z.array(ReceivedPart).max(PARTS_LIMIT),
});
export type ReceivedBody = z.infer<typeof ReceivedBody>;

/** The first line of `PUT /relay/inbound/messages/:key?account=`; `size` octets follow it. */
export const ReceivedMail = z.object({
  head: ReceivedHead,
  body: ReceivedBody,
  size: z
    .int()
    .min(1)
    .max(RECEIVED_LIMIT_BYTES + TRACE_LIMIT_BYTES),
});
export type ReceivedMail = z.infer<typeof ReceivedMail>;

/**
 * What became of it:
 * - `stored`: it is durable now
 * - `known`: it was before
 * - `no-domain`: the account does not receive for a domain of its recipients
 * - `full`: the account has as much as it may keep
 * - `suspended`: the account takes nothing now
 */
export const ReceivedVerdict = z.enum(["stored", "known", "no-domain", "full", "suspended"]);
export type ReceivedVerdict = z.infer<typeof ReceivedVerdict>;
export const ReceivedReply = z.object({ verdict: ReceivedVerdict });

/** `GET /relay/inbound/domains/:domain`: who receives for it; null: nobody. */
export const ReceivingDomain = z.object({ account: z.string().nullable() });

/** How the relay names a message: SHA-256 of it and its recipients, in hex, so that the same mail is the same again. */
export const RECEIVED_KEY = /^[0-9a-f]{64}$/;

// ---- the API

const InboundAttachment = z.object({
  id: z.string(),
  filename: z.string().nullable().meta({ example: "invoice.pdf" }),
  size: z.int().meta({ description: "Octets, decoded", example: 48_213 }),
  content_type: z.string().meta({ example: "application/pdf" }),
  content_id: z.string().nullable().meta({ example: "logo" }),
  content_disposition: z.string().nullable().meta({ example: "attachment" }),
});

export const ReceivedSummary = z
  .object({
    id: z.string(),
    to: z.array(z.string()),
    from: z.string(),
    created_at: z.string(),
    subject: z.string(),
    bcc: z.array(z.string()).nullable(),
    cc: z.array(z.string()).nullable(),
    reply_to: z.array(z.string()).nullable(),
    received_for: z
      .array(z.string())
      .meta({ description: "The addresses of your domains that it came to", example: ["hello@example.com"] }),
    message_id: z.string(),
    authentication: Authentication,
    attachments: z.array(InboundAttachment),
  })
  .meta({ id: "ReceivedSummary" });
export type ReceivedSummary = z.infer<typeof ReceivedSummary>;

const Link = {
  download_url: z.string().meta({ description: "Needs no key", example: "/received/…?expires=…&signature=…" }),
  expires_at: z.string().meta({ example: "2026-11-24T13:00:00.000Z" }),
};

export const ReceivedDetail = ReceivedSummary.extend({
  object: z.literal("email"),
  html: z.string().nullable(),
  text: z.string().nullable(),
  headers: z
    .record(z.string(), z.string())
    .meta({ description: "The first field of each name, not decoded", example: { subject: "Hello" } }),
  raw: z.object(Link),
}).meta({ id: "ReceivedDetail" });
export type ReceivedDetail = z.infer<typeof ReceivedDetail>;

/** `cid`: as the sender wrote it. `data_uri`: small inline images stand in the HTML. */
export const ReceivedQuery = z.strictObject({ html_format: z.enum(["data_uri", "cid"]).default("data_uri") });

export const ReceivedAttachment = z
  .object({
    id: z.string(),
    filename: z.string().optional().meta({ example: "invoice.pdf" }),
    size: z.int().meta({ example: 48_213 }),
    content_type: z.string().meta({ example: "application/pdf" }),
    content_disposition: z.enum(["inline", "attachment"]),
    content_id: z.string().optional().meta({ example: "logo" }),
    ...Link,
  })
  .meta({ id: "ReceivedAttachment" });
export type ReceivedAttachment = z.infer<typeof ReceivedAttachment>;

/** What `GET …/attachments/:attachment` answers. */
export const ReceivedAttachmentDetail = ReceivedAttachment.extend({ object: z.literal("attachment") }).meta({
  id: "ReceivedAttachmentDetail",
});

/** `data` of `email.received`: it fits a webhook, so long lists are cut. */
export const ReceivedNotice = z.object({
  email_id: z.string(),
  created_at: z.string(),
  from: z.string(),
  to: z.array(z.string()),
  bcc: z.array(z.string()),
  cc: z.array(z.string()),
  received_for: z.array(z.string()),
  message_id: z.string(),
  subject: z.string(),
  authentication: Authentication,
  attachments: z.array(InboundAttachment),
});
export type ReceivedNotice = z.infer<typeof ReceivedNotice>;
