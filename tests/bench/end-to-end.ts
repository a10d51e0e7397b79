/**
 * From the first request until every mail is settled, over SMTP to a sink: singles of 64 clients, or batches.
 */
import { generateKeyPairSync } from "node:crypto";
import { startStack, type Stack } from "../support/stack.ts";
import { batch, medianBy, memory, print, single, SINK_CONNECTIONS, summary } from "./figures.ts";
import { runLoad, type LoadResult } from "./http-load.ts";
import { cpuSecondsOf, Sink, sleep } from "./processes.ts";

export type EndToEndOptions = { mails: number; runs: number; signed: boolean; batchOf: number };

/** Mails a second, the median of the runs. */
export const benchEndToEnd = async (options: EndToEndOptions): Promise<number> => {
  const sink = await Sink.start();
  const stack = await startStack({
    env: {
      HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${sink.port}?tls=none`,
      HIKYAKU_RELAY_CONNECTIONS: `${SINK_CONNECTIONS}`,
      HIKYAKU_LOG: "error",
    },
  });
  try {
    await vouch(stack, options.signed);
    await once(stack, sink, { ...options, mails: 500 });
    const cpu = (): number[] =>
      [stack.pids().workerd, stack.pids().relay ?? 0, sink.pid, process.pid].map(cpuSecondsOf);
    const before = cpu();
    const results = [];
    for (let run = 0; run < options.runs; run++) results.push(await once(stack, sink, options));
    const middle = medianBy(results, ({ rate }) => rate);
    const [gateway, relay, smtpSink, load] = cpu().map((seconds, index) =>
      Math.round(((seconds - (before[index] ?? 0)) / (options.runs * options.mails)) * 1e6),
    );
    print({
      bench: "end-to-end",
      ...(options.batchOf > 1 && { batchOf: options.batchOf }),
      cpuMicrosecondsPerMail: { gateway, relay, smtpSink, load },
      mails: options.mails,
      signed: options.signed ? "rsa-2048" : "no",
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

const vouch = async (stack: Stack, signed: boolean): Promise<void> => {
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const vouched = await stack.admin("PUT", `/admin/accounts/${stack.accountId}/domains/bench.test`, {
    status: "verified",
    ...(signed && { dkim: { selector: "s1", private_key: privateKey } }),
  });
  if (vouched.status !== 200) throw new Error(`vouching for the domain: ${JSON.stringify(vouched)}`);
};

type Run = { accept: LoadResult; seconds: number; rate: number };

const once = async (stack: Stack, sink: Sink, { mails, batchOf }: EndToEndOptions): Promise<Run> => {
  const startedAt = performance.now();
  const before = sink.received;
  const to = (): string => "user@dest.test";
  const accept =
    batchOf > 1
      ? await runLoad({
          url: new URL("/v1/emails/batch", stack.url),
          apiKey: stack.apiKey,
          clients: 4,
          total: Math.ceil(mails / batchOf),
          body: (index) => batch(index, batchOf, to),
        })
      : await runLoad({
          url: new URL("/v1/emails", stack.url),
          apiKey: stack.apiKey,
          clients: 64,
          total: mails,
          body: (index) => single(index, to()),
        });
  const sent = accept.ids.length;
  while (sink.received - before < sent) await sleep(10);
  await allDelivered(stack, accept.ids);
  const seconds = (performance.now() - startedAt) / 1000;
  return { accept, seconds: Math.round(seconds * 100) / 100, rate: Math.round(sent / seconds) };
};

/** Reads the whole list until every one of these emails says `delivered`. */
const allDelivered = async (stack: Stack, ids: readonly string[]): Promise<void> => {
  const open = new Set(ids);
  for (;;) {
    let after = "";
    for (;;) {
      const { body } = await stack.request("GET", `/v1/emails?limit=100${after}`);
      const data = body["data"] as { id: string; last_event: string }[];
      let news = 0;
      for (const { id, last_event } of data) if (last_event === "delivered" && open.delete(id)) news += 1;
      if (open.size === 0) return;
      after = `&after=${data.at(-1)?.id ?? ""}`;
      if (body["has_more"] !== true || news === 0) break;
    }
    await sleep(20);
  }
};
