/** Mail in the hands of relays, and what suppresses whom it is for. */
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import type { ProvedReport } from "../../../gateway/objects/account-reports.ts";
import { aMoment, joinRelay, type RelaySocket } from "./relay-socket.ts";
import { api, sendTo } from "./suppression-scene.ts";
import { openRelay, type TestAccount } from "./worker-calls.ts";

export const GONE = "gone@dest.test";

/** A relay of a new token that knows recalls, and the token. */
export const newRelay = async (hello: object = {}): Promise<{ id: string; token: string; relay: RelaySocket }> => {
  const { id, token } = await openRelay();
  return { id, token, relay: await joinRelay(token, { recalls: true, ...hello }) };
};

/** Keys of deliveries to these, all in the hands of the relay; in order. */
export const heldBy = async (
  account: TestAccount,
  relay: RelaySocket,
  recipients: readonly string[],
  stream = "transactional",
): Promise<number[]> => {
  const before = relay.given().length;
  for (const to of recipients) await sendTo(account, to, { stream });
  await relay.untilGiven(before + recipients.length);
  return relay.given().slice(before);
};

/** Whether it is settled already, a moment from now. */
export const isSettled = async (work: Promise<unknown>): Promise<boolean> =>
  Promise.race([work.then(() => true), aMoment().then(() => false)]);

/** The relay has let go of what the newest recall speaks of. */
export const answer = (relay: RelaySocket): void => relay.say({ type: "recalled", seq: relay.count("recall") });

export const suppressing = (account: TestAccount, email = GONE, more: object = {}) =>
  api(account, "POST", "", { email, ...more });

export const bounceOf = (k: number, rcpt: string): ProvedReport => ({
  ...{ of: "delivery", k },
  report: {
    ...{ kind: "bounce", format: "rfc3464", original_headers: {} },
    recipients: [{ final_recipient: rcpt, action: "failed", status: "5.1.1", diagnostic: "no such user" }],
  },
});

export const complaintOf = (k: number): ProvedReport => ({
  ...{ of: "delivery", k },
  report: { kind: "complaint", feedback_type: "abuse", original_recipients: [], original_headers: {} },
});

const realNow = Date.now.bind(Date);
/** From here on it is so much later. */
export const later = (ms: number): void => void vi.spyOn(Date, "now").mockImplementation(() => realNow() + ms);

/** What a relay is waited for passes in a moment, and the clock goes on by it; how long it was, each time. */
export const hurry = (): number[] => {
  const waits: number[] = [];
  const [real, wait] = [setTimeout, scheduler.wait.bind(scheduler)];
  // What others wait for is shorter.
  const isOfRelay = (ms = 0): boolean => ms > 6000 && waits.push(ms) > 0;
  const pass = (ms = 0): void => later(Date.now() - realNow() + ms);
  vi.spyOn(globalThis, "setTimeout").mockImplementation((run, ms, ...args) => {
    if (!isOfRelay(ms)) return real(run, ms, ...args);
    const ran = (): void => {
      pass(ms);
      run(...args);
    };
    return real(ran, 20);
  });
  vi.spyOn(scheduler, "wait").mockImplementation((ms, options) =>
    isOfRelay(ms) ? wait(20, options).then(() => pass(ms)) : wait(ms, options),
  );
  return waits;
};

export const untilJoined = (count: number): Promise<void> =>
  expect.poll(async () => (await env.POOL.getByName("default").relays()).length).toBe(count);
