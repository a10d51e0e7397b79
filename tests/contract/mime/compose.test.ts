import fc from "fast-check";
import PostalMime from "postal-mime";
import { describe, expect, test } from "vitest";
import { isReservedHeader, isSafeHeaderName, isSafeHeaderValue } from "#contract/header-text.ts";
import { composeMessage, type ComposeInput } from "#contract/mime/compose.ts";

const K = 1_790_000_000_000 * 1024;
const ID = "01a0c5a1-7c00-7000-8000-000000000001";
const input = (meta: Partial<ComposeInput["meta"]>, content: ComposeInput["content"]): ComposeInput => ({
  k: K,
  id: ID,
  meta: { from: "a@example.com", to: ["b@example.net"], subject: "s", ...meta },
  content,
});
const bytesOf = (email: ComposeInput): Uint8Array => composeMessage(email).bytes;
const textOf = (email: ComposeInput): string => Buffer.from(bytesOf(email)).toString("latin1");
const crlf = (text: string): string => text.replaceAll(/\r\n|\r|\n/g, "\n");

const safe = fc.string({ unit: "grapheme", maxLength: 120 }).filter((text) => isSafeHeaderValue(text));
const name = safe.filter((text) => !/[<>"]/.test(text) && text.trim() === text && !/[\u0080-\u009f]/.test(text));
const body = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 3000 }),
  fc.string({ unit: "binary-ascii", maxLength: 3000 }),
);

describe("compose, read back by postal-mime", () => {
  test("gives the same addresses, names and subject", async () => {
    await fc.assert(
      fc.asyncProperty(name, name, safe, async (fromName, toName, subject) => {
        const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
        const email = input(
          {
            from: `${quote(fromName)} <a@example.com>`,
            to: [`${quote(toName)} <b@example.net>`, "c@example.net"],
            subject,
          },
          { text: "x" },
        );
        const read = await PostalMime.parse(bytesOf(email));
        expect(read.from).toEqual({ name: fromName, address: "a@example.com" });
        expect(read.to).toEqual([
          { name: toName, address: "b@example.net" },
          { name: "", address: "c@example.net" },
        ]);
        expect(read.subject ?? "").toBe(subject);
        expect(read.messageId).toBe(`<${ID}@example.com>`);
      }),
      { numRuns: 300 },
    );
  });

  test("gives the same text and html", async () => {
    await fc.assert(
      fc.asyncProperty(body, body, async (text, html) => {
        const read = await PostalMime.parse(bytesOf(input({}, { text, html })));
        expect(crlf(read.text ?? "").replace(/\n$/, "")).toBe(crlf(text.toWellFormed()).replace(/\n$/, ""));
        expect(crlf(read.html ?? "").replace(/\n$/, "")).toBe(crlf(html.toWellFormed()).replace(/\n$/, ""));
      }),
      { numRuns: 300 },
    );
  });

  test("gives the same attachments, byte for byte", async () => {
    const file = fc.record({
      bytes: fc.uint8Array({ maxLength: 4000 }),
      filename: safe.filter((text) => text.trim() === text && text !== ""),
      cid: fc.option(fc.stringMatching(/^[a-z0-9.]{1,20}$/), { nil: undefined }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 4 }), async (files) => {
        const attachments = files.map(({ bytes, filename, cid }) => ({
          filename,
          content: Buffer.from(bytes).toString("base64"),
          content_type: "application/octet-stream",
          ...(cid === undefined ? {} : { content_id: cid }),
        }));
        const html = files.map(({ cid }) => `<img src="cid:${cid}">`).join("");
        const read = await PostalMime.parse(bytesOf(input({}, { html, attachments })));
        const got = read.attachments.map((attachment) => ({
          filename: attachment.filename,
          bytes: Buffer.from(attachment.content as ArrayBuffer).toString("hex"),
          cid: attachment.contentId,
        }));
        const want = files.map(({ bytes, filename, cid }) => ({
          filename,
          bytes: Buffer.from(bytes).toString("hex"),
          cid: cid === undefined ? undefined : `<${cid}>`,
        }));
        const order = (list: typeof got): typeof got =>
          list.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b)));
        expect(order(got)).toEqual(order(want));
      }),
      { numRuns: 100 },
    );
  });
});

