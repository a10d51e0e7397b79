/**
 * What comes back after a delivery was made: bounces by mail, complaints, unsubscribing, opens and clicks.
 *
 * Whoever calls has proved that it is about this very delivery. Each becomes an event once; told again it changes
 * nothing. A hard bounce suppresses the address, a complaint and an unsubscribe the stream that the mail was of.
 */
import { EVENT_RANK, type EventData, EventKind } from "#contract/event.ts";
import { isSandboxAddress } from "#contract/sandbox.ts";
import type { NewEvent } from "../core/settlement.ts";
import { STREAMS } from "./account-schema.ts";
import type { AccountQueue } from "./account-queue.ts";
import type { AccountRecall } from "./account-recall.ts";
import type { AccountSuppressions, NewSuppression } from "./account-suppressions.ts";
import type { AccountTimeline, DeliveryRow } from "./account-timeline.ts";

/** `isHard`: the address itself is refused for good, so no mail will ever reach it. */
export type Feedback =
  | { kind: "bounced"; isHard: boolean; data: EventData }
  | { kind: "complained" | "unsubscribed" | "opened" | "clicked"; data: EventData };

/** `known`: it was told before, or comes too late to matter. `gone`: there is no such delivery. */
export type FeedbackResult = "recorded" | "known" | "gone";

/** Opens and clicks of one delivery that are written down: what comes after them is a machine's. */
const VISIT_LIMIT = 100;

type Rooms = {
  queue: AccountQueue;
  timeline: AccountTimeline;
  suppressions: AccountSuppressions;
  recall: AccountRecall;
};

export class AccountFeedback {
  readonly #storage: DurableObjectStorage;
  readonly #rooms: Rooms;

  constructor(storage: DurableObjectStorage, rooms: Rooms) {
    this.#storage = storage;
    this.#rooms = rooms;
  }

  take(k: number, feedback: Feedback, nowMs: number): FeedbackResult {
    const [row] = this.#rooms.timeline.read([k]);
    if (!row) return "gone";
    const { kind, data } = feedback;
    const { isKnown, isRepeat } = this.#before(row, kind);
    this.#storage.transactionSync(() => {
      if (!isKnown) this.#write(row, { kind, atMs: nowMs, data, isRepeat }, nowMs);
      // A report that is known does not put back who was taken off the list since: anybody can send it again. A link
      // is followed anew each time, by somebody who means it.
      const suppression = suppressionBy(row, feedback);
      if (suppression && isKnown && data.by_mail === true) this.#rooms.suppressions.repeat(suppression);
      else if (suppression) this.#rooms.suppressions.learn(suppression, nowMs);
    });
    if (!isKnown && kind === "bounced") this.#forget(k);
    return isKnown ? "known" : "recorded";
  }

  /** A relay that still holds it has nothing to settle any more, and nothing to send. */
  #forget(k: number): void {
    const held = this.#rooms.queue.forget(k);
    if (held) this.#rooms.recall.noteForgotten(held);
  }

  #write(row: DeliveryRow, event: NewEvent, nowMs: number): void {
    const dueMs = event.kind === "bounced" ? undefined : (row.due ?? undefined);
    const change = { row, attempt: row.attempt, doubt: row.doubt === 1, dueMs, events: [event] };
    this.#rooms.timeline.write([change], nowMs);
  }

  /** `isKnown`: it is told already. `isRepeat`: not this one, but a person has done the same before. */
  #before({ state, events }: DeliveryRow, kind: Feedback["kind"]): { isKnown: boolean; isRepeat: boolean } {
    // Nothing was delivered that could bounce.
    if (kind === "bounced" && EVENT_RANK[EventKind.parse(state)] === EVENT_RANK.bounced)
      return { isKnown: true, isRepeat: false };
    const { told, people } = this.#storage.sql
      .exec<{ told: number; people: number }>(
        `SELECT COUNT(*) AS told, COUNT(*) FILTER (WHERE event.data ->> '$.visit.bot' IS NULL) AS people
           FROM json_each(?1) j JOIN event ON event.k = j.value WHERE event.kind = ?2`,
        events,
        kind,
      )
      .one();
    const limit = kind === "opened" || kind === "clicked" ? VISIT_LIMIT : 1;
    return { isKnown: told >= limit, isRepeat: people > 0 };
  }
}

const suppressionBy = ({ rcpt, stream, email }: DeliveryRow, feedback: Feedback): NewSuppression | undefined => {
  const of = { address: rcpt, source: email };
  switch (feedback.kind) {
    case "bounced":
      return feedback.isHard ? { ...of, origin: "bounce" } : undefined;
    case "complained":
      // The sandbox plays a complaint as often as it is asked to.
      return isSandboxAddress(rcpt) ? undefined : { ...of, origin: "complaint", stream: STREAMS[stream] };
    case "unsubscribed":
      return { ...of, origin: "unsubscribe", stream: STREAMS[stream] };
    case "opened":
    case "clicked":
      return undefined;
  }
};
