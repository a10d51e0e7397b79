/**
 * Bulk mail as it reaches a reader: they leave by one click, under a signature that covers the link; from then on they get
 * no more bulk mail, and their receipts as before. Opens and clicks come back as events, those of machines marked.
 */
import { generateKeyPairSync } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import PostalMime from "postal-mime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { startStack, type Stack } from "../support/stack.ts";

const Messages = z.object({
  data: z.array(
    z.object({
      email_id: z.string(),
      rcpt_to: z.string(),
      raw: z.string(),
      authentication_results: z.array(z.string()),
    }),
  ),
});
type Message = z.infer<typeof Messages>["data"][number];
const Domain = z.object({ id: z.string(), name: z.string() });

let stack: Stack;

beforeAll(async () => {
  stack = await startStack({ env: { HIKYAKU_LOG: "warn", HIKYAKU_RETRY: "1,..." } });
  const pem = { type: "pkcs8", format: "pem" } as const;
  const { privateKey } = generateKeyPairSync("ed25519");
  const path = `/admin/accounts/${stack.accountId}/domains/sender.test`;
  const dkim = [{ selector: "s1", private_key: privateKey.export(pem) }];
  expect((await stack.admin("PUT", path, { status: "verified", dkim })).status).toBe(200);
});
afterAll(async () => {
  await stack?.stop();
});

const messagesOf = async (id: string): Promise<Message[]> =>
  Messages.parse((await stack.request("GET", "/v1/sandbox/messages")).body).data.filter(
    ({ email_id }) => email_id === id,
  );

/** Sends to the sandbox and waits for what arrives there. */
const arrived = async (fields: object): Promise<{ id: string; message: Message }> => {
  const id = await stack.send({ to: "reader@sandbox.test", ...fields });
  await stack.eventsUntil(id, "email.delivered");
  await expect.poll(async () => (await messagesOf(id)).length).toBeGreaterThan(0);
  const [message = expect.unreachable()] = await messagesOf(id);
  return { id, message };
};

const headerOf = async (message: Message, name: string): Promise<string> =>
  (await PostalMime.parse(message.raw)).headers.find(({ key }) => key === name)?.value ?? "";

const CHROME = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36" };

test("a bulk mail is left by one click; receipts still come", async () => {
  const { id, message } = await arrived({ stream: "bulk", subject: "News" });
  const link = /^<(http:[^<>]+\/u\/[0-9a-z.]+)>$/.exec(await headerOf(message, "list-unsubscribe"))?.[1] ?? "";
  expect(link).not.toBe("");
  expect(await headerOf(message, "list-unsubscribe-post")).toBe("List-Unsubscribe=One-Click");
  const signed = /\bh=([^;]+)/.exec(await headerOf(message, "dkim-signature"))?.[1]?.split(/[\s:]+/) ?? [];
  expect(signed).toEqual(expect.arrayContaining(["list-unsubscribe", "list-unsubscribe-post"]));
  expect(message.authentication_results.join()).toMatch(/dkim=pass [^,]*sender\.test/);

  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const post = { method: "POST", redirect: "manual", headers, body: "List-Unsubscribe=One-Click" } as const;
  for (const round of [1, 2]) expect((await fetch(link, post)).status, `post ${round}`).toBe(200);
  const events = await stack.eventsUntil(id, "email.unsubscribed");
  expect(events.filter(({ type }) => type === "email.unsubscribed")).toHaveLength(1);

  const next = await stack.send({ to: "reader@sandbox.test", stream: "bulk" });
  expect((await stack.eventsUntil(next, "email.suppressed")).map(({ type }) => type)).not.toContain("email.delivered");
  const receipt = await arrived({ subject: "Receipt" });
  expect(await headerOf(receipt.message, "list-unsubscribe")).toBe("");

  await fetch(link, { ...post, body: "subscribe=again" });
  await arrived({ stream: "bulk", subject: "News again" });
});

test("each recipient of one email has a link of their own", async () => {
  const to = ["one@sandbox.test", "two@sandbox.test"];
  const id = await stack.send({ to, stream: "bulk" });
  await stack.eventsUntil(id, "email.delivered", { times: 2 });
  await expect.poll(async () => (await messagesOf(id)).length).toBe(2);
  const messages = await messagesOf(id);
  expect(new Set(await Promise.all(messages.map((each) => headerOf(each, "list-unsubscribe")))).size).toBe(2);
  for (const { authentication_results } of messages) expect(authentication_results.join()).toContain("dkim=pass");
});

