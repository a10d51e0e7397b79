/** Codes in the words of bounces, and the numbers that are none. */
import { expect, test } from "vitest";
import { findStatus } from "../../../relay-node/inbound/quoted-status.ts";

/** `550 5.1.1`; `-` for what is not found. */
const check = (text: string, expected: string): void => {
  const { code = "-", status = "-" } = findStatus(text);
  expect(`${text}: ${code} ${status}`).toBe(`${text}: ${expected}`);
};

test("codes where codes stand", () => {
  check("smtp; 550 5.1.1 User unknown", "550 5.1.1");
  check("smtp;550 5.1.10 RESOLVER", "550 5.1.10");
  check("smtp; 550-5.7.26 Unauthenticated", "550 5.7.26");
  check("#554-5.2.2 mailbox full", "554 5.2.2");
  check("550 #5.1.0 Address rejected.", "550 5.1.0");
  check("Sorry, no mailbox here by that name. (#5.1.1)", "- 5.1.1");
  check("<ex01.example.net #5.1.1>", "- 5.1.1");
  check("#< #5.1.1 smtp; 550 unknown>", "550 5.1.1");
  check("Remote host said: 554 no", "554 -");
  check("    550 No such user here", "550 -");
  check("Remote Server returned '550 5.1.1 RESOLVER'", "550 5.1.1");
  check("ERROR CODE :550 - no", "550 -");
  check("<<< 550 User unknown.", "550 -");
  check("smtp; 250 2.0.0 Ok", "250 2.0.0");
});

test("both codes together are surer than one that stands before them", () => {
  check("tried 4.4.1, then 550 5.1.1 User unknown", "550 5.1.1");
});

test("two codes that disagree are both told: whoever judges them takes the milder", () => {
  check("550 4.1.1 odd", "550 4.1.1");
});

test("numbers that are no codes", () => {
  check("", "- -");
  check("host 5.1.1.7 took no mail", "- -");
  check("[192.5.1.1]", "- -");
  check("Exim 4.96.1", "- -");
  check("version 5.12.3.4", "- -");
  check("v5.1.1", "- -");
  check("see section 5.1.1 of our rules", "- -");
  check("line 550", "- -");
  check("there are 550 users", "- -");
  check("5.50", "- -");
  check("bob@5.1.1", "- -");
  check("3.1.1", "- -");
  check(": 5500", "- -");
});
