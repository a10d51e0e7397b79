/** The desk for DMARC reports: whose addresses are its own, what it reads of a mail, and what it replies. */
import { gzipSync } from "node:zlib";
import pino from "pino";
import { expect, test } from "vitest";
import type { MailedReportVerdict, PostedReport } from "#contract/dmarc-report.ts";
import type { AggregateReport } from "#dns/dmarc-report.ts";
import { createDmarcDesk } from "../../../relay-node/inbound/dmarc-desk.ts";
import type { SmtpReply } from "../../../relay-node/inbound/reception.ts";
import { feedbackText } from "../../dns-tools/reports/feedback-text.ts";
import { record, report } from "../../dns-tools/reports/sample-report.ts";

const ADDRESS = "dmarc-0123456789ab.5.0123456789abcdef@bounce.test";
const client = { ip: "192.0.2.1", helo: "mx.test", isSecure: false };
const REPORT = report([record({ messages: 7 })]);

const mailWith = (content: Uint8Array): Uint8Array =>
  Buffer.from(
    `From: noreply@receiver.test\r\nMIME-Version: 1.0\r\nContent-Type: application/gzip; name="r.xml.gz"\r\n` +
      `Content-Transfer-Encoding: base64\r\n\r\n${Buffer.from(content).toString("base64")}\r\n`,
  );
const mailOf = (one: AggregateReport): Uint8Array => mailWith(gzipSync(feedbackText(one)));

const scene = (verdict: MailedReportVerdict | "unavailable" = "stored", spf = "pass", dkim = ["none"]) => {
  const posted: PostedReport[] = [];
  let authentications = 0;
  const lines: string[] = [];
  const desk = createDmarcDesk({
    bounceDomain: "bounce.test",
    authenticate: async () => {
      authentications += 1;
      const results = [`spf=${spf} smtp.mailfrom=x`, ...dkim.map((result) => `dkim=${result} (why)`)];
      const words = { spf, dkim: dkim[0] ?? "none", dmarc: "none", dmarc_policy: null, arc: "none" };
      return { authentication: { ...words, results }, from: "receiver.test", proved: ["receiver.test"], fields: "" };
    },
    post: async (one) => {
      posted.push(one);
      return verdict;
    },
    log: pino({ level: "info" }, { write: (line) => void lines.push(line) }),
  });
  const take = (bytes: Uint8Array, recipient = ADDRESS): Promise<SmtpReply> =>
    desk.take({ recipient, mailFrom: "noreply@receiver.test", bytes, client });
  return { desk, posted, lines, take, authentications: () => authentications };
};

test("addresses of our form, at the bounce domain only", async () => {
  const { desk } = scene();
  const check = async (localPart: string, domain: string, expected: string): Promise<void> =>
    expect(await desk.owns({ localPart, domain }), `${localPart}@${domain}`).toBe(expected);
  await check("dmarc-0123456789ab.5.0123456789abcdef", "bounce.test", "yes");
  await check("dmarc-0123456789ab.5.0123456789abcdef", "shop.test", "no");
  await check("dmarc-0123456789ab.5", "bounce.test", "no");
  await check("0123456789ab.5.1.0123456789abcdef", "bounce.test", "no");
  await check("dmarc", "bounce.test", "no");
});

test("a report is handed over as facts, within bounds", async () => {
  const { take, posted, lines } = scene();
  expect(await take(mailOf(REPORT))).toMatchObject({ code: 250 });
  expect(posted).toEqual([
    { recipient: ADDRESS, report: REPORT, from: "receiver.test", authenticated: ["receiver.test"] },
  ]);
  const many = report(Array.from({ length: 3000 }, (_, at) => record({ messages: at + 1 })));
  await take(mailOf(many));
  const bounded = posted[1]?.report;
  expect(bounded?.records.length).toBeLessThan(3000);
  expect((bounded?.records.length ?? 0) + (bounded?.leftOut ?? 0)).toBe(3000);
  expect(lines.join("")).not.toMatch(/@|receiver|192\.0\.2/);
});

test("what the gateway says is what the sender is told", async () => {
  const check = async (verdict: MailedReportVerdict | "unavailable", expected: string): Promise<void> => {
    const { code, text } = await scene(verdict).take(mailOf(REPORT));
    expect(`${code} ${text}`, verdict).toContain(expected);
  };
  for (const taken of ["stored", "known"] as const) await check(taken, "250 2.0.0");
  for (const nobody of ["forged", "no-domain"] as const) await check(nobody, "550 5.1.1");
  await check("other-domain", "550 5.7.1 ");
  await check("unauthenticated", "550 5.7.26");
  await check("full", "452 4.2.2");
  await check("unavailable", "451 4.3.0");
});

test("who is not proved may be it another time, when that could not be found out", async () => {
  const check = async (spf: string, dkim: string[], code: number): Promise<void> =>
    expect((await scene("unauthenticated", spf, dkim).take(mailOf(REPORT))).code, `${spf} ${dkim.join()}`).toBe(code);
  await check("fail", ["fail"], 550);
  await check("temperror", ["none"], 451);
  await check("none", ["pass", "temperror"], 451);
  expect((await scene("stored", "temperror").take(mailOf(REPORT))).code).toBe(250);
});

test("letters, other files and bombs are refused, and nobody is told of them", async () => {
  const { take, posted, authentications } = scene();
  const check = async (what: string, bytes: Uint8Array): Promise<void> =>
    expect(await take(bytes), what).toMatchObject({ code: 550 });
  await check("nothing", new Uint8Array());
  await check("a letter", Buffer.from("From: a@b.test\r\nSubject: Hi\r\n\r\nHello\r\n"));
  await check("other XML", mailWith(gzipSync("<rss><channel/></rss>")));
  await check("a bomb", mailWith(gzipSync(Buffer.alloc(100_000_000, " "))));
  await check("a bomb that begins well", mailWith(gzipSync(`<feedback>${"<record/>".repeat(2_000_000)}</feedback>`)));
  await check("cut off", mailOf(REPORT).subarray(0, 200));
  expect([posted, authentications()]).toEqual([[], 0]);
});

test("a message for many addresses is read once; many messages at once are put off", async () => {
  const { take, posted, authentications } = scene();
  const bytes = mailOf(REPORT);
  const replies = await Promise.all(Array.from({ length: 100 }, () => take(bytes)));
  expect(new Set(replies.map(({ code }) => code))).toEqual(new Set([250]));
  expect([posted.length, authentications()]).toEqual([100, 1]);
  const flood = await Promise.all(Array.from({ length: 50 }, () => take(mailOf(REPORT))));
  expect(flood.filter(({ code }) => code === 250)).toHaveLength(20);
  expect(flood.filter(({ code }) => code === 451)).toHaveLength(30);
  expect(await take(mailOf(REPORT))).toMatchObject({ code: 250 });
});
