import fc from "fast-check";
import { expect, test } from "vitest";
import { type EventData, EventKind } from "#contract/event.ts";
import {
  type AccountEvent,
  AccountEvent as AccountEventSchema,
  PAYLOAD_LIMIT_BYTES,
  ToldEmail,
} from "#contract/event-payload.ts";
import { EMAIL_EVENTS } from "#contract/webhook-events.ts";
import { type EmailOccurrence, storedKinds, tellEmail, webhookPayload } from "../../../gateway/core/told-event.ts";

const AT_MS = Date.UTC(2026, 10, 24, 12);
const EMAIL: EmailOccurrence["email"] = {
  k: AT_MS * 1024,
  id: "email-id",
  meta: {
    from: "Acme <hi@acme.test>",
    to: ["a@inbox.test", "b@inbox.test"],
    subject: "Hello",
    template_id: "template-id",
    tags: [
      { name: "kind", value: "receipt" },
      { name: "lang", value: "en" },
    ],
    metadata: { order: "1" },
  },
};

const row = (kind: EventKind, data: EventData = {}): EmailOccurrence => ({
  ...{ id: "event-id", kind, atMs: AT_MS + 1000, data, recipient: "b@inbox.test", email: EMAIL },
});

const ABOUT = {
  email_id: "email-id",
  message_id: "<email-id@acme.test>",
  created_at: "2026-11-24T12:00:00.000Z",
  from: "Acme <hi@acme.test>",
  to: ["a@inbox.test", "b@inbox.test"],
  subject: "Hello",
  template_id: "template-id",
  tags: { kind: "receipt", lang: "en" },
  event_id: "event-id",
  recipient: "b@inbox.test",
  metadata: { order: "1" },
};

const check = (kind: EventKind, data: EventData, type: string, rank: number, more: object): void => {
  expect(tellEmail(row(kind, data)), kind).toEqual({ type, data: { ...ABOUT, rank, ...more } });
};

test("each kind has Resend's type and shape", () => {
  check("scheduled", {}, "email.scheduled", 0, {});
  check("sent", { attempt: 1 }, "email.sent", 1, {});
  check("delivered", { reply: { code: 250, text: "ok" } }, "email.delivered", 3, {});
  check("canceled", {}, "email.canceled", 4, {});
  check("unsubscribed", {}, "email.unsubscribed", 7, {});
  const reply = { code: 451, enhanced: "4.2.0", text: "later" };
  const delayed = { attempt: 2, next_attempt_at: "2026-11-24T13:00:00.000Z", reason: "Later.", reply };
  const delay = {
    ...{ attempt: 2, next_attempt_at: delayed.next_attempt_at, reason: "Later." },
    ...{ smtp_code: 451, enhanced_code: "4.2.0" },
  };
  check("delivery_delayed", delayed, "email.delivery_delayed", 2, { delay });
  check("unknown", { attempt: 1 }, "email.delivery_delayed", 2, { delay: { attempt: 1, in_doubt: true } });
  const bounce = {
    type: "Permanent",
    subType: "NoEmail",
    message: "no",
    diagnosticCode: ["550 no"],
  } satisfies EventData["bounce"];
  check("bounced", { bounce }, "email.bounced", 4, { bounce });
  check("bounced", { reason: "gone" }, "email.bounced", 4, {
    bounce: { type: "Undetermined", subType: "Undetermined", message: "gone", diagnosticCode: [] },
  });
  check("failed", { reason: "Given up." }, "email.failed", 4, { failed: { reason: "Given up." } });
  const suppressed = { type: "OnAccountSuppressionList", reason: "previous_bounce", message: "m" };
  check("suppressed", { suppressed }, "email.suppressed", 4, { suppressed: { ...suppressed, diagnosticCode: [] } });
  check("complained", { complaint: { feedback_type: "abuse" } }, "email.complained", 8, {
    complaint: { feedback_type: "abuse" },
  });
  const visit = { ip: "192.0.2.1", user_agent: "UA", link: "https://a.test/", bot: "prefetch" };
  const who = { ipAddress: "192.0.2.1", userAgent: "UA", timestamp: "2026-11-24T12:00:01.000Z", bot: "prefetch" };
  check("opened", { visit }, "email.opened", 5, { open: who });
  check("clicked", { visit }, "email.clicked", 6, { click: { ...who, link: "https://a.test/" } });
});

