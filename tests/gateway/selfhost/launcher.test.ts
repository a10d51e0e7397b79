import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pino from "pino";
import { afterEach, expect, test } from "vitest";
import { prepareGateway } from "../../../gateway/selfhost/gateway-process.ts";
import { launch, type LauncherOptions, type LauncherEnd, type Running } from "../../../gateway/selfhost/launcher.ts";
import { readPid } from "../../../gateway/selfhost/data-directory.ts";
import { readSettings } from "../../../gateway/selfhost/settings.ts";
import { writeStandIns } from "./stand-ins.ts";

const stops: AbortController[] = [];
const ends: Promise<LauncherEnd>[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) stop.abort();
  await Promise.all(ends.splice(0));
});

const newDataDir = (): string => join(mkdtempSync(join(tmpdir(), "hikyaku-")), "data");

/** Starts a launcher in this process. `ready` is its ready line, or the end when it came first. */
const start = (dataDir: string, args: string[] = [], env: Record<string, string> = {}) => {
  const read = readSettings(["--port", "0", "--data", dataDir, ...args], env, "/");
  if (read.kind !== "settings") throw new Error(JSON.stringify(read));
  const stop = new AbortController();
  const said: string[] = [];
  const ready = Promise.withResolvers<string>();
  const say = (line: string): void => {
    said.push(line);
    if (line.startsWith("hikyaku ready")) ready.resolve(line);
  };
  const running: Running = { gateway: undefined, relays: [] };
  const log = pino({ level: "silent" });
  const { gatewayEntry, relayMain } = writeStandIns(`${dataDir}-stand-ins`);
  const prepare: LauncherOptions["prepare"] = (settings, port, variables) =>
    prepareGateway(settings, port, variables, gatewayEntry);
  const end = launch(
    { settings: read.settings, env: { ...process.env, ...env }, log, say, stop: stop.signal, prepare, relayMain },
    running,
  );
  stops.push(stop);
  ends.push(end);
  return {
    end,
    stop: () => stop.abort(),
    said,
    ready: Promise.race([ready.promise, end.then((e) => JSON.stringify(e))]),
  };
};

const urlIn = (line: string): string => /http:\S+/.exec(line)?.[0] ?? line;
const diary = (dataDir: string): string[] =>
  readFileSync(join(dataDir, "relay-1", "diary"), "utf8")
    .trim()
    .split("\n");
const pidOf = (dataDir: string, name: string): number => readPid(join(dataDir, "run", `${name}.pid`)) ?? 0;
/** A zombie is dead: where nobody reaps orphans, one stays. */
const isAlive = (pid: number): boolean => {
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" });
  return stdout.trim() !== "" && !stdout.trim().startsWith("Z");
};

