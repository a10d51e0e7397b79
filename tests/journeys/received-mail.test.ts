/**
 * Mail that comes in for a customer's domain: over SMTP to the relay, verified there, kept by the gateway, and read with
 * the official `resend` package; what it says of its sender is true.
 */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { createTransport } from "nodemailer";
import type { Options } from "nodemailer/lib/mailer/index.js";
import { Resend } from "resend";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ReceivedSummary } from "#contract/received.ts";
import { type DnsServer, startDnsServer } from "../support/dns-server.ts";
import { type ScriptedSmtpServer, startSmtpServer } from "../support/scripted-smtp-server.ts";
import { startStack, type Stack } from "../support/stack.ts";

const MIB = 1024 * 1024;
const RSA = generateKeyPairSync("rsa", { modulusLength: 2048 });
const RSA_KEY = RSA.publicKey.export({ type: "spki", format: "der" }).toString("base64");

let dns: DnsServer;
let operator: ScriptedSmtpServer;
let stack: Stack;
let resend: Resend;
let port: number;

beforeAll(async () => {
  dns = await startDnsServer({
    "ann.test": { txt: ["v=spf1 ip4:127.0.0.1 -all"] },
    "_dmarc.ann.test": { txt: ["v=DMARC1; p=reject"] },
    "s1._domainkey.ann.test": { txt: [`v=DKIM1; k=rsa; p=${RSA_KEY}`] },
  });
  operator = await startSmtpServer();
  stack = await startStack({
    env: {
      ...{ HIKYAKU_INBOUND: "127.0.0.1:0", HIKYAKU_DNS: dns.address, HIKYAKU_POSTMASTER: "ops@ops.test" },
      HIKYAKU_ROUTES: `ops.test=smtp://127.0.0.1:${operator.port}?tls=none`,
    },
  });
  port = Number(/"event":"inbound\.listening","host":"127\.0\.0\.1","port":(\d+)/.exec(stack.log)?.[1]);
  resend = new Resend(stack.apiKey, { baseUrl: `${stack.url}/v1` });
  await stack.admin("PUT", `/admin/accounts/${stack.accountId}/domains/shop.test`, { status: "verified" });
  const { data } = await resend.domains.list();
  await resend.domains.update({ id: data?.data[0]?.id ?? "", capabilities: { receiving: "enabled" } });
});

afterAll(async () => {
  await stack?.stop();
  await operator?.close();
  await dns?.close();
});

/** The reply to the message, or the refusal. */
const sendIn = async (mail: Options): Promise<string> => {
  const client = createTransport({ host: "127.0.0.1", port, name: "mx.ann.test", tls: { rejectUnauthorized: false } });
  try {
    return (await client.sendMail(mail)).response;
  } catch (error) {
    return error instanceof Error && "response" in error ? String(error.response) : String(error);
  } finally {
    client.close();
  }
};

const letter = (fields: Options): Options => ({
  from: "Ann <ann@ann.test>",
  to: "hello@shop.test",
  text: "Hello, shöp.",
  dkim: {
    domainName: "ann.test",
    keySelector: "s1",
    privateKey: RSA.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  },
  ...fields,
});

/** The newest email with this subject. */
const received = async (subject: string) => {
  const { data, error } = await resend.emails.receiving.list({ limit: 100 });
  expect(error).toBeNull();
  const found = data?.data.filter((email) => email.subject === subject) ?? [];
  const { data: email } = await resend.emails.receiving.get(found[0]?.id ?? "");
  if (!email) throw new Error(`nothing was received with the subject ${subject}`);
  // Ours, beside what the SDK's type has.
  const { authentication } = email as unknown as Pick<ReceivedSummary, "authentication">;
  return { email, authentication, count: found.length };
};

test("a letter is received whole, and proved to be its sender's", async () => {
  const image = Buffer.from("iVBORw0KGgo=", "base64");
  const reply = await sendIn(
    letter({
      subject: "Grüße",
      html: '<p>Hello <img src="cid:dot"></p>',
      attachments: [
        { filename: "dot.png", content: image, cid: "dot" },
        { filename: "Rechnung.pdf", content: "%PDF-1.4" },
      ],
    }),
  );
  expect(reply).toMatch(/^250 2\.0\.0 /);
  const { email, authentication } = await received("Grüße");
  expect(authentication).toMatchObject({
    spf: "pass",
    dkim: "pass",
    dmarc: "pass",
    dmarc_policy: "reject",
    arc: "none",
  });
  expect(email).toMatchObject({
    ...{ object: "email", from: "Ann <ann@ann.test>", to: ["hello@shop.test"], received_for: ["hello@shop.test"] },
    text: "Hello, shöp.",
    html: `<p>Hello <img src="data:image/png;base64,${image.toString("base64")}"></p>`,
    headers: { to: "hello@shop.test" },
  });
  const raw = await (await fetch(email.raw?.download_url ?? "")).text();
  expect(raw).toMatch(/^Return-Path: <ann@ann\.test>\r\nReceived: from mx\.ann\.test \(\[127\.0\.0\.1\]\)\r\n/);
  expect(raw).toMatch(/^Authentication-Results: /m);
  const { data: attachments } = await resend.emails.receiving.attachments.list({ emailId: email.id });
  expect(attachments?.data.map(({ filename, size }) => [filename, size])).toEqual([
    ["dot.png", 8],
    ["Rechnung.pdf", 8],
  ]);
  const { data: pdf } = await resend.emails.receiving.attachments.get({
    emailId: email.id,
    id: attachments?.data[1]?.id ?? "",
  });
  const file = await fetch(pdf?.download_url ?? "");
  expect([await file.text(), file.headers.get("content-type")]).toEqual(["%PDF-1.4", "application/pdf"]);
  expect(file.headers.get("content-disposition")).toContain('attachment; filename="Rechnung.pdf"');
});

