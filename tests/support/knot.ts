/**
 * Knot, a real authoritative DNS server, over one zone that keys may change. Debian: `apt-get install knot`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import type { Resolve } from "#dns/resolver.ts";
import type { TsigKey } from "#resolvers/tsig.ts";
import { udpResolver } from "#resolvers/udp.ts";
import { findProgram, freePort, waitForPort } from "../bench/processes.ts";
import { PATIENCE_MS } from "./patience.ts";

export const knotd = findProgram("knotd");
if (knotd === undefined) console.log("interop with Knot DNS is skipped: Debian: apt-get install knot");

export type Knot = {
  /** Its own; gone with it. */
  folder: string;
  port: number;
  resolve: Resolve;
  stop: () => Promise<void>;
};

/** `zone` is called `test`; the first key may change it, the others are known and may not. */
export const startKnot = async (zone: string, keys: readonly TsigKey[]): Promise<Knot> => {
  const folder = mkdtempSync(join(tmpdir(), "hikyaku-knot-"));
  const port = await freePort();
  writeFileSync(join(folder, "test.zone"), zone);
  writeFileSync(join(folder, "knot.conf"), configText(folder, port, keys));
  const knot = spawn(knotd ?? "knotd", ["-c", join(folder, "knot.conf")], { stdio: "ignore" });
  const resolve = udpResolver({ servers: [{ address: "127.0.0.1", port }], timeoutMs: 3_000 });
  await waitForPort(port);
  // It listens before it has read the zone.
  await vi.waitFor(async () => expect((await resolve("test", "SOA")).kind).toBe("records"), PATIENCE_MS);
  const stop = async (): Promise<void> => {
    if (knot.exitCode === null) {
      knot.kill();
      await once(knot, "exit");
    }
    rmSync(folder, { recursive: true, force: true });
  };
  return { folder, port, resolve, stop };
};

const configText = (folder: string, port: number, keys: readonly TsigKey[]): string => `
server:
    listen: 127.0.0.1@${port}
    rundir: "${folder}"
database:
    storage: "${folder}"
key:
${keys.map(({ name, algorithm, secretBase64 }) => `  - id: ${name}\n    algorithm: ${algorithm}\n    secret: "${secretBase64}"`).join("\n")}
acl:
  - id: writer
    key: ${keys[0]?.name}
    action: update
zone:
  - domain: test
    storage: "${folder}"
    file: test.zone
    acl: writer
`;
