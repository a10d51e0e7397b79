/**
 * How the launchers run a relay node: as a process of its own, configured by environment like any other.
 *
 * It gets our whole environment, so every `HIKYAKU_*` setting of the relay passes through, but none of the
 * gateway's secrets. Its stdin is our pipe: when we die, it drains.
 */
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { dataPaths } from "./data-directory.ts";
import type { ProcessPlan } from "./supervised-process.ts";

/** A relay finishes its open SMTP transactions for this long, then it is killed and its journal knows the rest. */
export const RELAY_DRAIN_MS = 35_000;

const MAIN = fileURLToPath(new URL("../../relay-node/main.ts", import.meta.url));
/** Young objects die fast here: a smaller nursery halves the memory and costs no speed (`npm run relay` has it too). */
const RELAY_NODE_FLAGS = ["--max-semi-space-size=8"];
const SECRETS_OF_THE_GATEWAY = ["HIKYAKU_ADMIN_TOKEN", "HIKYAKU_MASTER_KEY"];

export type RelayNode = {
  index: number;
  dataDir: string;
  gatewayUrl: string;
  token: string;
  pools: string[];
  main?: string | undefined;
};

export const relayPlan = (relay: RelayNode, env: Record<string, string | undefined>): ProcessPlan => {
  const paths = dataPaths(relay.dataDir);
  const name = `relay-${relay.index}`;
  // One of them has the port.
  const withheld = relay.index === 1 ? SECRETS_OF_THE_GATEWAY : [...SECRETS_OF_THE_GATEWAY, "HIKYAKU_INBOUND"];
  const passed = Object.fromEntries(Object.entries(env).filter(([key]) => !withheld.includes(key)));
  return {
    name,
    command: process.execPath,
    // The title is what `ps` shows: it tells relays apart, and a leftover one by its directory.
    args: [...RELAY_NODE_FLAGS, `--title=hikyaku ${name} ${paths.relay(relay.index)}/`, relay.main ?? MAIN],
    env: {
      // Signing runs in libuv's pool: more threads than cores get in each other's way; one more is for fsync.
      UV_THREADPOOL_SIZE: String(availableParallelism() + 1),
      // glibc gives each thread an arena of its own, which keeps what the signatures of the past needed.
      MALLOC_ARENA_MAX: "1",
      ...passed,
      HIKYAKU_GATEWAY_URL: relay.gatewayUrl,
      HIKYAKU_RELAY_TOKEN: relay.token,
      HIKYAKU_RELAY_NAME: name,
      HIKYAKU_RELAY_DATA: paths.relay(relay.index),
      HIKYAKU_RELAY_POOLS: relay.pools.join(","),
      HIKYAKU_RELAY_PARENT: "stdin",
    },
    pidFile: join(paths.run, `${name}.pid`),
    output: "through",
  };
};