test("first start makes account, relay and secrets; the second knows them", async () => {
  const dataDir = newDataDir();
  const first = start(dataDir);
  expect(await first.ready).toMatch(/^hikyaku ready http:\/\/127\.0\.0\.1:\d+ relays=1$/);
  expect(first.said[0]).toContain("hk_stand_in");
  expect(statSync(join(dataDir, "relay-1", "token")).mode & 0o777).toBe(0o600);
  first.stop();
  expect(await first.end).toEqual({ kind: "stopped" });

  const second = start(dataDir);
  const url = urlIn(await second.ready);
  expect(second.said).toEqual([
    expect.stringContaining("HIKYAKU_PUBLIC_URL is not set"),
    expect.stringContaining("hikyaku ready"),
  ]);
  const adminToken = readFileSync(join(dataDir, "admin-token"), "utf8").trim();
  const ask = async (path: string): Promise<unknown> =>
    (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${adminToken}` } })).json();
  expect(await ask("/made")).toEqual(["/admin/accounts default", "/admin/relays relay-1"]);
  expect(await ask("/env")).toMatchObject({
    HIKYAKU_BOUNCE_DOMAIN: "bounce.localhost",
    HIKYAKU_PUBLIC_URL: url,
    HIKYAKU_ALLOW_PRIVATE: "0",
  });
});

test("no secret is in a file of data/run, and the relay gets none of the gateway's", async () => {
  const dataDir = newDataDir();
  const masterKey = "a-master-key-of-forty-characters-or-more-";
  await start(dataDir, [], { HIKYAKU_MASTER_KEY: masterKey }).ready;
  expect(readFileSync(join(dataDir, "run", "workerd.capnp"), "utf8")).not.toContain(masterKey);
  expect(diary(dataDir)).toEqual(["start hr_relay-1 false"]);
});

test("a second start on the directory is told who has it", async () => {
  const dataDir = newDataDir();
  await start(dataDir).ready;
  const line = `the data directory ${dataDir} is in use by process ${process.pid}; stop it or give another with --data`;
  expect(await start(dataDir).end).toEqual({ kind: "wrong-use", line });
});

test("a taken port is one clear line, and the lock is free again", async () => {
  const dataDir = newDataDir();
  const taken = createServer();
  const port = await new Promise<number>((resolve) =>
    taken.listen(0, "127.0.0.1", () => {
      const address = taken.address();
      resolve(typeof address === "object" && address ? address.port : 0);
    }),
  );
  const end = await start(dataDir, ["--port", String(port)]).end;
  taken.close();
  expect(end).toMatchObject({ kind: "failed", line: expect.stringContaining(`cannot listen on 127.0.0.1:${port}`) });
  expect(await start(dataDir).ready).toContain("hikyaku ready");
});

test("--relays 0 is ready as soon as the gateway answers", async () => {
  const { ready, said } = start(newDataDir(), ["--relays", "0"], { HIKYAKU_PUBLIC_URL: "https://mail.example" });
  expect(await ready).toMatch(/relays=0$/);
  expect(said.filter((line) => line.includes("HIKYAKU_PUBLIC_URL"))).toEqual([]);
});

test("a relay that refuses its settings ends the start", async () => {
  const end = await start(newDataDir(), [], { HIKYAKU_ROUTES: "nonsense" }).end;
  expect(end.kind).toBe("wrong-use");
});

test("what is killed is started again, on the same port", async () => {
  const dataDir = newDataDir();
  const url = urlIn(await start(dataDir).ready);
  const [workerd, relay] = [pidOf(dataDir, "workerd"), pidOf(dataDir, "relay-1")];
  process.kill(workerd, "SIGKILL");
  process.kill(relay, "SIGKILL");
  const healthy = async (): Promise<unknown> => {
    const health = await fetch(`${url}/healthz`).then((response) => response.json(), String);
    return { health, isNew: ![workerd, relay].includes(pidOf(dataDir, "workerd")) };
  };
  await expect.poll(healthy, { interval: 100 }).toEqual({ health: { status: "ok", relays: 1 }, isNew: true });
  expect(diary(dataDir)).toHaveLength(2);
});

test("relays drain before the gateway stops", async () => {
  const dataDir = newDataDir();
  const launcher = start(dataDir, [], { HIKYAKU_TEST_DRAIN_MS: "300" });
  await launcher.ready;
  const workerd = pidOf(dataDir, "workerd");
  launcher.stop();
  expect(await launcher.end).toEqual({ kind: "stopped" });
  expect(diary(dataDir).at(-1)).toBe("drained, and the gateway is there");
  expect(isAlive(workerd)).toBe(false);
});

test("what a killed launcher left running is ended before the next start", async () => {
  const dataDir = newDataDir();
  const { gatewayEntry, relayMain } = writeStandIns(`${dataDir}-stand-ins`);
  const script = fileURLToPath(new URL("run-launcher.ts", import.meta.url));
  const child = spawn(process.execPath, [script, dataDir, "0", gatewayEntry, relayMain], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  for await (const chunk of child.stdout) if (String(chunk).includes("hikyaku ready")) break;
  const workerd = pidOf(dataDir, "workerd");
  child.kill("SIGKILL");
  await expect.poll(() => diary(dataDir).at(-1)).toBe("drained, and the gateway is there");
  expect(isAlive(workerd)).toBe(true);

  await start(dataDir).ready;
  expect(isAlive(workerd)).toBe(false);
  expect(pidOf(dataDir, "workerd")).not.toBe(workerd);
});
