/**
 * Mails made to hang, to fill or to confuse whoever opens them: each has an answer that fits the contract, for far less
 * work than an unbounded reading would be.
 */
import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { expect, test } from "vitest";
import { InboundBounce, InboundComplaint } from "#contract/inbound.ts";
import type { InboundMessage } from "../../../relay-node/inbound/inbound-message.ts";
import { MACHINE, read, reportMail } from "./inbound-scene.ts";
import { cpuMs } from "../../support/cpu-time.ts";

const MIB = 1024 * 1024;
const MOST_CPU_MS = 1000;
const DIRECTORY = fileURLToPath(new URL("../../vectors/bounces/", import.meta.url));
const SAMPLES = globSync("*.eml", { cwd: DIRECTORY }).map((name) => readFileSync(DIRECTORY + name));

/** Whatever it is, it can cross to the gateway, and none of it can break a line. */
const checkShape = (message: InboundMessage): void => {
  if (message.kind === "bounce") expect(InboundBounce.parse(message)).toEqual(message);
  if (message.kind === "complaint") expect(InboundComplaint.parse(message)).toEqual(message);
  // eslint-disable-next-line no-control-regex
  expect(JSON.stringify(message)).not.toMatch(/\\[nrt]|\\u00[01]|\\ud[89a-f]|[\u0000-\u001f\u007f-\u009f]/i);
};

const check = async (name: string, mail: string | Uint8Array, kind: InboundMessage["kind"]): Promise<void> => {
  const bytes = typeof mail === "string" ? new TextEncoder().encode(mail) : mail;
  const fromMs = cpuMs();
  const message = await read(bytes);
  expect(cpuMs() - fromMs, name).toBeLessThan(MOST_CPU_MS);
  expect(message.kind, name).toBe(kind);
  checkShape(message);
};

const STATUS = "message/delivery-status";
const GROUP = "Final-Recipient: rfc822; bob@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n";

test("depth and breadth", async () => {
  const nested = (type: string, between = ""): string => {
    const level = (at: number): string => `Content-Type: ${type}; boundary="b${at}"\r\n\r\n--b${at}\r\n${between}`;
    return MACHINE + Array.from({ length: 1000 }, (_, at) => level(at)).join("");
  };
  await check("multiparts in multiparts", nested("multipart/mixed"), "other");
  await check("reports in reports", nested("multipart/report; report-type=delivery-status"), "other");
  await check("messages in messages", nested("multipart/report", "Content-Type: message/rfc822\r\n\r\n"), "bounce");
  const parts = "--b\r\nContent-Type: message/delivery-status\r\n\r\n".repeat(10_000);
  await check("10,000 parts", `${MACHINE}Content-Type: multipart/report; boundary=b\r\n\r\n${parts}`, "bounce");
});

test("100,000 recipients are a hundred", async () => {
  const message = await read(reportMail(STATUS, `Reporting-MTA: dns; x\r\n\r\n${GROUP.repeat(100_000)}`));
  expect(message.kind === "bounce" && message.recipients.length).toBe(100);
  const groups = `Reporting-MTA: dns; x\r\n\r\n${GROUP.repeat(100)}`;
  const twoParts = await read(reportMail(STATUS, `${groups}--=_b\r\nContent-Type: ${STATUS}\r\n\r\n${groups}`));
  expect(twoParts.kind === "bounce" && twoParts.recipients.length).toBe(100);
  const text = await read(
    `${MACHINE}\r\n${Array.from({ length: 2000 }, (_, at) => `u${at}@example.net\r\n`).join("")}`,
  );
  expect(text.kind === "bounce" && text.recipients.length).toBe(100);
});

test("50 MB: in a line, in a header, in line feeds", async () => {
  await check("text", `${MACHINE}\r\n${"a".repeat(50 * MIB)}`, "bounce");
  await check(
    "address",
    reportMail(STATUS, `Action: failed\r\nFinal-Recipient: rfc822; ${"a".repeat(50 * MIB)}`),
    "bounce",
  );
  await check("header", `Subject: ${"a".repeat(50 * MIB)}`, "other");
  await check("line feeds", `${MACHINE}\r\n${"\n".repeat(50 * MIB)}`, "bounce");
  await check("line feeds in the message", reportMail("message/rfc822", "\n".repeat(50 * MIB)), "bounce");
  await check("hyphens", new Uint8Array(50 * MIB).fill(0x2d), "other");
});

