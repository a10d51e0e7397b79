/** The classification table, row by row, and that it is total. */
import { expect, test } from "vitest";
import { Phase } from "#contract/reply.ts";
import { classify } from "../../../relay-node/smtp/classify.ts";

/** `dot 552 5.2.2` → `bounced recipient`. */
const check = (reply: string, expected: string): void => {
  const [phase, code, enhanced] = reply.split(" ");
  const { kind, scope } = classify(Phase.parse(phase), Number(code), enhanced);
  expect(`${reply}: ${kind} ${scope}`).toBe(`${reply}: ${expected}`);
};

test("opening", () => {
  check("greeting 421", "deferred server");
  check("greeting 450", "deferred server");
  check("greeting 521", "bounced server");
  check("greeting 554", "deferred server");
  check("greeting 554 5.7.1", "deferred server");
  check("ehlo 550", "deferred server");
  check("ehlo 504", "deferred server");
  check("tls 454 4.7.0", "deferred server");
  check("auth 535 5.7.8", "deferred server");
  check("auth 454 4.7.0", "deferred server");
  check("auth 534 5.7.9", "deferred server");
  check("auth 504", "deferred server");
});

test("421 in any phase, whatever its enhanced code", () => {
  for (const phase of ["mail", "rcpt", "data", "dot"]) check(`${phase} 421 4.7.0`, "deferred server");
});

test("sender", () => {
  check("mail 550 5.1.8", "bounced recipient");
  check("rcpt 550 5.1.7", "bounced recipient");
  check("mail 553", "bounced recipient");
  check("mail 501", "bounced recipient");
  check("mail 550", "bounced recipient");
  check("mail 451", "deferred server");
  check("mail 450 4.1.8", "deferred recipient");
  check("mail 452 4.3.1", "deferred server");
  check("mail 552 5.3.4", "bounced recipient");
  check("mail 552", "bounced recipient");
  check("mail 530 5.7.0", "deferred server");
  check("mail 503 5.5.1", "deferred server");
  check("mail 555 5.5.4", "bounced server");
});

test("recipient", () => {
  check("rcpt 550 5.1.1", "bounced recipient");
  check("rcpt 550", "bounced recipient");
  check("rcpt 551", "bounced recipient");
  check("rcpt 553 5.1.3", "bounced recipient");
  check("rcpt 556 5.1.10", "bounced recipient");
  check("rcpt 550 5.2.1", "bounced recipient");
  check("rcpt 550 5.4.1", "bounced recipient");
  check("rcpt 554 5.4.6", "bounced server");
  check("rcpt 550 5.3.2", "bounced server");
  check("rcpt 571", "bounced recipient");
});

test("a full mailbox: bounced when the server says for good, deferred when it says for now", () => {
  check("rcpt 552 5.2.2", "bounced recipient");
  check("dot 552 5.2.2", "bounced recipient");
  check("rcpt 452 4.2.2", "deferred recipient");
  check("dot 452 4.2.2", "deferred recipient");
});

test("too many recipients is for now, even as 5xx", () => {
  check("rcpt 452 4.5.3", "deferred recipient");
  check("rcpt 550 5.5.3", "deferred recipient");
  check("rcpt 554 5.5.3", "deferred recipient");
  check("rcpt 552", "deferred recipient");
  check("dot 552", "bounced recipient");
});

test("policy and greylisting", () => {
  check("rcpt 550 5.7.1", "bounced recipient");
  check("dot 550 5.7.26", "bounced recipient");
  check("dot 554 5.7.1", "bounced recipient");
  check("rcpt 450 4.7.1", "deferred recipient");
  check("rcpt 451 4.7.1", "deferred recipient");
  check("rcpt 451", "deferred recipient");
  check("rcpt 450 4.2.0", "deferred recipient");
  check("rcpt 450", "deferred recipient");
});

test("after the message", () => {
  check("dot 250 2.0.0", "delivered recipient");
  check("dot 251", "delivered recipient");
  check("dot 354", "unknown recipient");
  check("dot 451", "deferred recipient");
  check("dot 451 4.3.0", "deferred server");
  check("dot 452", "deferred server");
  check("dot 451 4.4.2", "deferred server");
  check("dot 554", "bounced recipient");
  check("dot 550 5.6.0", "bounced recipient");
  check("data 451", "deferred server");
  check("data 554", "bounced recipient");
  check("data 503 5.5.1", "deferred server");
});

test("total: each phase and code has an answer with a reason; a 4xx never bounces, nothing out of place does", () => {
  for (const phase of Phase.options)
    for (let code = 200; code < 600; code++)
      for (const enhanced of [undefined, `${Math.floor(code / 100)}.7.1`, `${Math.floor(code / 100)}.9.999`]) {
        const { kind, reason } = classify(phase, code, enhanced);
        expect(reason).not.toBe("");
        if (code >= 400 && code < 500) expect(kind, `${phase} ${code}`).toBe("deferred");
        if (code < 400 && phase !== "dot") expect(kind, `${phase} ${code}`).toBe("deferred");
        if (code >= 500) expect(kind, `${phase} ${code}`).not.toBe("delivered");
      }
});
