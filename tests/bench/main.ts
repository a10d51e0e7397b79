/**
 * The benchmarks: `npm run bench -- accept | end-to-end | peers | all`. Each prints JSON; figures of one run are
 * to be compared with each other, never with another machine's.
 *
 *   accept       64 clients, one send a request, no relay; then one client alone; then again with 100,000 queued
 *   end-to-end   sends to a sink over SMTP, DKIM RSA-2048, from the first request until all are settled
 *                (--unsigned: without, as the peers send it)
 *   peers        the same mail through Postfix and Haraka, where they are installed
 */
import { generateKeyPairSync } from "node:crypto";
import { parseArgs } from "node:util";
import { startStack, type Stack } from "../support/stack.ts";
import { runLoad, type LoadResult } from "./http-load.ts";
import { benchPeers } from "./peers.ts";
import { cpuSecondsOf, memoryOf, Sink, sleep } from "./processes.ts";

/** About what a short HTML mail has; 2 KB as JSON. */
const body = (index: number, to: string): string =>
  JSON.stringify({
    from: "Bench <app@bench.test>",
    to: [to],
    subject: `Your receipt number ${index}`,
    html: `<html><body><p>Hello,</p>${"<p>This line stands for the content of a mail.</p>".repeat(24)}</body></html>`,
    text: "This line stands for the content of a mail.\n".repeat(12),
  });

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mails: { type: "string", default: "10000" },
    runs: { type: "string", default: "3" },
    queued: { type: "string", default: "100000" },
    unsigned: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});
const [mails, runs, queued] = [Number(values.mails), Number(values.runs), Number(values.queued)];
const print = (result: object): void => console.log(JSON.stringify(result));
const progress = (text: string): void => console.error(`bench: ${text}`);

const summary = ({ ids: _, ...result }: LoadResult): Omit<LoadResult, "ids"> => result;
const median = (results: readonly LoadResult[]): LoadResult => {
  const sorted = results.toSorted((a, b) => a.ratePerSecond - b.ratePerSecond);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (!middle) throw new Error("no run was made");
  return middle;
};

const memory = (stack: Stack): object => ({
  gateway: memoryOf(stack.pids().workerd),
  ...(stack.pids().relay && { relay: memoryOf(stack.pids().relay ?? 0) }),
});

const benchAccept = async (): Promise<void> => {
  const stack = await startStack({ env: { HIKYAKU_RELAYS: "0", HIKYAKU_LOG: "error" } });
  try {
    const url = new URL("/v1/emails", stack.url);
    const load = (clients: number, total: number): Promise<LoadResult> =>
      runLoad({ url, apiKey: stack.apiKey, clients, total, body: (index) => body(index, `user${index}@dest.test`) });
    await load(64, 2000);
    const results: LoadResult[] = [];
    for (let run = 0; run < runs; run++) results.push(await load(64, mails));
    const shallow = median(results);
    print({ bench: "accept", clients: 64, ...summary(shallow), memoryMb: memory(stack) });
    const alone: LoadResult[] = [];
    for (let run = 0; run < runs; run++) alone.push(await load(1, 1000));
    print({ bench: "accept", clients: 1, ...summary(median(alone)) });
    const missing = Math.max(0, queued - 2000 - runs * (mails + 1000));
    progress(`queueing ${missing} more to have ${queued} in the queue`);
    if (missing > 0) await load(64, missing);
    const deep: LoadResult[] = [];
    for (let run = 0; run < runs; run++) deep.push(await load(64, mails));
    print({
      bench: "accept",
      clients: 64,
      queued,
      ...summary(median(deep)),
      rateToShallow: Math.round((median(deep).ratePerSecond / shallow.ratePerSecond) * 100) / 100,
      memoryMb: memory(stack),
    });
  } finally {
    await stack.stop();
  }
};

