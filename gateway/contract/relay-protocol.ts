/**
 * What relay nodes and the gateway say to each other over one WebSocket a pool, and beside it by HTTPS.
 *
 * A frame is text: a JSON header on the first line, then, for `batch` and `settled`, one JSON text a
 * line. The pool reads headers only; the lines pass through it unparsed between account and relay.
 *
 *   relay → gateway   hello (+ one line of outcomes an account) · credit · settled (+ the same) · trapped (+ 1 line) ·
 *                     recalled · bye
 *   gateway → relay   welcome · batch (+ 1 line) · ack · credit? · recall · (close codes below)
 *
 * Credit is absolute: `free` is how many more deliveries the relay wants to hold, counted when it had
 * seen the batch numbered `seen`. It is set, never added to.
 * Settlement is idempotent: an outcome whose lease no longer holds the delivery changes nothing.
 * A recall is answered when none of its deliveries can begin any more; their outcomes come like all others. One that is
 * said before the welcome counts before anything may begin.
 * The text `ping` is answered `pong` without waking the pool; it is the sign of life.
 */
import { z } from "zod";
import { isAccountId } from "./ids.ts";
import { Variables } from "./merge.ts";
import { Outcome } from "./outcome.ts";

export const PROTOCOL = 1;

/** Most deliveries in one batch. */
export const BATCH_LIMIT = 100;
/** Deliveries a relay holds at most, by default. */
export const CREDIT_WINDOW = 1000;
/** A relay pings this often: twice before it would count as cut off. */
export const PING_INTERVAL_MS = 4000;
/** Cut off from the gateway for this long, a relay starts no new SMTP transaction before it has joined anew. */
export const SELF_FENCE_MS = 10_000;
/** Without a sign of life for this long, and the grace after it, a relay's leases return. */
export const RELAY_DEAD_AFTER_MS = 120_000;
export const RELAY_GRACE_MS = 60_000;
/** Content up to this many characters of JSON rides in the batch; longer is fetched once and cached. */
export const INLINE_CONTENT_LIMIT = 128 * 1024;

/** Why the gateway closes a relay's socket. 4000-4999 are free for applications (RFC 6455 §7.4.2). */
export const CLOSE = {
  /** A frame that is not in this protocol. The relay reconnects. */
  malformed: 4400,
  /** The token is unknown or was revoked. The relay stops. */
  unauthorised: 4401,
  /** Another process joined with the same token. The relay stops. */
  superseded: 4409,
} as const;

// ---- relay → gateway -------------------------------------------------------------------------------

/** Checked, so that a relay's word makes no object that nobody asked for. */
const AccountId = z.string().refine(isAccountId, "is not an account id");

/** A number of outcomes for one account; the outcomes themselves are on the line of the same rank. */
const Part = z.object({ account: AccountId, count: z.int().min(0) });

const Credit = { free: z.int().min(0), seen: z.int().min(0) };

export const FromRelay = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("hello"),
    protocol: z.literal(PROTOCOL),
    version: z.string().max(100),
    /** New for each process: tells a reconnect from a restart. */
    epoch: z.string().min(1).max(100),
    ...Credit,
    /**
     * Deliveries in the relay's hands and not yet finished, by account. What a lease has beyond them was lost; what no
     * lease of the relay has is recalled before the welcome.
     */
    holding: z.array(z.object({ account: AccountId, ks: z.array(z.int()) })),
    /** Finished and not yet acknowledged: one line each. The welcome acknowledges them. */
    parts: z.array(Part),
    /** It knows `recall`; an older relay would take the frame for a broken protocol. */
    recalls: z.boolean().optional(),
  }),
  z.object({ type: z.literal("credit"), ...Credit }),
  z.object({ type: z.literal("settled"), seq: z.int().min(1), ...Credit, parts: z.array(Part).min(1) }),
  /** A message kept by the sandbox trap; the line is a `Trapped`. */
  z.object({ type: z.literal("trapped"), account: AccountId }),
  /** Of the recall of this number nothing begins any more: what was not begun comes back as `released`. */
  z.object({ type: z.literal("recalled"), seq: z.int().min(1) }),
  /**
   * The relay drains: no further batch, please. `done`: it holds nothing, all is acknowledged, and a batch that is
   * still on its way will not be read: what its leases have goes back to the queue at once.
   */
  z.object({ type: z.literal("bye"), done: z.boolean().default(false) }),
]);
export type FromRelay = z.infer<typeof FromRelay>;

/** One line of `settled` or `hello`: the outcomes of one account. */
export const Outcomes = z.array(Outcome);

/** What the sandbox trap kept of one message. */
export const Trapped = z.object({
  /** The delivery it came from, proved by the return-path token. */
  k: z.int(),
  received_at_ms: z.int(),
  mail_from: z.string(),
  rcpt_to: z.string(),
  /** The bytes as received, base64; cut to 1 MiB. */
  raw: z.string(),
  raw_bytes: z.int(),
  /** RFC 8601 results, `dkim=pass …`, one an entry. */
  authentication_results: z.array(z.string()),
});
export type Trapped = z.infer<typeof Trapped>;

// ---- gateway → relay -------------------------------------------------------------------------------

export const ToRelay = z.discriminatedUnion("type", [
  /** The hello was taken: its outcomes are settled, the rest of the leases is re-queued. */
  z.object({ type: z.literal("welcome"), relay: z.string(), name: z.string(), pool: z.string() }),
  /** The line is a `Batch`. `seq` counts batches of this socket. */
  z.object({ type: z.literal("batch"), seq: z.int().min(1), account: z.string(), count: z.int().min(1) }),
  /** The `settled` frame of this number is durable. */
  z.object({ type: z.literal("ack"), seq: z.int().min(1) }),
  /** The pool woke from hibernation and asks for a `credit`. */
  z.object({ type: z.literal("credit?") }),
  /** These deliveries must not begin any more. `seq` counts recalls of this socket; what it does not hold it passes over. */
  z.object({ type: z.literal("recall"), seq: z.int().min(1), account: z.string(), ks: z.array(z.int()) }),
]);
export type ToRelay = z.infer<typeof ToRelay>;

