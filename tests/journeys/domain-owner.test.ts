/**
 * A domain owner's way: add a domain, publish what it shows, have it verified, send; and what comes of attachments
 * that are named by URL. The DNS is a zone on loopback, asked by the gateway over HTTPS's wire format and by the relay.
 */
import { createServer, type Server } from "node:http";
import { Resolver } from "node:dns/promises";
import { authenticate } from "mailauth";
import PostalMime from "postal-mime";
import { Resend } from "resend";
import { SMTPServer } from "smtp-server";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDnsServer, type DnsServer, type Zone } from "../support/dns-server.ts";
import { startStack, type Stack } from "../support/stack.ts";

type Received = { mailFrom: string; raw: Buffer };

const HOST = "127.0.3.7";
const received: Received[] = [];
let inbox: SMTPServer;
let files: Server;
let filesUrl = "";
let dns: DnsServer;
let stack: Stack;
let resend: Resend;

const DEST: Zone = {
  "dest.test": { mx: [[10, "mx.dest.test"]] },
  "mx.dest.test": { a: [HOST] },
  // The operator's own: what domains include, and where their bounces go.
  "bounce.relay.test": { a: [HOST], txt: [`v=spf1 ip4:${HOST} -all`] },
};

beforeAll(async () => {
  inbox = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData: (stream, { envelope }, callback) => {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const mailFrom = envelope.mailFrom === false ? "" : envelope.mailFrom.address;
        received.push({ mailFrom, raw: Buffer.concat(chunks) });
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => inbox.listen(0, HOST, resolve));
  const address = inbox.server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  files = createServer((request, response) => {
    if (request.url === "/report.pdf")
      response.writeHead(200, { "content-type": "application/pdf" }).end("%PDF-1.4 ok");
    else if (request.url === "/moved") response.writeHead(302, { location: "/report.pdf" }).end();
    else if (request.url === "/loop") response.writeHead(302, { location: "/loop" }).end();
    else if (request.url === "/large") response.writeHead(200, { "content-length": "99999999" }).end("x");
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => files.listen(0, "127.0.0.1", resolve));
  const filesAt = files.address();
  filesUrl = `http://127.0.0.1:${typeof filesAt === "object" && filesAt ? filesAt.port : 0}`;
  dns = await startDnsServer(DEST);
  stack = await startStack({
    env: {
      HIKYAKU_DNS: dns.address,
      HIKYAKU_DOH_URL: dns.dohUrl,
      HIKYAKU_ALLOW_PRIVATE: "1",
      HIKYAKU_MX_PORT: String(port),
      HIKYAKU_BOUNCE_DOMAIN: "bounce.relay.test",
      HIKYAKU_LOG: "warn",
    },
  });
  resend = new Resend((await stack.createAccount()).token, { baseUrl: `${stack.url}/v1` });
});

afterAll(async () => {
  await stack?.stop();
  await dns?.close();
  files?.close();
  await new Promise<void>((resolve) => inbox.close(resolve));
});

type Record = { record: string; name: string; type: string; value: string; status: string; priority?: number };

/** The zone as an owner makes it who publishes these records. */
const publish = (domain: string, records: readonly Record[]): Zone => {
  const zone: { [name: string]: { mx?: [number, string][]; txt?: string[] } } = {};
  for (const { name, type, value, priority } of records) {
    const entry = (zone[`${name}.${domain}`] ??= {});
    if (type === "MX") (entry.mx ??= []).push([priority ?? 10, value]);
    else (entry.txt ??= []).push(value);
  }
  return { ...DEST, ...zone };
};

const statuses = async (id: string): Promise<string> => {
  const { data } = await resend.domains.get(id);
  return `${data?.status}: ${data?.records.map(({ status }) => status).join(" ")}`;
};

const MAIL = { from: "Shop <hello@shop.test>", to: "user@dest.test", subject: "Order", text: "Thanks" };

test("from nothing to a signed mail of one's own domain", async () => {
  expect((await resend.emails.send(MAIL)).error).toMatchObject({
    statusCode: 403,
    message: expect.stringContaining("not verified"),
  });
  const made = await resend.domains.create({ name: "shop.test" });
  const id = made.data?.id ?? "";
  const records: Record[] = (made.data?.records ?? []).map((record) => ({ ...record }));
  expect(await statuses(id)).toBe(`not_started: ${Array(5).fill("not_started").join(" ")}`);
  expect((await resend.emails.send(MAIL)).error).toMatchObject({ statusCode: 403 });

  await resend.domains.verify(id);
  expect(await statuses(id)).toBe(`pending: ${Array(5).fill("pending").join(" ")}`);

  // Half of it is there, and a key that was cut by a form: the domain may not send.
  const cut = records.map((record) =>
    record.record === "DKIM" ? { ...record, value: record.value.slice(0, 100) } : record,
  );
  dns.rezone(publish("shop.test", cut));
  await resend.domains.verify(id);
  expect(await statuses(id)).toBe("failed: verified verified failed failed verified");
  expect((await resend.emails.send(MAIL)).error).toMatchObject({ statusCode: 403 });

  dns.rezone(publish("shop.test", records));
  await resend.domains.verify(id);
  expect(await statuses(id)).toBe(`verified: ${Array(5).fill("verified").join(" ")}`);
  const sent = await resend.emails.send({ ...MAIL, headers: { Sender: "desk@shop.test" } });
  expect(sent.error).toBeNull();
  await expect.poll(() => received.length).toBe(1);
  const [mail] = received;
  expect(mail?.mailFrom).toMatch(/@send\.shop\.test$/);
  expect(mail?.raw.toString()).toContain("\r\nSender: desk@shop.test\r\n");
  const resolver = new Resolver();
  resolver.setServers([dns.address]);
  const { dkim } = await authenticate(mail?.raw ?? "", {
    ip: "127.0.0.1",
    helo: "x",
    sender: mail?.mailFrom ?? "",
    // As in the product: mailauth takes what node:dns gives.
    resolver: async (name, type) => (await resolver.resolve(name, type)) as string[][],
  });
  expect(dkim.results.map(({ selector, status }) => `${selector} ${status.result}`)).toEqual([
    "hikyaku1 pass",
    "hikyaku3 pass",
  ]);
});

test("a resolver that fails says nothing about the records: the domain goes on sending", async () => {
  const { data } = await resend.domains.list();
  const id = data?.data[0]?.id ?? "";
  dns.rezone({ ...DEST, "send.shop.test": "servfail", "hikyaku1._domainkey.shop.test": "servfail" });
  await resend.domains.verify(id);
  expect(await statuses(id)).toMatch(/^verified: temporary_failure temporary_failure temporary_failure/);
  const before = received.length;
  expect((await resend.emails.send(MAIL)).error).toBeNull();
  await expect.poll(() => received.length).toBe(before + 1);
  // The keys that were proved still sign: one is gone, but that is believed at the second look, minutes later.
  expect(
    received
      .at(-1)
      ?.raw.toString()
      .match(/s=hikyaku\d/g),
  ).toEqual(["s=hikyaku1", "s=hikyaku3"]);
});

test("a key that is bound to a domain sends from no other", async () => {
  await stack.admin("PUT", `/admin/accounts/${await accountOf()}/domains/other.test`, { status: "verified" });
  const { data } = await resend.domains.list();
  const shop = data?.data.find(({ name }) => name === "shop.test")?.id ?? "";
  const key = await resend.apiKeys.create({ name: "Shop", permission: "sending_access", domain_id: shop });
  const bound = new Resend(key.data?.token ?? "", { baseUrl: `${stack.url}/v1` });
  expect((await bound.emails.send(MAIL)).error).toBeNull();
  expect((await bound.emails.send({ ...MAIL, from: "a@other.test" })).error).toMatchObject({ statusCode: 403 });
  expect((await resend.emails.send({ ...MAIL, from: "a@other.test" })).error).toBeNull();
  expect((await resend.emails.send({ ...MAIL, headers: { Sender: "x@elsewhere.test" } })).error).toMatchObject({
    statusCode: 403,
  });
});

const accountOf = async (): Promise<string> => {
  const { body } = await stack.admin("GET", "/admin/accounts");
  return (body["data"] as { id: string; name: string }[]).find(({ name }) => name === "test")?.id ?? "";
};

test("attachments by URL are fetched, named and typed; what cannot be fetched refuses the send", async () => {
  const send = (path: string) =>
    resend.emails.send({ ...MAIL, subject: `File ${path}`, attachments: [{ path: `${filesUrl}${path}` }] });
  expect((await send("/moved")).error).toBeNull();
  await expect.poll(() => received.some(({ raw }) => raw.includes("File /moved"))).toBe(true);
  const mail = await PostalMime.parse(received.find(({ raw }) => raw.includes("File /moved"))?.raw ?? "");
  expect(mail.attachments[0]).toMatchObject({ filename: "report.pdf", mimeType: "application/pdf" });
  expect(new TextDecoder().decode(mail.attachments[0]?.content as ArrayBuffer)).toBe("%PDF-1.4 ok");
  for (const [path, why] of [
    ["/none", "status 404"],
    ["/loop", "redirects"],
    ["/large", "larger"],
  ] as const)
    expect((await send(path)).error).toMatchObject({
      name: "invalid_attachment",
      message: expect.stringContaining(why),
    });
  expect((await resend.emails.send({ ...MAIL, attachments: [{ path: "ftp://a.test/x" }] })).error).toMatchObject({
    name: "invalid_attachment",
  });
});