describe("no string in any field can add a header", () => {
  const anything = fc.string({ unit: "binary", maxLength: 60 }).map((text) => `${text}\r\nX-Injected: 1\r\n\r\nbody`);
  const fields: [string, (text: string) => ComposeInput][] = [
    ["from", (text) => input({ from: `${text} <a@example.com>` }, { text: "x" })],
    ["to", (text) => input({ to: [`${text}@example.com`] }, { text: "x" })],
    ["cc", (text) => input({ cc: [`"${text}" <a@example.com>`] }, { text: "x" })],
    ["reply_to", (text) => input({ reply_to: [text] }, { text: "x" })],
    ["subject", (text) => input({ subject: text }, { text: "x" })],
    ["header value", (text) => input({}, { text: "x", headers: { "X-A": text } })],
    ["sender", (text) => input({}, { text: "x", headers: { Sender: `${text} <a@example.com>` } })],
    ["header name", (text) => input({}, { text: "x", headers: { [text]: "1" } })],
    ["filename", (text) => input({}, { text: "x", attachments: [{ filename: text, content: "" }] })],
    ["attachment", (text) => input({}, { text: "x", attachments: [{ filename: "a", content: text }] })],
    ["content_id", (text) => input({}, { html: "x", attachments: [{ filename: "a", content: "", content_id: text }] })],
    [
      "content_type",
      (text) => input({}, { html: "x", attachments: [{ filename: "a", content: "", content_type: text }] }),
    ],
  ];
  for (const [field, build] of fields) {
    test(field, () => {
      fc.assert(
        fc.property(fc.oneof(anything, fc.string({ unit: "binary", maxLength: 60 })), (text) => {
          let composed: string;
          try {
            composed = textOf(build(text));
          } catch {
            return; // refused: nothing was written at all
          }
          expect(composed).not.toMatch(/^X-Injected:/m);
          const head = composed.slice(0, composed.indexOf("\r\n\r\n"));
          const names = head.split(/\r\n(?![ \t])/).map((line) => line.slice(0, line.indexOf(":")).toLowerCase());
          const known = new Set([
            "from",
            "to",
            "cc",
            "sender",
            "reply-to",
            "subject",
            "date",
            "message-id",
            "mime-version",
            "content-type",
            "content-transfer-encoding",
            "x-a",
          ]);
          if (field !== "header name") expect(names.filter((entry) => !known.has(entry))).toEqual([]);
        }),
        { numRuns: 300 },
      );
    });
  }

  test("what the API lets through as a header is one line and not reserved", () => {
    const check = (header: string, allowed: boolean): void =>
      expect(isSafeHeaderName(header) && !isReservedHeader(header)).toBe(allowed);
    check("X-Entity-Ref-ID", true);
    check("In-Reply-To", true);
    check("List-Unsubscribe", true);
    check("Message-ID", false);
    check("content-type", false);
    check("X A", false);
    check("X:A", false);
    check("", false);
  });
});

