/** The opening of a session by script, no socket. */
import { expect, test } from "vitest";
import { Opening, type OpeningEffect } from "../../../relay-node/smtp/opening.ts";
import { ReplyParser } from "../../../relay-node/smtp/reply.ts";
import type { Target } from "../../../relay-node/smtp/transaction.ts";
import { Transcript } from "../../../relay-node/smtp/transcript.ts";

const TARGET: Target = { host: "mx.test", ip: "192.0.2.1", port: 25, tls: "opportunistic" };
const AUTH = { user: "u", pass: "p" };

const show = (effect: OpeningEffect): string => {
  switch (effect.kind) {
    case "wait":
      return `wait ${effect.phase}`;
    case "send":
      return effect.text.trimEnd();
    case "start-tls":
      return "<tls>";
    case "open": {
      const { capabilities, tlsError } = effect;
      const able = Object.entries(capabilities).filter(([, value]) => value === true || typeof value === "number");
      return ["open", ...able.map(([name]) => name), ...(tlsError === undefined ? [] : [`(${tlsError})`])].join(" ");
    }
    case "failed": {
      const { kind, phase, reply, tlsFailed } = effect.failure;
      return [kind, phase, reply?.code, tlsFailed && "tls-failed"].filter((part) => part !== undefined).join(" ");
    }
  }
};

/** The server's part: a reply with `|` for CRLF, `secured`, `lost`. */
const play = (target: Partial<Target>, server: readonly string[]): { shown: string[]; transcript: string[] } => {
  const transcript = new Transcript();
  const opening = new Opening({ ...TARGET, ...target }, "me.test", transcript);
  const parser = new ReplyParser();
  let last = opening.connected();
  const shown = [show(last)];
  for (const act of server) {
    if (act === "secured") last = opening.secured();
    else if (act === "lost") last = opening.lost({ kind: "timed-out" });
    else {
      parser.push(Buffer.from(`${act.replaceAll("|", "\r\n")}\r\n`));
      const parsed = parser.next();
      if (!parsed) throw new Error(`no reply: ${act}`);
      last = opening.reply(parsed);
    }
    shown.push(show(last));
  }
  return { shown, transcript: last.kind === "failed" ? last.failure.transcript : transcript.take() };
};

const check = (target: Partial<Target>, server: readonly string[], expected: readonly string[]): void => {
  expect(play(target, server).shown, server.join(" / ")).toEqual(expected);
};

const GREET = ["wait greeting", "EHLO me.test"];

test("EHLO and its capabilities", () => {
  check(
    {},
    ["220 hi", "250-mx|250-PIPELINING|250-size 1000|250-8bitmime|250 SMTPUTF8"],
    [...GREET, "open pipelining size eightBitMime smtpUtf8 sizeLimitOctets"],
  );
  check({}, ["220 hi", "250-mx|250-SIZE|250 X-UNKNOWN a b"], [...GREET, "open size"]);
  check({}, ["220 hi", "250-mx|250 SIZE 0"], [...GREET, "open size"]);
  check({}, ["220 PIPELINING", "250 PIPELINING"], [...GREET, "open"]);
});

test("HELO when EHLO is not known", () => {
  check({}, ["220 hi", "502 what", "250 PIPELINING"], [...GREET, "HELO me.test", "open"]);
  check({}, ["220 hi", "502 what", "550 no"], [...GREET, "HELO me.test", "deferred ehlo 550"]);
  check({}, ["220 hi", "451 later"], [...GREET, "deferred ehlo 451"]);
});

test("greetings that refuse", () => {
  check({}, ["554 no"], ["wait greeting", "deferred greeting 554"]);
  check({}, ["521 no mail here"], ["wait greeting", "bounced greeting 521"]);
  check({}, ["421 busy"], ["wait greeting", "deferred greeting 421"]);
  check({}, ["250 hi"], ["wait greeting", "deferred greeting 250"]);
  check({}, ["HTTP/1.1 400 Bad Request"], ["wait greeting", "deferred greeting"]);
  check({}, ["lost"], ["wait greeting", "deferred greeting"]);
});