test("only the head of a mail is opened", async () => {
  const late = (before: string): string =>
    `${MACHINE}Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\n${before}\r\n--b\r\nContent-Type: ${STATUS}\r\n\r\n${GROUP}`;
  const formatOf = async (before: string): Promise<string | undefined> => {
    const message = await read(late(before));
    return message.kind === "bounce" ? message.format : undefined;
  };
  expect(await formatOf("x\r\n".repeat(2000))).toBe("rfc3464");
  expect(await formatOf("x".repeat(100_000))).toBe("rfc3464");
  expect(await formatOf("x\r\n".repeat(4000))).toBe("generic");
  expect(await formatOf("x".repeat(200_000))).toBe("generic");
  expect(await formatOf("--x\r\n".repeat(400))).toBe("generic");
});

test("headers without end", async () => {
  await check("many fields", `${"X: y\r\n".repeat(100_000)}\r\n`, "other");
  await check("fields below the limit", `${"X: y\r\n".repeat(2900)}${MACHINE}\r\n`, "bounce");
  await check("a folded field", `Subject: a\r\n${" b\r\n".repeat(2900)}\r\nx`, "other");
  await check("addresses", `From: ${"a@b.example,".repeat(5000)}\r\n\r\nx`, "other");
  await check("brackets", `From: ${'"(<'.repeat(20_000)}\r\n\r\nx`, "other");
  await check("parameters", `Content-Type: multipart/report; ${"a=b;".repeat(15_000)}\r\n\r\nx`, "other");
  await check("encoded words", `Subject: ${"=?utf-8?q?a?= ".repeat(4000)}\r\n\r\nx`, "other");
  await check("failed recipients", `X-Failed-Recipients: ${"a@b.example, ".repeat(4000)}\r\n${MACHINE}\r\nx`, "bounce");
});

test("texts that make bad expressions slow", async () => {
  const html = `${MACHINE}Content-Type: text/html\r\n\r\n`;
  for (const piece of ["<", "<p ", "&amp", "<a href='", "<p>\r\n", "<style>"])
    await check(`html ${piece}`, html + piece.repeat(MIB / piece.length), "bounce");
  for (const piece of ["@", "a@", "a@b.example\r\n", " ", "-", "\t>", "> > ", "\r", "\0", "550 5.1.1.", "(", "\r\n"])
    await check(`text ${piece}`, `${MACHINE}\r\n${piece.repeat(MIB / piece.length)}`, "bounce");
  const opening = "This message was created automatically by mail delivery software\r\n";
  await check("openings", `${MACHINE}\r\n${opening.repeat(10_000)}`, "bounce");
  await check(
    "codes",
    reportMail(STATUS, `Action: failed\r\nDiagnostic-Code: smtp; ${"550 5.1.1.".repeat(50_000)}`),
    "bounce",
  );
  await check(
    "folds",
    reportMail(STATUS, `Action: failed\r\nDiagnostic-Code: smtp;\r\n${" 5.1.1\r\n".repeat(50_000)}`),
    "bounce",
  );
});

test("what no decoder takes", async () => {
  const encoded = (encoding: string): string => `Content-Transfer-Encoding: ${encoding}\r\n`;
  await check("base64", reportMail(STATUS, "!!==@@".repeat(10_000), encoded("base64")), "bounce");
  await check(
    "quoted-printable",
    reportMail(STATUS, "=zz=\r\n=".repeat(10_000), encoded("quoted-printable")),
    "bounce",
  );
  await check("unknown", reportMail(STATUS, GROUP, encoded("x-rot13")), "bounce");
  for (const charset of ["utf-7", "utf-16", "iso-2022-kr", "x-no-such", "hz-gb-2312"])
    await check(charset, `${MACHINE}Content-Type: text/plain; charset=${charset}\r\n\r\n+ADw-550 5.1.1`, "bounce");
  await check("no UTF-8", new Uint8Array(1000).fill(0xff), "other");
});

test("line breaks and NUL in fields go no further", async () => {
  const body =
    "Final-Recipient: rfc822; bob\0@exa\u0085mple.net\u2028\r\nAction: failed\r\nDiagnostic-Code: smtp; 550\t5.1.1\x1b[31m no\rX: y\r\n";
  const message = await read(reportMail(STATUS, body));
  checkShape(message);
  expect(message).toMatchObject({ kind: "bounce", recipients: [{ final_recipient: "bob @exa mple.net" }] });
});

test("samples with bytes changed, cut out and doubled", async () => {
  const anyChange = fc.record({
    sample: fc.constantFrom(...SAMPLES),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat(60),
    bytes: fc.uint8Array({ maxLength: 60 }),
    keep: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(anyChange, fc.boolean(), async ({ sample, at, length, bytes, keep }, isNull) => {
      const start = Math.floor(at * sample.length);
      const changed = [sample.subarray(0, start), bytes, sample.subarray(start + (keep ? 0 : length))];
      checkShape(await read(Buffer.concat(changed), isNull ? "" : "someone@example.net"));
    }),
    { numRuns: 500 },
  );
});
