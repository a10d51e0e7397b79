/**
 * One relay node as a process: `npm run relay`, or a child of the one-machine launcher. Wires the parts together;
 * on SIGTERM, SIGINT or the end of its parent it drains: finishes what is open, gives back the rest, exits 0.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import pino from "pino";
import { z } from "zod";
import { Carrier } from "./delivery/attempt.ts";
import { Courier } from "./delivery/courier.ts";
import { GatewayStore } from "./delivery/gateway-store.ts";
import { openJournal } from "./delivery/journal.ts";
import { MessageMaker } from "./delivery/message-maker.ts";
import { Session } from "./delivery/session.ts";
import { openDesks } from "./inbound/desks.ts";
import { LETTER_TIMEOUTS } from "./inbound/letter-forward.ts";
import { startListener } from "./inbound/listener.ts";
import { startSandboxTrap } from "./inbound/sandbox-trap.ts";
import { createResolver } from "./policy/resolver.ts";
import { parseSettings, type RelaySettings } from "./settings.ts";
import { openConnection } from "./smtp/connection.ts";

const DRAIN_MS = 30_000;
const LAST_ACKS_MS = 3000;
const Package = z.object({ version: z.string() });

const stopWith = (code: number, text: string): never => {
  console.error(`hikyaku relay: ${text}`);
  process.exit(code);
};

const readSettings = (): RelaySettings => {
  const result = parseSettings(process.env, hostname());
  return result.kind === "settings"
    ? result.settings
    : stopWith(2, `the settings are not right:\n  ${result.problems.join("\n  ")}`);
};

const settings = readSettings();
const log = pino({ level: settings.logLevel, base: { part: "relay", relay: settings.name } });
const { version } = Package.parse(JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")));

const opened = openJournal(settings.dataDir, Date.now());
if (opened.kind === "locked")
  stopWith(
    2,
    `the data directory ${settings.dataDir} is in use by another relay; give this one another with HIKYAKU_RELAY_DATA`,
  );
else await run(opened);

async function run({ journal, unsettled }: Extract<typeof opened, { kind: "open" }>): Promise<void> {
  const resolver = createResolver({ servers: settings.dnsServers, nowMs: Date.now });
  const store = new GatewayStore(settings.gatewayUrl, settings.token);
  const connection = {
    heloName: settings.source?.name ?? settings.heloName,
    timeouts: settings.timeouts,
    ...(settings.source && { localAddress: settings.source.ip }),
  };
  const { desks, reports } = openDesks(settings, {
    name: connection.heloName,
    resolver,
    carrier: new Carrier(openConnection, { ...connection, timeouts: LETTER_TIMEOUTS }, Date.now),
    log,
  });
  const inbound = await startListener(settings, desks, log);
  if (inbound.kind === "refused") return stopWith(2, inbound.reason);
  const trap = await startSandboxTrap({
    store,
    servers: settings.dnsServers,
    log,
    keep: (account, json) => sessions.some((session) => session.sendTrapped(account, json)),
    bounceDomain: settings.bounceDomain,
    report: (delivery) => void reports.take(delivery),
  });
  const courier = new Courier({
    relay: settings.name,
    routes: new Map([...settings.routes, ["sandbox.test", trap.route]]),
    resolver,
    mxPort: settings.mxPort,
    carrier: new Carrier(openConnection, connection, Date.now),
    maker: new MessageMaker(store),
    journal,
    log,
    connectionsPerDestination: settings.connectionsPerDestination,
    connections: settings.connections,
    onBroken: (error) => {
      log.fatal({ event: "relay.broken", error: String(error) });
      process.exit(1);
    },
  });
  const epoch = randomUUID();
  const sessions = settings.pools.map((pool) => {
    const { gatewayUrl, token, window } = settings;
    const onRefused = (reason: string): never => stopWith(1, `the gateway does not want this relay: ${reason}`);
    return new Session(
      {
        gatewayUrl,
        token,
        pool,
        epoch,
        version,
        window,
        log,
        onRefused,
        onAcknowledged: (ids) => journal.acknowledged(ids),
      },
      courier,
    );
  });
  for (const { id, pool, account, outcome } of unsettled)
    (sessions.find((session) => session.pool === pool) ?? sessions[0])?.restore(id, account, outcome);
  log.info({ event: "relay.started", pools: settings.pools, unsettled: unsettled.length });

  onStop(async () => {
    for (const session of sessions) session.drain();
    await Promise.all([courier.drain(DRAIN_MS), inbound.close()]);
    const deadline = Date.now() + LAST_ACKS_MS;
    while (Date.now() < deadline && sessions.some((session) => session.unacknowledgedCount > 0)) await wait(20);
    await Promise.all(sessions.map((session) => session.stop()));
    trap.close();
    journal.close();
    log.info({
      event: "relay.drained",
      unacknowledged: sessions.reduce((sum, session) => sum + session.unacknowledgedCount, 0),
    });
    process.exit(0);
  });
  await Promise.all(sessions.map((session) => session.run()));
}

/** Runs `drain` at the first sign to stop; a second signal exits at once. */
function onStop(drain: () => Promise<void>): void {
  let stopping = false;
  const stop = (bySignal: boolean): void => {
    if (stopping && bySignal) process.exit(1);
    if (stopping) return;
    stopping = true;
    log.info({ event: "relay.draining" });
    drain().catch((error: unknown) => stopWith(1, `draining failed: ${String(error)}`));
  };
  process.on("SIGTERM", () => stop(true));
  process.on("SIGINT", () => stop(true));
  if (process.env["HIKYAKU_RELAY_PARENT"] === "stdin")
    process.stdin
      .resume()
      .on("end", () => stop(false))
      .on("error", () => stop(false));
}
