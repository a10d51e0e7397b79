/** Verdicts on a message: what cannot be had is `temperror`, and what is made to cost is not verified. */
import pino from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Authenticated, createAuthenticator } from "../../../relay-node/inbound/received-authentication.ts";
import { outlineOf } from "../../../relay-node/inbound/received-outline.ts";
import { type DnsServer, startDnsServer } from "../../support/dns-server.ts";

let dns: DnsServer;
beforeAll(async () => {
  dns = await startDnsServer({
    "ann.test": { txt: ["v=spf1 ip4:192.0.2.1 -all"] },
    "_dmarc.ann.test": { txt: ["v=DMARC1; p=quarantine"] },
    "down.test": "servfail",
    "_dmarc.down.test": "servfail",
  });
});
afterAll(() => dns.close());

const MAIL = "From: a@ann.test\r\nSubject: Hi\r\n\r\nHello.\r\n";

const verdictOn = (
  raw: string,
  { ip = "192.0.2.1", mailFrom = "a@ann.test", helo = "mx.ann.test" } = {},
): Promise<Authenticated> => {
  const authenticate = createAuthenticator({
    name: "relay.test",
    servers: [dns.address],
    log: pino({ level: "silent" }),
  });
  const bytes = Buffer.from(raw);
  const client = { ip, helo, isSecure: false };
  return authenticate({ bytes, mailFrom, client }, outlineOf(bytes)?.top ?? new Uint8Array(0));
};

test("SPF alone may prove the From, and its failure is said", async () => {
  const { authentication, fields } = await verdictOn(MAIL);
  expect(authentication).toMatchObject({
    spf: "pass",
    dkim: "none",
    dmarc: "pass",
    dmarc_policy: "quarantine",
    arc: "none",
  });
  expect(authentication.results.map((entry) => entry.split(" ")[0])).toContain("spf=pass");
  expect(fields).toMatch(/^Received-SPF: pass[\s\S]*Authentication-Results: relay\.test;[\s\S]*\r\n$/);
  expect((await verdictOn(MAIL, { ip: "192.0.2.2" })).authentication).toMatchObject({ spf: "fail", dmarc: "fail" });
});

test.each([
  { helo: "h;dkim=pass;dmarc=pass;x" },
  { helo: 'h"; dkim=pass' },
  { mailFrom: '"x;dkim=pass"@down.test' },
  { mailFrom: "x;dkim=pass@down.test" },
])("a stranger writes no verdict of his own: %j", async (said) => {
  const { authentication, fields } = await verdictOn(MAIL.replaceAll("ann.test", "other.test"), said);
  expect(authentication.results.filter((entry) => /^(dkim|dmarc)=pass/.test(entry))).toEqual([]);
  expect(fields.replaceAll(/"(?:[^"\\]|\\.)*"/g, "")).not.toMatch(/;\s*(dkim|dmarc)=pass/);
});

test("a DNS that does not answer is nobody's failure", async () => {
  const raw = MAIL.replaceAll("ann.test", "down.test");
  const { authentication } = await verdictOn(raw, { mailFrom: "a@down.test" });
  expect(authentication).toMatchObject({ spf: "temperror", dmarc: "temperror" });
});

test.each([
  ["signatures", `${"DKIM-Signature: v=1; a=rsa-sha256; d=ann.test; s=s1; h=from; bh=aa; b=aa\r\n".repeat(11)}${MAIL}`],
  ["bare line feeds", MAIL + "\n".repeat(5_000_000)],
])("%s without end are not verified, and no mail is lost for it", async (_, raw) => {
  const startedMs = performance.now();
  const { authentication, fields } = await verdictOn(raw);
  expect(authentication).toMatchObject({ spf: "temperror", dkim: "temperror", dmarc: "temperror", results: [] });
  expect(fields).toBe("");
  expect(performance.now() - startedMs).toBeLessThan(1000);
});

test("40 MB of empty lines are", async () => {
  const startedMs = performance.now();
  expect((await verdictOn(MAIL + "\r\n".repeat(20_000_000))).authentication.spf).toBe("pass");
  expect(performance.now() - startedMs).toBeLessThan(5000);
}, 20_000);
