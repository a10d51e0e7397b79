/**
 * What the API refuses, and how: the contract's status and JSON for each, the field named, and nothing stored.
 */
import { reset } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { BODY_LIMIT_BYTES, RECIPIENT_LIMIT } from "#contract/email.ts";
import { ProblemBody } from "#contract/problem.ts";
import { call, countIn, goodSend, openAccount, type Answer, type TestAccount } from "./support/worker-calls.ts";

afterEach(reset);

type Refusal = { status: number; name: string; says: string };

const refused = (status: number, name: string, says: string): Refusal => ({ status, name, says });
const invalid = (says: string): Refusal => refused(400, "validation_error", says);

/** The answer is this refusal in the contract's JSON, with nothing beside its three fields. */
const expectRefusal = (answer: Answer, { status, name, says }: Refusal): void => {
  expect(answer.body).toEqual({ statusCode: status, name, message: expect.stringContaining(says) });
  expect(answer.status).toBe(status);
  expect(ProblemBody.parse(answer.body).message).not.toBe("");
};

const TABLES = ["email", "part", "staged", "delivery", "idem"];

const expectNothingStored = async (account: TestAccount): Promise<void> => {
  for (const table of TABLES) expect(await countIn(account, table)).toBe(0);
};

const without = (field: string): object =>
  Object.fromEntries(Object.entries(goodSend()).filter(([name]) => name !== field));

const addresses = (count: number, prefix = "reader"): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}@inbox.test`);

const attachment = (fields: object): object =>
  goodSend({ attachments: [{ filename: "a.txt", content: "YQ==", ...fields }] });

const BODIES: [what: string, body: unknown, refusal: Refusal][] = [
  ["no object but an array", [goodSend()], invalid("JSON object")],
  ["no object but null", null, invalid("JSON object")],
  ["no object but a text", "mail", invalid("JSON object")],
  ["an empty object", {}, refused(422, "missing_required_field", "`to`")],

  ["an unknown field", goodSend({ subjekt: "Hello" }), invalid("`subjekt`")],
  ["camelCase where snake_case is due", goodSend({ replyTo: "a@b.test" }), invalid("`replyTo`")],
  ["an unknown field of an attachment", attachment({ url: "https://a.test" }), invalid("`attachments[0].url`")],
  ["an unknown field of a tag", goodSend({ tags: [{ name: "a", value: "b", more: "c" }] }), invalid("more")],

  ["no from", without("from"), refused(422, "missing_required_field", "`from`")],
  ["no to", without("to"), refused(422, "missing_required_field", "`to`")],
  ["no subject", without("subject"), refused(422, "missing_required_field", "`subject`")],
  ["neither text nor html", without("text"), refused(422, "missing_required_field", "`html` or `text`")],
  ["an empty text and no html", goodSend({ text: "" }), refused(422, "missing_required_field", "`html` or `text`")],
  ["no recipient in to", goodSend({ to: [] }), invalid("`to`")],

  ["a from that is no address", goodSend({ from: "sender" }), refused(422, "invalid_from_address", "`from`")],
  ["a from that is a list", goodSend({ from: ["a@b.test"] }), refused(422, "invalid_from_address", "`from`")],
  ["two addresses in from", goodSend({ from: "a@b.test, c@d.test" }), refused(422, "invalid_from_address", "`from`")],
  ["a to that is no address", goodSend({ to: "reader" }), invalid("`to`")],
  ["one bad address among good ones", goodSend({ to: ["a@b.test", "@b.test"] }), invalid("`to`")],
  ["a number in to", goodSend({ to: [1] }), invalid("`to")],
  ["a bad address in cc", goodSend({ cc: "a@" }), invalid("`cc`")],
  ["a bad address in bcc", goodSend({ bcc: "a b@c.test" }), invalid("`bcc`")],
  ["a bad address in reply_to", goodSend({ reply_to: "a@b..test" }), invalid("`reply_to`")],
  ["an address literal", goodSend({ to: "a@[127.0.0.1]" }), invalid("`to`")],
  ["a local part of 65 octets", goodSend({ to: `${"a".repeat(65)}@b.test` }), invalid("`to`")],

  ["51 recipients in to", goodSend({ to: addresses(RECIPIENT_LIMIT + 1) }), invalid("at most 50")],
  [
    "51 recipients in to, cc and bcc together",
    goodSend({ to: addresses(17, "to"), cc: addresses(17, "cc"), bcc: addresses(17, "bcc") }),
    invalid("at most 50"),
  ],
  ["51 times the same recipient", goodSend({ to: Array(RECIPIENT_LIMIT + 1).fill("a@b.test") }), invalid("at most 50")],
  ["51 addresses in reply_to", goodSend({ reply_to: addresses(RECIPIENT_LIMIT + 1) }), invalid("at most 50")],

  [
    "an attachment that is not base64",
    attachment({ content: "no base64!" }),
    refused(422, "invalid_attachment", "[0]"),
  ],
  ["an attachment in base64url", attachment({ content: "_-_-" }), refused(422, "invalid_attachment", "base64")],
  ["an attachment cut short", attachment({ content: "YWJj YQ" }), refused(422, "invalid_attachment", "base64")],
  ["an attachment without content", attachment({ content: undefined }), refused(422, "invalid_attachment", "content")],
  ["an attachment without a name", attachment({ filename: "" }), refused(422, "invalid_attachment", "filename")],
  ["a content_id with brackets", attachment({ content_id: "<a>" }), refused(422, "invalid_attachment", "content_id")],
  ["attachments that are no list", goodSend({ attachments: "a" }), refused(422, "invalid_attachment", "attachments")],

  ["a header name with a colon", goodSend({ headers: { "X-A:": "b" } }), invalid("`headers`")],
  ["a header name with a space", goodSend({ headers: { "X A": "b" } }), invalid("`headers`")],
  ["a header that the service sets", goodSend({ headers: { BCC: "a@b.test" } }), invalid("`BCC`")],
  ["a header that is a number", goodSend({ headers: { "X-A": 1 } }), invalid("`headers")],
  ["a tag name with a space", goodSend({ tags: [{ name: "a b", value: "c" }] }), invalid("`tags[0].name`")],
  ["an unknown stream", goodSend({ stream: "fast" }), invalid("`stream`")],
];

