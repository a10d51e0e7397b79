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
  expect(made).toMatchObject({ kind: "made", needsSmtpUtf8: false, returnPathKey: RETURN_PATH_KEY });
  expect(textOf(made)).toMatch(/^From: A <a@from\.test>\r\n/);
  expect(textOf(made)).not.toContain("DKIM-Signature");
});

test("signed for the From domain, at the time the email was made: the same bytes on every relay", async () => {
  const { maker } = await scene({ keys: { [`${ACCOUNT}/from.test`]: SIGNED } });
  const text = textOf(await maker().make(ACCOUNT, 1, email(K)));
  expect(text).toMatch(/^DKIM-Signature: v=1; a=ed25519-sha256; [^;]*; d=from\.test; s=s1;\s+t=1767225600;/);
  expect(textOf(await maker().make(ACCOUNT, 1, email(K)))).toBe(text);
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
