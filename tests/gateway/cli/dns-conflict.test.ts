/** A plan that would break what the owner has: `hikyaku dns plan` says so, `hikyaku dns publish` does nothing. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type DnsServer, startDnsServer } from "../../support/dns-server.ts";
import { run } from "./fake-api.ts";

const KEY_FILE = 'key "writer.key" { algorithm hmac-sha256; secret "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IQ=="; };';

let dns: DnsServer;
let cwd: string;

beforeEach(async () => {
  dns = await startDnsServer({
    "shop.test": { cname: "shops.host.test" },
    "shops.host.test": { a: ["192.0.2.80"] },
    "spf.relay.test": { txt: ["v=spf1 ip4:192.0.2.0/24 -all"] },
  });
  cwd = mkdtempSync(join(tmpdir(), "hikyaku-conflict-"));
  writeFileSync(join(cwd, "tsig.key"), KEY_FILE, { mode: 0o600 });
});
afterEach(async () => {
  await dns.close();
});

const WHO = ["shop.test", "--include", "spf.relay.test"];

test("the plan shows what stands, why it stays, and what to do instead", async () => {
  const plan = await run(["dns", "plan", ...WHO, "--dns", dns.address], {}, cwd);
  expect(plan.exit).toBe(1);
  expect(plan.out).toContain("shop.test: 1 to publish, 1 in conflict with what stands");
  expect(plan.out).toContain("  = shop.test. IN CNAME shops.host.test.\n  x TXT of shop.test: shop.test is a CNAME");
  expect(plan.out).toContain("such as send.shop.test");
  const zone = await run(["dns", "plan", ...WHO, "--dns", dns.address, "--out", "zone"], {}, cwd);
  expect(zone.out).toContain("; Conflict, so left out: TXT of shop.test.");
  const json = await run(["dns", "plan", ...WHO, "--dns", dns.address, "--json"], {}, cwd);
  expect(JSON.parse(json.out)).toMatchObject({
    changes: [{ action: "conflict", standing: [{ type: "CNAME", value: "shops.host.test" }] }, { action: "add" }],
  });
});

test("nothing is published, whatever else the plan has", async () => {
  const server = ["--server", dns.address, "--key-file", "tsig.key"];
  const published = await run(["dns", "publish", ...WHO, ...server, "--yes"], {}, cwd);
  expect(published).toMatchObject({ exit: 1, err: expect.stringContaining("nothing was published") });
});
