/**
 * The peers: Postfix and Haraka as plain relays on loopback, each from a fresh folder with its defaults for
 * everything but where to listen, where to send and by how many connections. `smtp-source` → peer → `smtp-sink`. Plain peers do not sign; the
 * peer that does the work we do is Postfix with OpenDKIM beside it, RSA-2048 and relaxed as ours.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { postfixMissing, startPostfixIn } from "../support/postfix.ts";
import { SINK_CONNECTIONS } from "./figures.ts";
import { findProgram, freePort, Sink, sleep, waitForPort } from "./processes.ts";

export type PeerResult = {
  peer: string;
  mails: number;
  sessions: number;
  acceptedPerSecond: number;
  deliveredPerSecond: number;
};

type Peer = { name: string; port: number; stop: () => void };

/** Sends `mails` of `sizeBytes` through the peer in `sessions` parallel sessions and waits until the sink has all. */
const measure = async (
  peer: Peer,
  sink: Sink,
  mails: number,
  sessions: number,
  sizeBytes: number,
): Promise<PeerResult> => {
  const source = findProgram("smtp-source") ?? "smtp-source";
  const before = sink.received;
  const startedAt = performance.now();
  const child = spawn(
    source,
    [
      "-s",
      `${sessions}`,
      "-m",
      `${mails}`,
      "-l",
      `${sizeBytes}`,
      "-f",
      "app@bench.test",
      "-t",
      "user@dest.test",
      `127.0.0.1:${peer.port}`,
    ],
    { stdio: "inherit" },
  );
  const code = await new Promise<number | null>((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error(`smtp-source → ${peer.name} ended with ${code}`);
  const acceptedSeconds = (performance.now() - startedAt) / 1000;
  const deadline = Date.now() + 300_000;
  while (sink.received - before < mails) {
    if (Date.now() > deadline)
      throw new Error(`${peer.name} delivered ${sink.received - before} of ${mails} mails in five minutes`);
    await sleep(20);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  return {
    peer: peer.name,
    mails,
    sessions,
    acceptedPerSecond: Math.round(mails / acceptedSeconds),
    deliveredPerSecond: Math.round(mails / seconds),
  };
};

export const benchPeers = async (
  mails: number,
  sizeBytes: number,
): Promise<(PeerResult | { peer: string; missing: string })[]> => {
  const results: (PeerResult | { peer: string; missing: string })[] = [];
  for (const [name, start] of [
    ["postfix", startPostfix],
    ["postfix-opendkim", startSigningPostfix],
    ["haraka", startHaraka],
  ] as const) {
    const sink = await Sink.start();
    const folder = mkdtempSync(join(tmpdir(), `hikyaku-bench-${name}-`));
    try {
      const peer = await start(folder, sink.port);
      if ("missing" in peer) results.push({ peer: name, missing: peer.missing });
      else {
        try {
          await measure(peer, sink, Math.min(200, mails), 20, sizeBytes);
          results.push(await measure(peer, sink, mails, 20, sizeBytes));
        } finally {
          peer.stop();
        }
      }
    } finally {
      sink.stop();
      await sleep(500);
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return results;
};

const startPostfix = async (
  folder: string,
  sinkPort: number,
  more: Record<string, string> = {},
): Promise<Peer | { missing: string }> => {
  const missing = postfixMissing();
  if (missing !== undefined) return { missing };
  const { port, stop } = await startPostfixIn(folder, {
    mydestination: "",
    relayhost: `[127.0.0.1]:${sinkPort}`,
    default_destination_concurrency_limit: `${SINK_CONNECTIONS}`,
    initial_destination_concurrency: `${SINK_CONNECTIONS}`,
    smtp_tls_security_level: "none",
    smtpd_tls_security_level: "none",
    ...more,
  });
  return { name: "postfix", port, stop };
};

/** OpenDKIM signs what comes in; Postfix takes no mail while it cannot, so that none is counted unsigned. */
const startSigningPostfix = async (folder: string, sinkPort: number): Promise<Peer | { missing: string }> => {
  const program = findProgram("opendkim");
  if (!program) return { missing: "Debian: apt-get install opendkim" };
  const milterPort = await freePort();
  const { privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  const [keyFile, configFile] = [join(folder, "dkim.pem"), join(folder, "opendkim.conf")];
  writeFileSync(keyFile, privateKey, { mode: 0o600 });
  const settings = {
    Mode: "s",
    Domain: "bench.test",
    Selector: "s1",
    KeyFile: keyFile,
    Canonicalization: "relaxed/relaxed",
    Socket: `inet:${milterPort}@127.0.0.1`,
    InternalHosts: "127.0.0.1",
    RequireSafeKeys: "no",
    Syslog: "no",
  };
  writeFileSync(
    configFile,
    Object.entries(settings)
      .map(([name, value]) => `${name} ${value}\n`)
      .join(""),
  );
  const milter = spawn(program, ["-f", "-x", configFile], { stdio: "ignore" });
  await waitForPort(milterPort);
  const peer = await startPostfix(folder, sinkPort, {
    smtpd_milters: `inet:127.0.0.1:${milterPort}`,
    milter_default_action: "tempfail",
  });
  if ("missing" in peer) {
    milter.kill();
    return peer;
  }
  const stop = (): void => {
    peer.stop();
    milter.kill();
  };
  return { name: "postfix-opendkim", port: peer.port, stop };
};

/** Haraka from HARAKA_HOME (a folder where `npm install Haraka` was run), one process, queue on disk. */
const startHaraka = async (folder: string, sinkPort: number): Promise<Peer | { missing: string }> => {
  const home = process.env["HARAKA_HOME"] ?? "dist/peers";
  const program = join(home, "node_modules/Haraka/bin/haraka");
  if (!existsSync(program)) return { missing: `npm install --prefix ${home} Haraka@3.3.4` };
  const port = await freePort();
  for (const part of ["config", "queue"]) mkdirSync(join(folder, part));
  const files = {
    "smtp.ini": `listen=127.0.0.1:${port}\nnodes=0\n`,
    plugins: "relay\n",
    "relay.ini": "[relay]\nacl=true\nall=true\n",
    relay_acl_allow: "127.0.0.0/8\n",
    "outbound.ini": "concurrency_max=100\n",
    me: "peer.bench.test\n",
    loglevel: "CRIT\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, "config", name), text);
  // Haraka does not merge a folder's connection.ini with its own defaults: it must be there.
  cpSync(join(home, "node_modules/Haraka/config/connection.ini"), join(folder, "config", "connection.ini"));
  mkdirSync(join(folder, "plugins"));
  // Haraka sends by MX; a hook of a line sends every domain to the sink instead.
  writeFileSync(
    join(folder, "plugins", "to_sink.js"),
    `exports.hook_get_mx = (next) => next(OK, { exchange: "127.0.0.1", port: ${sinkPort}, priority: 0 });\n`,
  );
  writeFileSync(join(folder, "config", "plugins"), "relay\nto_sink\n");
  const child: ChildProcess = spawn(process.execPath, [program, "-c", folder], {
    stdio: process.env["BENCH_VERBOSE"] ? "inherit" : "ignore",
  });
  await waitForPort(port);
  return { name: "haraka", port, stop: () => void child.kill("SIGKILL") };
};
