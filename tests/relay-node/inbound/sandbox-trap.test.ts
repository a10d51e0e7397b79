/** The sandbox over real SMTP: what each recipient answers, what is kept and for whom, and its verdicts. */
import { createSecretKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createTransport } from "nodemailer";
import { afterEach, expect, test } from "vitest";
import { formatReturnPath, returnPathSignedText } from "#contract/return-path.ts";
import { Trapped, type SigningKeys } from "#contract/relay-protocol.ts";
import { GatewayStore, returnPathMac } from "../../../relay-node/delivery/gateway-store.ts";
import { MessageMaker } from "../../../relay-node/delivery/message-maker.ts";
import { classifyInbound } from "../../../relay-node/inbound/inbound-message.ts";
import type { InboundDelivery } from "../../../relay-node/inbound/reception.ts";
import { startSandboxTrap } from "../../../relay-node/inbound/sandbox-trap.ts";
import { openConnection } from "../../../relay-node/smtp/connection.ts";
import { DEFAULT_TIMEOUTS } from "../../../relay-node/smtp/timeouts.ts";
import type { TransactionResult } from "../../../relay-node/smtp/transaction.ts";
import { startDnsServer, type Zone } from "../../support/dns-server.ts";
import { startFakeGateway, TOKEN } from "../../support/fake-gateway.ts";
import { ACCOUNT, email, KEYS as UNSIGNED, RETURN_PATH_KEY, SILENT } from "../delivery/relay-scene.ts";

const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).toReversed()) await end();
});

const PRIVATE_KEY = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const KEYS: SigningKeys = {
  ...UNSIGNED,
  signers: [{ selector: "s1", algorithm: "ed25519-sha256", private_key: PRIVATE_KEY }],
};
/** What the owner of from.test published, but for the DKIM key. */
const ZONE: Zone = {
  "bounce.from.test": { txt: ["v=spf1 ip4:127.0.0.1 -all"] },
  "_dmarc.from.test": { txt: ["v=DMARC1; p=reject"] },
};

const returnPath = (token: { account?: string; k?: number; attempt?: number; key?: KeyObject } = {}): string => {
  const { account = ACCOUNT, k = 5, attempt = 1, key = RETURN_PATH_KEY } = token;
  const signed = { account, k, attempt };
  return formatReturnPath(signed, returnPathMac(key, returnPathSignedText(signed)), "bounce.from.test");
};

const scene = async ({ zone = ZONE, keeps = true } = {}) => {
  const gateway = await startFakeGateway({ keys: { [`${ACCOUNT}/from.test`]: KEYS } });
  const dns = await startDnsServer(zone);
  const store = new GatewayStore(gateway.url, TOKEN);
  const made = await new MessageMaker(store).make(ACCOUNT, 1, email(5));
  if (made.kind !== "made") throw new Error(made.reason);
  const kept: { account: string; message: Trapped }[] = [];
  const keep = (account: string, json: string): boolean => {
    kept.push({ account, message: Trapped.parse(JSON.parse(json)) });
    return keeps;
  };
  const reports: InboundDelivery[] = [];
  const trap = await startSandboxTrap({
    ...{ store, servers: [dns.address], log: SILENT, keep, bounceDomain: "bounce.test" },
    report: (delivery) => reports.push(delivery),
  });
  endings.push(
    () => gateway.close(),
    () => dns.close(),
    trap.close,
  );
  const send = async (rcptTo: string, mailFrom = returnPath(), message = made.bytes): Promise<TransactionResult> => {
    const target = { ...trap.route, ip: trap.route.host };
    const opened = await openConnection(target, { heloName: "relay.test", timeouts: DEFAULT_TIMEOUTS });
    if (opened.kind === "failed") throw new Error(opened.failure.reason);
    const result = await opened.connection.deliver({ mailFrom, rcptTo, message, needsSmtpUtf8: false });
    opened.connection.quit();
    return result;
  };
  return { trap, send, kept, reports, message: made.bytes };
};

