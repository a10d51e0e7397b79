/** Verdicts on a message: what cannot be had is `temperror`, and what is made to cost is not verified. */
import { generateKeyPairSync } from "node:crypto";
import { dkimSign } from "mailauth";
import pino from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MailVerdicts } from "../../../relay-node/inbound/mail-verdicts.ts";
import { createAuthenticator } from "../../../relay-node/inbound/received-authentication.ts";
import { outlineOf } from "../../../relay-node/inbound/received-outline.ts";
import { type DnsServer, startDnsServer, type Zone } from "../../support/dns-server.ts";
import { cpuMs } from "../../support/cpu-time.ts";

const ZONE: Zone = {
  "ann.test": { txt: ["v=spf1 ip4:192.0.2.1 -all"] },
  "_dmarc.ann.test": { txt: ["v=DMARC1; p=quarantine"] },
  "down.test": "servfail",
  "_dmarc.down.test": "servfail",
};
let dns: DnsServer;
beforeAll(async () => {
  dns = await startDnsServer(ZONE);
});
afterAll(() => dns.close());

const MAIL = "From: a@ann.test\r\nSubject: Hi\r\n\r\nHello.\r\n";

const verdictOn = (
  raw: string,
  { ip = "192.0.2.1", mailFrom = "a@ann.test", helo = "mx.ann.test" } = {},
): Promise<MailVerdicts> => {
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

test("domains are proved by SPF, and by signatures over the whole message", async () => {
  const key = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const publicKey = key.publicKey.export({ type: "spki", format: "der" }).toString("base64");
  dns.rezone({
    ...ZONE,
    "s1._domainkey.bob.test": { txt: [`v=DKIM1; k=rsa; p=${publicKey}`] },
  });
  const privateKey = key.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const signed = async (l: { maxBodyLength?: number }): Promise<string> => {
    const signer = { signingDomain: "Bob.test", selector: "s1", privateKey, ...l };
    return (await dkimSign(MAIL, { ...signer, signatureData: [signer] })).signatures + MAIL;
  };
  const check = async (raw: string, ip: string, mailFrom: string, expected: string[]): Promise<void> =>
    expect((await verdictOn(raw, { ip, mailFrom, helo: "ann.test" })).proved, `${ip} ${mailFrom}`).toEqual(expected);
  await check(MAIL, "192.0.2.1", "a@Ann.test", ["ann.test"]);
  await check(MAIL, "192.0.2.1", "", ["ann.test"]);
  await check(MAIL, "192.0.2.2", "a@ann.test", []);
  await check(await signed({}), "192.0.2.2", "a@ann.test", ["bob.test"]);
  await check(await signed({}), "192.0.2.1", "a@ann.test", ["bob.test", "ann.test"]);
  await check((await signed({})).replace("Hello", "Hullo"), "192.0.2.2", "a@ann.test", []);
  // Whoever adds to a mail of Bob's has not become Bob.
  await check(`${await signed({ maxBodyLength: 8 })}More.\r\n`, "192.0.2.2", "a@ann.test", []);
});

test("who wrote it is known when From has one mailbox", async () => {
  const check = async (from: string, expected: string | undefined): Promise<void> =>
    expect((await verdictOn(MAIL.replace(/^From: .*$/m, `From: ${from}`))).from, from).toBe(expected);
  await check("Ann <ann@Ann.test>", "ann.test");
  await check('"b@bob.test" <ann@ann.test>', "ann.test");
  await check("ann@ann.test, bob@bob.test", undefined);
  await check("both: ann@ann.test, bob@bob.test;", undefined);
  await check("ann@ann.test\r\nFrom: bob@bob.test", undefined);
  await check("ann@ann.test\r\nFrom: nobody", undefined);
  await check("nobody", undefined);
  // The gateway would not read the report at all, and its sender come again for ever.
  await check(`ann@${"a".repeat(500)}.test`, undefined);
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
  const fromMs = cpuMs();
  const { authentication, fields } = await verdictOn(raw);
  expect(authentication).toMatchObject({ spf: "temperror", dkim: "temperror", dmarc: "temperror", results: [] });
  expect(fields).toBe("");
  expect(cpuMs() - fromMs).toBeLessThan(500);
});

test("40 MB of empty lines are", async () => {
  const fromMs = cpuMs();
  expect((await verdictOn(MAIL + "\r\n".repeat(20_000_000))).authentication.spf).toBe("pass");
  expect(cpuMs() - fromMs).toBeLessThan(10_000);
});
