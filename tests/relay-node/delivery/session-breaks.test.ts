/** A session when things break: frames that are none, a gateway that refuses, is away, or has gone silent. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterEach, expect, test, vi } from "vitest";
import { CLOSE, PING_INTERVAL_MS, SELF_FENCE_MS } from "#contract/relay-protocol.ts";
import { TOKEN } from "../../support/fake-gateway.ts";
import { PATIENCE_MS } from "../../support/patience.ts";
import { ACCOUNT, batchTo, fakeGateway, joinGateway, until } from "./relay-scene.ts";

afterEach(() => void vi.useRealTimers());

const NO_WORK = { take: (): void => {}, recall: (): void => {} };

const MALFORMED: readonly (readonly [name: string, frame: string | Buffer])[] = [
  ["no JSON", "what?"],
  ["an unknown type", '{"type":"greetings"}'],
  ["an ack without its number", '{"type":"ack"}'],
  ["an ack of a frame that was never sent", '{"type":"ack","seq":9}'],
  ["a batch without its line", `{"type":"batch","seq":1,"account":"${ACCOUNT}","count":1}`],
  [
    "a batch whose line is not one",
    `{"type":"batch","seq":1,"account":"${ACCOUNT}","count":1}\n{"account":"${ACCOUNT}"}`,
  ],
  ["a recall of no deliveries", `{"type":"recall","seq":1,"account":"${ACCOUNT}"}`],
  ["a binary frame", Buffer.from('{"type":"credit?"}')],
];

test.each(MALFORMED)("%s: the socket is closed with a reason, the relay joins anew", async (_name, frame) => {
  const gateway = await fakeGateway();
  const taken: unknown[] = [];
  const { session, refused } = joinGateway(gateway, { ...NO_WORK, take: (_session, batch) => taken.push(batch) });
  await until(() => session.live);
  const { link } = gateway;
  link.sendText(frame);
  await until(() => link.closed !== undefined);
  expect(link.closed?.code).toBe(CLOSE.malformed);
  await until(() => gateway.links.length === 2 && session.live);
  expect(taken).toEqual([]);
  expect(refused).toEqual([]);
});

test("a batch whose delivery has no email is malformed like any other; the process lives", async () => {
  const gateway = await fakeGateway();
  const batch = { ...batchTo(["a@dest.test"]), emails: [] };
  // In a process of its own: what a listener of a socket throws ends the process.
  const { stdout } = await runApart(
    `
    const session = new Session({ ...options, gatewayUrl: ${JSON.stringify(gateway.url)} }, courier());
    void session.run();
    while (!session.live) await wait(5);
    await new Promise((resolve) => process.stdin.on("end", resolve).resume());
    console.log("lives");
    process.exit(0);
  `,
    async () => {
      await until(() => gateway.links.length > 0 && gateway.link.hello !== undefined);
      gateway.link.sendBatch(batch);
      await until(() => gateway.links[0]?.closed !== undefined);
    },
  );
  expect(stdout).toContain("lives");
  expect(gateway.links[0]?.closed?.code).toBe(CLOSE.malformed);
});

test("the relay stops when the gateway will not have it", async () => {
  for (const [code, reason] of [
    [CLOSE.unauthorised, "the token was revoked"],
    [CLOSE.superseded, "another joined"],
  ] as const) {
    const gateway = await fakeGateway();
    const { session, refused } = joinGateway(gateway, NO_WORK);
    await until(() => session.live);
    gateway.link.close(code, reason);
    await until(() => refused.length > 0);
    expect(refused).toEqual([reason]);
  }
  for (const refusesWith of [401, 403]) {
    const gateway = await fakeGateway({ refusesWith });
    const { refused } = joinGateway(gateway, NO_WORK);
    await until(() => refused.length > 0);
    expect(refused[0]).toContain(`${refusesWith}`);
  }
});

test("a gateway that is away, or not well, is tried again", async () => {
  const gateway = await fakeGateway({ refusesWith: 503 });
  const { session, refused } = joinGateway(gateway, NO_WORK);
  await new Promise((resolve) => setTimeout(resolve, 100));
  delete gateway.behaviour.refusesWith;
  await until(() => session.live);
  expect(refused).toEqual([]);
});

test("it pings, and a gateway that answers nothing is left", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  const gateway = await fakeGateway();
  const { session } = joinGateway(gateway, NO_WORK);
  await until(() => session.live);
  for (let pings = 1; pings <= 5; pings++) {
    vi.advanceTimersByTime(PING_INTERVAL_MS);
    await until(() => gateway.link.pings === pings);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(session.live).toBe(true);
  }
  gateway.behaviour.answersPings = false;
  vi.advanceTimersByTime(PING_INTERVAL_MS + SELF_FENCE_MS + 1);
  expect(session.live).toBe(false);
  vi.advanceTimersByTime(PING_INTERVAL_MS);
  await until(() => gateway.links.length === 2 && session.live);
  expect(gateway.links[0]?.closed?.code).toBe(1006);
});

test("what is heard after it was cut off brings it back by a new hello only", async () => {
  vi.useFakeTimers({ toFake: ["performance"] });
  const gateway = await fakeGateway();
  const taken: unknown[] = [];
  const { session } = joinGateway(gateway, { ...NO_WORK, take: (_session, batch) => taken.push(batch) });
  await until(() => session.live);
  const { link } = gateway;
  vi.advanceTimersByTime(SELF_FENCE_MS);
  link.sendBatch(batchTo(["a@dest.test"]));
  await until(() => link.closed !== undefined);
  expect([taken, session.live]).toEqual([[], false]);
  await until(() => gateway.links.length === 2 && session.live);
});

test("while the gateway is silent whoever waits to begin waits, and the process stays awake", async () => {
  const gateway = await fakeGateway();
  // In a process of its own, with a clock of its own: should it spin, no timer of ours would end it.
  const { stdout } = await runApart(`
    const session = new Session({ ...options, gatewayUrl: ${JSON.stringify(gateway.url)} }, courier());
    void session.run();
    while (!session.live) await wait(5);
    const realNow = performance.now.bind(performance);
    performance.now = () => realNow() + ${PING_INTERVAL_MS + SELF_FENCE_MS + 1};
    let began = false;
    void session.whenLive().then(() => (began = true));
    await wait(100);
    console.log(began ? "began" : "waits");
    process.exit(0);
  `);
  expect(stdout).toContain("waits");
});

/** Runs a script beside the product's session and courier, whose input ends after `meanwhile`; killed in the end. */
const runApart = async (script: string, meanwhile = async (): Promise<void> => {}): Promise<{ stdout: string }> => {
  const imports = `
    import { setTimeout as wait } from "node:timers/promises";
    import pino from "pino";
    import { Courier } from "./relay-node/delivery/courier.ts";
    import { Session } from "./relay-node/delivery/session.ts";
    const log = pino({ level: "silent" });
    const courier = () => new Courier({ log, routes: new Map() });
    const options = { token: "${TOKEN}", pool: "default", epoch: "apart", version: "1", window: 10, log, onRefused() {}, onAcknowledged() {} };
  `;
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", imports + script], {
    cwd: new URL("../../..", import.meta.url),
    timeout: PATIENCE_MS,
    killSignal: "SIGKILL",
  });
  const [result] = await Promise.allSettled([run, meanwhile().finally(() => run.child.stdin?.end())]);
  if (result.status === "fulfilled") return result.value;
  const { stdout, stderr } = result.reason as { stdout: string; stderr: string }; // What execFile rejects with.
  return { stdout: `${stdout}\n${stderr}` };
};
