/** From a leased email to bytes on the wire: once for all its recipients, the same on every try, or a reason why not. */
import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import type { LeasedEmail } from "#contract/relay-protocol.ts";
import { GatewayStore } from "../../../relay-node/delivery/gateway-store.ts";
import { type Made, MessageMaker } from "../../../relay-node/delivery/message-maker.ts";
import { type Behaviour, TOKEN } from "../../support/fake-gateway.ts";
import { ACCOUNT, email, fakeGateway, KEYS, RETURN_PATH_KEY } from "./relay-scene.ts";

const PEM = { type: "pkcs8", format: "pem" } as const;
const PRIVATE_KEY = generateKeyPairSync("ed25519").privateKey.export(PEM).toString();
const SIGNED = {
  ...KEYS,
  signers: [{ selector: "s1", algorithm: "ed25519-sha256" as const, private_key: PRIVATE_KEY }],
};

const scene = async (behaviour: Partial<Behaviour> = {}) => {
  const gateway = await fakeGateway(behaviour);
  return { gateway, maker: () => new MessageMaker(new GatewayStore(gateway.url, TOKEN)) };
};

const textOf = (made: Made): string => {
  if (made.kind !== "made") throw new Error(made.reason);
  return Buffer.from(made.bytes).toString();
};

/** 2026-01-01T00:00:00Z. */
const K = 1_767_225_600_000 * 1024;

test("composed, unsigned when nobody vouched for a key", async () => {
  const { maker } = await scene();
  const made = await maker().make(ACCOUNT, 1, email(K));
  if (made.kind !== "made") throw new Error(made.kind);
  expect(made.needsSmtpUtf8).toBe(false);
  expect(made.returnPathKey.equals(RETURN_PATH_KEY)).toBe(true);
  expect(textOf(made)).toMatch(/^From: A <a@from\.test>\r\n/);
  expect(textOf(made)).not.toContain("DKIM-Signature");
});

test("signed for the From domain, at the time the email was made: the same bytes on every relay", async () => {
  const { maker } = await scene({ keys: { [`${ACCOUNT}/from.test`]: SIGNED } });
  const text = textOf(await maker().make(ACCOUNT, 1, email(K)));
  expect(text).toMatch(/^DKIM-Signature: v=1; a=ed25519-sha256; [^;]*; d=from\.test; s=s1;\s+t=1767225600;/);
  expect(textOf(await maker().make(ACCOUNT, 1, email(K)))).toBe(text);
});

test("what is scheduled is dated and signed for its time", async () => {
  const { maker } = await scene({ keys: { [`${ACCOUNT}/from.test`]: SIGNED } });
  const { meta } = email(K);
  const text = textOf(await maker().make(ACCOUNT, 1, email(K, { meta: { ...meta, scheduled_at: 1_767_312_000_000 } })));
  expect(text).toMatch(/^DKIM-Signature: [^;]*; [^;]*; [^;]*; d=from\.test; s=s1;\s+t=1767312000;/);
  expect(text).toContain("\r\nDate: Fri, 2 Jan 2026 00:00:00 +0000\r\n");
});

test("content is merged for an email with variables, and left alone for one without", async () => {
  const { maker } = await scene();
  const content = { text: "Dear {{name}}", html: "<p>{{name}}</p>", headers: { "X-For": "{{name}}" } };
  const { meta } = email(K);
  const one = maker();
  const checkMade = async (k: number, more: Partial<LeasedEmail["meta"]>, expected: string[]): Promise<void> => {
    const text = textOf(await one.make(ACCOUNT, 1, email(k, { meta: { ...meta, ...more }, content })));
    for (const line of expected) expect(text).toContain(`\r\n${line}\r\n`);
  };
  // The subject comes merged: what looks like a placeholder there is somebody's value.
  const subject = "{{name}}";
  await checkMade(K, { subject, variables: { name: "A&B" } }, ["Dear A&B", "<p>A&amp;B</p>", "X-For: A&B"]);
  await checkMade(K + 1, { subject, variables: { name: "C" } }, [
    "Subject: {{name}}",
    "Dear C",
    "<p>C</p>",
    "X-For: C",
  ]);
  await checkMade(K + 2, { variables: {} }, ["Dear ", "<p></p>", "X-For:"]);
  await checkMade(K + 3, {}, ["Dear {{name}}", "<p>{{name}}</p>", "X-For: {{name}}"]);
});

test("content that is fetched is merged too", async () => {
  const answers = { [`/relay/accounts/${ACCOUNT}/parts/4`]: '{"text":"Dear {{name}}"}' };
  const { maker } = await scene({ answers });
  const { content: _, meta, ...bare } = email(K);
  const leased: LeasedEmail = { ...bare, meta: { ...meta, variables: { name: "Ada" } }, part: { k: 4, chunks: 1 } };
  expect(textOf(await maker().make(ACCOUNT, 1, leased))).toContain("\r\nDear Ada\r\n");
});

test("a merged header that would break is never written", async () => {
  const { maker } = await scene();
  const { meta } = email(K);
  const check = async (headers: Record<string, string>, name: string): Promise<void> => {
    const content = { text: "x", headers };
    const made = await maker().make(ACCOUNT, 1, email(K, { meta: { ...meta, variables: { name } }, content }));
    expect(made).toEqual({ kind: "unsendable", reason: expect.stringContaining("cannot be made") });
  };
  for (const value of ["a\r\nBcc: c@dest.test", "a\r\n", "a\nb", "a\0", "\ud800"])
    await check({ "X-For": "{{name}}" }, value);
  await check({ Sender: "{{name}} <a@from.test>" }, "<b@other.test>");
  await check({ Sender: "{{name}}@from.test" }, "b@other.test, c");
});

test("an email of a batch is made once, however many ask", async () => {
  const { gateway, maker } = await scene({ answers: { [`/relay/accounts/${ACCOUNT}/parts/4`]: '{"text":"Long"}' } });
  const one = maker();
  const { content: _, ...bare } = email(K);
  const leased: LeasedEmail = { ...bare, part: { k: 4, chunks: 1 } };
  const made = await Promise.all([1, 2, 3].map(() => one.make(ACCOUNT, 1, leased)));
  expect(new Set(made).size).toBe(1);
  expect(textOf(await one.make(ACCOUNT, 1, leased))).toContain("\r\nLong\r\n");
  expect(gateway.requests).toHaveLength(2);
});

test("what can never be made says why", async () => {
  const { maker } = await scene();
  const check = async (more: Partial<LeasedEmail>, reason: RegExp): Promise<void> => {
    const made = await maker().make(ACCOUNT, 1, email(K, more));
    expect(made).toEqual({ kind: "unsendable", reason: expect.stringMatching(reason) });
  };
  await check({ meta: { from: "nobody", to: ["b@dest.test"], subject: "x" } }, /sender/);
  await check({ meta: { from: "a@from.test", to: ["not an address"], subject: "x" } }, /made/);
});
