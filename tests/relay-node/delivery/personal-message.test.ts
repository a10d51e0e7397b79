/** What one recipient alone gets: which links, when, and the same bytes on every try. */
import { generateKeyPairSync } from "node:crypto";
import PostalMime from "postal-mime";
import { expect, test } from "vitest";
import { base32 } from "#contract/ids.ts";
import {
  clickSignedText,
  type LinkToken,
  openSignedText,
  parseLinkToken,
  unsubscribeSignedText,
} from "#contract/link-token.ts";
import type { EmailContent, LeasedEmail } from "#contract/relay-protocol.ts";
import { GatewayStore, returnPathMac } from "../../../relay-node/delivery/gateway-store.ts";
import { MessageMaker } from "../../../relay-node/delivery/message-maker.ts";
import { personalContent, personalLinks, personalOf } from "../../../relay-node/delivery/personal-message.ts";
import { TOKEN } from "../../support/fake-gateway.ts";
import { ACCOUNT, email, fakeGateway, KEYS, RETURN_PATH_KEY } from "./relay-scene.ts";

const BASE = "https://mail.test";
const HOST = "https://go.from.test";
const BATCH = { public_url: BASE };
const K = 1_767_225_600_000 * 1024;
const delivery = (k = K) => ({ k, email: K, rcpt: "b@dest.test", attempt: 1 });

type Fields = { meta?: Partial<LeasedEmail["meta"]>; links?: LeasedEmail["meta"]["links"]; content?: EmailContent };
const leased = ({ meta, links, content }: Fields): LeasedEmail => {
  const plain = email(K);
  return { ...plain, meta: { ...plain.meta, ...meta, ...(links && { links }) }, ...(content && { content }) };
};

const basesOf = (fields: Fields, batch: { public_url?: string } = BATCH) => {
  const personal = personalOf(batch, leased(fields), delivery());
  return personal && [personal.unsubscribeBase, personal.openBase, personal.clickBase];
};

test("bulk mail is always personal; other mail when it or its domain says so", () => {
  expect(basesOf({})).toBeUndefined();
  expect(basesOf({ meta: { stream: "transactional" } })).toBeUndefined();
  expect(basesOf({ meta: { stream: "bulk" } })).toEqual([BASE, undefined, undefined]);
  expect(basesOf({ meta: { stream: "bulk", unsubscribe: false } })).toEqual([BASE, undefined, undefined]);
  expect(basesOf({ meta: { unsubscribe: true } })).toEqual([BASE, undefined, undefined]);
  expect(basesOf({ links: { unsubscribe: true } })).toEqual([BASE, undefined, undefined]);
  expect(basesOf({ links: { unsubscribe: true }, meta: { unsubscribe: false } })).toBeUndefined();
  expect(basesOf({ links: { url: HOST } })).toBeUndefined();
  expect(basesOf({ links: { opens: true } })).toEqual([undefined, BASE, undefined]);
  expect(basesOf({ links: { url: HOST, opens: true, clicks: true }, meta: { stream: "bulk" } })).toEqual([
    BASE,
    HOST,
    HOST,
  ]);
});

test("without a base there is no link to make", () => {
  expect(basesOf({ meta: { stream: "bulk" }, links: { opens: true, clicks: true } }, {})).toBeUndefined();
  expect(basesOf({ meta: { stream: "bulk" }, links: { url: HOST } }, {})).toEqual([HOST, undefined, undefined]);
});

const content = async (own: EmailContent, fields: Fields, k = K): Promise<EmailContent> => {
  const personal = personalOf(BATCH, leased(fields), delivery(k));
  if (!personal) throw new Error("it is not personal");
  return personalContent(own, personalLinks(ACCOUNT, personal, RETURN_PATH_KEY));
};

/** The token behind `path` in a text, which must be of the purpose. */
const provedIn = (text: string, path: string, signedText: (token: LinkToken) => string): LinkToken => {
  const found = new RegExp(`/${path}/([0-9a-z.]+)`).exec(text)?.[1] ?? "";
  const parsed = parseLinkToken(found);
  if (!parsed) throw new Error(`no token behind /${path}/ in ${text}`);
  const { mac, ...token } = parsed;
  expect(mac).toBe(base32(returnPathMac(RETURN_PATH_KEY, signedText(token)), 16));
  return token;
};

