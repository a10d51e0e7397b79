/**
 * Ends what a launcher that was killed (`kill -9`, out of memory) left running on this data directory.
 *
 * Runs under the lock, before anything is started: a second workerd on the same objects would split-brain. A
 * pid may belong to a stranger by now, so a process is ended only when its command line names our directory.
 */
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { Logger } from "pino";
import { dataPaths, readPid } from "./data-directory.ts";

const run = promisify(execFile);
const GRACE_MS = 10_000;
const POLL_MS = 50;

/** Ends workerd and relay nodes that pid files of `dataDir` speak of; resolves when they are gone. */
export const endLeftovers = async (dataDir: string, log: Logger): Promise<void> => {
  const runDir = dataPaths(dataDir).run;
  const pidFiles = readdirSync(runDir).filter((name) => name.endsWith(".pid") && name !== "launcher.pid");
  await Promise.all(pidFiles.map((name) => endOne(join(runDir, name), dataDir, log)));
};

const endOne = async (pidFile: string, dataDir: string, log: Logger): Promise<void> => {
  const pid = readPid(pidFile);
  const isOurs = async (): Promise<boolean> => pid !== undefined && (await commandLine(pid)).includes(`${dataDir}/`);
  if (pid !== undefined && (await isOurs())) {
    log.warn({ event: "leftover-ended", leftover_pid: pid });
    sendSignal(pid, "SIGTERM");
    const deadlineMs = performance.now() + GRACE_MS;
    let killed = false;
    while (await isOurs()) {
      if (!killed && performance.now() > deadlineMs) {
        sendSignal(pid, "SIGKILL");
        killed = true;
      }
      await sleep(POLL_MS);
    }
  }
  rmSync(pidFile, { force: true });
};

/** The command line of a living process, empty when there is none. A zombie has none. */
const commandLine = async (pid: number): Promise<string> => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // No /proc (macOS), or no such process: `ps` knows.
  }
  try {
    return (await run("ps", ["-ww", "-o", "command=", "-p", String(pid)])).stdout;
  } catch {
    return "";
  }
};

const sendSignal = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(pid, signal);
  } catch {
    // It died meanwhile.
  }
};
