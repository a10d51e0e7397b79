/** The relay node as a process: how it starts, refuses to, drains, and what a kill leaves to the next. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { z } from "zod";
import { CLOSE } from "#contract/relay-protocol.ts";
import { type FakeGateway, TOKEN } from "../support/fake-gateway.ts";
import { type ScriptedServerOptions, startSmtpServer } from "../support/scripted-smtp-server.ts";
import { ACCOUNT, atEnd, batchTo, fakeGateway, temporaryFolder, until } from "./delivery/relay-scene.ts";
import { SmtpVisitor } from "./inbound/smtp-visitor.ts";

const MAIN = fileURLToPath(new URL("../../relay-node/main.ts", import.meta.url));

const LogLine = z.looseObject({ level: z.int(), time: z.int(), event: z.string() });

type Relay = {
  child: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  /** Code, or the signal that ended it. */
  ended: Promise<number | string>;
};

const startRelay = (env: Record<string, string>, stdin: "ignore" | "pipe" = "ignore"): Relay => {
  const child = spawn(process.execPath, [MAIN], { env, stdio: [stdin, "pipe", "pipe"] });
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  // `close`, not `exit`: all output has been read.
  const ended = new Promise<number | string>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal ?? "")),
  );
  atEnd(() => {
    child.kill("SIGKILL");
    return ended;
  });
  return {
    child,
    ended,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
  };
};

