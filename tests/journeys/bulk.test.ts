/**
 * A hundred thousand recipients in one stream, cut in the middle as a dying client cuts it, twice, and taken up again:
 * nobody twice, nobody missing, and the gateway's memory stays small.
 */
import { request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { memoryOf } from "../bench/processes.ts";
import { startStack, type Stack } from "../support/stack.ts";

const LINES = 100_000;
/** Of the gateway, in MB. */
const MEMORY_MB = 200;

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ env: { HIKYAKU_LOG: "error", HIKYAKU_RELAYS: "0" } });
});
afterAll(async () => {
  await stack?.stop();
});

const SHARED = JSON.stringify({
  from: "News <news@sender.test>",
  subject: "News for {{name}}",
  html: `<p>Hello {{name}}</p>${"<p>A line.</p>".repeat(100)}`,
  stream: "bulk",
});
const line = (n: number): string => `{"to":"r${n}@dest.test","variables":{"name":"Reader ${n}"}}`;

type Reply = { status: number; body: Record<string, unknown> };

/** Streams the bulk; with `cutAfter` the connection is destroyed after so many lines and half of another. */
const post = (key: string, cutAfter?: number): Promise<Reply | "cut"> =>
  new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${stack.apiKey}`, "idempotency-key": key };
    const sending = request(new URL("/v1/emails/bulk", stack.url), { method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
    });
    sending.on("error", (error) => (cutAfter === undefined ? reject(error) : resolve("cut")));
    sending.write(`${SHARED}\n`);
    let n = 0;
    const write = (): void => {
      while (n < (cutAfter ?? LINES)) {
        let piece = "";
        for (let at = 0; at < 500 && n < LINES; at++, n++) piece += `${line(n)}\n`;
        if (!sending.write(piece)) return void sending.once("drain", write);
      }
      if (cutAfter === undefined) return void sending.end();
      const dieAt = async (accepted: number): Promise<void> => {
        while ((await acceptedSoFar()) <= accepted) await wait(50);
        sending.destroy();
      };
      sending.write('{"to":"half', () => void dieAt(cutAfter - 20_000));
    };
    write();
  });

/** Of the newest bulk of the account. */
const acceptedSoFar = async (): Promise<number> => {
  const { body } = await stack.request("GET", "/v1/limits");
  return (
    (body["data"] as { name: string; used: number }[]).find(({ name }) => name === "recipients_per_24_hours")?.used ?? 0
  );
};

/** Once what was under way when the client died is through: nothing came for two seconds. */
const settled = async (): Promise<number> => {
  let [last, times] = [-1, 0];
  while (times < 5) {
    const now = await acceptedSoFar();
    times = now === last ? times + 1 : 0;
    last = now;
    await wait(400);
  }
  return last;
};

test("a stream of a hundred thousand, cut twice and sent again", async () => {
  expect(await post("campaign", 30_000)).toBe("cut");
  const first = await settled();
  expect(first).toBeGreaterThan(10_000);
  expect(first).toBeLessThanOrEqual(30_500);
  stack.kill("workerd");
  await expect.poll(() => acceptedSoFar().catch(() => -1)).toBe(first);
  expect(await post("campaign", 70_000)).toBe("cut");
  expect(await settled()).toBeGreaterThan(first);

  const whole = await post("campaign");
  expect(whole).toMatchObject({
    status: 200,
    body: { status: "complete", accepted: LINES, refused: 0, lines: LINES + 1 },
  });
  expect(await acceptedSoFar()).toBe(LINES);
  expect(memoryOf(stack.pids().workerd).peakMb).toBeLessThan(MEMORY_MB);

  // Every recipient once: the list, walked from its end, is the stream.
  const seen = new Set<string>();
  for (let after = ""; ;) {
    const { body } = await stack.request("GET", `/v1/emails?limit=100${after}`);
    const data = body["data"] as { id: string; to: string[] }[];
    for (const { to } of data) seen.add(to[0] ?? "");
    if (body["has_more"] !== true) break;
    after = `&after=${data.at(-1)?.id ?? ""}`;
  }
  expect(seen.size).toBe(LINES);
  // The same again is the same reply.
  expect(await post("campaign")).toEqual(whole);
  expect(await acceptedSoFar()).toBe(LINES);
});
