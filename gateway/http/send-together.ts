/**
 * Sends of one account that arrive while a call to its object is under way travel together in the next one.
 *
 * A lone send goes at once. Each request waits on a promise of its own; the request that opened a group makes
 * the call under `waitUntil` and only resolves the others' promises. So a client that hangs up, the opener
 * too, makes no other request fail (workerd ties I/O, and promises that lead to I/O, to the request that began it).
 */
import { problem } from "#contract/problem.ts";
import type { AcceptCall } from "../objects/account-admission.ts";
import type { Accepted } from "../objects/account-intake.ts";
import type { Told } from "../objects/account-door.ts";
import { accountStub } from "./ask.ts";
import type { KeyVisitor } from "./context.ts";

type Call = AcceptCall & { visitor: KeyVisitor };
type Answer = Told<Accepted>;
type Waiter = { call: Call; resolve: (answer: Answer) => void; reject: (error: unknown) => void };
type Group = { waiters: Waiter[]; size: number };

/** A group takes no more than this; the next send opens another. */
const GROUP_LIMIT = 128;
const GROUP_SIZE_LIMIT = 2_000_000;
/** A group waits at most this long for the call before it: that call's request may have been cut off. */
const TURN_MS = 5;

export class SendTogether {
  readonly #open = new Map<string, Group>();
  /** By account: settles when the newest call has ended. */
  readonly #underWay = new Map<string, Promise<void>>();

  /** Resolves when the account has answered for this send; rejects when the account could not be asked. */
  send(env: Env, ctx: { waitUntil(promise: Promise<unknown>): void }, call: Call): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const account = call.visitor.account;
    const waiter = { call, resolve, reject };
    const size = call.sends.reduce(
      (sum, { content, meta }) => sum + meta.length + (typeof content === "string" ? content.length : 0),
      0,
    );
    const group = this.#open.get(account);
    if (group && group.waiters.length < GROUP_LIMIT && group.size + size <= GROUP_SIZE_LIMIT) {
      group.waiters.push(waiter);
      group.size += size;
    } else {
      const opened = { waiters: [waiter], size };
      this.#open.set(account, opened);
      ctx.waitUntil(this.#carry(env, account, opened));
    }
    return promise;
  }

  async #carry(env: Env, account: string, group: Group): Promise<void> {
    const before = this.#underWay.get(account);
    if (before) await Promise.race([before, scheduler.wait(TURN_MS)]);
    if (this.#open.get(account) === group) this.#open.delete(account);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#underWay.set(account, promise);
    try {
      const answers = await accountStub(env, account).accept(group.waiters.map(({ call }) => call));
      for (const [index, waiter] of group.waiters.entries())
        waiter.resolve(answers[index] ?? { rate: undefined, answer: problem("application_error") });
    } catch (error) {
      for (const waiter of group.waiters) waiter.reject(error);
    } finally {
      if (this.#underWay.get(account) === promise) this.#underWay.delete(account);
      resolve();
    }
  }
}
