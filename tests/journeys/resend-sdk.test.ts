/**
 * The official `resend` package, unmodified, against the running service; the mail arrives at a real SMTP server
 * and its signatures verify as a receiver would verify them: by mailauth, against a zone served on loopback.
 */
import { generateKeyPairSync } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { authenticate } from "mailauth";
import PostalMime from "postal-mime";
import { Resend } from "resend";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDnsServer, type DnsServer } from "../support/dns-server.ts";
import { startStack, type Stack } from "../support/stack.ts";

type Received = { mailFrom: string; rcptTo: string[]; raw: Buffer };

const received: Received[] = [];
let inbox: SMTPServer;
let dns: DnsServer;
let stack: Stack;
let resend: Resend;

beforeAll(async () => {
  inbox = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData: (stream, { envelope }, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const mailFrom = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
        received.push({ mailFrom, rcptTo: envelope.rcptTo.map(({ address }) => address), raw: Buffer.concat(chunks) });
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => inbox.listen(0, "127.0.3.1", resolve));
  const address = inbox.server.address();
  const port = typeof address === "object" && address ? address.port : 0;

  const pem = { type: "pkcs8", format: "pem" } as const;
  const der = { type: "spki", format: "der" } as const;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 2048, publicKeyEncoding: der, privateKeyEncoding: pem });
  const ed = generateKeyPairSync("ed25519", { publicKeyEncoding: der, privateKeyEncoding: pem });
  dns = await startDnsServer({
    "dest.test": { mx: [[10, "mx.dest.test"]] },
    "mx.dest.test": { a: ["127.0.3.1"] },
    "s1._domainkey.sender.test": { txt: [`v=DKIM1; k=rsa; p=${rsa.publicKey.toString("base64")}`] },
    "s2._domainkey.sender.test": { txt: [`v=DKIM1; k=ed25519; p=${ed.publicKey.subarray(-32).toString("base64")}`] },
    "_dmarc.sender.test": { txt: ["v=DMARC1; p=reject"] },
  });
  stack = await startStack({ env: { HIKYAKU_DNS: dns.address, HIKYAKU_MX_PORT: String(port), HIKYAKU_LOG: "warn" } });
  const account = await stack.createAccount();
  const vouched = await stack.admin("PUT", `/admin/accounts/${account.id}/domains/sender.test`, {
    status: "verified",
    dkim: [
      { selector: "s1", private_key: rsa.privateKey },
      { selector: "s2", private_key: ed.privateKey },
    ],
  });
  expect(vouched).toMatchObject({
    status: 200,
    body: { dkim: [{ algorithm: "rsa-sha256" }, { algorithm: "ed25519-sha256" }] },
  });
  resend = new Resend(account.token, { baseUrl: `${stack.url}/v1` });
});

afterAll(async () => {
  await stack?.stop();
  await dns?.close();
  await new Promise<void>((resolve) => inbox.close(resolve));
});

const arrivalOf = async (subject: string): Promise<Received> =>
  expect
    .poll(() => received.find(({ raw }) => raw.includes(subject)))
    .toBeTruthy()
    .then(() => received.find(({ raw }) => raw.includes(subject)) ?? expect.unreachable());

const verify = async (mail: Received) => {
  const resolver = new Resolver();
  resolver.setServers([dns.address]);
  // As in the product: mailauth takes what node:dns gives.
  return authenticate(mail.raw, {
    ip: "127.0.0.1",
    helo: "x",
    sender: mail.mailFrom,
    resolver: async (name, type) => (await resolver.resolve(name, type)) as string[][],
  });
};