describe("the bytes", () => {
  test("are 7-bit, end lines in CRLF and keep them short", () => {
    fc.assert(
      fc.property(safe, body, body, (subject, text, html) => {
        const composed = textOf(input({ subject }, { text, html }));
        expect(composed).not.toMatch(/[^\0-\x7f]/);
        expect(composed.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
        expect(Math.max(...composed.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(998);
      }),
      { numRuns: 200 },
    );
  });

  test("are the same for the same email", () => {
    const email = input(
      { cc: ["Zoë <z@example.com>"] },
      { text: "a", html: "<b>ü</b>", attachments: [{ filename: "a.pdf", content: "AAAA" }] },
    );
    expect(textOf(email)).toBe(textOf(structuredClone(email)));
  });

  test("never name a bcc", () => {
    expect(textOf(input({ bcc: ["secret@example.com"] }, { text: "x" }))).not.toContain("secret");
  });

  test("need SMTPUTF8 only when a local part does", () => {
    expect(composeMessage(input({ to: ["Jörg <j@exämple.com>"] }, { text: "x" })).needsSmtpUtf8).toBe(false);
    expect(composeMessage(input({ to: ["jörg@example.com"] }, { text: "x" })).needsSmtpUtf8).toBe(true);
  });

  test("fold a long subject without changing it", async () => {
    const subject = Array.from({ length: 60 }, (_, index) => `word${index}`).join(" ");
    const composed = textOf(input({ subject }, { text: "x" }));
    expect(Math.max(...composed.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(78);
    expect((await PostalMime.parse(composed)).subject).toBe(subject);
  });

  test("cannot be cut short by a line of text that looks like a boundary", async () => {
    const text = `one\n--=_alternative_${ID}--\ntwo`;
    const read = await PostalMime.parse(bytesOf(input({}, { text, html: "<p>x</p>" })));
    expect(read.text?.trimEnd()).toBe(text);
  });
});

describe("the date", () => {
  const dateOf = (meta: Partial<ComposeInput["meta"]>): string | undefined =>
    /^Date: (.*)\r\n/m.exec(textOf(input(meta, { text: "x" })))?.[1];

  test("is when it was accepted, or when it is scheduled for", () => {
    expect(dateOf({})).toBe("Mon, 21 Sep 2026 14:13:20 +0000");
    expect(dateOf({ scheduled_at: Date.UTC(2026, 9, 1, 8, 5, 9, 999) })).toBe("Thu, 1 Oct 2026 08:05:09 +0000");
  });
});

describe("Sender", () => {
  const headOf = (headers: Record<string, string>): string => {
    const text = textOf(input({ reply_to: ["r@example.com"] }, { text: "x", headers }));
    return text.slice(0, text.indexOf("\r\n\r\n") + 2);
  };

  test("is an address among the addresses, whatever its case, and no other header", () => {
    const check = (name: string, value: string, line: string): void => {
      const head = headOf({ "X-A": "1", [name]: value });
      expect(head.match(/^sender:.*\r\n/gim)).toEqual([line]);
      expect(head).toMatch(/^From: .*\r\nSender: .*\r\nReply-To: .*\r\nTo: /);
    };
    check("Sender", "desk@example.com", "Sender: desk@example.com\r\n");
    check("sender", ' "Desk, The" <desk@EXÄMPLE.com> ', 'Sender: "Desk, The" <desk@xn--exmple-cua.com>\r\n');
    check("SENDER", "Jörg <desk@example.com>", "Sender: =?UTF-8?B?SsO2cmc=?= <desk@example.com>\r\n");
    expect(headOf({})).not.toMatch(/^sender:/im);
  });

  test("beyond ASCII it needs SMTPUTF8 as the others do", () => {
    const needs = (sender: string): boolean =>
      composeMessage(input({}, { text: "x", headers: { Sender: sender } })).needsSmtpUtf8;
    expect(needs("jörg@example.com")).toBe(true);
    expect(needs("Jörg <j@example.com>")).toBe(false);
  });

  test("is one mailbox, or nothing is written", () => {
    const check = (headers: Record<string, string>): void => expect(() => headOf(headers)).toThrow();
    for (const value of ["", "nobody", "a@example.com, b@example.com", "a@example.com\r\n", "a@example.com\r\nX: 1"])
      check({ Sender: value });
    check({ Sender: "a@example.com", sender: "b@example.com" });
  });
});

test("a header value that is not safe makes no message, not even where it would be trimmed", () => {
  for (const value of ["a\r\nX: 1", "a\r\n", "\na", "\r", "a\0b", "a\u2028", "\ud800"])
    expect(() => bytesOf(input({}, { text: "x", headers: { "X-A": value } })), JSON.stringify(value)).toThrow("safe");
});

describe("what readers would misunderstand", () => {
  const customLine = (name: string, value: string): string | undefined =>
    textOf(input({}, { text: "x", headers: { [name]: value } }))
      .split(/\r\n(?![ ])/)
      .find((line) => line.startsWith(`${name}:`));

  test("stray white space does not turn a structured header into encoded words", () => {
    const check = (name: string, value: string, line: string): void => expect(customLine(name, value)).toBe(line);
    check("List-Unsubscribe", "<https://x.test/u> ", "List-Unsubscribe: <https://x.test/u>");
    check("List-Unsubscribe-Post", " List-Unsubscribe=One-Click", "List-Unsubscribe-Post: List-Unsubscribe=One-Click");
    check("References", "<a@x>  <b@x>\t<c@x>", "References: <a@x> <b@x> <c@x>");
  });

  test("no encoded word is empty, however long the header's name", () => {
    for (let length = 1; length <= 76; length++) {
      const composed = textOf(input({}, { text: "x", headers: { ["X".repeat(length)]: "héllo wörld" } }));
      expect(composed).not.toContain("?B??=");
    }
  });

  test("an attachment is one part, whatever type it claims", async () => {
    for (const content_type of ['multipart/mixed; boundary="zz"', "message/rfc822", "Multipart/Related"]) {
      const attachments = [{ filename: "a.bin", content: "aGVsbG8=", content_type }];
      const read = await PostalMime.parse(bytesOf(input({}, { text: "x", attachments })));
      expect(read.attachments.map((part) => [part.filename, part.mimeType])).toEqual([
        ["a.bin", "application/octet-stream"],
      ]);
    }
  });

  test("only what the html shows is inline", () => {
    const dispositions = (html: string): string[] =>
      textOf(input({}, { html, attachments: [{ filename: "a.pdf", content: "", content_id: "x@y" }] }))
        .split("\r\n")
        .filter((line) => line.startsWith("Content-Disposition"));
    expect(dispositions('<img src="cid:x@y">')).toEqual(["Content-Disposition: inline;"]);
    expect(dispositions('<img src="cid:x%40y">')).toEqual(["Content-Disposition: inline;"]);
    expect(dispositions("<p>see the file</p>")).toEqual(["Content-Disposition: attachment;"]);
  });

  test("no line begins with `From `, and the text is the same", async () => {
    for (const text of ["From me\nFrom you", "é\nFrom you\nFromage"]) {
      expect(textOf(input({}, { text }))).not.toMatch(/^From /m);
      expect((await PostalMime.parse(bytesOf(input({}, { text })))).text?.trimEnd()).toBe(text);
    }
  });
});
