/**
 * The wizard's form for DNS UPDATE against a real Knot: typed, published, then the check is green and all have it.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publishByUpdate } from "../../dns-tools/wizard/dns-update-form.ts";
import { wizardApp } from "../../dns-tools/wizard/app.ts";
import { ANSWERS, markOn, post } from "../dns-tools/wizard/scene.ts";
import { knotd, startKnot, type Knot } from "../support/knot.ts";

const KEY = {
  name: "writer.key",
  algorithm: "hmac-sha512",
  secretBase64: Buffer.alloc(32, 7).toString("base64"),
} as const;
const ZONE = [
  ...["$TTL 300", "@ SOA ns hostmaster 1 3600 600 86400 60", "@ NS ns", "ns A 127.0.0.1"],
  ...["d MX 10 mail.d", "d A 192.0.2.1", "mail.d A 192.0.2.2", "bounce.relay A 192.0.2.3"],
  'spf.relay TXT "v=spf1 ip4:192.0.2.0/24 ~all"',
].join("\n");

describe.skipIf(knotd === undefined)("a real Knot behind the wizard", () => {
  let knot: Knot;
  beforeAll(async () => {
    knot = await startKnot(ZONE, [KEY]);
  });
  afterAll(async () => {
    await knot?.stop();
  });

  test("what the page shows is published by its form, and seen", async () => {
    const app = wizardApp({
      resolve: knot.resolve,
      update: (changes, typed) => publishByUpdate(changes, typed, Math.floor(Date.now() / 1_000)),
    });
    const json = async (page: string): Promise<unknown> => (await app.request(`/${page}.json?${ANSWERS}`)).json();
    expect(await json("propagation")).toMatchObject({ isEverywhere: false });
    const server = `127.0.0.1:${knot.port}`;
    const typed = {
      server,
      zone: "test",
      "key-name": "writer.key.",
      algorithm: KEY.algorithm,
      secret: KEY.secretBase64,
      plan: await markOn(app),
    };
    const path = `/publish/update?${ANSWERS}`;
    const wrong = await post(app, path, { ...typed, secret: Buffer.alloc(32, 8).toString("base64") });
    expect(await wrong.text()).toContain("has another secret for the key");
    const done = await post(app, path, typed);
    expect(done.status).toBe(200);
    const html = await done.text();
    expect(html).toContain("has it in the zone test");
    expect(html).not.toContain(KEY.secretBase64);
    expect(await json("propagation")).toMatchObject({ isEverywhere: true });
    expect(JSON.stringify(await json("check"))).not.toMatch(/"status":"(fail|indeterminate)"/);
    expect((await post(app, path, typed)).status, "a plan is good for once").toBe(409);
  });
});