test("a send arrives, both signatures and DMARC pass, and last_event becomes delivered", async () => {
  const sent = await resend.emails.send({
    from: "Zoë from Acme <hello@sender.test>",
    to: ["user@dest.test"],
    replyTo: "answers@sender.test",
    subject: "Receipt-4711",
    html: '<p>Grüße <img src="cid:logo"></p>',
    text: "Grüße",
    headers: { "X-Entity-Ref-ID": "4711" },
    tags: [{ name: "kind", value: "receipt" }],
    attachments: [
      { filename: "Überweisung.pdf", content: Buffer.from("%PDF-1.4 not really") },
      { filename: "logo.png", content: Buffer.from([1, 2, 3]), contentId: "logo" },
    ],
  });
  expect(sent.error).toBeNull();
  const id = sent.data?.id ?? "";

  const mail = await arrivalOf("Receipt-4711");
  expect(mail.rcptTo).toEqual(["user@dest.test"]);
  const { dkim, dmarc } = await verify(mail);
  expect(dkim.results.map(({ selector, status }) => `${selector} ${status.result}`)).toEqual(["s1 pass", "s2 pass"]);
  expect(dmarc && "status" in dmarc && dmarc.status.result).toBe("pass");

  const read = await PostalMime.parse(mail.raw);
  expect(read.from).toEqual({ name: "Zoë from Acme", address: "hello@sender.test" });
  expect(read.replyTo).toEqual([{ name: "", address: "answers@sender.test" }]);
  expect(read.html).toContain("Grüße");
  expect(read.attachments.map(({ filename, contentId }) => [filename, contentId])).toEqual([
    ["logo.png", "<logo>"],
    ["Überweisung.pdf", undefined],
  ]);

  await expect.poll(async () => (await resend.emails.get(id)).data?.last_event).toBe("delivered");
  const { data } = await resend.emails.get(id);
  expect(data).toMatchObject({
    object: "email",
    id,
    to: ["user@dest.test"],
    subject: "Receipt-4711",
    text: "Grüße",
    message_id: `<${id}@sender.test>`,
  });
  expect(read.messageId).toBe(`<${id}@sender.test>`);
  const list = await resend.emails.list();
  expect(list.data?.data.map((row) => row.id)).toContain(id);
});

test("large content travels apart from the batch and arrives whole", async () => {
  const bytes = Buffer.alloc(3_000_000, "0123456789abcdef");
  const sent = await resend.emails.send({
    from: "a@sender.test",
    to: ["one@dest.test", "two@dest.test"],
    subject: "Large-1",
    text: "x",
    attachments: [{ filename: "large.bin", content: bytes }],
  });
  expect(sent.error).toBeNull();
  await expect.poll(() => received.filter(({ raw }) => raw.includes("Large-1")).length).toBe(2);
  const mail = await arrivalOf("Large-1");
  expect((await verify(mail)).dkim.results.every(({ status }) => status.result === "pass")).toBe(true);
  const read = await PostalMime.parse(mail.raw);
  expect(Buffer.from(read.attachments[0]?.content as ArrayBuffer).equals(bytes)).toBe(true);
});

test("the largest that is taken is delivered whole", async () => {
  const bytes = Buffer.alloc(28_500_000, "0123456789abcdefghijk");
  const sent = await resend.emails.send({
    from: "a@sender.test",
    to: "one@dest.test",
    subject: "Largest-1",
    text: "x",
    attachments: [{ filename: "largest.bin", content: bytes }],
  });
  expect(sent.error).toBeNull();
  await expect.poll(() => received.some(({ raw }) => raw.includes("Largest-1")), { timeout: 60_000 }).toBe(true);
  const read = await PostalMime.parse((await arrivalOf("Largest-1")).raw);
  expect(Buffer.from(read.attachments[0]?.content as ArrayBuffer).equals(bytes)).toBe(true);
});

test("refusals come as the SDK's errors", async () => {
  const wrong = new Resend("re_123", { baseUrl: `${stack.url}/v1` });
  expect(
    (await wrong.emails.send({ from: "a@sender.test", to: "u@dest.test", subject: "s", text: "t" })).error,
  ).toMatchObject({ name: "invalid_api_key", statusCode: 403 });
  expect(
    (await resend.emails.send({ from: "a@elsewhere.test", to: "u@dest.test", subject: "s", text: "t" })).error,
  ).toMatchObject({ name: "validation_error", statusCode: 403 });
  expect(
    (await resend.emails.send({ from: "nobody", to: "u@dest.test", subject: "s", text: "t" })).error,
  ).toMatchObject({ name: "invalid_from_address", statusCode: 422 });
  expect((await resend.emails.get("nothing")).error).toMatchObject({ name: "not_found", statusCode: 404 });
});

test("one idempotency key is one email, whatever the number of requests", async () => {
  const message = { from: "a@sender.test", to: "user@dest.test", subject: "Once-1", text: "t" };
  const key = { idempotencyKey: "order-1" };
  const answers = await Promise.all(Array.from({ length: 50 }, () => resend.emails.send(message, key)));
  expect(new Set(answers.map(({ data }) => data?.id)).size).toBe(1);
  expect(answers[0]?.data?.id).toMatch(/^[0-9a-f-]{36}$/);
  expect((await resend.emails.send({ ...message, subject: "Once-2" }, key)).error).toMatchObject({
    name: "invalid_idempotent_request",
    statusCode: 409,
  });
  await arrivalOf("Once-1");
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(received.filter(({ raw }) => raw.includes("Once-")).length).toBe(1);
});
