/**
 * What mail carries of its domain from its acceptance on, and `{{unsubscribe_url}}`, whose place in a text is only taken
 * where the mail will have the link: by every way that mail comes in.
 */
import { env } from "cloudflare:workers";
import { reset } from "cloudflare:test";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Batch, type EmailMeta } from "#contract/relay-protocol.ts";
import { addDomain } from "./support/domain-scene.ts";
import { leaseTo } from "./support/account-scene.ts";
import {
  type Answer,
  call,
  countIn,
  goodSend,
  openAccount,
  sendEmail,
  type TestAccount,
} from "./support/worker-calls.ts";

const before = env.HIKYAKU_PUBLIC_URL;
let account: TestAccount;
beforeEach(async () => {
  Object.assign(env, { HIKYAKU_PUBLIC_URL: "https://mail.test" });
  account = await openAccount();
});
afterEach(async () => {
  Object.assign(env, { HIKYAKU_PUBLIC_URL: before });
  await reset();
});

const PLACE = { text: "Leave: {{unsubscribe_url}}" };
const ON = { unsubscribe: true, open_tracking: true, tls: "enforced" } as const;
const AS_ON = { links: { unsubscribe: true, opens: true }, require_tls: true };

const change = (id: string, body: object): Promise<Answer> =>
  call("PATCH", `/v1/domains/${id}`, { token: account.token, body });
const send = (fields: object): Promise<Answer> =>
  call("POST", "/v1/emails", { token: account.token, body: goodSend(fields) });
const bulk = (lines: readonly object[], key?: string): Promise<Answer> =>
  call("POST", "/v1/emails/bulk", {
    token: account.token,
    raw: new Response(lines.map((line) => JSON.stringify(line)).join("\n")).body ?? "",
    ...(key !== undefined && { headers: { "idempotency-key": key } }),
  });
const template = async (fields: object): Promise<string> => {
  const { body } = await call("POST", "/v1/templates", {
    token: account.token,
    body: { name: "x", html: "x", ...fields },
  });
  const { id } = body as { id: string };
  await call("POST", `/v1/templates/${id}/publish`, { token: account.token });
  return id;
};

/** What the next batch says of its emails. */
const leased = async (): Promise<Pick<EmailMeta, "links" | "require_tls">[]> => {
  const { batch } = await account.stub.lease("default", "relay", 10);
  return Batch.parse(JSON.parse(batch)).emails.map(({ meta: { links, require_tls } }) => ({
    ...(links && { links }),
    ...(require_tls && { require_tls }),
  }));
};

const refused = (answer: Answer, words: string): void =>
  expect(answer).toMatchObject({
    status: 422,
    body: { name: "validation_error", message: expect.stringContaining(words) },
  });

test("single, batch, template, scheduled and bulk mail carry what the domain has at their acceptance", async () => {
  const { id } = await addDomain(account, { name: "shop.test", ...ON });
  await sendEmail(account);
  await call("POST", "/v1/emails/batch", { token: account.token, body: [goodSend()] });
  await sendEmail(account, { text: undefined, template: { id: await template({}) } });
  await bulk([{ from: "n@shop.test", subject: "x", text: "y" }, { to: "r@inbox.test" }]);
  await change(id, { unsubscribe: false, open_tracking: false, tls: "opportunistic", click_tracking: true });
  await sendEmail(account);
  await call("DELETE", `/v1/domains/${id}`, { token: account.token });
  await sendEmail(account);
  expect(await leased()).toEqual([AS_ON, AS_ON, AS_ON, AS_ON, { links: { clicks: true } }, {}]);
});

test("a second try is told the same as the first, whatever was changed meanwhile", async () => {
  const { id } = await addDomain(account, { name: "shop.test", ...ON });
  const dueMs = Date.now() + 3600_000;
  const scheduled = await sendEmail(account, { scheduled_at: new Date(dueMs).toISOString() });
  await sendEmail(account);
  await leaseTo(account, "relay");
  await change(id, { unsubscribe: false, click_tracking: true });
  expect(await account.stub.unleaseTicket("")).toBe(true);
  // Due now too, and another's time put off does not take its links away.
  await call("PATCH", `/v1/emails/${scheduled}`, {
    token: account.token,
    body: { scheduled_at: new Date().toISOString() },
  });
  expect(await leased()).toEqual([AS_ON, AS_ON]);
});

test("mail whose texts have a place for the link is refused when it has none", async () => {
  const check = async (fields: object, isTaken: boolean): Promise<void> => {
    const answer = await send({ ...PLACE, ...fields });
    if (isTaken) expect(answer.status, JSON.stringify(fields)).toBe(200);
    else refused(answer, "`{{unsubscribe_url}}`");
  };
  await check({}, false);
  await check({ text: undefined, html: "{{{RESEND_UNSUBSCRIBE_URL}}}" }, false);
  await check({ unsubscribe: true }, true);
  await check({ stream: "bulk" }, true);
  await check({ text: "{{name}}" }, true);
  const { id } = await addDomain(account, { name: "shop.test", unsubscribe: true });
  await check({}, true);
  await check({ unsubscribe: false }, false);
  await change(id, { unsubscribe: false });
  await check({}, false);
  refused(
    await call("POST", "/v1/emails/batch", { token: account.token, body: [goodSend(), goodSend(PLACE)] }),
    "[1] ",
  );
  expect(await countIn(account, "email")).toBe(4);
});