test("each recipient has its answer, by attempt where it says so", async () => {
  const { send, kept } = await scene();
  const check = async (local: string, attempt: number, expected: string): Promise<void> => {
    const { kind, phase, reply } = await send(`${local}@sandbox.test`, returnPath({ attempt }));
    expect(`${kind} ${phase} ${reply?.code} ${reply?.enhanced}`, `${local} ${attempt}`).toMatch(expected);
  };
  await check("delivered", 1, "delivered dot 250");
  await check("bounced", 1, "bounced rcpt 550 5.1.1");
  await check("bounced", 9, "bounced rcpt 550 5.1.1");
  await check("Bounced+any.label", 1, "bounced rcpt 550 5.1.1");
  await check("deferred", 1, "deferred rcpt 451 4.7.1");
  await check("deferred", 2, "deferred rcpt 451 4.7.1");
  await check("deferred", 3, "delivered dot 250");
  await check("deferred+label", 2, "deferred rcpt 451 4.7.1");
  await check("full", 3, "deferred rcpt 452 4.2.2");
  await check("complained", 1, "delivered dot 250");
  await check("anyone", 1, "delivered dot 250");
  await check("bouncedfriend", 1, "delivered dot 250");
  expect(kept.map(({ message }) => message.rcpt_to)).toEqual([
    "delivered@sandbox.test",
    "deferred@sandbox.test",
    "complained@sandbox.test",
    "anyone@sandbox.test",
    "bouncedfriend@sandbox.test",
  ]);
});

test("what it accepts is kept as it came, for its account, with the verdicts", async () => {
  const { send, kept, message } = await scene();
  const fromMs = Date.now();
  await send("kept+a@sandbox.test");
  expect(kept).toEqual([
    {
      account: ACCOUNT,
      message: {
        ...{ k: 5, received_at_ms: expect.any(Number), mail_from: returnPath(), rcpt_to: "kept+a@sandbox.test" },
        ...{ raw: Buffer.from(message).toString("base64"), raw_bytes: message.length },
        authentication_results: expect.arrayContaining([
          expect.stringMatching(/^dkim=pass .*header\.s=s1/),
          expect.stringMatching(/^spf=pass /),
          expect.stringMatching(/^dmarc=pass /),
        ]),
      },
    },
  ]);
  expect(kept[0]?.message.received_at_ms).toBeGreaterThanOrEqual(fromMs);
});

test("a client that is not ours has the same answers", async () => {
  const { trap, kept, message } = await scene();
  const client = createTransport({ host: trap.route.host, port: trap.route.port, name: "relay.test" });
  const send = (local: string) =>
    client.sendMail({ envelope: { from: returnPath(), to: `${local}@sandbox.test` }, raw: Buffer.from(message) });
  expect((await send("kept")).response).toMatch(/^250 /);
  await expect(send("bounced")).rejects.toMatchObject({ responseCode: 550, command: "RCPT TO" });
  await expect(send("full")).rejects.toMatchObject({ responseCode: 452 });
  expect(kept.map(({ message: { k, rcpt_to, raw } }) => ({ k, rcpt_to, raw }))).toEqual([
    { k: 5, rcpt_to: "kept@sandbox.test", raw: Buffer.from(message).toString("base64") },
  ]);
});

test("a message that was changed on the way does not pass", async () => {
  const { send, kept, message } = await scene();
  const changed = Buffer.from(Buffer.from(message).toString().replace("Hello", "Hullo"));
  await send("kept@sandbox.test", returnPath(), changed);
  const results = kept[0]?.message.authentication_results.join("\n") ?? "";
  expect(results).toMatch(/dkim=(fail|neutral)/);
  expect(results).not.toContain("dkim=pass");
});