test("STARTTLS: EHLO again, and nothing said before it counts", () => {
  check(
    {},
    ["220 hi", "250-mx|250-PIPELINING|250 STARTTLS", "220 go", "secured", "250 mx"],
    [...GREET, "STARTTLS", "<tls>", "EHLO me.test", "open"],
  );
  check(
    { tls: "required" },
    ["220 hi", "250-mx|250 STARTTLS", "220 go", "secured", "502 x", "250 y"],
    [...GREET, "STARTTLS", "<tls>", "EHLO me.test", "HELO me.test", "open"],
  );
});

test("STARTTLS refused or failing", () => {
  const offered = ["220 hi", "250-mx|250-PIPELINING|250 STARTTLS"];
  check(
    {},
    [...offered, "454 4.7.0 not now"],
    [...GREET, "STARTTLS", "open pipelining startTls (STARTTLS refused: 454 not now)"],
  );
  check({ tls: "required" }, [...offered, "454 not now"], [...GREET, "STARTTLS", "deferred tls 454"]);
  check({}, [...offered, "421 bye"], [...GREET, "STARTTLS", "deferred tls 421"]);
  check({}, [...offered, "220 go", "lost"], [...GREET, "STARTTLS", "<tls>", "deferred tls tls-failed"]);
  check({}, [...offered, "lost"], [...GREET, "STARTTLS", "deferred tls tls-failed"]);
  check({ tls: "required" }, ["220 hi", "250 mx"], [...GREET, "deferred tls"]);
  check({ tls: "none" }, offered, [...GREET, "open pipelining startTls"]);
});

test("implicit TLS before the greeting", () => {
  check({ tls: "implicit" }, ["secured", "220 hi", "250-mx|250 STARTTLS"], ["<tls>", ...GREET, "open startTls"]);
  check({ tls: "implicit" }, ["lost"], ["<tls>", "deferred tls tls-failed"]);
});

test("AUTH, and its secrets masked in the transcript", () => {
  const plain = Buffer.from("\0u\0p").toString("base64");
  const implicit = { tls: "implicit", auth: AUTH } as const;
  const upTo = ["<tls>", ...GREET];
  check(
    implicit,
    ["secured", "220 hi", "250-mx|250 AUTH LOGIN PLAIN", "235 ok"],
    [...upTo, `AUTH PLAIN ${plain}`, "open"],
  );
  check(
    implicit,
    ["secured", "220 hi", "250-mx|250 AUTH=LOGIN", "334 VXNlcg", "334 UGFzcw", "235 ok"],
    [...upTo, "AUTH LOGIN", "dQ==", "cA==", "open"],
  );
  check(
    implicit,
    ["secured", "220 hi", "250-mx|250 AUTH PLAIN", "535 5.7.8 no"],
    [...upTo, `AUTH PLAIN ${plain}`, "deferred auth 535"],
  );
  check(
    implicit,
    ["secured", "220 hi", "250-mx|250 AUTH PLAIN", "334 more"],
    [...upTo, `AUTH PLAIN ${plain}`, "deferred auth 334"],
  );
  check(implicit, ["secured", "220 hi", "250-mx|250 AUTH GSSAPI"], [...upTo, "deferred auth"]);

  const login = play(implicit, ["secured", "220 hi", "250-mx|250 AUTH LOGIN", "334 VXNlcg", "334 UGFzcw", "235 ok"]);
  expect(login.transcript.filter((line) => line.startsWith("C:"))).toEqual([
    "C: EHLO me.test",
    "C: AUTH LOGIN",
    "C: ***",
    "C: ***",
  ]);
  const refused = play(implicit, ["secured", "220 hi", "250-mx|250 AUTH PLAIN", "535 no"]).transcript.join("\n");
  expect(refused).toContain("C: AUTH PLAIN ***");
  expect(refused).not.toContain(plain);
});

test("credentials are not said in the clear, but to loopback", () => {
  const server = ["220 hi", "250-mx|250 AUTH PLAIN"];
  check({ auth: AUTH }, server, [...GREET, "deferred auth"]);
  check({ auth: AUTH, tls: "none" }, server, [...GREET, "deferred auth"]);
  check({ auth: AUTH, ip: "127.0.0.3" }, [...server, "235 ok"], [...GREET, "AUTH PLAIN AHUAcA==", "open"]);
});
