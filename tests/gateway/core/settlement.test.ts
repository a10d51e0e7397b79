/** What each kind of outcome makes of a delivery, which events tell it, and what they say. */
import { expect, test } from "vitest";
import type { Outcome } from "#contract/outcome.ts";
import { type OpenDelivery, settle, type Settled } from "../../../gateway/core/settlement.ts";

const ACCEPTED_MS = 1_790_000_000_000;
const NOW_MS = ACCEPTED_MS + 10_000;
const STARTED_MS = ACCEPTED_MS + 1000;
const ENDED_MS = ACCEPTED_MS + 3500;
const SCHEDULE = { delaysMs: [60_000, 300_000], repeatsLast: false };

const K = ACCEPTED_MS * 1024 + 7;
const FIRST: OpenDelivery = { acceptedAtMs: ACCEPTED_MS, attempt: 0, doubt: false };

const outcome = (kind: Outcome["kind"], more: Partial<Outcome> = {}): Outcome => ({
  ...{ k: K, lease: 3, kind },
  ...{ started_at_ms: STARTED_MS, ended_at_ms: ENDED_MS },
  ...more,
});

const settled = (delivery: Partial<OpenDelivery>, of: Outcome): Settled =>
  settle({ ...FIRST, ...delivery }, of, SCHEDULE, NOW_MS, 0);

/** What becomes of the delivery, and the kinds of its events. */
const check = (
  delivery: Partial<OpenDelivery>,
  kind: Outcome["kind"],
  expected: { attempt: number; doubt: boolean; dueMs: number | undefined; events: string[] },
): void => {
  const { events, ...rest } = settled(delivery, outcome(kind));
  const what = `${kind} after ${JSON.stringify(delivery)}`;
  expect({ ...rest, events: events.map((event) => event.kind) }, what).toEqual(expected);
};

test("what ends a delivery", () => {
  const over = { attempt: 1, doubt: false, dueMs: undefined };
  check({}, "delivered", { ...over, events: ["sent", "delivered"] });
  check({}, "bounced", { ...over, events: ["sent", "bounced"] });
  check({}, "failed", { ...over, events: ["sent", "failed"] });
  check({ attempt: 2 }, "delivered", { ...over, attempt: 3, events: ["delivered"] });
  check({ attempt: 2, doubt: true }, "delivered", { ...over, attempt: 3, doubt: true, events: ["delivered"] });
});

test("a deferral is tried again by the schedule, and `sent` is told of the first attempt alone", () => {
  const again = { doubt: false, dueMs: NOW_MS + 60_000 };
  check({}, "deferred", { ...again, attempt: 1, events: ["sent", "delivery_delayed"] });
  check({ attempt: 1 }, "deferred", { ...again, attempt: 2, dueMs: NOW_MS + 300_000, events: ["delivery_delayed"] });
  check({ attempt: 1, doubt: true }, "deferred", {
    ...{ attempt: 2, doubt: true, dueMs: NOW_MS + 300_000, events: ["delivery_delayed"] },
  });
});

test("when the schedule is at its end a deferral fails, with the count and the last reason", () => {
  check({ attempt: 2 }, "deferred", { attempt: 3, doubt: false, dueMs: undefined, events: ["failed"] });
  const reasonOf = (of: Outcome): string | undefined => settled({ attempt: 2 }, of).events[0]?.data.reason;
  expect(reasonOf(outcome("deferred", { reason: "The mailbox is full" }))).toBe(
    "Given up after 3 attempts. Last: The mailbox is full",
  );
  expect(reasonOf(outcome("deferred"))).toBe("Given up after 3 attempts. Last: deferred");
});

test("mail in doubt is tried once more, soon, whatever the schedule says", () => {
  check({}, "unknown", { attempt: 1, doubt: true, dueMs: NOW_MS + 1000, events: ["sent", "unknown"] });
  // The schedule is at its end; doubt is not a deferral.
  check({ attempt: 5 }, "unknown", { attempt: 6, doubt: true, dueMs: NOW_MS + 1000, events: ["unknown"] });
});

test("mail in doubt twice fails, and says so", () => {
  check({ attempt: 1, doubt: true }, "unknown", { attempt: 2, doubt: true, dueMs: undefined, events: ["failed"] });
  const twice = settled({ attempt: 1, doubt: true }, outcome("unknown", { reason: "The connection was lost" }));
  expect(twice.events[0]?.data.reason).toBe("In doubt twice: The connection was lost.");
  // A deferral between the two does not make the doubt forgotten.
  const between = settled({ attempt: 1, doubt: true }, outcome("deferred"));
  expect(settled(between, outcome("unknown")).dueMs).toBeUndefined();
});

test("what the relay never began comes back at once, counts no attempt and tells nothing", () => {
  check({}, "released", { attempt: 0, doubt: false, dueMs: NOW_MS, events: [] });
  check({ attempt: 4, doubt: true }, "released", { attempt: 4, doubt: true, dueMs: NOW_MS, events: [] });
  // So its first real attempt still says `sent`.
  const { attempt, doubt } = settled({}, outcome("released"));
  expect(settled({ attempt, doubt }, outcome("delivered")).events.map(({ kind }) => kind)).toEqual([
    "sent",
    "delivered",
  ]);
});

test("the event says all that the outcome did", () => {
  const told = outcome("deferred", {
    phase: "rcpt",
    reply: { code: 451, enhanced: "4.7.1", text: "later" },
    reason: "The server asks for patience",
    ...{ relay: "north", host: "mx.dest.test", ip: "192.0.2.1", port: 25 },
    tls: { status: "encrypted", protocol: "TLSv1.3" },
    transcript: ["C: RCPT", "S: 451"],
  });
  expect(settled({}, told).events).toEqual([
    { kind: "sent", atMs: STARTED_MS, data: { attempt: 1, relay: "north" } },
    {
      kind: "delivery_delayed",
      atMs: ENDED_MS,
      data: {
        ...{ attempt: 1, phase: "rcpt", reason: "The server asks for patience", relay: "north", duration_ms: 2500 },
        reply: { code: 451, enhanced: "4.7.1", text: "later" },
        route: { host: "mx.dest.test", ip: "192.0.2.1", port: 25 },
        tls: { status: "encrypted", protocol: "TLSv1.3" },
        transcript: ["C: RCPT", "S: 451"],
        next_attempt_at: new Date(NOW_MS + 60_000).toISOString(),
      },
    },
  ]);
});

test("what the outcome does not say, the event does not either", () => {
  expect(settled({ attempt: 1 }, outcome("delivered")).events).toStrictEqual([
    { kind: "delivered", atMs: ENDED_MS, data: { attempt: 2, duration_ms: 2500 } },
  ]);
  const { events } = settled({ attempt: 1 }, outcome("bounced", { host: "mx.dest.test" }));
  expect(events[0]?.data.route).toStrictEqual({ host: "mx.dest.test" });
});

test("a bounce says of which kind it is, in the contract's words", () => {
  const reply = { code: 550, enhanced: "5.1.1", text: "no such user" };
  const { events } = settled({}, outcome("bounced", { phase: "rcpt", reply, reason: "The mailbox does not exist" }));
  expect(events.at(-1)?.data.bounce).toEqual({
    ...{ type: "Permanent", subType: "General", message: "The mailbox does not exist" },
    diagnosticCode: ["smtp; 550 5.1.1 no such user"],
  });
  const others = (["delivered", "failed", "deferred", "unknown"] as const).flatMap(
    (kind) => settled({}, outcome(kind, { phase: "rcpt", reply })).events,
  );
  expect(others.filter(({ data }) => data.bounce)).toEqual([]);
});
