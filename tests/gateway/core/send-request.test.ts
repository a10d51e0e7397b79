/** A posted email: what is taken and what is stored of it, and every refusal with its code and the field's name. */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { ProblemCode } from "#contract/problem.ts";
import { EmailContent, EmailMeta } from "#contract/relay-protocol.ts";
import { type CheckedSend, checkRequest, checkSend as checkSendAt } from "../../../gateway/core/send-request.ts";

const LEAST = { from: "a@from.test", to: "b@dest.test", subject: "Hi", text: "Hello" };

const NOW_MS = Date.parse("2026-11-24T12:00:00Z");
const checkSend = (body: unknown) => checkSendAt(body, NOW_MS);

const taken = (more: object): CheckedSend => {
  const checked = checkSend({ ...LEAST, ...more });
  if (checked.kind === "problem") throw new Error(`${checked.code}: ${checked.message}`);
  return checked;
};
const metaOf = (more: object): EmailMeta => EmailMeta.parse(JSON.parse(JSON.stringify(taken(more).meta)));
const contentOf = (more: object): EmailContent => EmailContent.parse(JSON.parse(JSON.stringify(taken(more).content)));

const numbered = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, at) => `r${from + at}@dest.test`);
const attachment = (more: object = {}) => ({ filename: "a.txt", content: "aGk=", ...more });

test("the least that is an email", () => {
  expect(checkSend(LEAST)).toEqual({
    kind: "send",
    from: expect.objectContaining({ address: "a@from.test", domain: "from.test" }),
    sender: undefined,
    recipients: ["b@dest.test"],
    stream: "transactional",
    scheduledMs: undefined,
    refuseSuppressed: false,
    hasUnsubscribePlace: false,
    template: undefined,
    meta: { from: "a@from.test", to: ["b@dest.test"], subject: "Hi" },
    content: { text: "Hello" },
    remote: [],
  });
});

test("a send may ask to be refused when a recipient is suppressed", () => {
  for (const [on_suppressed, expected] of [
    ["refuse", true],
    ["event", false],
  ] as const)
    expect(taken({ on_suppressed })).toMatchObject({ refuseSuppressed: expected });
});

test("a place for the link to unsubscribe by, in either text, is seen and left as it is", () => {
  const check = (more: object, expected: boolean): void =>
    expect(taken(more).hasUnsubscribePlace, JSON.stringify(more)).toBe(expected);
  check({ text: "Leave: {{unsubscribe_url}}" }, true);
  check({ html: '<a href="{{{RESEND_UNSUBSCRIBE_URL}}}">' }, true);
  check({ html: '<a href="%7B%7Bunsubscribe_url%7D%7D">' }, true);
  check({ text: "{{name}}", html: "unsubscribe_url", subject: "unsubscribe_url" }, false);
  expect(contentOf({ html: "{{unsubscribe_url}}" }).html).toBe("{{unsubscribe_url}}");
  check({ text: "{{unsubscribe_url}}".repeat(1000) }, true);
  expect(checkSend({ ...LEAST, text: "{{unsubscribe_url}}".repeat(1001) })).toMatchObject({ kind: "problem" });
});

const PLACES = [
  "{{unsubscribe_url}}",
  "{{{RESEND_UNSUBSCRIBE_URL}}}",
  "%7B%7Bunsubscribe_url%7d%7D",
  "{{UNSUBSCRIBE_URL}}",
  "{ {unsubscribe_url} }",
];
const MISSPELT = [
  "{{UNSUBSCRIBE_URL}}",
  "&#123;&#123;unsubscribe_url}}",
  "{{<b>unsubscribe_url</b>}}",
  "{ {unsubscribe_url} }",
];

