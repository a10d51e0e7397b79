/**
 * A real Postfix bounces to our inbound listener what it had taken: over STARTTLS, in its own words. What it says of a
 * delay, and of a delivery, changes nothing.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../bench/processes.ts";
import { postfixMissing, startPostfixIn } from "../support/postfix.ts";
import { type ScriptedSmtpServer, startSmtpServer } from "../support/scripted-smtp-server.ts";
import { startStack, type Stack } from "../support/stack.ts";

const missing = postfixMissing();
if (missing !== undefined) console.log(`interop with Postfix is skipped: ${missing}`);

describe.skipIf(missing !== undefined)("a real Postfix", () => {
  const folder = mkdtempSync(join(tmpdir(), "hikyaku-postfix-"));
  let nextHop: ScriptedSmtpServer;
  let postfix: { port: number; stop: () => void };
  let stack: Stack;

  beforeAll(async () => {
    const inboundPort = await freePort();
    nextHop = await startSmtpServer({
      recipients: {
        "ghost@inner.test": { rcpt: ["550 5.1.1 no such user here"] },
        "full@inner.test": { rcpt: ["552 5.2.2 the mailbox is full"] },
        "gone@inner.test": { dot: ["550 5.1.1 this account was closed"] },
        "slow@inner.test": { rcpt: ["451 4.3.2 come back later"] },
      },
    });
    postfix = await startPostfixIn(folder, {
      mydestination: "",
      relayhost: `[127.0.0.1]:${nextHop.port}`,
      transport_maps: `inline:{{bounce.localhost = smtp:[127.0.0.1]:${inboundPort}}}`,
      smtp_tls_security_level: "encrypt",
      smtp_tls_policy_maps: `inline:{{[127.0.0.1]:${nextHop.port} = none}}`,
      smtp_tls_loglevel: "1",
      delay_warning_time: "1s",
      // Addresses that a server inside rewrites: the report then names another one.
      virtual_alias_maps: "inline:{{alias@outer.test = ghost@inner.test}}",
    });
    stack = await startStack({
      env: {
        HIKYAKU_ROUTES: `*=smtp://127.0.0.1:${postfix.port}?tls=none`,
        HIKYAKU_INBOUND: `127.0.0.1:${inboundPort}`,
      },
    });
  });

  afterAll(async () => {
    await stack?.stop();
    postfix?.stop();
    await nextHop?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const bouncedOf = async (to: string): Promise<object | undefined> => {
    const id = await stack.send({ to });
    await stack.eventsUntil(id, "email.delivered");
    return (await stack.eventsUntil(id, "email.bounced", { timeoutMs: 30_000 })).at(-1);
  };
  const suppressionOf = async (address: string): Promise<number> =>
    (await stack.request("GET", `/v1/suppressions/${encodeURIComponent(address)}`)).status;

  test("an unknown user: bounced after all, with the next server's words, and suppressed", async () => {
    expect(await bouncedOf("ghost@inner.test")).toMatchObject({
      ...{ by_mail: true, bounce: { type: "Permanent", subType: "General" } },
      reason: expect.stringContaining("no such user here"),
    });
    expect(await suppressionOf("ghost@inner.test")).toBe(200);
    expect(await bouncedOf("gone@inner.test")).toMatchObject({ bounce: { type: "Permanent" } });
  });

  test("a full mailbox: bounced, and not suppressed", async () => {
    expect(await bouncedOf("full@inner.test")).toMatchObject({ bounce: { type: "Transient", subType: "MailboxFull" } });
    expect(await suppressionOf("full@inner.test")).toBe(404);
  });

  test("an alias whose target is gone bounces, and says nothing of itself", async () => {
    expect(await bouncedOf("alias@outer.test")).toMatchObject({ bounce: { type: "Permanent" } });
    expect(await suppressionOf("alias@outer.test")).toBe(404);
  });

  test("news of a delay changes nothing", async () => {
    const id = await stack.send({ to: "slow@inner.test" });
    await stack.eventsUntil(id, "email.delivered");
    await expect
      .poll(() => stack.log, { timeout: 60_000 })
      .toMatch(/"event":"inbound\.report"[^\n]*"verdict":"ignored"/);
    expect((await stack.events(id)).map(({ type }) => type)).toEqual(["email.queued", "email.sent", "email.delivered"]);
  });
});
