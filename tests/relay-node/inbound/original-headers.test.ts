/** Which fields of a returned message are kept. */
import { expect, test } from "vitest";
import { originalHeaders, quotedHeaders } from "../../../relay-node/inbound/original-headers.ts";

const check = (header: string, expected: Record<string, string>): void => {
  const text = header.replaceAll("\n", "\r\n");
  expect(
    originalHeaders([
      { type: "text/plain", text: "" },
      { type: "message/rfc822", text },
    ]),
    header,
  ).toEqual(expected);
};

test("what says that it is ours, the first of each name, from the header alone", () => {
  check("", {});
  check("From: a@b.example\nTo: c@d.example\nSubject: secret\n\nbody", {});
  check("Message-ID: <1@a.example>\nMESSAGE-ID: <2@a.example>\n\nMessage-ID: <3@a.example>", {
    "message-id": "<1@a.example>",
  });
  check("X-Hikyaku-Delivery: 1\nX-Hikyaku-: 2\nFeedback-ID: a:b:c\nReturn-Path:\n <t@bounce.example>\n", {
    "x-hikyaku-delivery": "1",
    "feedback-id": "a:b:c",
    "return-path": "<t@bounce.example>",
  });
  check("\n\nMessage-ID:\n\n", {});
});

test("at most twenty", () => {
  const many = Array.from({ length: 100 }, (_, at) => `X-Hikyaku-${at}: x`).join("\n");
  expect(Object.keys(originalHeaders([{ type: "message/global", text: many }])).length).toBe(20);
});

test("every form of a returned message, and nothing else", () => {
  const text = "Message-ID: <1@a.example>";
  for (const type of ["message/rfc822", "text/rfc822-headers", "message/global", "message/global-headers"])
    expect(originalHeaders([{ type, text }])).toEqual({ "message-id": "<1@a.example>" });
  expect(originalHeaders([{ type: "message/partial", text }])).toEqual({});
});

test("quoted in a text, perhaps behind marks", () => {
  expect(quotedHeaders("Hello\n> Message-ID: <1@a.example>\n  Feedback-ID:x \nMessage-ID: <2@a.example>\n")).toEqual({
    "message-id": "<1@a.example>",
    "feedback-id": "x",
  });
});
