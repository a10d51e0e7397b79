/** The desk for reports: whose addresses are its own, and what it replies to what comes, by what the gateway says. */
import { readFileSync } from "node:fs";
import pino from "pino";
import { expect, test } from "vitest";
import type { InboundReport, ReportVerdict } from "#contract/inbound.ts";
import { createReportDesk } from "../../../relay-node/inbound/report-desk.ts";
import type { SmtpReply } from "../../../relay-node/inbound/reception.ts";
import type { Told } from "../../../relay-node/inbound/report-post.ts";

const RETURN_PATH = "0123456789ab.5.1.0123456789abcdef@send.shop.test";
const vector = (name: string): Uint8Array =>
  readFileSync(new URL(`../../vectors/bounces/${name}.eml`, import.meta.url));
const client = { ip: "192.0.2.1", helo: "mx.test", isSecure: false };

const scene = (verdict: Told = "recorded") => {
  const told: InboundReport[] = [];
  const lines: string[] = [];
  const desk = createReportDesk({
    bounceDomain: "bounce.test",
    post: {
      tell: (report) => {
        told.push(report);
        return Promise.resolve(verdict);
      },
    },
    log: pino({ level: "info" }, { write: (line) => void lines.push(line) }),
  });
  const take = (name: string, mailFrom = "", recipient = RETURN_PATH): Promise<SmtpReply> =>
    desk.take({ recipient, mailFrom, bytes: vector(name), client });
  return { desk, told, lines, take };
};

test("return-paths of our form at any domain, and the addresses for everybody at our own", async () => {
  const { desk } = scene();
  const check = async (localPart: string, domain: string, expected: string): Promise<void> =>
    expect(await desk.owns({ localPart, domain }), `${localPart}@${domain}`).toBe(expected);
  await check("0123456789ab.5.1.0123456789abcdef", "send.shop.test", "yes");
  await check("0123456789ai.5.1.0123456789abcdef", "send.shop.test", "no");
  await check("0123456789ab.5.1", "bounce.test", "no");
  for (const name of ["abuse", "fbl", "postmaster"]) {
    await check(name, "bounce.test", "yes");
    await check(name, "shop.test", "no");
  }
  await check("postmaster", "", "yes");
  await check("abuse", "", "no");
  await check("info", "bounce.test", "no");
});

test("what the gateway says is what the sender is told", async () => {
  const check = async (verdict: ReportVerdict | "unavailable", expected: string): Promise<void> => {
    const { text, code } = await scene(verdict).take("postfix-user-unknown");
    expect(`${code} ${text}`, verdict).toContain(expected);
  };
  for (const taken of ["recorded", "known", "gone", "ignored", "unclear", "unproved"] as const)
    await check(taken, "250 2.0.0");
  for (const refused of ["forged", "expired"] as const) await check(refused, "550 5.7.1");
  for (const later of ["failed", "unavailable"] as const) await check(later, "451 4.3.0");
});

test("bounces and complaints are told; absence notes are taken; letters are refused", async () => {
  const check = async (name: string, mailFrom: string, code: number, kind?: string): Promise<void> => {
    const { take, told } = scene();
    expect((await take(name, mailFrom)).code, name).toBe(code);
    expect(told.map(({ report }) => report.kind)).toEqual(kind === undefined ? [] : [kind]);
  };
  await check("postfix-user-unknown", "", 250, "bounce");
  await check("arf-yahoo", "feedback@yahoo.test", 250, "complaint");
  await check("oof-gmail", "person@gmail.test", 250);
  await check("letter", "person@gmail.test", 550);
  // To a null sender there is nobody to be told.
  await check("mdn-read", "", 250);
});

test("the log has ids and verdicts, and nobody's address or words", async () => {
  const { take, lines } = scene();
  await take("postfix-user-unknown");
  await take("letter", "person@gmail.test");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    expect.objectContaining({ event: "inbound.report", kind: "bounce", verdict: "recorded", account: "0123456789ab" }),
    expect.objectContaining({ event: "inbound.no-report", kind: "other" }),
  ]);
  expect(lines.join("")).not.toMatch(/@|unknown/);
});
