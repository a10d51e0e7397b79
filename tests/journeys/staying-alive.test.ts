/**
 * What happens beside the mail: idle objects, clients that hang up, a second relay, a second start, Ctrl-C.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startSmtpServer, type ScriptedSmtpServer } from "../support/scripted-smtp-server.ts";
import { startStack, type Stack } from "../support/stack.ts";

let inbox: ScriptedSmtpServer;
let stack: Stack;

beforeAll(async () => {
  inbox = await startSmtpServer();
  stack = await startStack({
    env: { HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${inbox.port}`, HIKYAKU_RETRY: "1,1,1", HIKYAKU_LOG: "info" },
  });
});

afterAll(async () => {
  await stack?.stop();
  await inbox?.close();
});

test("after 30 s of silence, with the relay joined, the next mail is delivered at once", async () => {
  await stack.eventsUntil(await stack.send(), "email.delivered");
  await wait(30_000);
  const startedAt = Date.now();
  const id = await stack.send();
  await stack.eventsUntil(id, "email.delivered");
  // It takes a few hundredths of a second; what is not announced waits ten for the account's alarm.
  expect(Date.now() - startedAt).toBeLessThan(8000);
});

test("clients that hang up in mid-request make no other request fail", async () => {
  const body = JSON.stringify({ from: "a@sender.test", to: "user@dest.test", subject: "s", text: "t".repeat(2000) });
  const request = `POST /v1/emails HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${stack.apiKey}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const { hostname, port } = new URL(stack.url);
  let hungUp = 0;
  const rude = async (): Promise<void> => {
    for (let i = 0; i < 40; i++) {
      const socket = connect(Number(port), hostname);
      socket.on("error", () => {});
      await new Promise<void>((resolve) => socket.once("connect", resolve));
      socket.write(i % 2 === 0 ? request : request.slice(0, -100));
      await wait(Math.random() * 4);
      socket.destroy();
      hungUp += 1;
    }
  };
  let served = 0;
  const polite = async (): Promise<void> => {
    for (let i = 0; i < 60; i++) {
      await stack.send();
      served += 1;
    }
  };
  await Promise.all([...Array.from({ length: 8 }, rude), ...Array.from({ length: 8 }, polite)]);
  expect({ hungUp, served }).toEqual({ hungUp: 320, served: 480 });
});

test("a second relay joined by hand shares the work; when it stops, it gives back what it has not begun", async () => {
  const { body } = await stack.admin("POST", "/admin/relays", { name: "second" });
  const data = mkdtempSync(join(tmpdir(), "hikyaku-relay-"));
  const env = {
    ...process.env,
    HIKYAKU_GATEWAY_URL: stack.url,
    HIKYAKU_RELAY_TOKEN: String(body["token"]),
    HIKYAKU_RELAY_NAME: "second",
    HIKYAKU_RELAY_DATA: data,
    HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${inbox.port}`,
  };
  const relay = spawn(process.execPath, [fileURLToPath(new URL("../../relay-node/main.ts", import.meta.url))], {
    env,
    stdio: "ignore",
  });
  try {
    await stack.joined(2);
    const ids = await Promise.all(Array.from({ length: 600 }, () => stack.send()));
    const carriers = new Set<string>();
    for (const id of ids) carriers.add((await stack.eventsUntil(id, "email.delivered")).at(-1)?.relay ?? "");
    expect([...carriers].toSorted()).toEqual(["relay-1", "second"]);
    const relays = (await stack.admin("GET", "/admin/relays")).body["data"] as { name: string; connected: boolean }[];
    expect(relays.map(({ name, connected }) => `${name} ${connected}`).toSorted()).toEqual([
      "relay-1 true",
      "second true",
    ]);

    const more = Array.from({ length: 300 }, () => stack.send());
    await wait(30);
    const ended = new Promise<number | null>((resolve) => relay.once("exit", resolve));
    relay.kill("SIGTERM");
    expect(await ended).toBe(0);
    for (const id of await Promise.all(more)) await stack.eventsUntil(id, "email.delivered");
  } finally {
    relay.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
  }
});

test("a relay whose token is revoked is cut off and stops with a clear line", async () => {
  const { body } = await stack.admin("POST", "/admin/relays", { name: "third" });
  const data = mkdtempSync(join(tmpdir(), "hikyaku-relay-"));
  const env = {
    ...process.env,
    HIKYAKU_GATEWAY_URL: stack.url,
    HIKYAKU_RELAY_TOKEN: String(body["token"]),
    HIKYAKU_RELAY_DATA: data,
  };
  const relay = spawn(process.execPath, [fileURLToPath(new URL("../../relay-node/main.ts", import.meta.url))], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  relay.stderr.on("data", (chunk: Buffer) => (told += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => relay.once("exit", resolve));
  await stack.joined(2);
  await stack.admin("DELETE", `/admin/relays/${String(body["id"])}`);
  expect(await ended).toBe(1);
  expect(told).toMatch(/does not want this relay: the token was revoked/);
  rmSync(data, { recursive: true, force: true });
});

test("a second start on the same directory fails with a clear line", async () => {
  await expect(startStack({ dataDir: stack.dataDir, apiKey: "x" })).rejects.toThrow(/is in use by process \d+/);
});

test("Ctrl-C drains: what was accepted and not sent is there after the next start", async () => {
  const data = mkdtempSync(join(tmpdir(), "hikyaku-stack-"));
  const env = { HIKYAKU_ROUTES: `dest.test=smtp://127.0.0.1:${inbox.port}`, HIKYAKU_LOG: "warn" };
  const first = await startStack({ dataDir: data, env });
  const ids = await Promise.all(Array.from({ length: 200 }, () => first.send()));
  expect(await first.stop()).toBe(0);
  const second = await startStack({ dataDir: data, apiKey: first.apiKey, env });
  try {
    for (const id of ids) await second.eventsUntil(id, "email.delivered");
  } finally {
    await second.stop();
    rmSync(data, { recursive: true, force: true });
  }
});
