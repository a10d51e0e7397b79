/**
 * Messages taken apart: where their parts stand and what their headers say, held against postal-mime, which reads them
 * whole; and messages made to hang or to fill whoever opens them.
 */
import MailComposer from "nodemailer/lib/mail-composer/index.js";
import PostalMime from "postal-mime";
import { expect, test } from "vitest";
import { decoderOf } from "#contract/mime/transfer-decoding.ts";
import { PARTS_LIMIT, RECEIVED_LINE_LIMIT, ReceivedBody, ReceivedHead, type ReceivedPart } from "#contract/received.ts";
import { readFields, type ReceivedFields } from "../../../relay-node/inbound/received-fields.ts";
import { outlineOf } from "../../../relay-node/inbound/received-outline.ts";
import { cpuMs } from "../../support/cpu-time.ts";

const MIB = 1024 * 1024;
const MOST_CPU_MS = 2000;

const read = async (mail: string | Uint8Array, shift = 0): Promise<ReceivedFields> => {
  const bytes = typeof mail === "string" ? Buffer.from(mail) : mail;
  const outline = outlineOf(bytes);
  if (!outline) throw new Error("its header is too long");
  return readFields(bytes, outline, shift);
};
const contentOf = (mail: string | Uint8Array, { encoding, start, end }: ReceivedPart): Buffer => {
  const decoder = decoderOf(encoding);
  return Buffer.concat([decoder.add(Buffer.from(mail).subarray(start, end)), decoder.end()]);
};
const textsOf = (mail: string, parts: readonly ReceivedPart[]): string[] =>
  parts.map((part) => contentOf(mail, part).toString());

const part = (content: string, ...fields: string[]): string => [...fields, "", content].join("\r\n");
const multipart = (kind: string, boundary: string, ...parts: string[]): string =>
  part(
    `preamble\r\n${parts.map((each) => `--${boundary}\r\n${each}\r\n`).join("")}--${boundary}--\r\nepilogue`,
    `Content-Type: multipart/${kind}; boundary="${boundary}"`,
  );

test("texts, alternatives, attachments", async () => {
  const mail = multipart(
    "mixed",
    "out",
    multipart("alternative", "in", part("plain"), part("<p>html</p>", "Content-Type: text/html; charset=utf-8")),
    part("aGk=", "Content-Type: text/csv; name=a.csv", "Content-Transfer-Encoding: base64", "Content-ID: <one@x>"),
    part("note", "Content-Disposition: attachment; filename*=utf-8''%C3%BC.txt"),
    part(part("inner", "Subject: inner"), "Content-Type: message/rfc822"),
  );
  const { text, html, attachments } = await read(`From: a@b.test\r\n${mail}`);
  const whole = `From: a@b.test\r\n${mail}`;
  expect(textsOf(whole, text)).toEqual(["plain"]);
  expect(textsOf(whole, html)).toEqual(["<p>html</p>"]);
  expect(textsOf(whole, attachments)).toEqual(["hi", "note", "Subject: inner\r\n\r\ninner"]);
  expect(attachments).toMatchObject([
    { type: "text/csv", filename: "a.csv", content_id: "one@x", encoding: "base64", size: 2 },
    { type: "text/plain", filename: "ü.txt", content_disposition: "attachment" },
    { type: "message/rfc822", filename: null },
  ]);
  const shifted = await read(whole, 10);
  expect(shifted.text[0]?.start).toBe((text[0]?.start ?? 0) + 10);
});

test("addresses and words", async () => {
  const fields = await read(
    'From: =?utf-8?q?J=C3=BCrgen?= <j@b.test>\r\nTo: Team: a@b.test, "C, \\"D\\"" <c@b.test>;, e@b.test\r\n' +
      "Subject: =?utf-8?b?R3LDvMOfZQ==?=\r\n two\r\nMessage-ID: <1@b.test>\r\nX-Twice: 1\r\nX-Twice: 2\r\n\r\nbody",
  );
  expect(fields).toMatchObject({
    from: '"Jürgen" <j@b.test>',
    to: ["a@b.test", "\"C, 'D'\" <c@b.test>", "e@b.test"],
    ...{ subject: "Grüße two", message_id: "<1@b.test>", reply_to: [] },
    headers: { "x-twice": "1", subject: "=?utf-8?b?R3LDvMOfZQ==?= two" },
  });
});

test("odd structures are read as far as they go", async () => {
  const check = async (mail: string, expected: string[]): Promise<void> => {
    const { text, attachments } = await read(mail);
    expect(textsOf(mail, [...text, ...attachments]), mail).toEqual(expected);
  };
  const type = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  await check("", [""]);
  await check("no header at all", [""]);
  await check("\r\nbody", ["body"]);
  await check("A: b\n\nbody\n", ["body\n"]);
  await check(`${type}no boundary`, []);
  await check(`${type}--b\r\n\r\none\r\n--b\r\n\r\ntwo`, ["one", "two"]);
  await check(`${type}--b\n\none\n--b--  \n--b\n\nlate`, ["one"]);
  await check(`${type}--b\r\n\r\nx --b\r\n--bb\r\n--b\r\n\r\ntwo\r\n--b--`, ["x --b\r\n--bb", "two"]);
  await check(`${type}--b\r\n${type.replace("=b", "=bb")}--bb\r\n\r\none\r\n--b\r\n\r\ntwo\r\n--bb\r\n\r\n3`, [
    "one",
    "two\r\n--bb\r\n\r\n3",
  ]);
  await check(`Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\none`, ["--b\r\n\r\none"]);
});