test("whatever is stored is told in the shape of its type, and all kinds are of a type that can be asked for", () => {
  const types: readonly string[] = EMAIL_EVENTS;
  for (const kind of EventKind.options) {
    const told = tellEmail(row(kind));
    expect(ToldEmail.safeParse(told).success, kind).toBe(true);
    expect(types).toContain(told.type);
    if (kind !== "queued") expect(storedKinds([...EMAIL_EVENTS]), kind).toContain(kind);
  }
});

test("a complaint that may be any recipient's names none, also when it has to be shortened", () => {
  const complained = { ...row("complained", { complaint: { feedback_type: "abuse" } }), recipient: undefined };
  const { recipient: _, ...about } = ABOUT;
  const told = tellEmail(complained);
  expect(told).toEqual({
    type: "email.complained",
    data: { ...about, rank: 8, complaint: { feedback_type: "abuse" } },
  });
  expect(ToldEmail.parse(told)).toEqual(told);
  const meta = { ...EMAIL.meta, metadata: { order: "x".repeat(PAYLOAD_LIMIT_BYTES) } };
  const short = webhookPayload(eventOf({ ...complained, email: { ...EMAIL, meta } }));
  expect(JSON.parse(short)).toMatchObject({ data: { to: [], shortened: true } });
  expect(short.length).toBeLessThan(PAYLOAD_LIMIT_BYTES);
});

const eventOf = (occurrence: EmailOccurrence): AccountEvent => ({
  ...{ object: "event", id: "event-id", rank: 1, created_at: "2026-11-24T12:00:01.000Z" },
  ...tellEmail(occurrence),
});

test("the union of events takes each of them and no type with another's data", () => {
  expect(AccountEventSchema.safeParse(eventOf(row("delivered"))).success).toBe(true);
  expect(AccountEventSchema.safeParse({ ...eventOf(row("delivered")), type: "email.bounced" }).success).toBe(false);
});

test("a payload is type, time and data, and a small one is whole", () => {
  const payload: unknown = JSON.parse(webhookPayload(eventOf(row("sent"))));
  expect(payload).toEqual({
    type: "email.sent",
    created_at: "2026-11-24T12:00:01.000Z",
    data: { ...ABOUT, rank: 1 },
  });
});

test("no payload exceeds the limit, and what is left out is said", () => {
  const text = fc.string({ unit: "binary", maxLength: 2000 });
  const meta = fc.record({
    from: fc.constant("a@acme.test"),
    to: fc.array(fc.constant(`${"é".repeat(60)}@inbox.test`), { maxLength: 50 }),
    subject: fc.string({ unit: "grapheme", maxLength: 900 }),
    metadata: fc.dictionary(fc.string({ maxLength: 64 }), fc.string({ unit: "binary", maxLength: 1024 }), {
      maxKeys: 50,
    }),
  });
  fc.assert(
    fc.property(meta, fc.array(text, { maxLength: 20 }), (of, lines) => {
      const bounce = {
        type: "Permanent",
        subType: "General",
        message: lines.join(""),
        diagnosticCode: lines,
      } satisfies EventData["bounce"];
      const payload = webhookPayload(eventOf({ ...row("bounced", { bounce }), email: { ...EMAIL, meta: of } }));
      const bytes = new TextEncoder().encode(payload).byteLength;
      expect(bytes).toBeLessThanOrEqual(PAYLOAD_LIMIT_BYTES);
    }),
  );
  const metadata = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`k${index}`, "x".repeat(1000)]));
  const long = eventOf({ ...row("sent"), email: { ...EMAIL, meta: { ...EMAIL.meta, metadata } } });
  expect(JSON.parse(webhookPayload(long))).toMatchObject({ data: { to: ["b@inbox.test"], shortened: true } });
  expect(webhookPayload(long)).not.toContain("metadata");
});