test("refused: a place for that link which would leave as it is", () => {
  for (const place of PLACES) {
    checkMore({ subject: `leave: ${place}` }, "no_unsubscribe_link", "The subject cannot have");
    checkMore({ headers: { "List-Unsubscribe": `<${place}>` } }, "no_unsubscribe_link", "`List-Unsubscribe` cannot");
  }
  for (const html of MISSPELT) {
    checkMore({ html }, "no_unsubscribe_link", "The html names the link");
    checkMore({ text: html }, "no_unsubscribe_link", "write `{{unsubscribe_url}}`");
  }
  // In what is merged it may be a variable of the customer's own.
  const headers = { "X-A": "{{UNSUBSCRIBE_URL}}" };
  expect(taken({ text: undefined, headers, template: { id: "x" } }).template).toMatchObject({ headers });
  const { to: _, ...shared } = LEAST;
  expect(checkRequest({ ...shared, html: "{{UNSUBSCRIBE_URL}}" }, NOW_MS)).toMatchObject({ kind: "send" });
  expect(checkRequest({ ...shared, html: "{ {unsubscribe_url} }" }, NOW_MS)).toMatchObject({
    code: "no_unsubscribe_link",
  });
});

test("all that an email may have goes to the relay as it was written", () => {
  const all = {
    ...{ cc: "Carl <c@dest.test>", bcc: ["d@dest.test"], reply_to: "replies@from.test" },
    ...{ html: "<p>Hello", headers: { "X-Entity-Ref-ID": "7", "List-Unsubscribe": "<https://from.test/u>" } },
    ...{ tags: [{ name: "kind", value: "welcome" }], metadata: { order: "1" }, stream: "bulk", require_tls: true },
    attachments: [attachment({ content_type: "text/plain", content_id: "one" }), attachment()],
  };
  expect(metaOf(all)).toEqual({
    ...{ from: "a@from.test", to: ["b@dest.test"], cc: ["Carl <c@dest.test>"], bcc: ["d@dest.test"] },
    ...{ reply_to: ["replies@from.test"], subject: "Hi", tags: all.tags, metadata: all.metadata },
    ...{ stream: "bulk", require_tls: true },
  });
  expect(contentOf(all)).toEqual({
    ...{ text: "Hello", html: "<p>Hello", headers: all.headers },
    attachments: [
      { filename: "a.txt", content: "aGk=", content_type: "text/plain", content_id: "one" },
      { filename: "a.txt", content: "aGk=" },
    ],
  });
  expect(taken(all)).toMatchObject({ stream: "bulk", recipients: ["b@dest.test", "c@dest.test", "d@dest.test"] });
});

test("what is null, empty or false is not there", () => {
  const nothing = { html: null, cc: null, bcc: null, reply_to: null, headers: null, tags: null, attachments: null };
  expect(taken(nothing)).toEqual(checkSend(LEAST));
  expect(taken({ html: "", headers: {}, attachments: [], require_tls: false })).toEqual(checkSend(LEAST));
  expect(contentOf({ text: undefined, html: "<p>" })).toEqual({ html: "<p>" });
  expect(contentOf({ text: null, html: "<p>" })).toEqual({ html: "<p>" });
  expect(metaOf({ subject: "" }).subject).toBe("");
});

test("envelope recipients are to, cc and bcc, each once, in the envelope's form", () => {
  const check = (more: object, expected: string[]): void => expect(taken(more).recipients).toEqual(expected);
  check({ to: ["b@dest.test", "B <b@DEST.test>"], cc: "b@dest.test", bcc: ["c@dest.test", "b@dest.test"] }, [
    ...["b@dest.test", "c@dest.test"],
  ]);
  // The part before the @ is the receiver's: its case may matter (RFC 5321 §2.4).
  check({ to: ["b@dest.test", "B@dest.test"] }, ["b@dest.test", "B@dest.test"]);
  check({ to: "Jörg <jörg@exämple.test>" }, ["jörg@xn--exmple-cua.test"]);
  check({ reply_to: "r@from.test" }, ["b@dest.test"]);
  check({ to: numbered(50) }, numbered(50));
  check({ to: numbered(50), cc: numbered(50), bcc: numbered(25) }, numbered(50));
  check({ to: numbered(20), cc: numbered(20, 20), bcc: numbered(10, 40) }, numbered(50));
});

