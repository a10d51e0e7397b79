/**
 * Mail that comes in: handed over by a relay, kept once, told, listed, read, linked to, deleted; and what of a stranger's
 * message must never do harm on its way out.
 */
import { env, exports } from "cloudflare:workers";
import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test, vi } from "vitest";
import { pageOf } from "#contract/pagination.ts";
import {
  ReceivedAttachment,
  ReceivedAttachmentDetail,
  ReceivedDetail,
  ReceivedNotice,
  ReceivedSummary,
} from "#contract/received.ts";
import { noticesOf } from "./support/domain-scene.ts";
import { handOver, KEY, mailOf, openReceiving, partAt, type Receiving, verdictOf } from "./support/received-scene.ts";
import { call, countIn, openAccount, sqlIn } from "./support/worker-calls.ts";

afterEach(async () => {
  vi.restoreAllMocks();
  await reset();
});

const RAW = `Subject: Hello\r\n\r\nGr=FC=DFe\r\n<p>Hi <img src="cid:dot"></p>\r\niVBORw==\r\n<b>evil</b>\r\n`;
const PARTS = {
  body: {
    text: [partAt(RAW, "Gr=FC=DFe", { encoding: "quoted-printable", charset: "iso-8859-1" })],
    html: [partAt(RAW, `<p>Hi <img src="cid:dot"></p>`, { type: "text/html" })],
  },
  head: {
    attachments: [
      partAt(RAW, "iVBORw==", {
        type: "image/png",
        encoding: "base64",
        filename: "dot.png",
        content_id: "dot",
        size: 4,
      }),
      partAt(RAW, "<b>evil</b>", { type: "text/html", filename: 'a"\r\nb/ü.html', content_disposition: "attachment" }),
    ],
  },
};

const get = async (scene: Receiving, path: string): Promise<unknown> =>
  (await call("GET", `/v1/emails/receiving${path}`, { token: scene.account.token })).body;
const list = async (scene: Receiving, query = "") => pageOf(ReceivedSummary).parse(await get(scene, query));
const received = async (scene: Receiving): Promise<ReceivedDetail> => {
  expect(verdictOf(await handOver(scene, RAW, mailOf(RAW, PARTS)))).toBe("stored");
  const [email] = (await list(scene)).data;
  return ReceivedDetail.parse(await get(scene, `/${email?.id ?? ""}`));
};
const download = (url: string): Promise<Response> => exports.default.fetch(url);

test("a message for two domains of which one was turned off is kept for the other", async () => {
  const scene = await openReceiving();
  const mail = mailOf(RAW, PARTS);
  const both = { ...mail, head: { ...mail.head, received_for: [...mail.head.received_for, "y@turned-off.test"] } };
  expect(verdictOf(await handOver(scene, RAW, both))).toBe("stored");
  const none = { ...mail, head: { ...mail.head, received_for: ["y@turned-off.test"] } };
  expect(verdictOf(await handOver(scene, RAW, none, "b".repeat(64)))).toBe("no-domain");
});

test("whose a domain is: the account's that has proved it and has receiving on", async () => {
  const scene = await openReceiving();
  const receiver = async (domain: string): Promise<unknown> =>
    (await call("GET", `/relay/inbound/domains/${domain}`, { token: scene.relay })).body;
  await expect.poll(() => receiver("Shop.test")).toEqual({ account: scene.account.id });
  expect(await receiver("other.test")).toEqual({ account: null });
  const other = await openAccount();
  await call("POST", "/v1/domains", {
    token: other.token,
    body: { name: "claimed.test", capabilities: { receiving: "enabled" } },
  });
  await call("PATCH", `/v1/domains/${scene.domainId}`, {
    token: scene.account.token,
    body: { capabilities: { receiving: "disabled" } },
  });
  await expect.poll(() => receiver("shop.test")).toEqual({ account: null });
  expect(await receiver("claimed.test")).toEqual({ account: null });
  expect(verdictOf(await handOver(scene, RAW, mailOf(RAW)))).toBe("no-domain");
});

test("a domain with receiving on is shown the MX that it needs", async () => {
  const scene = await openReceiving();
  const { body } = await call("GET", `/v1/domains/${scene.domainId}`, { token: scene.account.token });
  expect(body).toMatchObject({
    status: "verified",
    records: [
      {
        record: "Receiving",
        name: "@",
        type: "MX",
        value: env.HIKYAKU_BOUNCE_DOMAIN,
        priority: 10,
        status: "not_started",
      },
    ],
  });
});

