/** The Feedback-ID among a mail's header fields: ours, or ours beside the customer's; signed, and the same each time. */
import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { feedbackSignedText, parseFeedbackId } from "#contract/feedback-id.ts";
import { base32 } from "#contract/ids.ts";
import type { LeasedDelivery, LeasedEmail } from "#contract/relay-protocol.ts";
import { GatewayStore, returnPathMac } from "../../../relay-node/delivery/gateway-store.ts";
import { withFeedbackId } from "../../../relay-node/delivery/feedback-header.ts";
import { MessageMaker } from "../../../relay-node/delivery/message-maker.ts";
import { TOKEN } from "../../support/fake-gateway.ts";
import { ACCOUNT, email, fakeGateway, KEYS, RETURN_PATH_KEY } from "./relay-scene.ts";

const headersOf = (
  headers?: Record<string, string>,
  leased: LeasedEmail = email(77),
  delivery?: LeasedDelivery,
): Record<string, string> =>
  withFeedbackId({ text: "Hi", ...(headers && { headers }) }, ACCOUNT, leased, delivery, RETURN_PATH_KEY).headers ?? {};

test("it proves the email, and names the stream", () => {
  const value = headersOf()["Feedback-ID"] ?? "";
  const mac = base32(returnPathMac(RETURN_PATH_KEY, feedbackSignedText({ of: "email", account: ACCOUNT, k: 77 })), 16);
  expect(parseFeedbackId(value)).toEqual({ of: "email", account: ACCOUNT, k: 77, mac });
  expect(value).toContain(":transactional:");
  const { meta } = email(77);
  expect(headersOf({}, email(77, { meta: { ...meta, stream: "bulk" } }))["Feedback-ID"]).toContain(":bulk:");
});

test("a message for one recipient alone names the delivery", () => {
  const delivery = { k: 79, email: 77, rcpt: "b@dest.test", attempt: 1 };
  expect(parseFeedbackId(headersOf({}, email(77), delivery)["Feedback-ID"] ?? "")).toMatchObject({
    of: "delivery",
    k: 79,
  });
});

test("a customer's own stays, and ours cannot be taken away", () => {
  const check = (headers: Record<string, string>, names: string[]): void =>
    expect(Object.keys(headersOf(headers))).toEqual(names);
  check({ "X-A": "b" }, ["X-A", "Feedback-ID"]);
  check({ "feedback-id": "a:b:c:shop" }, ["feedback-id", "X-Hikyaku-Feedback-ID"]);
  check({ "x-hikyaku-feedback-id": "forged" }, ["Feedback-ID"]);
  expect(headersOf({ "feedback-id": "a:b:c:shop" })["feedback-id"]).toBe("a:b:c:shop");
});

test("the message carries it under the signature", async () => {
  const private_key = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const signers = [{ selector: "s1", algorithm: "ed25519-sha256" as const, private_key }];
  const gateway = await fakeGateway({ keys: { [`${ACCOUNT}/from.test`]: { ...KEYS, signers } } });
  const maker = new MessageMaker(new GatewayStore(gateway.url, TOKEN));
  const check = async (k: number, headers: Record<string, string>, field: string): Promise<void> => {
    const made = await maker.make(ACCOUNT, 1, email(k, { content: { text: "Hi", headers } }));
    const text = made.kind === "made" ? Buffer.from(made.bytes).toString() : made.reason;
    const signed = /\r\n h=([^;]*);/.exec(text)?.[1]?.replaceAll(/\s/g, "").split(":");
    expect(text).toMatch(new RegExp(`\r\n${field}: e[0-9a-z]+\\.[0-9a-z]{16}:transactional:${ACCOUNT}:hikyaku\r\n`));
    expect(signed).toContain(field.toLowerCase());
  };
  await check(1, {}, "Feedback-ID");
  await check(2, { "Feedback-ID": "a:b:c:shop" }, "X-Hikyaku-Feedback-ID");
});
