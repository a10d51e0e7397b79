/**
 * Sends of one account that arrive in the same turn travel to its object in one call.
 *
 * Each request waits on a promise of its own; the request that opened the group makes the call under
 * `waitUntil` and only resolves the others' promises. So a client that hangs up, the opener too, makes no
 * other request fail (workerd ties I/O, and promises that lead to I/O, to the request that began it).
 */
import { problem, type Problem } from "#contract/problem.ts";
import type { Accepted } from "../objects/account-intake.ts";
import type { SendCall } from "../objects/account.ts";

type Answer = Accepted | Problem;
type Waiter = { call: SendCall; resolve: (answer: Answer) => void; reject: (error: unknown) => void };

/** A group goes at this many sends or this much content without waiting for the turn to end. */
const GROUP_LIMIT = 128;
const GROUP_SIZE_LIMIT = 2_000_000;

export class SendTogether {
  readonly #open = new Map<string, { waiters: Waiter[]; size: number }>();

  /** Resolves when the account has answered for this send; rejects when the account could not be asked. */
  send(env: Env, ctx: { waitUntil(promise: Promise<unknown>): void }, call: SendCall): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const account = call.caller.account;
    const size = typeof call.content === "string" ? call.content.length : 0;
    const group = this.#open.get(account);
    if (group && group.waiters.length < GROUP_LIMIT && group.size + size <= GROUP_SIZE_LIMIT) {
      group.waiters.push({ call, resolve, reject });
      group.size += size;
      return promise;
    }
    const opened = { waiters: [{ call, resolve, reject }], size };
    this.#open.set(account, opened);
    ctx.waitUntil(this.#flush(env, account, opened));
    return promise;
  }

  async #flush(env: Env, account: string, group: { waiters: Waiter[] }): Promise<void> {
    await scheduler.wait(0);
    if (this.#open.get(account) === group) this.#open.delete(account);
    try {
      const answers = await env.ACCOUNT.getByName(account).accept(group.waiters.map(({ call }) => call));
      for (const [index, waiter] of group.waiters.entries()) waiter.resolve(answers[index] ?? problem("application_error"));
    } catch (error) {
      for (const waiter of group.waiters) waiter.reject(error);
    }
  }
}