test("the sender, as it may be checked against the account's domains", () => {
  const check = (from: string, expected: { address: string; domain: string }): void =>
    expect(taken({ from }).from).toMatchObject(expected);
  check("Ann <a@From.TEST>", { address: "a@from.test", domain: "from.test" });
  check("a@exämple.test", { address: "a@xn--exmple-cua.test", domain: "xn--exmple-cua.test" });
});

test("wrapped base64 is unwrapped", () => {
  const content = Buffer.alloc(200, "x").toString("base64");
  for (const wrapped of [content.replaceAll(/.{76}/g, "$&\r\n"), `${content.replaceAll(/.{64}/g, "$&\n")}\n`])
    expect(contentOf({ attachments: [attachment({ content: wrapped })] }).attachments?.[0]?.content).toBe(content);
  expect(contentOf({ attachments: [attachment({ content: "" })] }).attachments?.[0]?.content).toBe("");
});

/** Refused with this code, in words that have the name of the field. */
const check = (body: unknown, code: ProblemCode, words: string): void => {
  const checked = checkSend(body);
  const what = JSON.stringify(body)?.slice(0, 300);
  expect(checked, what).toEqual({ kind: "problem", code, message: expect.stringContaining(words) });
};
const checkMore = (more: object, code: ProblemCode, words: string): void => check({ ...LEAST, ...more }, code, words);

test("refused: what is no JSON object", () => {
  for (const body of [null, undefined, 1, true, "text", [], [LEAST]])
    check(body, "validation_error", "The body must be a JSON object.");
});

test("refused: a field that is needed and missing", () => {
  for (const field of ["from", "to", "subject"]) {
    const body = Object.fromEntries(Object.entries(LEAST).filter(([name]) => name !== field));
    check(body, "missing_required_field", `Missing \`${field}\` field.`);
  }
  const { text: _, ...bare } = LEAST;
  for (const body of [{}, { text: "" }, { text: null, html: null }, { text: "", html: "" }])
    check({ ...bare, ...body }, "missing_required_field", "Missing `html` or `text` field.");
  check({}, "missing_required_field", "`to`");
});

test("refused: a field that is not known, by its name", () => {
  checkMore({ replyTo: "a@b.test" }, "validation_error", "Unknown field `replyTo`.");
  checkMore({ __proto: 1 }, "validation_error", "Unknown field `__proto`.");
  checkMore({ tags: [{ name: "a", value: "b", color: "red" }] }, "validation_error", "Unknown field `tags[0].color`.");
  checkMore({ attachments: [attachment({ url: "/etc/passwd" })] }, "validation_error", "`attachments[0].url`");
});

test("refused: a field of another type", () => {
  checkMore({ from: 1 }, "invalid_from_address", "`from`");
  checkMore({ from: null }, "invalid_from_address", "`from`");
  for (const field of ["to", "cc", "bcc", "reply_to"]) {
    checkMore({ [field]: 1 }, "validation_error", `\`${field}`);
    checkMore({ [field]: [] }, "validation_error", `\`${field}`);
    checkMore({ [field]: [1] }, "validation_error", `\`${field}`);
    checkMore({ [field]: { email: "b@dest.test" } }, "validation_error", `\`${field}`);
  }
  for (const field of ["subject", "text", "html"]) checkMore({ [field]: 1 }, "validation_error", `\`${field}\``);
  checkMore({ headers: [] }, "validation_error", "`headers");
  checkMore({ headers: { "X-A": 1 } }, "validation_error", "`headers");
  checkMore({ tags: {} }, "validation_error", "`tags");
  checkMore({ stream: "fast" }, "validation_error", "`stream`");
  checkMore({ require_tls: "yes" }, "validation_error", "`require_tls`");
  checkMore({ metadata: { a: 1 } }, "validation_error", "`metadata");
  checkMore({ attachments: {} }, "invalid_attachment", "`attachments");
  checkMore({ attachments: [{ content: "aGk=" }] }, "invalid_attachment", "`attachments[0]`: `filename` is missing");
});

