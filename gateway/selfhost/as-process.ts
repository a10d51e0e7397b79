/**
 * A launcher as a process: settings in, exit status out; everything between is launcher.ts.
 *
 * 0 stopped as asked · 1 could not start or go on · 2 wrong settings, or the data directory is in use.
 * People's lines go to stdout, logs (pino, one JSON object a line) to stderr.
 */
import pino from "pino";
import { launch, type LauncherOptions, type Running } from "./launcher.ts";
import { readSettings, type Settings, USAGE } from "./settings.ts";
import { onStopSignals } from "./stop-signals.ts";

/** Runs until it is stopped and ends the process. `adjust` may change the settings; `prepare` is how the gateway runs. */
export const runAsProcess = async (
  adjust: (settings: Settings) => Settings,
  prepare: LauncherOptions["prepare"],
): Promise<void> => {
  const read = readSettings(process.argv.slice(2), process.env, process.cwd());
  if (read.kind === "help") {
    process.stdout.write(USAGE);
    return;
  }
  if (read.kind === "invalid") {
    for (const mistake of read.mistakes) process.stderr.write(`hikyaku: ${mistake}\n`);
    process.stderr.write("hikyaku: `npm start -- --help` lists the settings\n");
    process.exitCode = 2;
    return;
  }
  const settings = adjust(read.settings);
  const log = pino({ level: settings.logLevel, base: { part: "launcher" } }, pino.destination({ dest: 2, sync: true }));
  const running: Running = { gateway: undefined, relays: [] };
  const stop = onStopSignals(() => {
    for (const child of [...running.relays, running.gateway]) child?.kill();
    process.exit(1);
  });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const end = await launch({ settings, env: process.env, log, say, stop, prepare }, running);
  if (end.kind !== "stopped") process.stderr.write(`hikyaku: ${end.line}\n`);
  // Explicit: an abandoned socket of `fetch` must not keep the process alive.
  process.exit(end.kind === "stopped" ? 0 : end.kind === "failed" ? 1 : 2);
};