/** The request-level part of an email: stored as JSON text, never changed on its way to the relay. */
export const EmailMeta = z.object({
  from: z.string(),
  to: z.array(z.string()),
  cc: z.array(z.string()).optional(),
  bcc: z.array(z.string()).optional(),
  reply_to: z.array(z.string()).optional(),
  subject: z.string(),
  tags: z.array(z.object({ name: z.string(), value: z.string() })).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  stream: z.enum(["transactional", "bulk"]).optional(),
  require_tls: z.boolean().optional(),
  /** Whether its recipients may unsubscribe by a link; absent: as the domain has it. Of `bulk` they always may. */
  unsubscribe: z.boolean().optional(),
  /** What its domain said, when it was accepted, of links that are one recipient's alone; `url`: its own host for them. */
  links: z
    .object({
      url: z.string().optional(),
      unsubscribe: z.boolean().optional(),
      opens: z.boolean().optional(),
      clicks: z.boolean().optional(),
    })
    .optional(),
  /** When it is to go, ms since the epoch: the message's date, instead of the time it was accepted. */
  scheduled_at: z.int().optional(),
  /** Present: the content has placeholders and is merged for this email. The subject here is merged already. */
  variables: Variables.optional(),
  /** Of the template that brought its content. */
  template_id: z.string().optional(),
});
export type EmailMeta = z.infer<typeof EmailMeta>;

/** The body part of an email: stored once, shared by all its recipients. */
export const EmailContent = z.object({
  text: z.string().optional(),
  html: z.string().optional(),
  headers: z.record(z.string(), z.string()).optional(),
  attachments: z
    .array(
      z.object({
        filename: z.string(),
        /** Standard base64 of the bytes. */
        content: z.string(),
        content_type: z.string().optional(),
        content_id: z.string().optional(),
      }),
    )
    .optional(),
});
export type EmailContent = z.infer<typeof EmailContent>;

/** One email as it rides in a batch: `content` inline, or `part` to fetch at `/relay/accounts/:account/parts/:part`. */
export const LeasedEmail = z.object({
  k: z.int(),
  /** Public id; the Message-ID is `<id@From domain>`. */
  id: z.string(),
  meta: EmailMeta,
  content: EmailContent.optional(),
  part: z.object({ k: z.int(), chunks: z.int() }).optional(),
  /** Where its return-path points, when its domain has one of its own. */
  return_path: z.string().optional(),
});
export type LeasedEmail = z.infer<typeof LeasedEmail>;

export const LeasedDelivery = z.object({
  k: z.int(),
  /** The email's `k`, to be found in `emails`. */
  email: z.int(),
  /** Envelope recipient: `local@domain`. */
  rcpt: z.string(),
  /** 1 for the first try. */
  attempt: z.int().min(1),
});
export type LeasedDelivery = z.infer<typeof LeasedDelivery>;

/** The work of one lease: one account's deliveries and the emails they speak of. */
export const Batch = z
  .object({
    account: z.string(),
    lease: z.int(),
    /** Changes whenever a domain or key of the account changes: the relay's cached keys are for one version. */
    keys_version: z.int(),
    /** Where the return-path of emails without one of their own points. */
    bounce_domain: z.string(),
    /** Base of links in mail whose domain has no host of its own for them; absent: there are none then. */
    public_url: z.string().optional(),
    emails: z.array(LeasedEmail),
    /** Content that several of the emails share: they name it by `part`. What is not here is fetched. */
    parts: z.array(z.object({ k: z.int(), content: EmailContent })).optional(),
    deliveries: z.array(LeasedDelivery).min(1),
  })
  .refine(({ emails, deliveries }) => {
    const known = new Set(emails.map(({ k }) => k));
    return deliveries.every(({ email }) => known.has(email));
  }, "a delivery without its email");
export type Batch = z.infer<typeof Batch>;

// ---- HTTPS beside the socket: Authorization: Bearer <relay token> ----------------------------------

/** `GET /relay/accounts/:account/keys/:domain`: sealed to the relay's token (`gateway/contract/sealed.ts`). */
export const SigningKeys = z.object({
  keys_version: z.int(),
  /** Proves return-path tokens of this account: hex, 32 bytes. */
  return_path_key: z.string(),
  /** Empty: nobody vouched for a key, mail of the domain leaves unsigned. Two: both sign. */
  signers: z.array(
    z.object({
      selector: z.string(),
      algorithm: z.enum(["rsa-sha256", "ed25519-sha256"]),
      /** PKCS#8 PEM. */
      private_key: z.string(),
    }),
  ),
});
export type SigningKeys = z.infer<typeof SigningKeys>;

// ---- framing ---------------------------------------------------------------------------------------

/** A frame's header text and its lines. */
export const splitFrame = (frame: string): { header: string; lines: string[] } => {
  const end = frame.indexOf("\n");
  if (end < 0) return { header: frame, lines: [] };
  return { header: frame.slice(0, end), lines: frame.slice(end + 1).split("\n") };
};

/** JSON never holds a raw line feed, so lines need no escaping. */
export const joinFrame = (header: FromRelay | ToRelay, ...lines: string[]): string =>
  lines.length === 0 ? JSON.stringify(header) : `${JSON.stringify(header)}\n${lines.join("\n")}`;