test("a visible link in the text is each recipient's own, and the one of the header", async () => {
  const template = {
    name: "News",
    subject: "News for {{name}}",
    html: '<p>Dear {{name}}</p><a href="{{{RESEND_UNSUBSCRIBE_URL}}}">leave</a>',
    text: "Dear {{name}}\nLeave: {{unsubscribe_url}}",
  };
  const { body } = await stack.request("POST", "/v1/templates", { body: template });
  const id = String(body["id"]);
  await stack.request("POST", `/v1/templates/${id}/publish`);
  const lines = ["ada", "bob"].map((name) => ({ to: `${name}@sandbox.test`, variables: { name } }));
  const shared = { from: "app@sender.test", stream: "bulk", template: { id } };
  const taken = await stack.request("POST", "/v1/emails/bulk", {
    body: [shared, ...lines].map((line) => JSON.stringify(line)).join("\n"),
  });
  expect(taken.body).toMatchObject({ accepted: 2 });
  const plain = await stack.send({ to: "cas@sandbox.test", stream: "bulk", text: "Leave: {{unsubscribe_url}}" });
  await stack.eventsUntil(plain, "email.delivered");
  const links = new Set<string>();
  for (const name of ["ada", "bob", "cas"]) {
    const found = async () =>
      Messages.parse((await stack.request("GET", "/v1/sandbox/messages")).body).data.find(({ rcpt_to }) =>
        rcpt_to.startsWith(name),
      );
    await expect.poll(found).toBeDefined();
    const message = (await found()) ?? expect.unreachable();
    const link = (await headerOf(message, "list-unsubscribe")).slice(1, -1);
    const { text, html } = await PostalMime.parse(message.raw);
    expect(text).toContain(`Leave: ${link}`);
    if (name !== "cas") expect(html).toContain(`<p>Dear ${name}</p><a href="${link}">leave</a>`);
    expect(message.authentication_results.join()).toMatch(/dkim=pass [^,]*sender\.test/);
    links.add(link);
  }
  expect(links.size).toBe(3);
  const [link = ""] = links;
  expect(await (await fetch(link)).text()).toContain("Unsubscribe?");
  const refused = await stack.request("POST", "/v1/emails", {
    body: { from: "app@sender.test", to: "dan@sandbox.test", subject: "x", text: "{{unsubscribe_url}}" },
  });
  expect(refused).toMatchObject({ status: 422, body: { name: "validation_error" } });
});

test("a mail that has to wait arrives as it was accepted, though its domain has changed its mind", async () => {
  const { body } = await stack.request("GET", "/v1/domains");
  const domain = z
    .object({ data: z.array(Domain) })
    .parse(body)
    .data.find(({ name }) => name === "sender.test");
  const set = (unsubscribe: boolean) => stack.request("PATCH", `/v1/domains/${domain?.id}`, { body: { unsubscribe } });
  await set(true);
  const id = await stack.send({ to: "deferred@sandbox.test", text: "Leave: {{unsubscribe_url}}" });
  await stack.eventsUntil(id, "email.delivery_delayed");
  await set(false);
  await stack.eventsUntil(id, "email.delivered");
  await expect.poll(async () => (await messagesOf(id)).length).toBe(1);
  const [message = expect.unreachable()] = await messagesOf(id);
  const link = (await headerOf(message, "list-unsubscribe")).slice(1, -1);
  expect(link).toContain("/u/");
  expect((await PostalMime.parse(message.raw)).text).toContain(`Leave: ${link}`);
});

test("opens and clicks of a domain that wants to know of them", async () => {
  const { body } = await stack.request("GET", "/v1/domains");
  const domains = z.object({ data: z.array(Domain) }).parse(body).data;
  const domain = domains.find(({ name }) => name === "sender.test");
  const html = '<p>Hi</p><a href="https://shop.test/?a=1&amp;b=2">shop</a>';
  const tracked = async (): Promise<{ id: string; html: string }> => {
    const { id, message } = await arrived({ html, text: "https://shop.test/" });
    const read = await PostalMime.parse(message.raw);
    expect(read.text?.trim()).toBe("https://shop.test/");
    return { id, html: read.html ?? "" };
  };
  expect((await tracked()).html.trim()).toBe(html);
  await stack.request("PATCH", `/v1/domains/${domain?.id}`, { body: { open_tracking: true, click_tracking: true } });
  const { id, html: made } = await tracked();
  const click = /href="([^"]+\/c\/[^"]+)"/.exec(made)?.[1] ?? "";
  const open = /src="([^"]+\/o\/[^"]+)"/.exec(made)?.[1] ?? "";
  // What comes within a second of the delivery is taken for a scanner.
  await stack.eventsUntil(id, "email.delivered");
  await wait(1100);
  expect((await fetch(click, { redirect: "manual", headers: CHROME })).headers.get("location")).toBe(
    "https://shop.test/?a=1&b=2",
  );
  expect(
    (await fetch(open, { headers: { "user-agent": "Mozilla/5.0 (via ggpht.com GoogleImageProxy)" } })).status,
  ).toBe(200);
  await stack.eventsUntil(id, "email.clicked");
  await stack.eventsUntil(id, "email.opened");
  const { body: metrics } = await stack.request("GET", "/v1/emails/metrics?metrics=clicked,opened");
  expect(metrics["totals"]).toEqual({ clicked: 1, opened: 0 });
});