test("refused: what is too long or too much", () => {
  checkMore({ subject: "x".repeat(2001) }, "validation_error", "`subject`");
  checkMore({ metadata: { ["k".repeat(65)]: "v" } }, "validation_error", "`metadata");
  checkMore({ metadata: { k: "v".repeat(1025) } }, "validation_error", "`metadata");
  checkMore({ tags: Array.from({ length: 76 }, () => ({ name: "a", value: "b" })) }, "validation_error", "`tags`");
  checkMore({ tags: [{ name: "a b", value: "c" }] }, "validation_error", "`tags[0].name`");
  checkMore({ tags: [{ name: "", value: "c" }] }, "validation_error", "`tags[0].name`");
  checkMore({ tags: [{ name: "a", value: "é" }] }, "validation_error", "`tags[0].value`");
  checkMore({ attachments: [attachment({ filename: "" })] }, "invalid_attachment", "`attachments[0].filename`");
  checkMore({ attachments: [attachment({ filename: "x".repeat(256) })] }, "invalid_attachment", "filename");
});

test("refused: more than fifty recipients, in one field or in all", () => {
  for (const field of ["to", "cc", "bcc", "reply_to"])
    checkMore({ [field]: numbered(51) }, "validation_error", `The \`${field}\` field has 51 addresses; at most 50`);
  // The same one fifty-one times is no smaller a header.
  checkMore({ to: Array(51).fill("b@dest.test") }, "validation_error", "`to` field has 51");
  const spread = { to: numbered(20), cc: numbered(20, 20), bcc: numbered(11, 40) };
  checkMore(spread, "validation_error", "51 recipients in `to`, `cc` and `bcc`");
});

test("refused: what is no address", () => {
  const bad = ["", "nobody", "a@", "@b.test", "a@b@c.test", "a@[127.0.0.1]", "a b@c.test", "a@b.test, c@d.test"];
  for (const address of [...bad, "a@b.test\r\nBcc: c@d.test", "A\n <a@b.test>", "a@b.test\u0000"]) {
    checkMore({ from: address }, "invalid_from_address", "`from`");
    for (const field of ["to", "cc", "bcc", "reply_to"]) {
      checkMore({ [field]: address }, "validation_error", `\`${field}\``);
      checkMore({ [field]: ["b@dest.test", address] }, "validation_error", `\`${field}\``);
    }
  }
});

test("refused: line breaks and control characters in whatever becomes a header", () => {
  for (const breaks of ["\r\n", "\n", "\r", "\0", "\u0085", "\u2028", "\u007f", "\ud800"]) {
    const text = `a${breaks}Bcc: c@d.test`;
    checkMore({ subject: text }, "validation_error", "`subject`");
    checkMore({ headers: { "X-A": text } }, "validation_error", "`headers` field: the value of `X-A`");
    checkMore({ headers: { [text]: "a" } }, "validation_error", "`headers`");
    for (const field of ["filename", "content_type", "content_id"])
      checkMore({ attachments: [attachment({ [field]: text })] }, "invalid_attachment", `\`${field}\``);
  }
  for (const name of ["", "X A", "X:", "Ü"]) checkMore({ headers: { [name]: "a" } }, "validation_error", "`headers`");
});

test("refused: headers that the service sets itself", () => {
  for (const name of ["From", "to", "BCC", "Message-ID", "Date", "DKIM-Signature", "Content-Type", "Resent-To"])
    checkMore({ headers: { [name]: "x" } }, "validation_error", `\`${name}\` is set by the service`);
});

test("refused: attachments that cannot be read, by their place", () => {
  const check = (more: object, words: string): void =>
    checkMore({ attachments: [attachment(), attachment(more)] }, "invalid_attachment", `\`attachments[1]\`: ${words}`);
  for (const content of ["*", "a", "ab", "abc", "ab=c", "=abc", "aGk", "aGk=\0", "aG k", "aGk_", "a===", "data:,x"])
    check({ content }, "`content` is not base64");
  for (const content_id of ["a b", "<a>", "a\tb"]) check({ content_id }, "`content_id`");
});

