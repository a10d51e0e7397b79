import { describe, expect, test } from "vitest";
import { align, type Authenticated } from "#dns/align.ts";
import { judgeByProviders, PROVIDER_RULES } from "#dns/provider-rules.ts";
import { SOME_SUFFIXES } from "../support/some-suffixes.ts";
import { resolverOf, type TxtZone } from "../support/txt-zone.ts";

const D: TxtZone = { "_dmarc.d.test": ["v=DMARC1; p=none"] };
const BOTH: Authenticated = { from: "d.test", spf: "send.d.test", dkim: ["d.test"] };

/** What is not `pass`, as `Provider requirement status`. */
const check = (title: string, zone: TxtZone, message: Authenticated, ...expected: string[]): void => {
  test(title, async () => {
    const verdicts = judgeByProviders(message, await align(message, SOME_SUFFIXES, resolverOf(zone)));
    expect(verdicts.length).toBe(PROVIDER_RULES.length);
    const wrong = verdicts.filter(({ status }) => status !== "pass");
    expect(wrong.map(({ provider, requirement, status }) => `${provider} ${requirement} ${status}`)).toEqual(expected);
  });
};

const forAll = (requirement: string, status: string): string[] =>
  ["Google", "Yahoo", "Microsoft"].map((provider) => `${provider} ${requirement} ${status}`);
const sorted = (...lines: string[]): string[] => {
  const order = PROVIDER_RULES.map(({ provider, requirement }) => `${provider} ${requirement} `);
  const placeOf = (line: string): number => order.findIndex((start) => line.startsWith(start));
  return lines.toSorted((a, b) => placeOf(a) - placeOf(b));
};

describe("a message is judged", () => {
  check("all is well", D, BOTH);
  check(
    "no SPF",
    D,
    { from: "d.test", dkim: ["d.test"] },
    ...sorted(...forAll("spf", "fail"), "Microsoft both-aligned warn"),
  );
  check(
    "no DKIM",
    D,
    { from: "d.test", spf: "d.test", dkim: [] },
    ...sorted(...forAll("dkim", "fail"), "Microsoft both-aligned warn"),
  );
  check(
    "neither",
    D,
    { from: "d.test", dkim: [] },
    ...sorted(
      "Google spf-or-dkim fail",
      "Yahoo spf-or-dkim fail",
      ...forAll("spf", "fail"),
      ...forAll("dkim", "fail"),
      ...forAll("aligned", "fail"),
      "Microsoft both-aligned warn",
    ),
  );
  check(
    "another's",
    D,
    { from: "d.test", spf: "esp.test", dkim: ["esp.test"] },
    ...sorted(...forAll("aligned", "fail"), "Microsoft both-aligned warn"),
  );
  check("one of both aligned", D, { from: "d.test", spf: "esp.test", dkim: ["d.test"] }, "Microsoft both-aligned warn");
  check(
    "no DMARC record",
    {},
    { from: "d.test", spf: "d.test", dkim: ["d.test"] },
    ...sorted(...forAll("dmarc", "fail")),
  );
  check(
    "aligned under one edition only",
    { "_dmarc.x.d.test": ["v=DMARC1; p=none"] },
    { from: "x.d.test", spf: "d.test", dkim: ["d.test"] },
    ...sorted(...forAll("aligned", "warn"), "Microsoft both-aligned warn"),
  );
  check(
    "a record for one edition only",
    { "_dmarc.test": ["v=DMARC1; p=none; psd=y"] },
    BOTH,
    ...sorted(...forAll("dmarc", "warn")),
  );
  check(
    "not known",
    { ...D, "_dmarc.d.test": { fails: "servfail" } },
    { from: "d.test", spf: "send.d.test", dkim: ["x.d.test"] },
    ...sorted(
      ...forAll("dmarc", "indeterminate"),
      ...forAll("aligned", "indeterminate"),
      "Microsoft both-aligned indeterminate",
    ),
  );
  check(
    "not known, but one is the same name",
    { "_dmarc.test": { fails: "servfail" }, ...D },
    BOTH,
    "Microsoft both-aligned indeterminate",
  );
});

test("what fails is answered as the providers publish it", () => {
  const replies = PROVIDER_RULES.flatMap(({ provider, reply }) =>
    reply === undefined ? [] : [`${provider} ${reply}`],
  );
  expect(replies).toContain("Google 4.7.32 or 5.7.32");
  expect(replies).toContain("Microsoft 550 5.7.515");
  expect(replies.some((reply) => reply.startsWith("Yahoo"))).toBe(false);
});
