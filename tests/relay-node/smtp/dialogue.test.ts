/** Transactions by script, no socket: what is written, and what comes out. */
import { expect, test } from "vitest";
import { NO_CAPABILITIES } from "../../../relay-node/smtp/capabilities.ts";
import { Dialogue, type Effect } from "../../../relay-node/smtp/dialogue.ts";
import { ReplyParser } from "../../../relay-node/smtp/reply.ts";
import type { Transaction } from "../../../relay-node/smtp/transaction.ts";
import { Transcript } from "../../../relay-node/smtp/transcript.ts";

const PIPELINING = { ...NO_CAPABILITIES, pipelining: true };
const MAIL: Transaction = {
  mailFrom: "a@from.test",
  rcptTo: "b@dest.test",
  message: Buffer.from("Subject: x\r\n\r\nhi\r\n"),
  needsSmtpUtf8: false,
};
const LOST = { kind: "closed" } as const;

/** What one effect amounts to: written text with `|` for CRLF, `<message>`, or the result in a line. */
const show = (effect: Effect): string => {
  switch (effect.kind) {
    case "wait":
      return `wait ${effect.phase}`;
    case "send":
      return effect.text.replaceAll("\r\n", "|");
    case "message":
      return "<message>";
    case "done": {
      const { kind, phase, reply, tryNextHost } = effect.result;
      return [kind, phase, reply?.code, tryNextHost && "next"]
        .filter((part) => part !== undefined && part !== false)
        .join(" ");
    }
    case "close":
      return "close";
  }
};

/** Plays the server's part: a reply, `lost`, or `sent` when the message and its dot were written. */
const play = (dialogue: Dialogue, transaction: Transaction, server: readonly string[]): string[] => {
  const parser = new ReplyParser();
  const shown = [show(dialogue.begin(transaction))];
  for (const act of server) {
    if (act === "sent") shown.push(show(dialogue.messageSent()));
    else if (act === "lost") shown.push(show(dialogue.lost(LOST)));
    else {
      parser.push(Buffer.from(`${act}\r\n`));
      const parsed = parser.next();
      if (!parsed) throw new Error(`no reply: ${act}`);
      shown.push(show(dialogue.reply(parsed)));
    }
  }
  return shown;
};

const check = (
  capabilities: Partial<typeof PIPELINING>,
  server: readonly string[],
  expected: { last: string; usable: boolean; shown?: readonly string[] },
): Dialogue => {
  const dialogue = new Dialogue({ ...NO_CAPABILITIES, ...capabilities }, new Transcript());
  const shown = play(dialogue, MAIL, server);
  expect({ last: shown.at(-1), usable: dialogue.usable }, server.join(" / ")).toEqual({
    last: expected.last,
    usable: expected.usable,
  });
  if (expected.shown) expect(shown).toEqual(expected.shown);
  return dialogue;
};

const ENVELOPE = "MAIL FROM:<a@from.test>|RCPT TO:<b@dest.test>|DATA|";

test("pipelined: one write for the envelope", () => {
  check(PIPELINING, ["250 a", "250 b", "354 c", "sent", "250 2.0.0 d"], {
    shown: [ENVELOPE, "wait rcpt", "wait data", "<message>", "wait dot", "delivered dot 250"],
    last: "delivered dot 250",
    usable: true,
  });
});

test("step by step without PIPELINING", () => {
  check({}, ["250 a", "250 b", "354 c", "sent", "250 d"], {
    shown: [
      "MAIL FROM:<a@from.test>|",
      "RCPT TO:<b@dest.test>|",
      "DATA|",
      "<message>",
      "wait dot",
      "delivered dot 250",
    ],
    last: "delivered dot 250",
    usable: true,
  });
});

test("a refusal is told when all replies to what was pipelined are read", () => {
  check(PIPELINING, ["550 5.1.8 no", "503 x", "503 y"], {
    shown: [ENVELOPE, "wait rcpt", "wait data", "bounced mail 550"],
    last: "bounced mail 550",
    usable: true,
  });
  check(PIPELINING, ["250 a", "450 later", "503 y"], { last: "deferred rcpt 450", usable: true });
  check(PIPELINING, ["250 a", "250 b", "451 y"], { last: "deferred data 451 next", usable: true });
  check({}, ["550 5.1.8 no"], { last: "bounced mail 550", usable: true });
  check({}, ["250 a", "550 5.1.1 no"], { last: "bounced rcpt 550", usable: true });
});