test("a message is listed, read and told", async () => {
  const scene = await openReceiving();
  const email = await received(scene);
  expect(email).toMatchObject({
    ...{ object: "email", from: "Ann <ann@other.test>", to: ["hello@shop.test"], cc: null, text: "Grüße" },
    html: `<p>Hi <img src="data:image/png;base64,iVBORw=="></p>`,
    authentication: { dmarc: "fail", dmarc_policy: "reject" },
    attachments: [
      { filename: "dot.png", size: 4, content_type: "image/png", content_id: "dot" },
      { content_type: "text/html", content_disposition: "attachment" },
    ],
  });
  expect(await get(scene, `/${email.id}?html_format=cid`)).toMatchObject({ html: `<p>Hi <img src="cid:dot"></p>` });
  expect(await get(scene, `/${email.id}?html_format=x`)).toMatchObject({ name: "invalid_parameter" });
  const [notice] = (await noticesOf(scene.account)).filter(({ type }) => type === "email.received");
  expect(ReceivedNotice.parse(notice?.data)).toMatchObject({
    ...{ email_id: email.id, received_for: ["hello@shop.test"], bcc: [], subject: "Hello" },
    attachments: [{ id: email.attachments[0]?.id, filename: "dot.png" }, {}],
  });
});

test("the same message again is one, a message that breaks off is none", async () => {
  const scene = await openReceiving();
  expect(verdictOf(await handOver(scene, RAW, mailOf(RAW)))).toBe("stored");
  expect(verdictOf(await handOver(scene, RAW, mailOf(RAW)))).toBe("known");
  for (const raw of [RAW.slice(0, -1), `${RAW}x`])
    expect(await handOver(scene, raw, mailOf(RAW), KEY.replace("0", "1"))).toMatchObject({ status: 400 });
  expect((await list(scene)).data).toHaveLength(1);
  expect(await countIn(scene.account, "received_chunk")).toBe(1);
  expect((await noticesOf(scene.account)).filter(({ type }) => type === "email.received")).toHaveLength(1);
});

test("what is no message of a relay is refused, and wakes no account", async () => {
  const scene = await openReceiving();
  const put = (path: string, raw: string, token = scene.relay) => call("PUT", path, { token, raw });
  const path = `/relay/inbound/messages/${KEY}?account=${scene.account.id}`;
  const line = JSON.stringify(mailOf(RAW));
  expect(await put(path, line)).toMatchObject({ status: 400 });
  expect(await put(path, "{}\n")).toMatchObject({ status: 400 });
  expect(await put(path, `${"x".repeat(2_000_000)}\n`)).toMatchObject({ status: 400 });
  expect(await put(path.replace(KEY, "0"), `${line}\n${RAW}`)).toMatchObject({ status: 404 });
  expect(await put(path.replace(scene.account.id, "nobody"), `${line}\n${RAW}`)).toMatchObject({ status: 404 });
  expect(await put(path, `${line}\n${RAW}`, scene.account.token)).toMatchObject({ status: 403 });
  expect(await countIn(scene.account, "received")).toBe(0);
});

test("a suspended account and a full one take nothing", async () => {
  const scene = await openReceiving();
  await sqlIn(scene.account.stub, "INSERT INTO received_open (k, size) VALUES (1, 2000000000)");
  expect(verdictOf(await handOver(scene, RAW, mailOf(RAW)))).toBe("full");
  const token = env.HIKYAKU_ADMIN_TOKEN;
  await call("PATCH", `/admin/accounts/${scene.account.id}`, { token, body: { status: "suspended" } });
  expect(verdictOf(await handOver(scene, RAW, mailOf(RAW)))).toBe("suspended");
});

