/**
 * From a checked send to one that may be stored: the template it names, the sender it claims, the windows it uses.
 *
 * Everything here happens in one turn, in memory and by look-ups of a row: between a window's answer and its booking
 * nothing else can come. A refusal books nothing.
 */
import { mayUnsubscribe } from "#contract/list-unsubscribe.ts";
import type { Variables } from "#contract/merge.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { EmailMeta } from "#contract/relay-protocol.ts";
import { MergePlan } from "../core/merge-plan.ts";
import { addressIn, type Address } from "../core/send-request.ts";
import { resolveVariables } from "../core/template-check.ts";
import type { AccountDomains } from "./account-domains.ts";
import type { Idempotency, Send, SendContent } from "./account-intake.ts";
import type { AccountLimits, Use } from "./account-limits.ts";
import type { AccountSenders } from "./account-senders.ts";
import type { AccountSettings } from "./account-settings.ts";
import type { AccountTemplates, PublishedTemplate } from "./account-templates.ts";
import { STREAMS, type Stream } from "./account-schema.ts";
import type { AccountSuppressions } from "./account-suppressions.ts";
import type { Visitor } from "./visitor.ts";

/** A send as the Worker hands it over. */
export type SendCall = {
  from: Address | undefined;
  sender: Address | undefined;
  recipients: string[];
  stream: Stream;
  scheduledMs: number | undefined;
  refuseSuppressed: boolean;
  /** Its own texts have a place for the link to unsubscribe by. */
  hasUnsubscribePlace: boolean;
  /** `headers`: of the send itself, which are merged as the template's texts are. */
  template: { id: string; variables: Variables; headers: Record<string, string> } | undefined;
  /** JSON text of `EmailMeta`. */
  meta: string;
  content: SendContent;
};

/** `batch`: which place of the request each send had, and what was refused before it came here. */
export type AcceptCall = {
  visitor: Visitor;
  sends: SendCall[];
  idempotency?: Idempotency | undefined;
  batch?: { permissive: boolean; indexes: number[]; errors: { index: number; message: string }[] };
};

/** A piece of content too large for one call: the first asks for room for all (`part` undefined), and names its send. */
export type Piece = {
  part: number | undefined;
  total: number;
  offset: number;
  chunks: string[];
  of: Pick<SendCall, "from" | "sender" | "recipients"> & { idempotency: Idempotency | undefined };
};

export type Admitted = { kind: "admitted"; sends: Send[]; errors: { index: number; message: string }[] };

type Rooms = {
  settings: AccountSettings;
  domains: AccountDomains;
  senders: AccountSenders;
  templates: AccountTemplates;
  limits: AccountLimits;
  suppressions: Pick<AccountSuppressions, "blocked">;
};

export class AccountAdmission {
  readonly #rooms: Rooms;
  readonly #publicUrl: string | undefined;
  /** By the part of a published template, which is never rewritten. */
  readonly #plans = new Map<number, MergePlan>();

  /** `publicUrl`: base of links in mail; undefined: none is known. */
  constructor(rooms: Rooms, publicUrl: string | undefined) {
    this.#rooms = rooms;
    this.#publicUrl = publicUrl;
  }

  /** Admits a call as a whole, or in a permissive batch what may be admitted of it. */
  admit({ visitor, sends, batch }: AcceptCall, nowMs: number): Admitted | Problem {
    const admitted: Send[] = [];
    const uses: Use[] = [];
    const errors = [...(batch?.errors ?? [])];
    for (const [rank, call] of sends.entries()) {
      const index = batch?.indexes[rank] ?? rank;
      const send = this.#resolve(visitor, call, nowMs);
      if (!isProblem(send)) {
        admitted.push(send.send);
        uses.push({ sender: send.from.address, recipients: send.send.recipients.length, messages: 1 });
      } else if (batch?.permissive) errors.push({ index, message: send.message });
      else return batch ? { ...send, message: `[${index}] ${send.message}` } : send;
    }
    const refused = this.#rooms.limits.admit(uses, this.#rooms.settings.limits, nowMs);
    if (refused) return refused;
    return { kind: "admitted", sends: admitted, errors: errors.toSorted((a, b) => a.index - b.index) };
  }

  /** What would refuse this send whatever its content: asked before large content is kept for it. */
  refusal(visitor: Visitor, { from, sender, recipients }: Piece["of"], nowMs: number): Problem | undefined {
    if (!from) return undefined;
    const { limits, settings } = this.#rooms;
    const use = { sender: from.address, recipients: recipients.length, messages: 1 };
    return this.checkSenders(visitor, from, sender, recipients) ?? limits.refusal([use], settings.limits, nowMs);
  }