test.each(BODIES)("%s is refused", async (_, body, refusal) => {
  const account = await openAccount();
  expectRefusal(await call("POST", "/v1/emails", { token: account.token, body }), refusal);
  await expectNothingStored(account);
});

/** Every field whose text ends in a header, with a place for that text. */
const HEADER_BOUND: [field: string, fill: (text: string) => object, status: number, name: string][] = [
  ["from, name", (text) => ({ from: `A${text}B <a@b.test>` }), 422, "invalid_from_address"],
  ["from, address", (text) => ({ from: `a${text}b@c.test` }), 422, "invalid_from_address"],
  ["from, after it", (text) => ({ from: `a@c.test${text}` }), 422, "invalid_from_address"],
  ["to", (text) => ({ to: `a@b.test${text}Bcc: c@d.test` }), 400, "validation_error"],
  ["to, name", (text) => ({ to: [`"A${text}B" <a@b.test>`] }), 400, "validation_error"],
  ["cc", (text) => ({ cc: [`A${text}B <a@b.test>`] }), 400, "validation_error"],
  ["bcc", (text) => ({ bcc: `a${text}@b.test` }), 400, "validation_error"],
  ["reply_to", (text) => ({ reply_to: `A${text}B <a@b.test>` }), 400, "validation_error"],
  ["subject", (text) => ({ subject: `Hello${text}Bcc: c@d.test` }), 400, "validation_error"],
  ["header name", (text) => ({ headers: { [`X-A${text}X-B`]: "b" } }), 400, "validation_error"],
  ["header value", (text) => ({ headers: { "X-A": `a${text}X-B: b` } }), 400, "validation_error"],
  ["filename", (text) => attachment({ filename: `a${text}.txt` }), 422, "invalid_attachment"],
  ["content_type", (text) => attachment({ content_type: `text/plain${text}X-B: b` }), 422, "invalid_attachment"],
  ["content_id", (text) => attachment({ content_id: `a${text}b` }), 422, "invalid_attachment"],
  ["tag name", (text) => ({ tags: [{ name: `a${text}b`, value: "c" }] }), 400, "validation_error"],
  ["tag value", (text) => ({ tags: [{ name: "a", value: `b${text}c` }] }), 400, "validation_error"],
];