test("and no mail has one where the service has no public URL", async () => {
  Object.assign(env, { HIKYAKU_PUBLIC_URL: "" });
  account = await openAccount();
  refused(await send({ ...PLACE, stream: "bulk" }), "public URL");
  expect((await send({ stream: "bulk" })).status).toBe(200);
});

test("templates have places, and no variables of that name", async () => {
  const id = await template({ html: "<p>{{name}} {{{RESEND_UNSUBSCRIBE_URL}}}", text: "{{unsubscribe_url}}" });
  const of = (variables: object) => ({ text: undefined, template: { id, variables } });
  refused(await send(of({ name: "Ada" })), "`{{unsubscribe_url}}`");
  const sent = await sendEmail(account, { ...of({ name: "Ada" }), stream: "bulk" });
  expect((await call("GET", `/v1/emails/${sent}`, { token: account.token })).body).toMatchObject({
    html: "<p>Ada {{unsubscribe_url}}",
    text: "{{unsubscribe_url}}",
  });
  expect(
    (await send({ ...of({ name: "Ada", unsubscribe_url: "https://evil.test" }), stream: "bulk" })).body,
  ).toMatchObject({ message: "The variable `unsubscribe_url` is the service's own: it cannot be given." });
  const variables = [{ key: "RESEND_UNSUBSCRIBE_URL", type: "string", fallback_value: "x" }];
  const made = await call("POST", "/v1/templates", { token: account.token, body: { name: "y", html: "y", variables } });
  expect(made).toMatchObject({ status: 400, body: { message: expect.stringContaining("RESEND_UNSUBSCRIBE_URL") } });
});

test("a place that would leave as braces is refused by every way that mail comes in", async () => {
  const html = '<a href="&#123;&#123;unsubscribe_url&#125;&#125;">leave</a>';
  const headers = { "List-Unsubscribe": "<{{unsubscribe_url}}>" };
  const ada = { to: "ada@inbox.test", variables: { UNSUBSCRIBE_URL: "https://shop.test/u" } };
  const shared = { from: "n@shop.test", subject: "x", stream: "bulk", text: "x" };
  const withTemplate = async (fields: object) => ({ text: undefined, template: { id: await template(fields) } });
  const [misspelt, misplaced] = [await withTemplate({ html }), await withTemplate({ subject: "{{unsubscribe_url}}" })];
  refused(await send({ stream: "bulk", html }), "write `{{unsubscribe_url}}`");
  refused(await send({ stream: "bulk", headers }), "header `List-Unsubscribe` cannot");
  refused(await send({ stream: "bulk", ...misspelt }), "write `{{unsubscribe_url}}`");
  refused(await send({ stream: "bulk", ...misplaced, subject: undefined }), "The subject cannot");
  refused(await bulk([{ ...shared, html }, ada]), "write `{{unsubscribe_url}}`");
  refused(await bulk([{ ...shared, headers }, ada]), "header `List-Unsubscribe` cannot");
  expect(await countIn(account, "email")).toBe(0);
  // A bulk's template is looked at with each line.
  expect((await bulk([{ ...shared, ...misspelt }, ada])).body).toMatchObject({
    accepted: 0,
    errors: [{ line: 2, message: expect.stringContaining("write `{{unsubscribe_url}}`") }],
  });
  // A variable of their own, and braces that an editor wrote as a URL has them.
  const taken = await bulk([{ ...shared, html: '<a href="{{UNSUBSCRIBE_URL}}">' }, ada]);
  expect(taken).toMatchObject({ status: 200, body: { accepted: 1 } });
  expect((await send({ stream: "bulk", html: '<a href="%7B%7Bunsubscribe_url%7D%7D">' })).status).toBe(200);
  refused(await send({ html: '<a href="%7B%7Bunsubscribe_url%7D%7D">' }), "no link to stand for");
});

test("a bulk is refused before its first recipient, and answered as before when it is complete", async () => {
  const shared = { from: "n@shop.test", subject: "x", ...PLACE };
  const ada = { to: "ada@inbox.test" };
  refused(await bulk([shared, ada]), "`{{unsubscribe_url}}`");
  refused(
    await bulk([
      { ...shared, text: undefined, template: { id: await template({ html: "{{unsubscribe_url}}" }) } },
      ada,
    ]),
    "`{{unsubscribe_url}}`",
  );
  expect(await countIn(account, "bulk")).toBe(0);
  const { id } = await addDomain(account, { name: "shop.test", unsubscribe: true });
  const taken = await bulk([shared, ada], "one");
  expect(taken).toMatchObject({ status: 200, body: { accepted: 1 } });
  await change(id, { unsubscribe: false });
  expect(await bulk([shared, ada], "one")).toEqual(taken);
  expect(
    (await bulk([{ ...shared, stream: "bulk" }, ada, { ...ada, variables: { unsubscribe_url: "x" } }])).body,
  ).toMatchObject({
    accepted: 1,
    errors: [{ line: 3, message: expect.stringContaining("the service's own") }],
  });
});
