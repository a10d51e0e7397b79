/**
 * Bounces by mail: from the first octet over SMTP until all are events of their deliveries. A few connections, each
 * with one mail after the other, as the servers of a large provider come.
 */
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { parseId } from "#contract/ids.ts";
import { MetricsReply } from "#contract/metrics.ts";
import { formatReturnPath, returnPathSignedText } from "#contract/return-path.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { batch, medianBy, memory, print } from "./figures.ts";
import { runLoad } from "./http-load.ts";
import { cpuSecondsOf, Sink, sleep } from "./processes.ts";

const CONNECTIONS = 20;

export const benchInbound = async ({ mails, runs }: { mails: number; runs: number }): Promise<void> => {
  const sink = await Sink.start();
  const stack = await startStack({
    env: {
      HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${sink.port}?tls=none`,
      HIKYAKU_INBOUND: "127.0.0.1:0",
      HIKYAKU_LOG: "info",
    },
  });
  try {
    const port = Number(/"event":"inbound\.listening"[^\n]*"port":(\d+)/.exec(stack.log)?.[1]);
    await once(stack, sink, port, 500, "warm");
    const cpu = (): number[] => [stack.pids().workerd, stack.pids().relay ?? 0, process.pid].map(cpuSecondsOf);
    const results = [];
    for (let run = 0; run < runs; run++) results.push(await once(stack, sink, port, mails, `run${run}`, cpu));
    const middle = medianBy(results, ({ appliedPerSecond }) => appliedPerSecond);
    print({ bench: "inbound", mails, connections: CONNECTIONS, ...middle, memoryMb: memory(stack) });
  } finally {
    await stack.stop();
    sink.stop();
  }
};

const once = async (
  stack: Stack,
  sink: Sink,
  port: number,
  mails: number,
  name: string,
  cpu: () => number[] = () => [],
): Promise<{ appliedPerSecond: number; seconds: number; cpuMicrosecondsPerMail: object }> => {
  const bounces = await deliver(stack, sink, mails, name);
  const eventsBefore = await bouncedOf(stack);
  const [before, startedAt] = [cpu(), performance.now()];
  await Promise.all(Array.from({ length: CONNECTIONS }, () => sendAll(port, bounces)));
  // A bounce is answered when it is an event.
  const seconds = (performance.now() - startedAt) / 1000;
  const [gateway, relay, load] = cpu().map((after, index) =>
    Math.round(((after - (before[index] ?? 0)) / mails) * 1e6),
  );
  const bounced = (await bouncedOf(stack)) - eventsBefore;
  if (bounced !== mails) throw new Error(`${bounced} of ${mails} bounces are events`);
  return {
    appliedPerSecond: Math.round(mails / seconds),
    seconds: Math.round(seconds * 100) / 100,
    cpuMicrosecondsPerMail: { gateway, relay, load },
  };
};

type Bounce = { returnPath: string; rcpt: string };

/** Has mails delivered, and works out the return-paths that they left with. */
const deliver = async (stack: Stack, sink: Sink, mails: number, name: string): Promise<Bounce[]> => {
  const before = sink.received;
  const to = (at: number): string => `${name}-${at}@dest.test`;
  const { ids } = await runLoad({
    url: new URL("/v1/emails/batch", stack.url),
    apiKey: stack.apiKey,
    clients: 4,
    total: mails / 100,
    body: (index) => batch(index, 100, to),
  });
  while (sink.received - before < mails) await sleep(20);
  await sleep(1000);
  const account = stack.accountId;
  const master = readFileSync(join(stack.dataDir, "master-key"), "utf8").trim();
  const key = createHmac("sha256", `return-path ${master}`).update(account).digest();
  return ids.map((id) => {
    const token = { account, k: parseId(account, id) ?? 0, attempt: 1 };
    const mac = createHmac("sha256", key).update(returnPathSignedText(token)).digest();
    return { returnPath: formatReturnPath(token, mac, "bounce.localhost"), rcpt: "user@dest.test" };
  });
};

/** Takes bounces off the list and sends them over one connection, each when the last was taken. */
const sendAll = async (port: number, bounces: Bounce[]): Promise<void> => {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let text = "";
  let wake = (): void => {};
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    wake();
  });
  /** Waits for so many replies, all of them positive. */
  const replies = async (count: number): Promise<void> => {
    for (let seen = 0; seen < count;) {
      const end = text.indexOf("\r\n");
      if (end < 0) {
        await new Promise<void>((resolve) => (wake = resolve));
        continue;
      }
      const line = text.slice(0, end);
      text = text.slice(end + 2);
      if (!/^[23]/.test(line)) throw new Error(`the server said: ${line}`);
      if (!/^\d{3}-/.test(line)) seen += 1;
    }
  };
  await replies(1);
  socket.write("EHLO mx.dest.test\r\n");
  await replies(1);
  for (let bounce = bounces.pop(); bounce !== undefined; bounce = bounces.pop()) {
    socket.write(`MAIL FROM:<>\r\nRCPT TO:<${bounce.returnPath}>\r\nDATA\r\n`);
    await replies(3);
    socket.write(dsn(bounce));
    await replies(1);
  }
  socket.end("QUIT\r\n");
};

/** As Postfix writes it, with 2 KB of returned header. */
const dsn = ({ returnPath, rcpt }: Bounce): string =>
  [
    "From: MAILER-DAEMON@mx.dest.test (Mail Delivery System)",
    "Subject: Undelivered Mail Returned to Sender",
    `To: ${returnPath}`,
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    'Content-Type: multipart/report; report-type=delivery-status; boundary="b/mx.dest.test"',
    ...["", "--b/mx.dest.test", "Content-Type: text/plain; charset=us-ascii", ""],
    "This is the mail system at host mx.dest.test.",
    `<${rcpt}>: host store.dest.test said: 550 5.1.1 user unknown`,
    ...["--b/mx.dest.test", "Content-Type: message/delivery-status", ""],
    "Reporting-MTA: dns; mx.dest.test",
    "",
    `Final-Recipient: rfc822; ${rcpt}`,
    ...["Action: failed", "Status: 5.2.2", "Remote-MTA: dns; store.dest.test"],
    "Diagnostic-Code: smtp; 552 5.2.2 mailbox full",
    ...["", "--b/mx.dest.test", "Content-Type: text/rfc822-headers", "", `Return-Path: <${returnPath}>`],
    ...Array.from({ length: 20 }, (_, at) => `X-Line-${at}: ${"of the header that comes back ".repeat(3)}`),
    ...["", "--b/mx.dest.test--", ".", ""],
  ].join("\r\n");

/** Events of bounces, as the account counts them. */
const bouncedOf = async (stack: Stack): Promise<number> => {
  const { body } = await stack.request("GET", "/v1/emails/metrics?metrics=bounced");
  return MetricsReply.parse(body).totals.bounced ?? 0;
};