test("links lead to the bytes, harmless whatever they are", async () => {
  const scene = await openReceiving();
  const email = await received(scene);
  const raw = await download(email.raw.download_url);
  expect(raw.headers.get("content-type")).toBe("message/rfc822");
  expect(await raw.text()).toBe(RAW);
  const page = pageOf(ReceivedAttachment).parse(await get(scene, `/${email.id}/attachments`));
  const [dot, evil] = page.data;
  expect(dot).toMatchObject({ filename: "dot.png", size: 4, content_disposition: "attachment" });
  const image = await download(dot?.download_url ?? "");
  expect([...(await image.bytes())]).toEqual([0x89, 0x50, 0x4e, 0x47]);
  expect(image.headers.get("content-type")).toBe("image/png");
  const page2 = await download(evil?.download_url ?? "");
  expect(await page2.text()).toBe("<b>evil</b>");
  expect(Object.fromEntries(page2.headers)).toMatchObject({
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="a___b__.html"; filename*=UTF-8''a%22__b_%C3%BC.html`,
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
  });
  const one = await get(scene, `/${email.id}/attachments/${evil?.id ?? ""}`);
  expect(ReceivedAttachmentDetail.parse(one)).toMatchObject({ object: "attachment", id: evil?.id });
  expect(await get(scene, `/${email.id}/attachments/${email.id}`)).toMatchObject({ name: "not_found" });
});

test("a link that was changed, has expired or leads to what is gone leads nowhere", async () => {
  const scene = await openReceiving();
  const email = await received(scene);
  const url = new URL(email.raw.download_url);
  const status = async (change: (link: URL) => void): Promise<number> => {
    const link = new URL(url);
    change(link);
    const response = await download(link.href);
    await response.text();
    return response.status;
  };
  expect(await status(() => {})).toBe(200);
  expect(await status((link) => link.searchParams.set("expires", "99999999999"))).toBe(404);
  expect(await status((link) => link.searchParams.delete("signature"))).toBe(404);
  expect(await status((link) => (link.pathname = link.pathname.replace("/raw", `/${email.attachments[0]?.id}`)))).toBe(
    404,
  );
  expect(await status((link) => (link.pathname = link.pathname.replace(scene.account.id, "000000000000")))).toBe(404);
  vi.spyOn(Date, "now").mockReturnValue(Date.parse(email.raw.expires_at));
  expect(await status(() => {})).toBe(404);
  vi.restoreAllMocks();
  expect(await call("DELETE", `/v1/emails/receiving/${email.id}`, { token: scene.account.token })).toEqual({
    status: 200,
    body: { object: "email", id: email.id, deleted: true },
  });
  expect(await status(() => {})).toBe(404);
  expect(await get(scene, `/${email.id}`)).toMatchObject({ name: "not_found" });
  for (const table of ["received", "received_chunk", "received_open"])
    expect(await countIn(scene.account, table)).toBe(0);
  // What was deleted may come again.
  expect(verdictOf(await handOver(scene, RAW, mailOf(RAW)))).toBe("stored");
});

test("40 MB come and go in pieces", async () => {
  const scene = await openReceiving();
  const piece = new TextEncoder().encode("0123456789abcde\n".repeat(62_500));
  const stream = () => {
    let left = 40;
    return new ReadableStream({ pull: (controller) => (left-- > 0 ? controller.enqueue(piece) : controller.close()) });
  };
  const mail = { ...mailOf(""), size: 40_000_000 };
  expect(verdictOf(await handOver(scene, stream(), mail))).toBe("stored");
  expect(await countIn(scene.account, "received_chunk")).toBe(39);
  expect(verdictOf(await handOver(scene, stream(), mail))).toBe("known");
  const [email] = (await list(scene)).data;
  const { raw } = ReceivedDetail.parse(await get(scene, `/${email?.id ?? ""}`));
  let [size, end] = [0, 0];
  const response = await download(raw.download_url);
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    end = chunk.at(-1) ?? end;
  }
  expect([size, end]).toEqual([40_000_000, 10]);
});

test("old mail and what never came whole is forgotten", async () => {
  const scene = await openReceiving();
  await received(scene);
  await runInDurableObject(scene.account.stub, (_, { storage }) => {
    storage.sql.exec("INSERT INTO received_open (k, size) VALUES (1, 5)");
    storage.sql.exec("INSERT INTO received_chunk (k, bytes) VALUES (1, ?)", new ArrayBuffer(5));
  });
  vi.spyOn(Date, "now").mockReturnValue(Date.now() + 2 * 3600_000);
  await runInDurableObject(scene.account.stub, (account) => account.alarm());
  expect(await countIn(scene.account, "received_open")).toBe(0);
  expect(await countIn(scene.account, "received_chunk")).toBe(1);
  vi.spyOn(Date, "now").mockReturnValue(Date.now() + 31 * 24 * 3600_000);
  await runInDurableObject(scene.account.stub, (account) => account.alarm());
  for (const table of ["received", "received_chunk"]) expect(await countIn(scene.account, table)).toBe(0);
});

test("pages", async () => {
  const scene = await openReceiving();
  for (const n of [1, 2, 3])
    await handOver(scene, RAW, mailOf(RAW, { head: { subject: `${n}` } }), KEY.replace("0", `${n}`));
  const first = await list(scene, "?limit=2");
  expect([first.has_more, first.data.map(({ subject }) => subject)]).toEqual([true, ["3", "2"]]);
  const next = await list(scene, `?limit=2&after=${first.data[1]?.id ?? ""}`);
  expect([next.has_more, next.data.map(({ subject }) => subject)]).toEqual([false, ["1"]]);
  const back = await list(scene, `?limit=1&before=${next.data[0]?.id ?? ""}`);
  expect([back.has_more, back.data.map(({ subject }) => subject)]).toEqual([true, ["2"]]);
});