test("RCPT or MAIL refused, yet 354: an empty message ends it and its reply changes nothing", () => {
  for (const dot of ["554 none", "250 strange", "451 x"])
    check(PIPELINING, ["250 a", "550 5.1.1 no", "354 go", dot], {
      shown: [ENVELOPE, "wait rcpt", "wait data", ".|", "bounced rcpt 550"],
      last: "bounced rcpt 550",
      usable: true,
    });
  check(PIPELINING, ["451 a", "550 no", "354 go", "554 none"], { last: "deferred mail 451 next", usable: true });
});

test("RSET goes before the next mail when a refusal left the server in a transaction, and only then", () => {
  const refused = check(PIPELINING, ["250 a", "550 no", "503 y"], { last: "bounced rcpt 550", usable: true });
  expect(play(refused, MAIL, ["250 reset", "250 a", "250 b", "354 c", "sent", "250 d"])).toEqual([
    `RSET|${ENVELOPE}`,
    "wait mail",
    "wait rcpt",
    "wait data",
    "<message>",
    "wait dot",
    "delivered dot 250",
  ]);
  expect(play(refused, MAIL, [])).toEqual([ENVELOPE]);

  const stepwise = check({}, ["250 a", "550 no"], { last: "bounced rcpt 550", usable: true });
  expect(play(stepwise, MAIL, ["250 reset"])).toEqual(["RSET|", "MAIL FROM:<a@from.test>|"]);

  for (const server of [
    ["550 no", "503 x", "503 y"],
    ["250 a", "550 no", "354 go", "554 none"],
    ["250 a", "250 b", "354 c", "sent", "554 no"],
  ]) {
    const dialogue = new Dialogue(PIPELINING, new Transcript());
    play(dialogue, MAIL, server);
    expect(play(dialogue, MAIL, []), server.join(" / ")).toEqual([ENVELOPE]);
  }
});

test("a refused RSET spends the session", () => {
  const dialogue = check({}, ["250 a", "550 no"], { last: "bounced rcpt 550", usable: true });
  expect(play(dialogue, MAIL, ["502 what"])).toEqual(["RSET|", "deferred mail 502 next"]);
  expect(dialogue.usable).toBe(false);
});

test("421 ends the session in any phase", () => {
  check(PIPELINING, ["421 bye"], { last: "deferred mail 421 next", usable: false });
  check(PIPELINING, ["250 a", "421 4.7.0 bye"], { last: "deferred rcpt 421 next", usable: false });
  check(PIPELINING, ["250 a", "250 b", "421 bye"], { last: "deferred data 421 next", usable: false });
  check(PIPELINING, ["250 a", "250 b", "354 c", "sent", "421 bye"], { last: "deferred dot 421 next", usable: false });
  // What was refused before stays refused.
  check(PIPELINING, ["250 a", "550 5.1.1 no", "421 bye"], { last: "bounced rcpt 550", usable: false });
});

test("lost: deferred before the dot, unknown after it, and a refusal already heard stands", () => {
  check(PIPELINING, ["lost"], { last: "deferred mail next", usable: false });
  check(PIPELINING, ["250 a", "lost"], { last: "deferred rcpt next", usable: false });
  check(PIPELINING, ["250 a", "250 b", "lost"], { last: "deferred data next", usable: false });
  check(PIPELINING, ["250 a", "250 b", "354 c", "lost"], { last: "deferred data next", usable: false });
  check(PIPELINING, ["250 a", "250 b", "354 c", "sent", "lost"], { last: "unknown dot", usable: false });
  check(PIPELINING, ["550 5.1.8 no", "lost"], { last: "bounced mail 550", usable: false });
  check(PIPELINING, ["250 a", "550 no", "354 go", "lost"], { last: "bounced rcpt 550", usable: false });
});

test("answers that fit no question spend the session", () => {
  check(PIPELINING, ["garbage"], { last: "deferred mail next", usable: false });
  check(PIPELINING, ["354 what"], { last: "deferred mail 354 next", usable: false });
  check(PIPELINING, ["250 a", "250 b", "250 c"], { last: "deferred data 250 next", usable: false });
  check(PIPELINING, ["250 a", "250 b", "354 c", "sent", "garbage"], { last: "unknown dot", usable: false });
  check(PIPELINING, ["250 a", "250 b", "354 c", "sent", "354 d"], { last: "unknown dot 354", usable: false });
  // A reply while the message is being written.
  check(PIPELINING, ["250 a", "250 b", "354 c", "552 5.3.4 enough"], { last: "bounced data 552", usable: false });
  check(PIPELINING, ["250 a", "250 b", "354 c", "250 early"], { last: "deferred data 250 next", usable: false });
});