const LINE_ENDS: [name: string, text: string][] = [
  ["CR LF", "\r\n"],
  ["CR", "\r"],
  ["LF", "\n"],
];

test.each(HEADER_BOUND)("line ends in %s are refused", async (_, fill, status, name) => {
  const account = await openAccount();
  for (const [, lineEnd] of LINE_ENDS) {
    const answer = await call("POST", "/v1/emails", { token: account.token, body: goodSend(fill(lineEnd)) });
    expectRefusal(answer, refused(status, name, ""));
  }
  // A NUL is refused wherever it stands, before anybody asks which field it is in.
  const answer = await call("POST", "/v1/emails", { token: account.token, body: goodSend(fill("\0")) });
  expectRefusal(answer, invalid("NUL"));
  await expectNothingStored(account);
});

test.each(HEADER_BOUND)("and what is refused is the line end: %s without it passes", async (_, fill) => {
  const account = await openAccount();
  const answer = await call("POST", "/v1/emails", { token: account.token, body: goodSend(fill("")) });
  // Two of the places hold a text that is no address by itself.
  const injectsAfterAddress = JSON.stringify(fill("")).includes("a@b.testBcc");
  expect(answer.status).toBe(injectsAfterAddress ? 400 : 200);
});

const RAW: [what: string, raw: string, says: string][] = [
  ["text that is not JSON", "from=a", "not valid JSON"],
  ["JSON cut short", JSON.stringify(goodSend()).slice(0, -1), "not valid JSON"],
  ["two JSON texts", "{}{}", "not valid JSON"],
  ["nothing", "", "empty"],
];

test.each(RAW)("%s in the body is refused", async (_, raw, says) => {
  const account = await openAccount();
  expectRefusal(await call("POST", "/v1/emails", { token: account.token, raw }), invalid(says));
  await expectNothingStored(account);
});

const tooLarge = refused(413, "validation_error", "40 MB");

/** A body of so many bytes, in chunks, its length not announced. */
const streamed = (sizeBytes: number): { body: ReadableStream; pulledBytes: () => number } => {
  let pulled = 0;
  const chunk = new Uint8Array(1_000_000).fill(0x20);
  const body = new ReadableStream({
    pull: (controller) => {
      if (pulled >= sizeBytes) return controller.close();
      pulled += chunk.byteLength;
      controller.enqueue(chunk);
    },
  });
  return { body, pulledBytes: () => pulled };
};

test("a body that announces more than 40 MB is refused before it is read", async () => {
  const account = await openAccount();
  const headers = { "content-length": String(BODY_LIMIT_BYTES + 1) };
  const answer = await call("POST", "/v1/emails", { token: account.token, headers, raw: "{}" });
  expectRefusal(answer, tooLarge);
  await expectNothingStored(account);
});

test("a body that turns out to be larger than 40 MB is refused when that is seen", async () => {
  const account = await openAccount();
  const { body, pulledBytes } = streamed(3 * BODY_LIMIT_BYTES);
  expectRefusal(await call("POST", "/v1/emails", { token: account.token, raw: body }), tooLarge);
  expect(pulledBytes()).toBeLessThan(BODY_LIMIT_BYTES * 1.5);
  await expectNothingStored(account);
});

test("a body just under the limit is read whole", async () => {
  const account = await openAccount();
  const { body } = streamed(BODY_LIMIT_BYTES - 1_000_000);
  expectRefusal(await call("POST", "/v1/emails", { token: account.token, raw: body }), invalid("not valid JSON"));
});

test("an Idempotency-Key longer than 256 characters is refused", async () => {
  const account = await openAccount();
  const send = (key: string) =>
    call("POST", "/v1/emails", { token: account.token, headers: { "idempotency-key": key }, body: goodSend() });
  expectRefusal(await send("k".repeat(257)), refused(400, "invalid_idempotency_key", "256"));
  await expectNothingStored(account);
  expect((await send("k".repeat(256))).status).toBe(200);
});

test.each([
  ["limit=0", "limit"],
  ["limit=101", "limit"],
  ["limit=ten", "limit"],
  ["page=2", "page"],
])("the list with ?%s is refused", async (query, says) => {
  const account = await openAccount();
  const answer = await call("GET", `/v1/emails?${query}`, { token: account.token });
  expectRefusal(answer, refused(422, "invalid_parameter", says));
});