test("whatever is posted, the answer is a value; what is taken has safe headers and one envelope", () => {
  const odd = fc.oneof(fc.jsonValue(), fc.string({ unit: "binary" }), fc.constantFrom("a@b.test", "A <a@b.test>"));
  const field = fc.constantFrom(...Object.keys(LEAST), "html", "cc", "bcc", "reply_to", "headers", "tags");
  fc.assert(
    fc.property(fc.dictionary(fc.oneof(field, fc.string()), odd), (more) => {
      const checked = checkSend({ ...LEAST, ...more });
      if (checked.kind === "problem") {
        expect(checked.message).not.toBe("");
        return;
      }
      expect(checked.recipients.length).toBeGreaterThan(0);
      const { from, to, subject } = EmailMeta.parse(checked.meta);
      for (const text of [from, subject, ...to]) expect(text).not.toMatch(/[\r\n\0]/);
    }),
    { numRuns: 500 },
  );
});

test("a time to send at: within thirty days, and not past", () => {
  const check = (scheduled_at: string, expected: number | undefined): void => {
    const send = taken({ scheduled_at });
    expect(send.scheduledMs, scheduled_at).toBe(expected);
    expect(send.meta.scheduled_at, scheduled_at).toBe(expected);
  };
  check("2026-11-24T13:00:00Z", NOW_MS + 3600_000);
  check("2026-11-24T14:00:00+01:00", NOW_MS + 3600_000);
  check("2026-12-24T12:00:00Z", NOW_MS + 30 * 24 * 3600_000);
  // A clock that differs a little: now.
  check("2026-11-24T11:59:30Z", undefined);
  for (const late of ["2026-12-24T12:00:01Z", "2027-01-01T00:00:00Z"])
    checkMore({ scheduled_at: late }, "validation_error", "more than 30 days ahead");
  for (const past of ["2026-11-24T11:58:59Z", "1970-01-01T00:00:00Z"])
    checkMore({ scheduled_at: past }, "validation_error", "in the past");
  for (const text of ["tomorrow", "in 1 min", "2026-11-25", "2026-11-25T12:00:00", "", 5])
    checkMore({ scheduled_at: text }, "validation_error", "`scheduled_at`");
});

test("an attachment has bytes or a URL, and one with a URL waits to be fetched", () => {
  const path = "https://files.test/report.pdf";
  const send = taken({ attachments: [attachment(), { path }, { path, filename: "b.pdf" }] });
  expect(send.remote).toEqual([
    { index: 1, url: path, named: false },
    { index: 2, url: path, named: true },
  ]);
  for (const more of [{ path }, { content: undefined }])
    checkMore({ attachments: [attachment(more)] }, "invalid_attachment", "either `content` or `path`");
});

test("a Sender is an address that must be allowed too; no header is there twice", () => {
  expect(taken({ headers: { Sender: "Desk <desk@from.test>" } }).sender).toMatchObject({ address: "desk@from.test" });
  checkMore({ headers: { sender: "nobody" } }, "validation_error", "`Sender`");
  checkMore({ headers: { "X-A": "1", "x-a": "2" } }, "validation_error", "`x-a` is there twice");
});

test("a template brings what a send may leave out, and not beside html", () => {
  const { from: _, subject: __, text: ___, ...rest } = LEAST;
  const send = checkSend({ ...rest, template: { id: "welcome", variables: { name: "Ada", n: 1 } } });
  expect(send).toMatchObject({ from: undefined, template: { id: "welcome", variables: { name: "Ada", n: 1 } } });
  checkMore({ template: { id: "welcome" } }, "validation_error", "not both");
  checkMore({ text: undefined, template: {} }, "missing_required_field", "`template.id`");
  checkMore(
    { text: undefined, template: { id: "w", variables: { "a b": 1 } } },
    "validation_error",
    "`template.variables",
  );
});
