/**
 * Stand-ins for the gateway and the relay node, so that the launcher can be tested by itself.
 *
 * The gateway keeps its registrations in a real Durable Object; a relay node "joins" by posting to it every
 * 50 ms, and is taken for gone after 500 ms.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const GATEWAY = `
  import { DurableObject } from "cloudflare:workers";
  export class Account extends DurableObject {}
  export class Pool extends DurableObject {}
  export class Directory extends DurableObject {
    seen = new Map();
    constructor(ctx, env) {
      super(ctx, env);
      ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS made (what TEXT)");
    }
    make(what) {
      this.ctx.storage.sql.exec("INSERT INTO made VALUES (?)", what);
    }
    made() {
      return this.ctx.storage.sql.exec("SELECT what FROM made").toArray().map((row) => row.what);
    }
    join(name) {
      this.seen.set(name, Date.now());
    }
    relays() {
      return [...this.seen.values()].filter((at) => Date.now() - at < 500).length;
    }
  }
  export default {
    async fetch(request, env) {
      const path = new URL(request.url).pathname;
      const directory = env.DIRECTORY.get(env.DIRECTORY.idFromName("directory"));
      if (path === "/healthz") return Response.json({ status: "ok", relays: await directory.relays() });
      if (path === "/join") return Response.json(await directory.join(await request.text()) ?? {});
      if (request.headers.get("authorization") !== "Bearer " + env.HIKYAKU_ADMIN_TOKEN)
        return Response.json({ statusCode: 401, name: "missing_api_key", message: "no" }, { status: 401 });
      if (path === "/env") return Response.json(env);
      if (path === "/made") return Response.json(await directory.made());
      const { name } = await request.json();
      await directory.make(path + " " + name);
      return Response.json({ id: "0123456789ab", token: "hr_" + name, api_key: { id: "key", token: "hk_stand_in" } });
    },
  };
`;

/**
 * Exits with 2 when told to; drains for HIKYAKU_TEST_DRAIN_MS after SIGTERM or when its parent is gone, and notes
 * whether the gateway was there to the end of it.
 */
const RELAY = `
  import { appendFileSync } from "node:fs";
  if (process.env.HIKYAKU_ROUTES === "nonsense") process.exit(2);
  const diary = (line) => appendFileSync(process.env.HIKYAKU_RELAY_DATA + "/diary", line + "\\n");
  diary("start " + process.env.HIKYAKU_RELAY_TOKEN + " " + ("HIKYAKU_MASTER_KEY" in process.env));
  const drain = () => setTimeout(async () => {
    const gateway = await fetch(process.env.HIKYAKU_GATEWAY_URL + "/healthz").then(() => "there", () => "gone");
    diary("drained, and the gateway is " + gateway);
    process.exit(0);
  }, Number(process.env.HIKYAKU_TEST_DRAIN_MS ?? 0));
  process.on("SIGTERM", drain);
  process.stdin.on("end", drain).resume();
  setInterval(() => {
    fetch(process.env.HIKYAKU_GATEWAY_URL + "/join", { method: "POST", body: process.env.HIKYAKU_RELAY_NAME }).catch(() => {});
  }, 50);
`;

/** Writes both into a directory; the gateway is bundled from there like the real one. */
export const writeStandIns = (directory: string): { gatewayEntry: string; relayMain: string } => {
  mkdirSync(directory, { recursive: true });
  const gatewayEntry = join(directory, "gateway.js");
  const relayMain = join(directory, "relay.mjs");
  writeFileSync(gatewayEntry, GATEWAY);
  writeFileSync(relayMain, RELAY);
  return { gatewayEntry, relayMain };
};
