/** Keys and content from a fake gateway: sealed, cached by version, shared while under way, tried again when it fails. */
import { createHmac, generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import type { SigningKeys } from "#contract/relay-protocol.ts";
import { GatewayStore, returnPathMac } from "../../../relay-node/delivery/gateway-store.ts";
import { type Behaviour, TOKEN } from "../../support/fake-gateway.ts";
import { ACCOUNT, fakeGateway, KEYS, RETURN_PATH_KEY, until } from "./relay-scene.ts";

const PEM = { type: "pkcs8", format: "pem" } as const;
const ED25519 = generateKeyPairSync("ed25519");
const RSA = generateKeyPairSync("rsa", { modulusLength: 1024 });

const SIGNED: SigningKeys = {
  ...KEYS,
  keys_version: 3,
  signers: [
    { selector: "s1", algorithm: "rsa-sha256", private_key: RSA.privateKey.export(PEM).toString() },
    { selector: "s2", algorithm: "ed25519-sha256", private_key: ED25519.privateKey.export(PEM).toString() },
  ],
};

const scene = async (behaviour: Partial<Behaviour> = {}) => {
  const gateway = await fakeGateway(behaviour);
  return { gateway, store: new GatewayStore(gateway.url, TOKEN) };
};

test("keys come sealed and open with the relay's token", async () => {
  const { store } = await scene({ keys: { [`${ACCOUNT}/from.test`]: SIGNED } });
  const keys = await store.keys(ACCOUNT, "from.test", 1);
  if (keys.kind !== "fetched") throw new Error(keys.reason);
  expect(keys.value).toMatchObject({ version: 3 });
  expect(keys.value.returnPathKey.equals(RETURN_PATH_KEY)).toBe(true);
  expect(keys.value.signers.map(({ domain, selector, algorithm }) => [domain, selector, algorithm])).toEqual([
    ["from.test", "s1", "rsa-sha256"],
    ["from.test", "s2", "ed25519-sha256"],
  ]);
});

test("keys are asked for once a version and domain, also by many at a time", async () => {
  const { gateway, store } = await scene({
    keys: { [`${ACCOUNT}/from.test`]: KEYS, [`${ACCOUNT}/other.test`]: KEYS },
  });
  await Promise.all(Array.from({ length: 50 }, () => store.keys(ACCOUNT, "from.test", 1)));
  await store.keys(ACCOUNT, "from.test", 1);
  expect(gateway.requests).toHaveLength(1);
  await store.keys(ACCOUNT, "other.test", 1);
  expect(gateway.requests).toHaveLength(2);
  // A batch that knows of newer keys.
  await Promise.all([store.keys(ACCOUNT, "from.test", 2), store.keys(ACCOUNT, "from.test", 2)]);
  // One that was leased before they changed is served by the newer.
  await store.keys(ACCOUNT, "from.test", 1);
  expect(gateway.requests).toHaveLength(3);
});

test("a gateway that fails is asked again, and a failure is not remembered", async () => {
  const path = `/relay/accounts/${ACCOUNT}/keys/from.test`;
  const { gateway, store } = await scene({ answers: { [path]: { status: 503 } } });
  const keys = store.keys(ACCOUNT, "from.test", 1);
  await until(() => gateway.requests.length === 1);
  delete gateway.behaviour.answers[path];
  expect((await keys).kind).toBe("fetched");
  expect(gateway.requests).toEqual([path, path]);
});

const UNREADABLE: readonly (readonly [name: string, behaviour: (path: string) => Partial<Behaviour>])[] = [
  ["sealed for another", (path) => ({ answers: { [path]: "v1.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } })],
  ["no PEM", () => withKey("not a key")],
  ["a key of another algorithm", () => withKey(ED25519.privateKey.export(PEM).toString())],
];

const withKey = (private_key: string): Partial<Behaviour> => ({
  keys: {
    [`${ACCOUNT}/from.test`]: { ...SIGNED, signers: [{ selector: "s1", algorithm: "rsa-sha256", private_key }] },
  },
});

// A rejection here ends the relay: whoever waits for keys is in the delivery loop, or waits for nothing.
test.each(UNREADABLE)("keys that cannot be used are a value, not an exception: %s", async (_name, behaviour) => {
  const { store } = await scene(behaviour(`/relay/accounts/${ACCOUNT}/keys/from.test`));
  const unhandled: unknown[] = [];
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (reason) => unhandled.push(reason));
  try {
    const settled = await store.keys(ACCOUNT, "from.test", 1).then(
      ({ kind }) => kind,
      (error: unknown) => `rejected: ${String(error)}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(settled).toMatch(/^un/);
    expect(unhandled).toEqual([]);
  } finally {
    process.removeAllListeners("unhandledRejection");
    for (const listener of listeners) process.on("unhandledRejection", listener);
  }
});

test("content is read as the contract says; what is not content is a value too", async () => {
  const path = (k: number): string => `/relay/accounts/${ACCOUNT}/parts/${k}`;
  const { gateway, store } = await scene({ answers: { [path(1)]: '{"html":"<p>Hi"}', [path(2)]: "[]" } });
  expect(await store.content(ACCOUNT, { k: 1, chunks: 4 })).toEqual({ kind: "fetched", value: { html: "<p>Hi" } });
  expect(gateway.requests).toEqual([`${path(1)}?chunks=4`]);
  await expect(store.content(ACCOUNT, { k: 2, chunks: 1 })).resolves.toMatchObject({
    kind: expect.stringMatching(/^un/),
  });
});

test("the return-path key of an account is known once any keys of it are", async () => {
  const { store } = await scene();
  expect(await store.returnPathKey(ACCOUNT)).toBeUndefined();
  await store.keys(ACCOUNT, "from.test", 1);
  expect((await store.returnPathKey(ACCOUNT))?.equals(RETURN_PATH_KEY)).toBe(true);
  expect(await store.returnPathKey("zzzzzzzzzzzz")).toBeUndefined();
});

test("the record of a key is what its owner would publish", async () => {
  const { store } = await scene({ keys: { [`${ACCOUNT}/from.test`]: SIGNED } });
  await store.keys(ACCOUNT, "from.test", 1);
  const spki = RSA.publicKey.export({ type: "spki", format: "der" }).toString("base64");
  expect(await store.publishedKey("s1._domainkey.from.test")).toBe(`v=DKIM1; k=rsa; p=${spki}`);
  // RFC 8463 §4: the 32 bytes of the key alone.
  const raw = Buffer.from(ED25519.publicKey.export({ format: "jwk" }).x ?? "", "base64url").toString("base64");
  expect(await store.publishedKey("s2._domainkey.from.test")).toBe(`v=DKIM1; k=ed25519; p=${raw}`);
  expect(await store.publishedKey("s3._domainkey.from.test")).toBeUndefined();
});

test("the mac of a return-path is HMAC-SHA256 with the account's key", () => {
  const expected = createHmac("sha256", Buffer.alloc(32, 0x5c)).update("0123456789ab.1.1").digest();
  expect(returnPathMac(RETURN_PATH_KEY, "0123456789ab.1.1")).toEqual(expected);
});
