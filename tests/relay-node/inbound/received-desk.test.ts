/** The desk for received mail: what it hands over, what it replies, and that a message for several people is one. */
import pino from "pino";
import { expect, test } from "vitest";
import { RECEIVED_KEY, RECEIVED_LIMIT_BYTES, ReceivedMail, type ReceivedVerdict } from "#contract/received.ts";
import { createReceivedDesk } from "../../../relay-node/inbound/received-desk.ts";
import type { Receiver } from "../../../relay-node/inbound/receiving-domains.ts";
import type { SmtpReply } from "../../../relay-node/inbound/reception.ts";

const RECEIVERS: Record<string, Receiver> = {
  "shop.test": { kind: "account", account: "one" },
  "xn--bcher-kva.test": { kind: "account", account: "one" },
  "other.test": { kind: "account", account: "two" },
  "down.test": { kind: "unknown" },
};
const AUTHENTICATION = {
  spf: "pass",
  dkim: "none",
  dmarc: "none",
  dmarc_policy: null,
  arc: "none",
  results: ["spf=pass"],
};
const client = { ip: "192.0.2.1", helo: "mx.test\r\nX: y", isSecure: true };

const scene = (
  verdict: ReceivedVerdict | "unavailable" = "stored",
  fields = "Authentication-Results: relay; spf=pass\r\n",
  /** Whose shop.test is when it is asked for anew. */
  anew: Receiver = { kind: "nobody" },
) => {
  const posted: { account: string; key: string; mail: ReceivedMail; kept: string }[] = [];
  const forgotten: string[] = [];
  const desk = createReceivedDesk({
    name: "relay.test",
    domains: {
      receiverOf: (domain) =>
        Promise.resolve(forgotten.includes(domain) ? anew : (RECEIVERS[domain] ?? { kind: "nobody" })),
      forget: (domain) => void forgotten.push(domain),
    },
    authenticate: () => Promise.resolve({ authentication: AUTHENTICATION, proved: [], fields }),
    post: (account, key, mail, bytes) => {
      posted.push({ account, key, mail: ReceivedMail.parse(mail), kept: Buffer.concat(bytes).toString() });
      return Promise.resolve(verdict);
    },
    log: pino({ level: "silent" }),
    nowMs: () => 0,
  });
  const take = async (raw: string, ...recipients: string[]): Promise<SmtpReply[]> => {
    const delivery = { bytes: Buffer.from(raw), mailFrom: "ann@ann.test", client, recipients };
    const replies: SmtpReply[] = [];
    for (const recipient of recipients) replies.push(await desk.take({ ...delivery, recipient }));
    return replies;
  };
  return { desk, posted, forgotten, take };
};

const MAIL = "Subject: Hi\r\nFrom: ann@ann.test\r\n\r\nHello.\r\n";

test("any address of a domain with receiving on, and no other", async () => {
  const { desk } = scene();
  const owns = (localPart: string, domain: string) => desk.owns({ localPart, domain });
  expect(await owns("anything", "shop.test")).toBe("yes");
  expect(await owns("anything", "nobody.test")).toBe("no");
  expect(await owns("anything", "down.test")).toBe("unknown");
  expect(await owns("postmaster", "")).toBe("no");
  expect(desk.wanted).toEqual({ bytes: RECEIVED_LIMIT_BYTES, beyond: "refuse" });
});

test("what is kept is the message below its trace, and parts stand where the outline says", async () => {
  const { posted, take } = scene();
  expect(await take(MAIL, "hello@shop.test")).toMatchObject([{ code: 250 }]);
  const [{ account, key, mail, kept } = { mail: undefined, kept: "" }] = posted;
  expect(account).toBe("one");
  expect(key).toMatch(RECEIVED_KEY);
  expect(kept).toMatch(
    /^Return-Path: <ann@ann\.test>\r\nReceived: from mx\.test__X:_y \(\[192\.0\.2\.1\]\)\r\n\tby relay\.test with ESMTPS id [0-9a-f]{16};\r\n\tThu, 01 Jan 1970 00:00:00 \+0000\r\nAuthentication-Results: relay; spf=pass\r\nSubject: Hi\r\n/,
  );
  expect(mail).toMatchObject({
    head: { subject: "Hi", received_for: ["hello@shop.test"], authentication: AUTHENTICATION },
    size: Buffer.byteLength(kept),
  });
  const [text] = mail?.body.text ?? [];
  expect(Buffer.from(kept).subarray(text?.start, text?.end).toString()).toBe("Hello.\r\n");
});

test("one message for several people is one of each account, and the same again has the same key", async () => {
  const { posted, take } = scene();
  const all = ["a@shop.test", "B@Bücher.test", "c@other.test", "a@SHOP.test"];
  expect((await take(MAIL, ...all)).map(({ code }) => code)).toEqual([250, 250, 250, 250]);
  expect(posted.map(({ account, mail }) => [account, mail.head.received_for])).toEqual([
    ["one", ["a@shop.test", "B@xn--bcher-kva.test"]],
    ["two", ["c@other.test"]],
  ]);
  await take(MAIL, ...all);
  await take(`${MAIL}x`, "c@other.test");
  const keys = posted.map(({ key }) => key);
  expect(keys.slice(2, 4)).toEqual(keys.slice(0, 2));
  expect(new Set(keys).size).toBe(3);
});

test.each([
  ["stored", 250],
  ["known", 250],
  ["no-domain", 550],
  ["full", 452],
  ["suspended", 450],
  ["unavailable", 451],
] as const)("%s: %i", async (verdict, code) => {
  const { take, forgotten } = scene(verdict);
  expect(await take(MAIL, "hello@shop.test")).toMatchObject([{ code }]);
  expect(forgotten).toEqual(verdict === "no-domain" ? ["shop.test"] : []);
});

test("what its account does not receive any more is refused when nobody does, and may be another's", async () => {
  const check = async (anew: Receiver, code: number): Promise<void> => {
    const { take, forgotten } = scene("no-domain", "", anew);
    expect(await take(MAIL, "hello@shop.test"), anew.kind).toMatchObject([{ code }]);
    expect(forgotten).toEqual(["shop.test"]);
  };
  await check({ kind: "nobody" }, 550);
  await check({ kind: "account", account: "two" }, 451);
  await check({ kind: "unknown" }, 451);
});

test("whose a domain is may have changed since", async () => {
  const { take, posted } = scene();
  expect(await take(MAIL, "a@nobody.test", "a@down.test")).toMatchObject([{ code: 550 }, { code: 451 }]);
  expect(posted).toEqual([]);
});

test("a header beyond its limit is refused; verdicts that are too long stay out of the trace", async () => {
  const { take, posted } = scene("stored", `X: ${"x".repeat(20_000)}\r\n`);
  expect(await take(`Subject: ${"x".repeat(200_000)}\r\n\r\n`, "a@shop.test")).toMatchObject([{ code: 552 }]);
  await take(MAIL, "a@shop.test");
  expect(posted[0]?.kept).not.toContain("xxxx");
});
