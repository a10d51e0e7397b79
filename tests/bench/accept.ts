/**
 * What the gateway takes, with no relay beside it: singles, a client alone, batches, a bulk, refusals, a steady rate,
 * and singles again with a long queue. Every check of the API is on; the limits are only set high.
 */
import { request } from "node:http";
import { startStack, type Stack } from "../support/stack.ts";
import { batch, medianBy, memory, print, progress, single, summary } from "./figures.ts";
import { runLoad, type LoadResult } from "./http-load.ts";
import { memoryOf } from "./processes.ts";

export type AcceptOptions = { mails: number; runs: number; queued: number };

const BATCH = 100;
const BULK_LINES = 100_000;

export const benchAccept = async (options: AcceptOptions): Promise<void> => {
  const stack = await startStack({ env: { HIKYAKU_RELAYS: "0", HIKYAKU_LOG: "error" } });
  try {
    await singles(stack, options);
    await steady(stack);
    await refusals(stack, options);
    await batches(stack, options);
    await bulk(stack, options);
    await deep(stack, options);
  } finally {
    await stack.stop();
  }
};

const emails = (stack: Stack): URL => new URL("/v1/emails", stack.url);

const load = (stack: Stack, clients: number, total: number): Promise<LoadResult> =>
  runLoad({
    url: emails(stack),
    apiKey: stack.apiKey,
    clients,
    total,
    body: (index) => single(index, `user${index}@dest.test`),
  });

const repeat = async (runs: number, once: () => Promise<LoadResult>): Promise<LoadResult> => {
  const results: LoadResult[] = [];
  for (let run = 0; run < runs; run++) results.push(await once());
  return medianBy(results, ({ ratePerSecond }) => ratePerSecond);
};

let shallowRate = 0;

const singles = async (stack: Stack, { mails, runs }: AcceptOptions): Promise<void> => {
  await load(stack, 64, 2000);
  const shallow = await repeat(runs, () => load(stack, 64, mails));
  shallowRate = shallow.ratePerSecond;
  print({ bench: "accept", clients: 64, ...summary(shallow), memoryMb: memory(stack) });
  const alone = await repeat(runs, () => load(stack, 1, Math.min(1000, mails)));
  print({ bench: "accept", clients: 1, ...summary(alone) });
};

/** 200 sends a second, evenly, as an app does: what a client waits for its answer. */
const steady = async (stack: Stack): Promise<void> => {
  const body = (index: number): string => single(index, `steady${index}@dest.test`);
  const result = await runLoad({
    url: emails(stack),
    apiKey: stack.apiKey,
    clients: 64,
    total: 2000,
    perSecond: 200,
    body,
  });
  print({ bench: "accept", steadyPerSecond: 200, ...summary(result) });
};

/** An account that has used up its window: what it costs to say no. */
const refusals = async (stack: Stack, { mails, runs }: AcceptOptions): Promise<void> => {
  const { token } = await stack.createAccount({
    allowed_senders: "any",
    limits: { recipients_per_10_minutes: 1, requests_per_second: 1_000_000 },
  });
  const body = (index: number): string => single(index, "user@dest.test");
  const refused = await repeat(runs, () =>
    runLoad({ url: emails(stack), apiKey: token, clients: 64, total: mails, body }),
  );
  print({ bench: "accept", refused: true, ...summary(refused), memoryMb: memory(stack) });
};

const batches = async (stack: Stack, { mails, runs }: AcceptOptions): Promise<void> => {
  const requests = Math.max(20, Math.ceil(mails / BATCH));
  const url = new URL("/v1/emails/batch", stack.url);
  const bodies = Array.from({ length: requests }, (_, index) => batch(index, BATCH, (at) => `batch${at}@dest.test`));
  const once = (): Promise<LoadResult> =>
    runLoad({ url, apiKey: stack.apiKey, clients: 8, total: requests, body: (index) => bodies[index] ?? "" });
  await once();
  const result = await repeat(runs, once);
  print({
    bench: "accept",
    batchOf: BATCH,
    ...summary(result),
    emailsPerSecond: Math.round((result.sent * BATCH) / result.seconds),
    memoryMb: memory(stack),
  });
};

const bulk = async (stack: Stack, { mails, runs }: AcceptOptions): Promise<void> => {
  const lines = Math.min(BULK_LINES, mails * 10);
  const results: { seconds: number; accepted: number }[] = [];
  for (let run = 0; run < runs; run++) results.push(await sendBulk(stack, lines, run));
  const { seconds, accepted } = medianBy(results, (result) => result.seconds);
  print({
    bench: "accept",
    bulkOf: lines,
    accepted,
    seconds: Math.round(seconds * 100) / 100,
    recipientsPerSecond: Math.round(accepted / seconds),
    memoryMb: { gateway: memoryOf(stack.pids().workerd) },
  });
};

const sendBulk = (stack: Stack, lines: number, run: number): Promise<{ seconds: number; accepted: number }> => {
  const shared = {
    from: "Bench <app@bench.test>",
    subject: "News for {{name}}",
    html: `<p>Hello {{name}},</p>${"<p>This line stands for the content of a mail.</p>".repeat(30)}`,
    stream: "bulk",
  };
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${stack.apiKey}`, "content-type": "application/x-ndjson" };
    const sending = request(new URL("/v1/emails/bulk", stack.url), { method: "POST", headers }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        const reply: { accepted?: number } = JSON.parse(text);
        if (reply.accepted === undefined) reject(new Error(`the bulk was refused: ${text}`));
        else resolve({ seconds: (performance.now() - startedAt) / 1000, accepted: reply.accepted });
      });
    });
    sending.on("error", reject);
    sending.write(`${JSON.stringify(shared)}\n`);
    let line = 0;
    const write = (): void => {
      while (line < lines) {
        // As a file is read: some hundred lines at a time.
        let piece = "";
        for (let at = 0; at < 500 && line < lines; at++, line++)
          piece += `{"to":"r${run}-${line}@dest.test","variables":{"name":"Reader ${line}"}}\n`;
        if (!sending.write(piece)) return void sending.once("drain", write);
      }
      sending.end();
    };
    write();
  });
};

const deep = async (stack: Stack, { mails, runs, queued }: AcceptOptions): Promise<void> => {
  const { body } = await stack.request("GET", "/v1/limits");
  const limits = body["data"] as { name: string; used: number }[];
  const used = limits.find(({ name }) => name === "recipients_per_24_hours")?.used ?? 0;
  if (used < queued) {
    progress(`queueing ${queued - used} more to have ${queued} in the queue`);
    await load(stack, 64, queued - used);
  }
  const result = await repeat(runs, () => load(stack, 64, mails));
  print({
    bench: "accept",
    clients: 64,
    queued: Math.max(queued, used),
    ...summary(result),
    rateToShallow: Math.round((result.ratePerSecond / shallowRate) * 100) / 100,
    memoryMb: memory(stack),
  });
};
