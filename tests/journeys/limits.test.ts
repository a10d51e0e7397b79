/**
 * Limits under load: exactly as many as a limit says are let in, whoever asks at once, over a crash, and again when the
 * operator changes it.
 */
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStack, type Stack } from "../support/stack.ts";

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ env: { HIKYAKU_LOG: "error", HIKYAKU_RELAYS: "0" } });
});
afterAll(async () => {
  await stack?.stop();
});

const MANY = { requests_per_second: 1_000_000 };

const post = (token: string, path: string, body: unknown): Promise<Response> =>
  fetch(new URL(path, stack.url), {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });

const mail = (fields: object = {}) => ({
  from: "a@sender.test",
  to: "u@dest.test",
  subject: "s",
  text: "t",
  ...fields,
});

/** Answers by status, of `clients` that each ask `times` one after the other. */
const storm = async (token: string, clients: number, times: number, path = "/v1/emails", body: unknown = mail()) => {
  const statuses: Record<number, number> = {};
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let n = 0; n < times; n++) {
        const response = await post(token, path, body);
        await response.text();
        statuses[response.status] = (statuses[response.status] ?? 0) + 1;
      }
    }),
  );
  return statuses;
};

const usedOf = async (token: string, name: string): Promise<number | undefined> => {
  const { body } = await stack.request("GET", "/v1/limits", { key: token });
  return (body["data"] as { name: string; used: number }[]).find((limit) => limit.name === name)?.used;
};

test("two hundred clients at a limit of a thousand: a thousand are let in; a crash forgets none; more are let in when the operator says so", async () => {
  const limits = { ...MANY, recipients_per_10_minutes: 1000 };
  const { id, token } = await stack.createAccount({ allowed_senders: "any", limits });
  expect(await storm(token, 200, 10)).toEqual({ 200: 1000, 429: 1000 });
  expect(await usedOf(token, "recipients_per_10_minutes")).toBe(1000);

  stack.kill("workerd");
  await expect.poll(async () => storm(token, 1, 1).catch(() => ({}))).toEqual({ 429: 1 });
  expect(await usedOf(token, "recipients_per_10_minutes")).toBe(1000);
  expect(await storm(token, 20, 5)).toEqual({ 429: 100 });

  await stack.admin("PATCH", `/admin/accounts/${id}`, { limits: { recipients_per_10_minutes: 1250 } });
  expect(await storm(token, 100, 5)).toEqual({ 200: 250, 429: 250 });
  await stack.admin("PATCH", `/admin/accounts/${id}`, { limits: { recipients_per_10_minutes: 10 } });
  expect(await storm(token, 5, 2)).toEqual({ 429: 10 });
});

test("batches and mails with many recipients count each recipient; a batch that does not fit is refused whole", async () => {
  const limits = { ...MANY, recipients_per_24_hours: 250 };
  const { token } = await stack.createAccount({ allowed_senders: "any", limits });
  const to = Array.from({ length: 50 }, (_, n) => `u${n}@dest.test`);
  expect(await storm(token, 2, 1, "/v1/emails", mail({ to }))).toEqual({ 200: 2 });
  const batch = Array.from({ length: 100 }, () => mail());
  expect(await storm(token, 2, 1, "/v1/emails/batch", batch)).toEqual({ 200: 1, 429: 1 });
  expect(await usedOf(token, "recipients_per_24_hours")).toBe(200);
  expect(await storm(token, 1, 1, "/v1/emails", mail({ to }))).toEqual({ 200: 1 });
  expect(await storm(token, 1, 1)).toEqual({ 429: 1 });
});

test("requests a second: the headers say how many are left, the rest wait a second", async () => {
  const { token } = await stack.createAccount({ limits: { requests_per_second: 10 } });
  const ask = () => fetch(new URL("/v1/emails", stack.url), { headers: { authorization: `Bearer ${token}` } });
  const first = await ask();
  expect(Object.fromEntries(first.headers)).toMatchObject({
    "ratelimit-limit": "10",
    "ratelimit-remaining": "9",
    "ratelimit-reset": "1",
  });
  expect(first.headers.get("retry-after")).toBeNull();
  await wait(1100);
  const fromMs = performance.now();
  const answers = await Promise.all(Array.from({ length: 200 }, ask));
  const taken = answers.filter(({ status }) => status === 200).length;
  // However long they take: never more than ten in any second.
  expect(taken).toBeGreaterThanOrEqual(10);
  expect(taken).toBeLessThanOrEqual(10 * (1 + Math.ceil((performance.now() - fromMs) / 1000)));
  const refused = answers.find(({ status }) => status === 429);
  expect(refused?.headers.get("retry-after")).toBe("1");
  expect(refused?.headers.get("ratelimit-remaining")).toBe("0");
  expect(await refused?.json()).toEqual({
    statusCode: 429,
    name: "rate_limit_exceeded",
    message: expect.stringContaining("requests_per_second"),
  });
  await wait(1100);
  expect((await ask()).status).toBe(200);
});