const scene = async (smtp: ScriptedServerOptions = {}) => {
  const gateway = await fakeGateway();
  const server = await startSmtpServer(smtp);
  atEnd(() => server.close());
  const env = {
    HIKYAKU_GATEWAY_URL: gateway.url,
    HIKYAKU_RELAY_TOKEN: TOKEN,
    HIKYAKU_RELAY_NAME: "north",
    HIKYAKU_RELAY_DATA: temporaryFolder(),
    HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${server.port}?tls=none`,
    HIKYAKU_RELAY_CONNECTIONS: "2",
    HIKYAKU_LOG: "debug",
  };
  return { gateway, server, env };
};

const joined = (gateway: FakeGateway, count = 1): Promise<void> =>
  until(() => gateway.links.length >= count && gateway.link.hello !== undefined);

const numbered = (count: number): string[] => Array.from({ length: count }, (_, at) => `r${at}@dest.test`);

const kinds = (gateway: FakeGateway): string[] =>
  gateway.outcomes.map(({ outcome: { k, kind } }) => `${k} ${kind}`).toSorted();

test("joins, delivers, tells; SIGTERM drains and ends with 0", async () => {
  const { gateway, server, env } = await scene();
  const relay = startRelay(env);
  await joined(gateway);
  gateway.link.sendBatch(batchTo(numbered(20)));
  await until(() => gateway.outcomes.length === 20);
  expect(server.messages).toHaveLength(20);
  expect(gateway.outcomes[0]?.outcome).toMatchObject({ kind: "delivered", relay: "north", ip: "127.0.0.1" });
  relay.child.kill("SIGTERM");
  expect(await relay.ended).toBe(0);
  expect(gateway.link.frames.at(-1)).toEqual({ type: "bye", done: true });
  expect(relay.stderr).toBe("");
});

test("logs are one JSON object a line, an event word and ids; no recipient, no key, no body", async () => {
  const { gateway, env } = await scene();
  const relay = startRelay(env);
  await joined(gateway);
  gateway.link.sendBatch(batchTo(["secret-person@dest.test"]));
  await until(() => gateway.outcomes.length === 1);
  relay.child.kill("SIGINT");
  expect(await relay.ended).toBe(0);
  const events = relay.stdout
    .trim()
    .split("\n")
    .map((line) => LogLine.parse(JSON.parse(line)).event);
  expect(events).toEqual(expect.arrayContaining(["relay.started", "relay.joined", "delivery.done", "relay.drained"]));
  expect(relay.stdout).not.toMatch(/secret-person|Hello|5c5c5c5c|hr_/);
});

test("settings that are not right end it with 2 and all mistakes", async () => {
  const relay = startRelay({ HIKYAKU_MX_PORT: "x", HIKYAKU_LOG: "loud" });
  expect(await relay.ended).toBe(2);
  expect(relay.stderr).toMatch(/HIKYAKU_GATEWAY_URL.*HIKYAKU_RELAY_TOKEN.*HIKYAKU_MX_PORT.*HIKYAKU_LOG/s);
});

test("told to, it listens for mail that comes in, and stops with it", async () => {
  const { gateway, env } = await scene();
  const relay = startRelay({ ...env, HIKYAKU_INBOUND: "127.0.0.1:0", HIKYAKU_HELO: "mx1.relay.test" });
  await joined(gateway);
  const port = (): number => Number(/"event":"inbound\.listening"[^\n]*"port":(\d+)/.exec(relay.stdout)?.[1]);
  await until(() => port() > 0);
  const visitor = await SmtpVisitor.to(port());
  expect(await visitor.reply()).toMatch(/^220 mx1\.relay\.test ESMTP/);
  relay.child.kill("SIGTERM");
  expect(await relay.ended).toBe(0);
  await until(() => visitor.isClosed);
});

test("where it cannot listen, or with what, ends it with 2", async () => {
  const { server, env } = await scene();
  const check = async (settings: Record<string, string>, says: RegExp): Promise<void> => {
    const relay = startRelay({ ...env, HIKYAKU_INBOUND: "127.0.0.1:0", ...settings });
    expect(await relay.ended).toBe(2);
    expect(relay.stderr).toMatch(says);
  };
  await check({ HIKYAKU_INBOUND: `127.0.0.1:${server.port}` }, /HIKYAKU_INBOUND: .*EADDRINUSE/);
  await check({ HIKYAKU_TLS_CERT: "/nowhere/c.pem", HIKYAKU_TLS_KEY: "/nowhere/k.pem" }, /certificate: .*nowhere/);
});

test("a data directory in use ends it with 2, and the one that has it goes on", async () => {
  const { gateway, env } = await scene();
  startRelay(env);
  await joined(gateway);
  const second = startRelay(env);
  expect(await second.ended).toBe(2);
  expect(second.stderr).toContain(env.HIKYAKU_RELAY_DATA);
  gateway.link.sendBatch(batchTo(numbered(1)));
  await until(() => gateway.outcomes.length === 1);
});

test("a gateway that will not have it ends it with 1", async () => {
  const { gateway, env } = await scene();
  gateway.behaviour.refusesWith = 401;
  const refused = startRelay(env);
  expect(await refused.ended).toBe(1);
  expect(refused.stderr).toContain("401");
  delete gateway.behaviour.refusesWith;
  const superseded = startRelay(env);
  await joined(gateway);
  gateway.link.close(CLOSE.superseded, "another process joined");
  expect(await superseded.ended).toBe(1);
  expect(superseded.stderr).toContain("another process joined");
});

test("one socket a pool", async () => {
  const { gateway, env } = await scene();
  startRelay({ ...env, HIKYAKU_RELAY_POOLS: "transactional,bulk" });
  await until(() => gateway.links.filter(({ hello }) => hello).length === 2);
  expect(gateway.links.map(({ pool }) => pool).toSorted()).toEqual(["bulk", "transactional"]);
  expect(new Set(gateway.links.map(({ hello }) => hello?.epoch)).size).toBe(1);
});

test("draining finishes what is open and gives the rest back", async () => {
  const { gateway, server, env } = await scene({ script: { dot: "silence" } });
  const relay = startRelay({ ...env, HIKYAKU_SMTP_TIMEOUTS: "dot=4" });
  await joined(gateway);
  gateway.link.sendBatch(batchTo(numbered(5)));
  await until(() => server.dots.length === 2);
  relay.child.kill("SIGTERM");
  expect(await relay.ended).toBe(0);
  expect(kinds(gateway)).toEqual(["1 unknown", "2 unknown", "3 released", "4 released", "5 released"]);
});

test("a second signal ends it at once", async () => {
  const { gateway, server, env } = await scene({ script: { dot: "silence" } });
  const relay = startRelay(env);
  await joined(gateway);
  gateway.link.sendBatch(batchTo(numbered(1)));
  await until(() => server.dots.length === 1);
  relay.child.kill("SIGINT");
  await until(() => gateway.link.frames.at(-1)?.type === "bye");
  relay.child.kill("SIGINT");
  expect(await relay.ended).toBe(1);
});

test("when its parent is gone it drains", async () => {
  const { gateway, env } = await scene();
  const relay = startRelay({ ...env, HIKYAKU_RELAY_PARENT: "stdin" }, "pipe");
  await joined(gateway);
  relay.child.stdin?.end();
  expect(await relay.ended).toBe(0);
});

test("killed: the next tells what came of what was open, and what was finished and not yet acknowledged", async () => {
  const { gateway, server, env } = await scene({ recipients: { "r3@dest.test": { dot: "silence" } } });
  gateway.behaviour.acknowledges = false;
  const first = startRelay({ ...env, HIKYAKU_RELAY_CONNECTIONS: "1" });
  await joined(gateway);
  gateway.link.sendBatch(batchTo(numbered(6)));
  // The one slot is at the fourth: the outcomes of three are on disk, whether they were told or not.
  await until(() => server.dots.length === 4);
  first.child.kill("SIGKILL");
  expect(await first.ended).toBe("SIGKILL");
  const toldBefore = gateway.outcomes.length;
  startRelay(env);
  await joined(gateway, 2);
  const again = gateway.outcomes
    .slice(toldBefore)
    .map(({ account, outcome: { k, kind, phase } }) => [account, k, kind, phase]);
  expect(again).toEqual([
    [ACCOUNT, 1, "delivered", "dot"],
    [ACCOUNT, 2, "delivered", "dot"],
    [ACCOUNT, 3, "delivered", "dot"],
    [ACCOUNT, 4, "unknown", "dot"],
  ]);
  // Mail that never began is not in its hands: the gateway queues it again.
  expect(gateway.link.hello).toMatchObject({ holding: [], free: 1000 });
  expect(gateway.link.hello?.epoch).not.toBe(gateway.links[0]?.hello?.epoch);
});

test("the sandbox is a real host: delivered and kept, refused and told", async () => {
  const { gateway, env } = await scene();
  startRelay(env);
  await joined(gateway);
  gateway.link.sendBatch(batchTo(["delivered@sandbox.test", "bounced@sandbox.test", "deferred+x@sandbox.test"]));
  await until(() => gateway.outcomes.length === 3 && gateway.trapped.length === 1);
  expect(kinds(gateway)).toEqual(["1 delivered", "2 bounced", "3 deferred"]);
  expect(gateway.trapped[0]).toMatchObject({ account: ACCOUNT, message: { k: 1, rcpt_to: "delivered@sandbox.test" } });
});