test("what nodemailer composes is taken apart as postal-mime does", async () => {
  const composed = await new MailComposer({
    from: "Ann <ann@a.test>",
    to: ["b@b.test", "Cé <c@c.test>"],
    subject: "Grüße",
    text: "Grüße\nund mehr ".repeat(30),
    html: '<img src="cid:logo"> é',
    attachments: [
      { filename: "logo.png", content: Buffer.from([1, 2, 3, 255]), cid: "logo" },
      { filename: "Ünïcode (1).txt", content: "text" },
    ],
  })
    .compile()
    .build();
  const [ours, theirs] = [await read(composed), await PostalMime.parse(composed)];
  expect(ours).toMatchObject({ subject: theirs.subject, message_id: theirs.messageId, from: "Ann <ann@a.test>" });
  expect(
    ours.text
      .map((each) => contentOf(composed, each).toString().replaceAll("\r\n", "\n"))
      .join("")
      .trimEnd(),
  ).toBe(theirs.text?.trimEnd());
  expect(
    ours.html
      .map((each) => contentOf(composed, each).toString())
      .join("")
      .trim(),
  ).toBe(theirs.html?.trim());
  expect(ours.attachments.map(({ filename, type }) => [filename, type])).toEqual(
    theirs.attachments.map(({ filename, mimeType }) => [filename, mimeType]),
  );
  expect(ours.attachments.map((each) => [...contentOf(composed, each)])).toEqual(
    theirs.attachments.map(({ content }) => (content instanceof ArrayBuffer ? [...new Uint8Array(content)] : [])),
  );
});

const TYPE = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";

test.each<[string, () => string | Uint8Array]>([
  ["line feeds", () => `A: b\r\n\r\n${"\n".repeat(40 * MIB)}`],
  ["hyphens", () => `${TYPE}${"-".repeat(40 * MIB)}`],
  ["lines like boundaries", () => `${TYPE}${"--bx\n".repeat(8 * MIB)}`],
  ["boundaries in lines", () => TYPE + "x--b".repeat(10 * MIB)],
  ["parts", () => TYPE + "--b\r\n\r\n".repeat(5 * MIB)],
  [
    "multiparts",
    () =>
      TYPE +
      Array.from({ length: 100_000 }, (_, n) => `--b\r\n${TYPE.replace("=b", `=c${n}`)}`).join("") +
      "x".repeat(30 * MIB),
  ],
  [
    "depth",
    () =>
      Array.from({ length: 1000 }, (_, n) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`).join(
        "",
      ),
  ],
  ["a part's header", () => `${TYPE}--b\r\n${"X: y\r\n".repeat(5 * MIB)}`],
  ["no base64", () => `Content-Transfer-Encoding: base64\r\n\r\n${"=".repeat(10 * MIB)}`],
  ["no quoted-printable", () => `Content-Transfer-Encoding: quoted-printable\r\n\r\n${"=".repeat(10 * MIB)}`],
  ["fields", () => `${"X: y\r\n".repeat(20_000)}\r\nx`],
  ["addresses", () => `To: ${"a@b.test,".repeat(14_000)}\r\n\r\nx`],
  ["brackets", () => `From: ${'"(<'.repeat(40_000)}\r\n\r\nx`],
  ["parameters", () => `Content-Type: multipart/mixed;${' ;boundary="'.repeat(10_000)}\r\n\r\nx`],
  ["encoded words", () => `Subject: ${"=?utf-8?q?a?= ".repeat(9000)}\r\n\r\nx`],
  ["escapes", () => `Content-Type: multipart/mixed; boundary="${"\\".repeat(120_000)}\r\n\r\nx`],
  ["no text", () => new Uint8Array(40 * MIB).fill(0xff)],
])("%s without end cost little, and what comes out fits", async (name, make) => {
  const mail = make();
  const bytes = typeof mail === "string" ? Buffer.from(mail, "latin1") : mail;
  const fromMs = cpuMs();
  const outline = outlineOf(bytes);
  const fields = outline && (await readFields(bytes, outline, 0));
  expect(cpuMs() - fromMs, name).toBeLessThan(MOST_CPU_MS);
  if (!fields) return;
  const { headers, text, html, ...head } = fields;
  expect(ReceivedBody.safeParse({ headers, text, html }).error).toBeUndefined();
  const shape = ReceivedHead.omit({ received_for: true, authentication: true });
  expect(shape.safeParse(head).error).toBeUndefined();
  expect(text.length + html.length + head.attachments.length).toBeLessThanOrEqual(PARTS_LIMIT);
  expect(Buffer.byteLength(JSON.stringify(fields))).toBeLessThan(RECEIVED_LINE_LIMIT - 100_000);
});

test("a header beyond its limit is none", () => {
  expect(outlineOf(Buffer.from(`Subject: ${"a".repeat(200_000)}\r\n\r\nx`))).toBeUndefined();
});

test("line breaks and NUL in fields go no further", async () => {
  const fields = await read('Subject: a\0b\u2028c\x1b[31m\r\nFrom: "a\\\rb" <a@b.test>\r\nX-\u00e9: 1\r\n\r\nx');
  // eslint-disable-next-line no-control-regex
  expect(JSON.stringify(fields)).not.toMatch(/\\[nrt]|\\u00[01]|\u2028/);
  expect(fields.subject).toBe("a b c [31m");
});