test("a forgery is received too, and told apart, whatever its domain asks for", async () => {
  const { dkim: _, ...unsigned } = letter({
    subject: "Forged",
    envelope: { from: "eve@eve.test", to: "hello@shop.test" },
  });
  expect(await sendIn(unsigned)).toMatch(/^250 /);
  expect((await received("Forged")).authentication).toMatchObject({
    dkim: "none",
    dmarc: "fail",
    dmarc_policy: "reject",
  });
});

test("one message for two people is one, and what a client sends again is not two", async () => {
  const raw = "From: ann@ann.test\r\nSubject: Twice\r\nMessage-ID: <2@ann.test>\r\n\r\nHi.\r\n";
  const envelope = { from: "ann@ann.test", to: ["a@shop.test", "b@Shop.test"] };
  for (const _ of [1, 2]) expect(await sendIn({ envelope, raw })).toMatch(/^250 /);
  const { email, count } = await received("Twice");
  expect([count, email.received_for]).toEqual([1, ["a@shop.test", "b@shop.test"]]);
});

test("an email that was received is forwarded by the SDK", async () => {
  await sendIn(letter({ subject: "Pass it on", attachments: [{ filename: "a.txt", content: "hi" }] }));
  const { email } = await received("Pass it on");
  const { data, error } = await resend.emails.receiving.forward({
    emailId: email.id,
    from: "shop@shop.test",
    to: "delivered@sandbox.test",
  });
  expect(error).toBeNull();
  await stack.eventsUntil(data?.id ?? "", "email.delivered");
});

test("a letter to the operator goes on to them, or stays with its sender", async () => {
  expect(await sendIn(letter({ subject: "Abuse", to: "abuse@bounce.localhost" }))).toMatch(/^250 /);
  expect(operator.messages).toMatchObject([{ mailFrom: "", rcptTo: ["ops@ops.test"] }]);
  expect(operator.messages[0]?.raw.toString()).toMatch(/^Received: from mx\.ann\.test [\s\S]*^Subject: Abuse\r$/m);
  operator.rescript({ dot: "451 4.3.0 later" });
  expect(await sendIn(letter({ to: "postmaster@bounce.localhost" }))).toMatch(/^451 /);
});

test("nobody else's mail is taken", async () => {
  expect(await sendIn(letter({ to: "hello@elsewhere.test" }))).toMatch(/^550 5\.1\.1 /);
});

const peakOf = (pid: number | undefined): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;

test("a message of nearly 40 MB passes, one beyond it is refused", async () => {
  const content = Buffer.alloc(27 * MIB, "0123456789");
  expect(await sendIn(letter({ subject: "Large", attachments: [{ filename: "large.bin", content }] }))).toMatch(
    /^250 /,
  );
  const { email, authentication } = await received("Large");
  expect(authentication.dkim).toBe("pass");
  const { data } = await resend.emails.receiving.attachments.list({ emailId: email.id });
  expect(data?.data[0]?.size).toBe(content.length);
  const file = await fetch(data?.data[0]?.download_url ?? "");
  expect(Buffer.from(await file.arrayBuffer()).equals(content)).toBe(true);
  const larger = Buffer.alloc(31 * MIB);
  expect(await sendIn(letter({ attachments: [{ filename: "larger.bin", content: larger }] }))).toMatch(/^552 5\.3\.4 /);
  const { relay, workerd } = stack.pids();
  expect(peakOf(relay)).toBeLessThan(450 * MIB);
  expect(peakOf(workerd)).toBeLessThan(450 * MIB);
});

test("the gateway is killed while mail comes in: it is put off or there, and sent again it is there once", async () => {
  const raw = "From: ann@ann.test\r\nSubject: Later\r\nMessage-ID: <3@ann.test>\r\n\r\nHi.\r\n";
  const mail = { envelope: { from: "ann@ann.test", to: "hello@shop.test" }, raw };
  const first = Array.from({ length: 5 }, () => sendIn(mail));
  stack.kill("workerd");
  for (const reply of await Promise.all(first)) expect(reply).toMatch(/^(250|451) /);
  await stack.joined(1);
  await expect.poll(() => sendIn(mail)).toMatch(/^250 /);
  expect((await received("Later")).count).toBe(1);
});
