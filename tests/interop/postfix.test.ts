/**
 * Against a real Postfix: it takes our mail over its own STARTTLS, refuses what it does not know, and passes on
 * what it took with our signature intact.
 */
import { generateKeyPairSync } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { postfixMissing, startPostfixIn } from "../support/postfix.ts";
import { startSmtpServer, type ScriptedSmtpServer } from "../support/scripted-smtp-server.ts";
import { selfSignedCertificate } from "../support/self-signed-certificate.ts";
import { startStack, type Stack } from "../support/stack.ts";

const missing = postfixMissing();
if (missing !== undefined) console.log(`interop with Postfix is skipped: ${missing}`);

describe.skipIf(missing !== undefined)("a real Postfix", () => {
  const folder = mkdtempSync(join(tmpdir(), "hikyaku-postfix-"));
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  let nextHop: ScriptedSmtpServer;
  let postfix: { port: number; stop: () => void };
  let stack: Stack;

  beforeAll(async () => {
    nextHop = await startSmtpServer();
    const { key, cert } = selfSignedCertificate("postfix.test");
    for (const [name, text] of [
      ["key.pem", key],
      ["cert.pem", cert],
    ] as const)
      writeFileSync(join(folder, name), text);
    chmodSync(join(folder, "key.pem"), 0o600);
    postfix = await startPostfixIn(folder, {
      // Mail for local.test is its own, and it knows nobody there; everything else goes on.
      mydestination: "local.test",
      local_recipient_maps: "inline:{nobody=x}",
      relayhost: `[127.0.0.1]:${nextHop.port}`,
      smtpd_tls_security_level: "may",
      smtpd_tls_key_file: join(folder, "key.pem"),
      smtpd_tls_cert_file: join(folder, "cert.pem"),
      message_size_limit: "200000",
    });
    const route = `smtp://127.0.0.1:${postfix.port}`;
    stack = await startStack({ env: { HIKYAKU_ROUTES: `*=${route}`, HIKYAKU_RETRY: "1", HIKYAKU_LOG: "warn" } });
    await stack.admin("PUT", `/admin/accounts/${stack.accountId}/domains/sender.test`, {
      status: "verified",
      dkim: { selector: "s1", private_key: pair.privateKey },
    });
  });

  afterAll(async () => {
    await stack?.stop();
    postfix?.stop();
    await nextHop?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test("takes our mail over STARTTLS and passes it on with the signature intact", async () => {
    const id = await stack.send({ to: "user@elsewhere.test", subject: "Grüße", html: "<p>.\n.dot\n</p>" });
    const events = await stack.eventsUntil(id, "email.delivered");
    expect(events.at(-1)?.tls).toMatchObject({ status: "encrypted", protocol: "TLSv1.3" });
    expect(events.at(-1)?.reply?.text).toMatch(/queued as/);
    await expect.poll(() => nextHop.messages.length).toBe(1);
    const record = `v=DKIM1; k=rsa; p=${pair.publicKey.toString("base64")}`;
    const { results } = await dkimVerify(nextHop.messages[0]?.raw ?? Buffer.alloc(0), {
      resolver: async () => [[record]],
    });
    expect(results.map(({ status }) => status.result)).toEqual(["pass"]);
  });

  test("an unknown user bounces with its reply", async () => {
    const events = await stack.eventsUntil(await stack.send({ to: "ghost@local.test" }), "email.bounced");
    expect(events.at(-1)).toMatchObject({ phase: "rcpt", reply: { code: 550, enhanced: "5.1.1" } });
  });

  test("a message beyond its SIZE bounces before it is sent", async () => {
    const attachments = [{ filename: "a.bin", content: Buffer.alloc(300_000).toString("base64") }];
    const id = await stack.send({ to: "user@elsewhere.test", attachments });
    const events = await stack.eventsUntil(id, "email.bounced");
    expect(events.at(-1)?.reason).toContain("5.3.4");
  });

  test("500 mails go through one after the other on few connections", async () => {
    const before = nextHop.messages.length;
    const ids = await Promise.all(Array.from({ length: 500 }, () => stack.send({ to: "user@elsewhere.test" })));
    for (const id of ids) await stack.eventsUntil(id, "email.delivered");
    await expect.poll(() => nextHop.messages.length - before, { timeout: 60_000 }).toBe(500);
  });
});
