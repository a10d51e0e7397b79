/**
 * Who may come in to an account, and how a send does.
 *
 * All is judged in one turn, from the key to the promise that comes out: what a window or an idempotency key has answered
 * still holds when the send joins its group. Every answer says how many requests a second are left.
 */
import type { Rate } from "#contract/limits.ts";
import type { Needs } from "#contract/endpoints/endpoint.ts";
import { isProblem, type Problem } from "#contract/problem.ts";
import type { AcceptCall, AccountAdmission, Piece } from "./account-admission.ts";
import type { Accepted, AccountIntake, Idempotency } from "./account-intake.ts";
import type { AccountKeys } from "./account-keys.ts";
import type { AccountLimits } from "./account-limits.ts";
import type { AccountSettings } from "./account-settings.ts";
import type { Visitor } from "./visitor.ts";

/** An answer, with the state of the account's requests a second: of `undefined` the visitor proved nothing. */
export type Told<T> = { rate: Rate | undefined; answer: T | Problem };

type Rooms = { keys: AccountKeys; limits: AccountLimits; settings: AccountSettings; intake: AccountIntake };

export class AccountDoor {
  readonly #rooms: Rooms;
  readonly #admission: AccountAdmission;

  constructor(rooms: Rooms, admission: AccountAdmission) {
    this.#rooms = rooms;
    this.#admission = admission;
  }

  /** Who may come in: the key counts, and the account's requests a second are not used up. A piece was counted before. */
  enter<T extends object>(
    visitor: Visitor,
    needs: Needs,
    nowMs: number,
    answer: () => T | Problem,
    isPiece = false,
  ): Told<T> {
    const { keys, limits, settings } = this.#rooms;
    const refused = keys.check(visitor, needs, nowMs);
    if (refused) return { rate: undefined, answer: refused };
    if (visitor.kind === "operator" || isPiece) return { rate: undefined, answer: answer() };
    const tooMany = limits.request(settings.limits, nowMs);
    return { rate: limits.rate(settings.limits, nowMs), answer: tooMany ?? answer() };
  }

  /** One parcel of sends; the answer comes when it is written. */
  async accept(call: AcceptCall, nowMs: number): Promise<Told<Accepted>> {
    const { intake } = this.#rooms;
    const { idempotency } = call;
    const { rate, answer } = this.enter(call.visitor, "send", nowMs, () => {
      const replayed = idempotency && intake.replay(idempotency, nowMs);
      if (replayed) return isProblem(replayed) ? replayed : { durable: replayed };
      const admitted = this.#admission.admit(call, nowMs);
      if (isProblem(admitted)) return admitted;
      const replyOf =
        call.batch &&
        ((ids: string[]) => batchReply(ids, call.batch?.permissive === true ? admitted.errors : undefined));
      return { durable: intake.accept({ sends: admitted.sends, idempotency }, nowMs, replyOf) };
    });
    return { rate, answer: isProblem(answer) ? answer : await answer.durable };
  }

  /** Whether a send that costs something before it is whole may be at all. */
  mayProceed(visitor: Visitor, of: Piece["of"] | undefined, nowMs: number): Told<{ kind: "go" } | { kind: "replay" }> {
    return this.enter(visitor, "send", nowMs, () => {
      if (of?.idempotency && this.#rooms.intake.replay(of.idempotency, nowMs)) return { kind: "replay" };
      return (of && this.#admission.refusal(visitor, of, nowMs)) ?? { kind: "go" };
    });
  }

  /** What a key has answered before; `undefined`: nothing. */
  async replay(visitor: Visitor, idempotency: Idempotency, nowMs: number): Promise<Told<Accepted> | undefined> {
    const { keys, limits, settings, intake } = this.#rooms;
    const refused = keys.check(visitor, "send", nowMs);
    const replayed = refused ? undefined : intake.replay(idempotency, nowMs);
    if (!replayed) return undefined;
    return { rate: limits.rate(settings.limits, nowMs), answer: await replayed };
  }
}

/** What `POST /v1/emails/batch` answers: kept with its key, so that it is given again to the letter. */
const batchReply = (ids: readonly string[], errors: { index: number; message: string }[] | undefined): string =>
  JSON.stringify({ data: ids.map((id) => ({ id })), ...(errors && { errors }) });
