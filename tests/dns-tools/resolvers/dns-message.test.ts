/** Records of type SPF (99), which the decoder leaves as octets; hostile octets are no record and no crash. */
import { decode } from "dns-packet";
import { expect, test } from "vitest";
import { formatQuestion, readAnswer } from "#resolvers/dns-message.ts";

const SPF = [0, 99];
/** The response to the question, with one record of these octets. */
const respond = (...data: number[]): Uint8Array => {
  const question = formatQuestion("d.test", "SPF") ?? new Uint8Array();
  const end = 12 + "\x01d\x04test\0".length + 4;
  const header = [0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
  const record = [0xc0, 12, ...SPF, 0, 1, 0, 0, 0, 60, 0, data.length, ...data];
  return Uint8Array.from([...header, ...question.subarray(12, end), ...record]);
};
const octets = (text: string): number[] => [text.length, ...new TextEncoder().encode(text)];

test("it is asked for by its number", () => {
  const question = formatQuestion("d.test", "SPF") ?? new Uint8Array();
  expect(decode(Buffer.from(question)).questions?.[0]).toMatchObject({ name: "d.test", type: "SPF" });
});

test("its strings are read one by one", () => {
  const answer = readAnswer(respond(...octets("v=spf1 "), ...octets("-all")), "d.test", "SPF", "dns.test");
  expect(answer).toMatchObject({ kind: "records", ttlSeconds: 60 });
  const [strings = []] = answer.kind === "records" ? answer.records : [];
  expect(strings.map((bytes) => new TextDecoder().decode(bytes))).toEqual(["v=spf1 ", "-all"]);
});

test("a string that goes on behind the end makes it no record", () => {
  expect(readAnswer(respond(9, 118), "d.test", "SPF", "dns.test")).toMatchObject({ kind: "servfail" });
  expect(readAnswer(respond(), "d.test", "SPF", "dns.test")).toMatchObject({ kind: "records", records: [[]] });
});
