/**
 * `npm start` as people and process managers use it: through npm, by arguments and signals. npm passes a signal to the
 * shell that runs the script; only one that became the launcher (`exec`) passes it on.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { readPid, whoHolds } from "../../../gateway/selfhost/data-directory.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const started: { child: ChildProcess; dataDir: string }[] = [];
afterEach(async () => {
  for (const { child, dataDir } of started.splice(0)) {
    const launcher = readPid(join(dataDir, "run", "launcher.pid"));
    if (launcher !== undefined && whoHolds(dataDir).kind === "taken") process.kill(launcher, "SIGTERM");
    while (child.exitCode === null && child.signalCode === null) await sleep(50);
  }
});

const npmStart = (args: string[], env: Record<string, string> = {}) => {
  const dataDir = join(mkdtempSync(join(tmpdir(), "hikyaku-npm-")), "data");
  const given = {
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    HIKYAKU_DATA: dataDir,
    HIKYAKU_PORT: "0",
    ...env,
  };
  const child = spawn("npm", ["start", "--silent", "--", ...args], {
    cwd: ROOT,
    env: given,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { out: "", err: "" };
  child.stdout.on("data", (chunk) => (output.out += String(chunk)));
  child.stderr.on("data", (chunk) => (output.err += String(chunk)));
  /** `close`, not `exit`: all that it wrote was read. */
  const exit = new Promise<number | null>((resolve) => child.once("close", resolve));
  const ready = async (): Promise<void> => {
    while (!output.out.includes("hikyaku ready") && child.exitCode === null) await sleep(50);
  };
  started.push({ child, dataDir });
  return { child, output, exit, ready, dataDir };
};

test.each(["SIGTERM", "SIGINT"] as const)(
  "%s to npm drains, frees the lock and exits 0",
  async (signal) => {
    const { child, ready, output, dataDir } = npmStart([]);
    await ready();
    expect(output.out).toMatch(/^hikyaku ready http:\/\/127\.0\.0\.1:\d+ relays=1$/m);
    const exit = new Promise<number | null>((resolve) => child.once("exit", resolve));
    child.kill(signal);
    expect(await exit).toBe(0);
    expect(whoHolds(dataDir)).toEqual({ kind: "free" });
  },
  30_000,
);

test("wrong settings: all of them at once, on stderr, exit 2", async () => {
  const { exit, output } = npmStart(["--port", "x", "--relays", "-1"], { HIKYAKU_LOG: "loud" });
  expect(await exit).toBe(2);
  expect(output.out).toBe("");
  for (const name of ["--port", "--relays", "HIKYAKU_LOG"]) expect(output.err).toContain(`hikyaku: ${name} `);
});

test("a taken port is one line, exit 1; a directory in use one line, exit 2", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const first = npmStart(["--port", String(port)]);
  expect(await first.exit).toBe(1);
  expect(first.output.err).toMatch(new RegExp(`^hikyaku: cannot listen on 127\\.0\\.0\\.1:${port}: [^\\n]*\\n$`));
  taken.close();

  const holder = npmStart(["--relays", "0"]);
  await holder.ready();
  const second = npmStart(["--data", holder.dataDir]);
  expect(await second.exit).toBe(2);
  const pid = readPid(join(holder.dataDir, "run", "launcher.pid"));
  expect(second.output.err).toBe(
    `hikyaku: the data directory ${holder.dataDir} is in use by process ${pid}; stop it or give another with --data\n`,
  );
});

test("--help needs no data directory", async () => {
  const { exit, output, dataDir } = npmStart(["--help"]);
  expect(await exit).toBe(0);
  expect(output.out).toContain("--relays N");
  expect(whoHolds(dataDir)).toEqual({ kind: "free" });
});
