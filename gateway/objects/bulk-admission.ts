/**
 * Who may begin a bulk and how much of each chunk is let in: the rooms' answers put together, in one turn each.
 */
import { z } from "zod";
import type { BulkReply } from "#contract/bulk.ts";
import { unsubscribePlaces } from "#contract/merge.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import { TemplateVariable } from "#contract/template.ts";
import { addressIn, type Address } from "../core/send-request.ts";
import type { AccountAdmission } from "./account-admission.ts";
import type { BulkChunk, BulkContent, BulkState } from "./account-bulk.ts";
import type { Rooms } from "./account-desk.ts";
import type { DomainMeta } from "./domain-meta.ts";
import type { Idempotency, SendContent } from "./account-intake.ts";
import { STREAMS } from "./account-schema.ts";
import type { Visitor } from "./visitor.ts";

/** The shared email as the Worker has checked it. */
export type BulkOpening = {
  from: Address | undefined;
  sender: Address | undefined;
  templateId: string | undefined;
  /** JSON text of `EmailMeta`, without recipients. */
  meta: string;
  content: SendContent;
  /** Its own texts have a place for the link to unsubscribe by. */
  hasUnsubscribePlace: boolean;
  idempotency: Idempotency | undefined;
  /** The hash of line 1. */
  hash: number;
};

/** What a template brings to a bulk, kept with it. */
const StoredTemplate = z.object({
  /** Bulks that began before it was kept have none. */
  id: z.string().optional(),
  subject: z.string().optional(),
  from: z.string().optional(),
  reply_to: z.array(z.string()).optional(),
  variables: z.array(TemplateVariable),
  html: z.string(),
  text: z.string().optional(),
});
export type BulkTemplate = z.infer<typeof StoredTemplate>;

/** `ofDomain`: what each of its emails carries beside the shared meta. */
export type BulkOpened = { state: BulkState; template: BulkTemplate | undefined; ofDomain: DomainMeta };

/** `limited`: why not the whole chunk was taken. `reply`: when nothing more is to be taken now. */
export type BulkTaken = { state: BulkState; limited?: Problem; reply?: BulkReply };

export type ChunkCall = Omit<BulkChunk, "domain" | "stream"> & {
  from: Address;
  sender: Address | undefined;
  stream: (typeof STREAMS)[number];
};

export class BulkAdmission {
  readonly #rooms: Rooms;
  readonly #admission: AccountAdmission;

  constructor(rooms: Rooms, admission: AccountAdmission) {
    this.#rooms = rooms;
    this.#admission = admission;
  }

  /** Finds the bulk that this key began, or begins one: it counts as one message of its sender. */
  open(visitor: Visitor, opening: BulkOpening, nowMs: number): BulkOpened | Problem {
    const { bulk, domains, templates, limits, settings } = this.#rooms;
    const { idempotency, sender, templateId, hash } = opening;
    const known = idempotency && bulk.find(idempotency, nowMs);
    if (known && isProblem(known)) return known;
    const published = known || templateId === undefined ? undefined : templates.forSend(templateId);
    if (published && isProblem(published)) return published;
    const template = known ? readTemplate(known.template) : published;
    const from = opening.from ?? (template?.from === undefined ? undefined : addressIn(template.from));
    if (!from) return problem("missing_required_field", "Missing `from` field.");
    const ofDomain = domains.metaOf(from.domain);
    const unlinked = hasPlace(opening, template)
      ? this.#admission.unlinked(domains.withMetaOf(from.domain, opening.meta))
      : undefined;
    // One that is complete is answered as before.
    if (unlinked && !known?.state.done) return unlinked;
    if (known) return { state: known.state, template, ofDomain };
    // One that could not take a single recipient is not begun.
    const refused =
      this.#admission.checkSenders(visitor, from, sender, []) ??
      limits.refusal([{ sender: from.address, recipients: 1, messages: 1 }], settings.limits, nowMs) ??
      limits.admit([{ sender: from.address, recipients: 0, messages: 1 }], settings.limits, nowMs);
    if (refused) return refused;
    const content: string | BulkContent =
      published && opening.content === "{}"
        ? { part: published.part, chunks: 1, size: published.size }
        : opening.content;
    const state = bulk.begin(idempotency, content, published ? JSON.stringify(published) : null, hash, nowMs);
    return { state, template, ofDomain };
  }

  /** Takes what the windows let through of a chunk. */
  add(visitor: Visitor, call: ChunkCall, nowMs: number): BulkTaken | Problem {
    const { bulk, intake, keys, limits, settings } = this.#rooms;
    const { from, sender, stream, ...chunk } = call;
    const { rcpts } = chunk.rows;
    const refused = keys.check(visitor, "send", nowMs) ?? this.#admission.checkSenders(visitor, from, sender, rcpts);
    if (refused) return refused;
    const use = (recipients: number) => [{ sender: from.address, recipients, messages: 0 }];
    intake.closeGroup();
    const room = limits.room(settings.limits, nowMs);
    const state = bulk.take(
      { ...chunk, domain: from.domain, stream: STREAMS.indexOf(stream) },
      room,
      nowMs,
      (recipients) => {
        limits.admit(use(recipients), settings.limits, nowMs);
        limits.flush();
      },
    );
    if (isProblem(state)) return state;
    const limited = rcpts.length > room ? limits.admit(use(1), settings.limits, nowMs) : undefined;
    if (!limited && !state.done) return { state };
    const reply = bulk.reply(state.k);
    return { state, ...(limited && { limited }), ...(!isProblem(reply) && { reply }) };
  }

  /** The result of a bulk that was complete before: for a stream that comes again. */
  replyOf(visitor: Visitor, k: number, nowMs: number): BulkReply | Problem {
    return this.#rooms.keys.check(visitor, "send", nowMs) ?? this.#rooms.bulk.reply(k);
  }
}

const hasPlace = ({ hasUnsubscribePlace }: BulkOpening, template: BulkTemplate | undefined): boolean =>
  hasUnsubscribePlace || [template?.html, template?.text].some((text) => unsubscribePlaces(text ?? "") > 0);

const readTemplate = (json: string | null): BulkTemplate | undefined =>
  json === null ? undefined : StoredTemplate.parse(JSON.parse(json));