test("each delivery has a link of its own to unsubscribe by", async () => {
  const bulk: Fields = { meta: { stream: "bulk" } };
  for (const k of [K, K + 1]) {
    const { headers = {}, text } = await content({ text: "Hi https://a.test" }, bulk, k);
    expect(Object.keys(headers)).toEqual(["List-Unsubscribe", "List-Unsubscribe-Post"]);
    expect(headers["List-Unsubscribe"]).toMatch(/^<https:\/\/mail\.test\/u\/[^<>]+>$/);
    expect(provedIn(headers["List-Unsubscribe"] ?? "", "u", unsubscribeSignedText)).toEqual({ account: ACCOUNT, k });
    expect(text).toBe("Hi https://a.test");
  }
});

test("a customer's own List-Unsubscribe is one-click, or ours takes its place; where we have none it is let alone", async () => {
  const made = async (headers: Record<string, string>, fields: Fields) =>
    (await content({ text: "x", headers }, fields)).headers;
  const theirs = { "List-Unsubscribe": "<https://a.test/u>" };
  const whole = { ...theirs, "List-Unsubscribe-Post": "List-Unsubscribe=One-Click" };
  const bulk: Fields = { meta: { stream: "bulk" } };
  expect(await made(whole, bulk)).toEqual(whole);
  expect((await made(theirs, bulk))?.["List-Unsubscribe"]).toMatch(/^<https:\/\/mail\.test\/u\//);
  expect(await made(theirs, { links: { opens: true } })).toEqual(theirs);
});

test("links and the picture by what the domain has switched on", async () => {
  const html = `<body><a href="https://a.test/?x=1&amp;y=2">x</a></body>`;
  const both = (await content({ html, text: "x" }, { links: { url: HOST, opens: true, clicks: true } })).html ?? "";
  expect(both).toContain(`<a href="${HOST}/c/`);
  const target = "https://a.test/?x=1&y=2";
  expect(both).toContain(`?u=${encodeURIComponent(target)}"`);
  expect(provedIn(both, "c", (token) => clickSignedText(token, target))).toEqual({ account: ACCOUNT, k: K });
  expect(provedIn(both, "o", openSignedText)).toEqual({ account: ACCOUNT, k: K });
  const opens = await content({ html }, { links: { opens: true } });
  expect(opens.html).toMatch(
    /^<body><a href="https:\/\/a\.test\/\?x=1&amp;y=2">x<\/a><img src="https:\/\/mail\.test\/o\//,
  );
  const clicks = await content({ html }, { links: { clicks: true } });
  expect(clicks.html).not.toContain("<img");
  expect(await content({ text: "https://a.test" }, { links: { opens: true, clicks: true } })).toEqual({
    text: "https://a.test",
    headers: {},
  });
  expect((await content({ html }, { meta: { stream: "bulk" } })).html).toBe(html);
});

test("the customer's own link to unsubscribe is not led over us", async () => {
  const html = `<a href="https://a.test/u?a=1&amp;b=2">unsubscribe</a><a href="https://a.test/v">v</a>`;
  const headers = { "List-Unsubscribe": "<mailto:u@a.test>, <https://A.test/u?a=1&b=2>" };
  const made = await content({ html, headers }, { links: { clicks: true } });
  expect(made.html).toMatch(
    /^<a href="https:\/\/a\.test\/u\?a=1&amp;b=2">unsubscribe<\/a><a href="https:\/\/mail\.test\/c\//,
  );
});

test("nor is ours, with what the customer wrote behind it", async () => {
  const fields: Fields = { meta: { stream: "bulk" }, links: { clicks: true } };
  const link = /<([^<>]+)>/.exec((await content({ text: "x" }, fields)).headers?.["List-Unsubscribe"] ?? "")?.[1];
  for (const behind of ["", "#a", "?lang=de", "&amp;lang=de"]) {
    const html = `<a href="${link}${behind}">leave</a>`;
    expect((await content({ html }, fields)).html).toBe(html);
  }
  // The link of another delivery is not this one's.
  expect((await content({ html: `<a href="${link}">` }, fields, K + 1)).html).toContain(`${BASE}/c/`);
});

test("a message whose link is gone is put off, not sent without", async () => {
  const gateway = await fakeGateway();
  const maker = new MessageMaker(new GatewayStore(gateway.url, TOKEN));
  const own = leased({ meta: { stream: "bulk" }, content: { html: '<a href="{{unsubscribe_url}}">leave</a>' } });
  expect(await maker.make(ACCOUNT, 1, own, personalOf({}, own, delivery()))).toEqual({
    kind: "unusable",
    reason: expect.stringContaining("HIKYAKU_PUBLIC_URL"),
  });
});

const privateKey = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
const signer = { selector: "s1", algorithm: "ed25519-sha256" as const, private_key: privateKey };

test("places for the link get each delivery's own, which is not led over us", async () => {
  const gateway = await fakeGateway();
  const maker = new MessageMaker(new GatewayStore(gateway.url, TOKEN));
  const own = leased({
    meta: { stream: "bulk" },
    links: { clicks: true },
    content: { text: "Leave: {{unsubscribe_url}}", html: '<a href="{{{RESEND_UNSUBSCRIBE_URL}}}">leave</a>' },
  });
  for (const k of [K, K + 1]) {
    const made = await maker.make(ACCOUNT, 1, own, personalOf(BATCH, own, delivery(k)));
    if (made.kind !== "made") throw new Error(made.reason);
    const message = await PostalMime.parse(made.bytes);
    const link = /^<([^<>]+)>$/.exec(message.headers.find(({ key }) => key === "list-unsubscribe")?.value ?? "")?.[1];
    expect(provedIn(link ?? "", "u", unsubscribeSignedText)).toEqual({ account: ACCOUNT, k });
    expect(message.text?.trim()).toBe(`Leave: ${link}`);
    expect(message.html?.trim()).toBe(`<a href="${link}">leave</a>`);
  }
});

test("made for each delivery, merged and signed with its links, and the same on every try", async () => {
  const gateway = await fakeGateway({ keys: { [`${ACCOUNT}/from.test`]: { ...KEYS, signers: [signer] } } });
  const own = leased({
    meta: { stream: "bulk", variables: { where: "a.test" } },
    links: { clicks: true },
    content: { html: '<a href="https://{{where}}/?{{where}}">x</a>' },
  });
  const made = async (maker: MessageMaker, to: ReturnType<typeof delivery>): Promise<string> => {
    const result = await maker.make(ACCOUNT, 1, own, personalOf(BATCH, own, to));
    if (result.kind !== "made") throw new Error(result.reason);
    return Buffer.from(result.bytes).toString();
  };
  const maker = new MessageMaker(new GatewayStore(gateway.url, TOKEN));
  const [first, second] = [delivery(K), delivery(K + 1)];
  const text = await made(maker, first);
  expect(text).toContain(encodeURIComponent("https://a.test/?a.test"));
  expect(text.replaceAll(/\s/g, "")).toMatch(/;h=[a-z:-]*:list-unsubscribe:list-unsubscribe-post[:;]/);
  expect(await made(maker, second)).not.toBe(text);
  // A retry comes as another object, perhaps to another relay.
  const retry = await made(new MessageMaker(new GatewayStore(gateway.url, TOKEN)), { ...first, attempt: 2 });
  expect(retry).toBe(text);
});

test("made once a delivery until it is done with", async () => {
  const gateway = await fakeGateway();
  const maker = new MessageMaker(new GatewayStore(gateway.url, TOKEN));
  const own = leased({ meta: { stream: "bulk" } });
  const personal = personalOf(BATCH, own, delivery());
  if (!personal) throw new Error("it is not personal");
  const made = await maker.make(ACCOUNT, 1, own, personal);
  expect(await maker.make(ACCOUNT, 1, own, personal)).toBe(made);
  maker.forget(personal.delivery);
  expect(await maker.make(ACCOUNT, 1, own, personal)).not.toBe(made);
});
