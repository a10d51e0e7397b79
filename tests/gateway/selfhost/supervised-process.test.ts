import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { expect, test } from "vitest";
import { readPid } from "../../../gateway/selfhost/data-directory.ts";
import { restartPauseMs, supervise } from "../../../gateway/selfhost/supervised-process.ts";

/** Supervises a script in Node; `events` are the log lines so far. */
const start = (script: string) => {
  const directory = mkdtempSync(join(tmpdir(), "hikyaku-child-"));
  const pidFile = join(directory, "child.pid");
  const events: Record<string, unknown>[] = [];
  const sink = new Writable({
    write: (line: Buffer, _encoding, done) => {
      events.push(JSON.parse(line.toString()));
      done();
    },
  });
  const env = { DIARY: join(directory, "diary") };
  const plan = {
    name: "child",
    command: process.execPath,
    args: ["-e", script],
    env,
    pidFile,
    output: "lines" as const,
  };
  const child = supervise(plan, pino(sink));
  return {
    child,
    pidFile,
    events,
    named: (event: string) => events.filter((each) => each["event"] === event),
    diary: env.DIARY,
  };
};

test("the first restart is at once, the pauses double up to five seconds", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 9].map(restartPauseMs)).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000]);
});

test("what it writes goes into the log, line by line", async () => {
  const { child, named } = start('console.log("one\\ntwo"); console.error("three"); setInterval(() => {}, 1000)');
  await expect.poll(() => named("output")).toHaveLength(3);
  const lines = named("output").map(({ level, line }) => [level, line]);
  expect(lines).toEqual(
    expect.arrayContaining([
      [30, "one"],
      [30, "two"],
      [40, "three"],
    ]),
  );
  await child.stop(1000);
});

test("a death is logged with how it came, and the pid file follows the living one", async () => {
  const { child, named, pidFile } = start("setInterval(() => {}, 1000)");
  const first = readPid(pidFile) ?? 0;
  process.kill(first, "SIGKILL");
  await expect.poll(() => named("process-started")).toHaveLength(2);
  expect(named("process-died")[0]).toMatchObject({ process: "child", signal: "SIGKILL", restart_in_ms: 0 });
  expect(readPid(pidFile)).not.toBe(first);
  await child.stop(1000);
  expect(existsSync(pidFile)).toBe(false);
  await sleep(200);
  expect(named("process-started")).toHaveLength(2);
});

test("status 2 is final", async () => {
  const { child, named } = start("process.exit(2)");
  await child.gaveUp;
  await sleep(200);
  expect(named("process-started")).toHaveLength(1);
  await child.stop(1000);
});

test("a program that is not there is tried again, and can be stopped meanwhile", async () => {
  const plan = {
    name: "child",
    command: "/no/such/program",
    args: [],
    env: {},
    pidFile: join(tmpdir(), "hikyaku-none.pid"),
    output: "lines" as const,
  };
  const child = supervise(plan, pino({ level: "silent" }));
  await sleep(50);
  await child.stop(1000);
});

test("SIGTERM first, SIGKILL when the grace is over", async () => {
  const deaf =
    'process.on("SIGTERM", () => fs.writeFileSync(process.env.DIARY, "heard")); console.log("up"); setInterval(() => {}, 1000)';
  const { child, named, diary, pidFile } = start(deaf);
  await expect.poll(() => named("output")).toHaveLength(1);
  const pid = readPid(pidFile) ?? 0;
  const startedAtMs = performance.now();
  await child.stop(2000);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(1990);
  expect(readFileSync(diary, "utf8")).toBe("heard");
  expect(named("process-killed")).toHaveLength(1);
  expect(spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout.trim()).toBe("");
});
