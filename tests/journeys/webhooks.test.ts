/**
 * A listener: from a send to the signed request at its endpoint, verified as its owner would, with the libraries they use.
 */
import { createPublicKey, verify } from "node:crypto";
import { Resend } from "resend";
import { Webhook as StandardWebhook } from "standardwebhooks";
import { Webhook as SvixWebhook } from "svix";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebhookDetail } from "#contract/webhook.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { WebhookReceiver, type Posted } from "../support/webhook-receiver.ts";

let stack: Stack;
let receiver: WebhookReceiver;

beforeAll(async () => {
  receiver = await WebhookReceiver.start();
  stack = await startStack({
    env: { HIKYAKU_ALLOW_PRIVATE: "1", HIKYAKU_LOG: "warn", HIKYAKU_RETRY: "1", HIKYAKU_WEBHOOK_RETRY: "1,1,1" },
  });
});
afterAll(async () => {
  await stack?.stop();
  await receiver?.close();
});

const openWebhook = async (events: string[], key = stack.apiKey): Promise<WebhookDetail> => {
  const made = await stack.request("POST", "/v1/webhooks", { body: { endpoint: receiver.url, events }, key });
  const { body } = await stack.request("GET", `/v1/webhooks/${String(made.body["id"])}`, { key });
  return WebhookDetail.parse(body);
};

type Payload = { type: string; created_at: string; data: Record<string, unknown> };
const payloadOf = ({ body }: Posted): Payload => JSON.parse(body) as Payload;
const until = (types: string[]): Promise<void> =>
  expect.poll(() => receiver.posted.map((one) => payloadOf(one).type).toSorted()).toEqual(types.toSorted());
const headerOf = ({ headers }: Posted, name: string): string => String(headers[name]);

test("what becomes of two mails is posted, and each library that owners use verifies it", async () => {
  const { signing_secret: secret, public_key } = await openWebhook(["email.sent", "email.delivered", "email.bounced"]);
  const from = "App <app@sandbox.test>";
  const taken = await stack.send({ from, to: "delivered@sandbox.test", tags: [{ name: "kind", value: "test" }] });
  const refused = await stack.send({ from, to: "bounced@sandbox.test" });
  await until(["email.sent", "email.sent", "email.delivered", "email.bounced"]);

  const raw = Buffer.from(public_key.replace("whpk_", ""), "base64");
  const key = createPublicKey({
    key: Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]),
    ...{ format: "der", type: "spki" },
  });
  for (const posted of receiver.posted) {
    const payload = payloadOf(posted);
    const [id, timestamp, signature] = ["webhook-id", "webhook-timestamp", "webhook-signature"].map((name) =>
      headerOf(posted, name),
    );
    expect(new StandardWebhook(secret).verify(posted.body, flat(posted))).toEqual(payload);
    // It answers nothing, and throws when it is not content.
    new SvixWebhook(secret).verify(posted.body, flat(posted));
    const headers = { id: id ?? "", timestamp: timestamp ?? "", signature: signature ?? "" };
    expect(new Resend("re_x").webhooks.verify({ payload: posted.body, headers, webhookSecret: secret })).toEqual(
      payload,
    );
    const ed25519 = Buffer.from(/v1a,(\S+)/.exec(signature ?? "")?.[1] ?? "", "base64");
    expect(verify(null, Buffer.from(`${id}.${timestamp}.${posted.body}`), key, ed25519)).toBe(true);
    expect(() => new StandardWebhook(secret).verify(posted.body.replace("email.", "email!"), flat(posted))).toThrow();
    expect(payload.data["event_id"]).toBe(id);
  }

  const bodies = receiver.posted.map(payloadOf);
  expect(bodies.find(({ type }) => type === "email.delivered")?.data).toMatchObject({
    ...{ email_id: taken, from, to: ["delivered@sandbox.test"], subject: "Hello", tags: { kind: "test" } },
    recipient: "delivered@sandbox.test",
  });
  expect(bodies.find(({ type }) => type === "email.bounced")?.data).toMatchObject({
    ...{ email_id: refused, recipient: "bounced@sandbox.test" },
    bounce: { type: "Permanent", diagnosticCode: [expect.stringContaining("550")] },
  });
  const listed = await stack.request("GET", "/v1/events?types=email.sent,email.delivered,email.bounced");
  const ids = (listed.body["data"] as { id: string }[]).map(({ id }) => id);
  expect(ids.toSorted()).toEqual(receiver.posted.map((one) => headerOf(one, "webhook-id")).toSorted());
});

const flat = ({ headers }: Posted): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

test("an endpoint that fails gets the event again with the same id, and a live stream shows it at once", async () => {
  const { token } = await stack.createAccount();
  await openWebhook(["suppression.added"], token);
  const from = receiver.posted.length;
  let failures = 2;
  receiver.answer = () => (failures-- > 0 ? 503 : 200);
  const stream = await fetch(`${stack.url}/v1/events`, {
    headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" },
  });
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toContain("retry:");
  await stack.request("POST", "/v1/suppressions", { body: { email: "live@dest.test" }, key: token });
  expect((await reader?.read())?.value).toMatch(/^id: \S+\nevent: suppression\.added\ndata: .*live@dest\.test/);
  await reader?.cancel();
  await expect.poll(() => receiver.posted.length).toBe(from + 3);
  expect(new Set(receiver.posted.slice(from).map((one) => headerOf(one, "webhook-id"))).size).toBe(1);
});
