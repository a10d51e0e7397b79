/**
 * One child process that is meant to run until it is told to stop.
 *
 * It runs in a process group of its own, so that Ctrl-C in a terminal reaches the launcher only, which then
 * stops its children in order. When it dies by itself it is started again: at once, then with growing pauses.
 * Exit status 2 means "my settings are wrong": then it stays down, and `gaveUp` says so.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import type { Logger } from "pino";

export type ProcessPlan = {
  name: string;
  command: string;
  args: string[];
  env: Record<string, string | undefined>;
  /** Its pid is written here while it runs. */
  pidFile: string;
  /**
   * `lines`: what it writes is text, each line goes into our log. `through`: it logs as we do, straight to our
   * stderr. Its stdin is a pipe that we hold open: it ends when we die.
   */
  output: "lines" | "through";
};

export type SupervisedProcess = {
  /** Resolves when it ended with status 2; never otherwise. */
  readonly gaveUp: Promise<void>;
  /** SIGTERM, and SIGKILL after `graceMs`; resolves when it is gone. It is not started again. */
  stop(graceMs: number): Promise<void>;
  /** SIGKILL now, to it and to what it started. */
  kill(): void;
};

const WRONG_SETTINGS = 2;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
/** A run at least this long was healthy: the next pause is the first again. */
const HEALTHY_RUN_MS = 60_000;

/** The pause before the next start, after `failures` short runs in a row: none, then 0.1 s doubling up to 5 s. */
export const restartPauseMs = (failures: number): number =>
  failures <= 1 ? 0 : Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 2));

export const supervise = (plan: ProcessPlan, log: Logger): SupervisedProcess => {
  const gaveUp = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  let child: ChildProcess | undefined;
  let restart: NodeJS.Timeout | undefined;
  let stopping = false;
  let failures = 0;

  const start = (): void => {
    restart = undefined;
    const startedAtMs = performance.now();
    const onExit = (how: { code?: number | null; signal?: NodeJS.Signals | null; error?: string }): void => {
      child = undefined;
      rmSync(plan.pidFile, { force: true });
      if (stopping) return ended.resolve();
      if (how.code === WRONG_SETTINGS) {
        log.error({ event: "process-gave-up", process: plan.name, ...how });
        stopping = true;
        gaveUp.resolve();
        return ended.resolve();
      }
      failures = performance.now() - startedAtMs >= HEALTHY_RUN_MS ? 1 : failures + 1;
      const pauseMs = restartPauseMs(failures);
      log.warn({ event: "process-died", process: plan.name, ...how, restart_in_ms: pauseMs });
      restart = setTimeout(start, pauseMs);
    };
    child = spawn(plan.command, plan.args, {
      env: plan.env,
      detached: true,
      stdio: plan.output === "lines" ? ["pipe", "pipe", "pipe"] : ["pipe", 2, 2],
    });
    // A process that could not be started has an error and no exit.
    child.once("error", (error) => child?.pid === undefined && onExit({ error: error.message }));
    child.once("exit", (code, signal) => onExit({ code, signal }));
    child.stdin?.on("error", () => {});
    if (child.pid === undefined) return;
    writeFileSync(plan.pidFile, `${child.pid}\n`);
    log.info({ event: "process-started", process: plan.name, child_pid: child.pid });
    relayLines(child.stdout, (line) => log.info({ event: "output", process: plan.name, line }));
    relayLines(child.stderr, (line) => log.warn({ event: "output", process: plan.name, line }));
  };
  start();

  const kill = (): void => {
    stopping = true;
    clearTimeout(restart);
    if (child === undefined) return ended.resolve();
    signalGroup(child, "SIGKILL");
  };

  return {
    gaveUp: gaveUp.promise,
    kill,
    stop: async (graceMs) => {
      stopping = true;
      clearTimeout(restart);
      if (child === undefined) return;
      child.kill("SIGTERM");
      const late = setTimeout(() => {
        log.warn({ event: "process-killed", process: plan.name, waited_ms: graceMs });
        kill();
      }, graceMs);
      await ended.promise;
      clearTimeout(late);
    },
  };
};

const relayLines = (stream: Readable | null, write: (line: string) => void): void => {
  if (stream) createInterface({ input: stream }).on("line", write);
};

/** To the whole group of a child that leads one: wrangler leaves its workerd running otherwise. */
const signalGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // It died meanwhile.
  }
};