const benchEndToEnd = async (): Promise<number> => {
  const sink = await Sink.start();
  const stack = await startStack({
    env: { HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${sink.port}?tls=none`, HIKYAKU_LOG: "error" },
  });
  try {
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
    });
    const vouched = await fetch(new URL(`/admin/accounts/${stack.accountId}/domains/bench.test`, stack.url), {
      method: "PUT",
      headers: { authorization: `Bearer ${stack.adminToken}` },
      body: JSON.stringify({
        status: "verified",
        ...(!values.unsigned && { dkim: { selector: "s1", private_key: privateKey } }),
      }),
    });
    if (!vouched.ok) throw new Error(`vouching for the domain: ${await vouched.text()}`);
    const once = async (total: number): Promise<{ accept: LoadResult; seconds: number; rate: number }> => {
      const startedAt = performance.now();
      const before = sink.received;
      const accept = await runLoad({
        url: new URL("/v1/emails", stack.url),
        apiKey: stack.apiKey,
        clients: 64,
        total,
        body: (index) => body(index, "user@dest.test"),
      });
      while (sink.received - before < total) await sleep(10);
      await allDelivered(stack, accept.ids);
      const seconds = (performance.now() - startedAt) / 1000;
      return { accept, seconds: Math.round(seconds * 100) / 100, rate: Math.round(total / seconds) };
    };
    await once(500);
    const cpu = (): number[] =>
      [stack.pids().workerd, stack.pids().relay ?? 0, sink.pid, process.pid].map(cpuSecondsOf);
    const before = cpu();
    const results = [];
    for (let run = 0; run < runs; run++) results.push(await once(mails));
    const middle = results.toSorted((a, b) => a.rate - b.rate)[Math.floor(runs / 2)];
    if (!middle) throw new Error("no run was made");
    const [gateway, relay, smtpSink, load] = cpu().map((seconds, index) =>
      Math.round(((seconds - (before[index] ?? 0)) / (runs * mails)) * 1e6),
    );
    print({
      bench: "end-to-end",
      cpuMicrosecondsPerMail: { gateway, relay, smtpSink, load },
      mails,
      signed: values.unsigned ? "no" : "rsa-2048",
      ratePerSecond: middle.rate,
      seconds: middle.seconds,
      accept: summary(middle.accept),
      memoryMb: memory(stack),
    });
    return middle.rate;
  } finally {
    await stack.stop();
    sink.stop();
  }
};

/** Reads the whole list until every one of these emails says `delivered`. */
const allDelivered = async (stack: Stack, ids: readonly string[]): Promise<void> => {
  const open = new Set(ids);
  for (;;) {
    let after = "";
    for (;;) {
      const response = await fetch(new URL(`/v1/emails?limit=100${after}`, stack.url), {
        headers: { authorization: `Bearer ${stack.apiKey}` },
      });
      const page: { has_more: boolean; data: { id: string; last_event: string }[] } = JSON.parse(await response.text());
      let news = 0;
      for (const { id, last_event } of page.data) if (last_event === "delivered" && open.delete(id)) news += 1;
      if (open.size === 0) return;
      after = `&after=${page.data.at(-1)?.id ?? ""}`;
      if (!page.has_more || news === 0) break;
    }
    await sleep(20);
  }
};

const benchPeersAndCompare = async (ours: number | undefined): Promise<void> => {
  for (const result of await benchPeers(Math.min(mails, 5000), 2048)) {
    const ratio =
      ours !== undefined && "deliveredPerSecond" in result
        ? { oursToTheirs: Math.round((ours / result.deliveredPerSecond) * 100) / 100 }
        : {};
    print({ bench: "peers", ...result, ...ratio });
  }
};

const which = positionals[0] ?? "all";
if (values.help || !["accept", "end-to-end", "peers", "all"].includes(which)) {
  console.log("npm run bench -- accept|end-to-end|peers|all [--mails 10000] [--runs 3] [--queued 100000] [--unsigned]");
  process.exit(values.help ? 0 : 2);
}
if (which === "accept" || which === "all") await benchAccept();
const ours = which === "end-to-end" || which === "all" ? await benchEndToEnd() : undefined;
if (which === "peers" || which === "all") await benchPeersAndCompare(ours);
