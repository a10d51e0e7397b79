/**
 * The whole service on one machine, from lock to drain:
 *
 *   1. lock the data directory, end what a killed launcher left running
 *   2. secrets, bundle, workerd; wait until it answers
 *   3. on first start the account `default`; a token for each relay node; the relay nodes
 *   4. `hikyaku ready …`, then watch: what dies is started again
 *   5. told to stop: relay nodes drain, then the gateway stops, then the lock is free
 *
 * Invariant: nothing of ours runs on the directory without the lock. What it says to people goes to `say`, one
 * line each; everything else is a log line. It never ends the process: that is main.ts.
 */
import type { Logger } from "pino";
import { publicUrlTrouble } from "../cli/public-url.ts";
import { dataPaths, lockDataDirectory, secretFile } from "./data-directory.ts";
import { ensureDefaultAccount, ensureRelayToken } from "./first-start.ts";
import { waitForGateway } from "./gateway-answers.ts";
import { gatewayVariables, type Secrets } from "./gateway-process.ts";
import { endLeftovers } from "./leftovers.ts";
import { findPort } from "./listen-port.ts";
import { RELAY_DRAIN_MS, relayPlan } from "./relay-process.ts";
import { hostAndPort, type Settings } from "./settings.ts";
import { type ProcessPlan, supervise, type SupervisedProcess } from "./supervised-process.ts";

const GATEWAY_START_MS = 30_000;
const RELAY_START_MS = 60_000;
/** workerd itself takes about 2 s to let open requests end. */
const GATEWAY_STOP_MS = 10_000;

export type LauncherOptions = {
  settings: Settings;
  env: Record<string, string | undefined>;
  log: Logger;
  /** Prints one line for people. */
  say: (line: string) => void;
  /** Aborted: drain and return. */
  stop: AbortSignal;
  /** How the gateway runs: on plain workerd, or in `wrangler dev`. */
  prepare: (settings: Settings, port: number, variables: Record<string, string>) => Promise<ProcessPlan>;
  /** Another program in place of the relay node: for tests of the launcher. */
  relayMain?: string;
};

export type LauncherEnd =
  | { kind: "stopped" }
  /** It could not start, or not go on; `line` says why. `wrong-use`: by a setting or a second start. */
  | { kind: "wrong-use" | "failed"; line: string };

/** What is running; main.ts kills it when it is asked to stop a second time. */
export type Running = { gateway: SupervisedProcess | undefined; relays: SupervisedProcess[] };

/** Runs until `stop` aborts or a part cannot go on; in both cases everything has ended when it resolves. */
export const launch = async (options: LauncherOptions, running: Running): Promise<LauncherEnd> => {
  const { dataDir } = options.settings;
  const lock = lockDataDirectory(dataDir);
  if (lock.kind === "taken") {
    const holder = lock.pid === undefined ? "another process" : `process ${lock.pid}`;
    const line = `the data directory ${dataDir} is in use by ${holder}; stop it or give another with --data`;
    return { kind: "wrong-use", line };
  }
  try {
    await endLeftovers(dataDir, options.log);
    return await startAndWatch(options, running);
  } catch (error) {
    if (options.stop.aborted) return { kind: "stopped" };
    throw error;
  } finally {
    await Promise.all(running.relays.map((relay) => relay.stop(RELAY_DRAIN_MS)));
    await running.gateway?.stop(GATEWAY_STOP_MS);
    lock.release();
  }
};

const startAndWatch = async (options: LauncherOptions, running: Running): Promise<LauncherEnd> => {
  const { settings, log, say, stop } = options;
  const paths = dataPaths(settings.dataDir);
  const secrets: Secrets = {
    adminToken: settings.adminToken ?? secretFile(paths.adminToken),
    masterKey: settings.masterKey ?? secretFile(paths.masterKey),
  };

  const found = await findPort(settings.host, settings.port);
  if (found.kind === "taken") {
    const address = hostAndPort(settings.host, settings.port);
    return { kind: "failed", line: `cannot listen on ${address}: ${found.reason}; give another port with --port` };
  }
  const url = `http://${hostAndPort(reachableHost(settings.host), found.port)}`;
  const variables = gatewayVariables(settings, secrets, url);
  const gateway = supervise(await options.prepare(settings, found.port, variables), log);
  running.gateway = gateway;

  const answers = await waitForGateway(url, 0, GATEWAY_START_MS, stop);
  if (answers.kind === "late")
    return { kind: "failed", line: `the gateway did not start: ${answers.reason}; the log says why` };

  const api = { url, token: secrets.adminToken };
  const account = await ensureDefaultAccount(api, settings.dataDir);
  if (account.kind === "failed") return { kind: "failed", line: account.reason };
  if (account.kind === "made")
    say(`hikyaku: made the account "default"; its API key, shown only now: ${account.apiKey}`);

  for (let index = 1; index <= settings.relayCount; index++) {
    const registered = await ensureRelayToken(api, settings.dataDir, index, settings.relayPools);
    if (registered.kind === "failed") return { kind: "failed", line: registered.reason };
    const { dataDir, relayPools: pools } = settings;
    const node = { index, dataDir, pools, gatewayUrl: url, token: registered.token, main: options.relayMain };
    running.relays.push(supervise(relayPlan(node, options.env), log));
  }

  const gaveUp = Promise.race([gateway, ...running.relays].map((child) => child.gaveUp)).then((): LauncherEnd => ({
    kind: "wrong-use",
    line: "a process refuses its settings; its last log line says which",
  }));
  const ready = waitForGateway(url, settings.relayCount, RELAY_START_MS, stop);
  const first = await Promise.race([ready, gaveUp]);
  if (first.kind === "late") return { kind: "failed", line: `not ready: ${first.reason}; the log says why` };
  if (first.kind !== "answers") return first;
  const trouble = publicUrlTrouble(settings.publicUrl);
  if (trouble !== undefined) say(`hikyaku: ${trouble}`);
  say(`hikyaku ready ${url} relays=${first.relays}`);
  return Promise.race([gaveUp, whenAborted(stop)]);
};

const whenAborted = (signal: AbortSignal): Promise<LauncherEnd> => {
  const { promise, resolve } = Promise.withResolvers<LauncherEnd>();
  const stopped = (): void => resolve({ kind: "stopped" });
  if (signal.aborted) stopped();
  else signal.addEventListener("abort", stopped, { once: true });
  return promise;
};

/** Where we ourselves reach a listener on all addresses. */
const reachableHost = (host: string): string =>
  host === "0.0.0.0" || host === "*" ? "127.0.0.1" : host === "::" ? "::1" : host;