test("who speaks to it writes no verdict of his own", async () => {
  const { trap, kept, message } = await scene();
  const check = async (helo: string, header: string): Promise<void> => {
    const client = createTransport({ host: trap.route.host, port: trap.route.port, name: helo });
    const raw = Buffer.concat([Buffer.from(header), Buffer.from(message).subarray(1)]);
    await client.sendMail({ envelope: { from: returnPath(), to: "kept@sandbox.test" }, raw });
    const results = kept.at(-1)?.message.authentication_results ?? [];
    expect(results.map((entry) => entry.split("=")[0])).toContain("spf");
    expect(results.filter((entry) => entry.startsWith("dkim=pass"))).toEqual([]);
  };
  await check("h;dkim=pass", "");
  await check('h";dkim=pass', "");
  await check(
    "relay.test",
    'DKIM-Signature: v=1; a=rsa-sha256; d=x.test; s=s1; i="a\\;dkim=pass x"@x.test; h=from; bh=aa; b=aa\r\n',
  );
});

test("a DNS that fails loses no mail", async () => {
  const dead: Zone = { "bounce.from.test": "servfail", "_dmarc.from.test": "never" };
  const { send, kept } = await scene({ zone: dead });
  expect((await send("kept@sandbox.test")).kind).toBe("delivered");
  expect(kept).toHaveLength(1);
});

test("what cannot be read as a message loses nothing either", async () => {
  const { send, kept } = await scene();
  for (const text of ["\r\n", "no header at all\r\n", "From: x\r\nFrom: y\r\n\r\n\u0000\r\n"])
    expect((await send("kept@sandbox.test", returnPath(), Buffer.from(text))).kind).toBe("delivered");
  expect(kept).toHaveLength(3);
});

test("mail without a proof that an account sent it is nobody's", async () => {
  const { send, kept } = await scene();
  for (const mailFrom of [
    "someone@from.test",
    returnPath({ key: createSecretKey("00".repeat(32), "hex") }),
    returnPath({ account: "zzzzzzzzzzzz" }),
    returnPath({ k: 6 }).replace(/^([^.]+\.)6/, "$17"),
  ])
    expect((await send("kept@sandbox.test", mailFrom)).kind, mailFrom).toBe("delivered");
  expect(kept).toEqual([]);
});

test("of a large message the first MiB is kept, and its true size", async () => {
  const { send, kept, message } = await scene();
  const large = Buffer.concat([message, Buffer.alloc(2 * 1024 * 1024, "x".repeat(70) + "\r\n"), Buffer.from("\r\n")]);
  await send("kept@sandbox.test", returnPath(), large);
  expect(Buffer.from(kept[0]?.message.raw ?? "", "base64")).toHaveLength(1024 * 1024);
  expect(kept[0]?.message.raw_bytes).toBe(large.length);
});

test("it listens on loopback alone", async () => {
  const { trap } = await scene();
  expect(trap.route).toEqual({ host: "127.0.0.1", port: expect.any(Number), tls: "none" });
});

test("who complains or bounces later sends a report that reads as a real one", async () => {
  const { send, reports } = await scene();
  const later = async (local: string, count: number): Promise<InboundDelivery> => {
    expect((await send(`${local}@sandbox.test`)).kind).toBe("delivered");
    await expect.poll(() => reports.length).toBe(count);
    return reports[count - 1] ?? Promise.reject(new Error("no report"));
  };
  const complaint = await later("complained+x", 1);
  expect([complaint.recipient, complaint.mailFrom]).toEqual(["fbl@bounce.test", "feedback@sandbox.test"]);
  expect(await classifyInbound(complaint.bytes, complaint.mailFrom)).toMatchObject({
    ...{ kind: "complaint", feedback_type: "abuse", original_recipients: [] },
    original_headers: { "feedback-id": expect.stringMatching(`^e5\\.[0-9a-z]{16}:transactional:${ACCOUNT}:hikyaku$`) },
  });
  const bounce = await later("bounced+later", 2);
  expect([bounce.recipient, bounce.mailFrom]).toEqual([returnPath(), ""]);
  expect(await classifyInbound(bounce.bytes, "")).toMatchObject({
    kind: "bounce",
    recipients: [{ final_recipient: "bounced+later@sandbox.test", action: "failed", status: "5.1.1" }],
  });
});