  /** Whether these may stand in From and Sender of a mail to these recipients. */
  checkSenders(
    visitor: Visitor,
    from: Address,
    sender: Address | undefined,
    recipients: readonly string[],
  ): Problem | undefined {
    const { senders } = this.#rooms;
    return senders.check(visitor, from, recipients) ?? (sender && senders.check(visitor, sender, recipients));
  }

  /** Why an email whose texts have a place for the link to unsubscribe by may not be sent; `meta`: as it will be stored. */
  unlinked(meta: string): Problem | undefined {
    if (this.#publicUrl === undefined)
      return problem(
        "no_unsubscribe_link",
        "`{{unsubscribe_url}}` has no link to stand for: the service has no public URL. The operator sets HIKYAKU_PUBLIC_URL.",
      );
    return mayUnsubscribe(EmailMeta.parse(JSON.parse(meta)))
      ? undefined
      : problem(
          "no_unsubscribe_link",
          '`{{unsubscribe_url}}` has no link to stand for: send with `"unsubscribe": true` or in the stream `bulk`, or switch `unsubscribe` of the domain on.',
        );
  }

  #resolve(visitor: Visitor, call: SendCall, nowMs: number): { from: Address; send: Send } | Problem {
    const filled = call.template ? this.#fillIn(call, call.template) : { ...call, from: call.from };
    if (isProblem(filled)) return filled;
    const { from, content, hasUnsubscribePlace } = filled;
    if (!from) return problem("missing_required_field", "Missing `from` field.");
    const refused = this.checkSenders(visitor, from, call.sender, call.recipients) ?? this.#suppressedIn(call, nowMs);
    if (refused) return refused;
    const meta = this.#rooms.domains.withMetaOf(from.domain, filled.meta);
    const unlinked = hasUnsubscribePlace ? this.unlinked(meta) : undefined;
    if (unlinked) return unlinked;
    const { recipients, stream, scheduledMs } = call;
    return { from, send: { domain: from.domain, recipients, stream, scheduledMs, meta, content } };
  }

  /** Who asks for it is told of suppressed recipients at once; of those that are suppressed later, by their events. */
  #suppressedIn({ recipients, stream, refuseSuppressed }: SendCall, nowMs: number): Problem | undefined {
    if (!refuseSuppressed) return undefined;
    const blocked = [...this.#rooms.suppressions.blocked(recipients, STREAMS.indexOf(stream), nowMs).keys()];
    return blocked.length === 0
      ? undefined
      : problem(
          "recipient_suppressed",
          `Nothing was sent, for these recipients are suppressed: ${blocked.join(", ")}.`,
        );
  }

  /** The template brings content, and what the send itself does not say of subject, from and reply_to. */
  #fillIn(
    call: SendCall,
    { id, variables: given, headers }: NonNullable<SendCall["template"]>,
  ): Pick<SendCall, "from" | "meta" | "content" | "hasUnsubscribePlace"> | Problem {
    const template = this.#rooms.templates.forSend(id);
    if (isProblem(template)) return template;
    const meta = EmailMeta.parse(JSON.parse(call.meta));
    const written = meta.subject === "" ? template.subject : meta.subject;
    if (written === undefined)
      return problem("missing_required_field", "Missing `subject` field: neither the send nor its template has one.");
    const resolved = resolveVariables(template.variables, given);
    if (isProblem(resolved)) return resolved;
    const { variables } = resolved;
    const plan = this.#planOf(template, written, headers);
    if (plan.misplaced !== undefined) return problem("no_unsubscribe_link", plan.misplaced);
    const refusal = plan.refusal(variables);
    if (refusal !== undefined) return problem("validation_error", refusal);
    meta.subject = plan.subject(variables);
    meta.variables = variables;
    meta.template_id = template.id;
    if (meta.from === "") meta.from = template.from ?? "";
    if (meta.reply_to === undefined && template.reply_to !== undefined) meta.reply_to = template.reply_to;
    const from = call.from ?? addressIn(meta.from);
    // A send with headers or attachments of its own came with the template's texts beside them.
    const shared = { part: template.part, chunks: 1, size: template.size, shared: true } as const;
    const content = call.content === "{}" ? shared : call.content;
    return { from, meta: JSON.stringify(meta), content, hasUnsubscribePlace: plan.hasUnsubscribePlace };
  }

  /** Sends of one template with headers of their own, or another subject, are rare: only the plain ones are kept. */
  #planOf(
    { part, html, text, subject }: PublishedTemplate,
    written: string,
    headers: Record<string, string>,
  ): MergePlan {
    const make = (): MergePlan => new MergePlan({ subject: written, text, html, headers });
    if (written !== subject || Object.keys(headers).length > 0) return make();
    const plan = this.#plans.get(part) ?? make();
    if (this.#plans.size >= PLANS_LIMIT) this.#plans.clear();
    this.#plans.set(part, plan);
    return plan;
  }
}

/** Templates whose texts are kept taken apart: those of lately. */
const PLANS_LIMIT = 50;