test("a reply nobody asked for spends an idle session", () => {
  const dialogue = check(PIPELINING, ["250 a", "250 b", "354 c", "sent", "250 d"], {
    last: "delivered dot 250",
    usable: true,
  });
  const effect = dialogue.reply({ kind: "reply", reply: { code: 421, text: "idle" }, lines: ["421 idle"] });
  expect(show(effect)).toBe("close");
  expect(dialogue.usable).toBe(false);
  expect(() => dialogue.begin(MAIL)).toThrow();
});

test("MAIL parameters follow what the server announced", () => {
  const all = { ...PIPELINING, size: true, eightBitMime: true, smtpUtf8: true };
  const first = (capabilities: typeof PIPELINING, transaction: Partial<Transaction>): string =>
    play(new Dialogue(capabilities, new Transcript()), { ...MAIL, ...transaction }, [])[0]?.split("|")[0] ?? "";
  const eightBit = { message: Buffer.from("\r\né\r\n") };
  expect(first(all, {})).toBe("MAIL FROM:<a@from.test> SIZE=18");
  expect(first(all, eightBit)).toBe("MAIL FROM:<a@from.test> SIZE=6 BODY=8BITMIME");
  expect(first(PIPELINING, eightBit)).toBe("MAIL FROM:<a@from.test>");
  expect(first(all, { needsSmtpUtf8: true })).toBe("MAIL FROM:<a@from.test> SIZE=18 SMTPUTF8");
  expect(first(all, { rcptTo: "é@dest.test" })).toBe("MAIL FROM:<a@from.test> SIZE=18 SMTPUTF8");
  expect(first(all, { mailFrom: "" })).toBe("MAIL FROM:<> SIZE=18");
  expect(first(all, { mailFrom: '"a b>"@from.test' })).toBe('MAIL FROM:<"a b>"@from.test> SIZE=18');
});

test("what this server cannot take is refused without a word, and the session stays", () => {
  const local = (
    capabilities: object,
    transaction: Partial<Transaction>,
    reason: RegExp,
    tryNextHost: boolean,
  ): void => {
    const dialogue = new Dialogue({ ...PIPELINING, ...capabilities }, new Transcript());
    const effect = dialogue.begin({ ...MAIL, ...transaction });
    const result = {
      kind: "bounced",
      phase: "local",
      reason: expect.stringMatching(reason),
      tryNextHost,
      transcript: [],
    };
    expect(effect).toEqual({ kind: "done", result });
    expect(play(dialogue, { ...MAIL, message: Buffer.from("\r\n") }, [])[0]).toContain("MAIL");
  };
  local({ size: true, sizeLimitOctets: 17 }, {}, /^5\.3\.4 /, false);
  local({}, { needsSmtpUtf8: true }, /^5\.6\.7 /, true);
  local({}, { rcptTo: "b@dest.test>\r\nRSET" }, /^5\.1\.3 /, false);
  local({}, { rcptTo: "b@dest.test> NOTIFY=NEVER" }, /^5\.1\.3 /, false);
  local({}, { rcptTo: '"b@dest.test' }, /^5\.1\.3 /, false);
  local({}, { mailFrom: "a\0@from.test" }, /^5\.1\.7 /, false);
});

test("the transcript has all lines, and of the message its size", () => {
  const dialogue = new Dialogue({ ...PIPELINING, size: true }, new Transcript());
  dialogue.begin(MAIL);
  const say = (code: number, text: string): Effect =>
    dialogue.reply({ kind: "reply", reply: { code, text }, lines: [`${code} ${text}`] });
  say(250, "a");
  say(250, "b");
  say(354, "c");
  dialogue.messageSent();
  expect(say(250, "queued")).toMatchObject({
    result: {
      reply: { code: 250, text: "queued" },
      transcript: [
        "C: MAIL FROM:<a@from.test> SIZE=18",
        "C: RCPT TO:<b@dest.test>",
        "C: DATA",
        "S: 250 a",
        "S: 250 b",
        "S: 354 c",
        "C: <18 octets of message>",
        "S: 250 queued",
      ],
    },
  });
});

test("the message goes out dot-stuffed", () => {
  const dialogue = new Dialogue(PIPELINING, new Transcript());
  const say = (code: number): Effect => dialogue.reply({ kind: "reply", reply: { code, text: "" }, lines: [] });
  dialogue.begin({ ...MAIL, message: Buffer.from("a\r\n.\r\nb\r\n") });
  say(250);
  say(250);
  expect(say(354)).toEqual({ kind: "message", wire: new Uint8Array(Buffer.from("a\r\n..\r\nb\r\n")) });
});
