/** The author of a DMARC report: whoever it says has written it, when SPF or DKIM of the mail proves just that organization. */
import { expect, test } from "vitest";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import { reportAuthor } from "../../../gateway/core/dmarc-report-author.ts";

test.each([
  ["its address", "Big Mail Inc.", "big.example", ["big.example"], "big.example"],
  ["below its address", "Big Mail Inc.", "reports.big.example", ["bounce.big.example"], "big.example"],
  ["its name", "big.example", "contractor.example", ["mx.big.example"], "big.example"],
  ["one of several", "Big Mail Inc.", "big.example", ["list.example", "BIG.example."], "big.example"],
  ["under a suffix of two labels", "x", "a.shop.co.uk", ["b.shop.co.uk"], "shop.co.uk"],
  ["nobody", "big.example", "big.example", [], undefined],
  ["another", "big.example", "big.example", ["evil.example"], undefined],
  ["a name that contains it", "big.example", "big.example", ["notbig.example", "big.example.evil.test"], undefined],
  ["a neighbour under a suffix", "x", "shop.co.uk", ["evil.co.uk"], undefined],
  ["a neighbour at a host of many", "x", "a.pages.dev", ["b.pages.dev"], undefined],
  ["what is no name", "Big Mail Inc.", undefined, ["Big Mail Inc.", ""], undefined],
] as const)("%s", (_, organization, reporter, authenticated, expected) => {
  const report = { organization, ...(reporter !== undefined && { reporter }) };
  expect(reportAuthor(report, authenticated, PUBLIC_SUFFIXES)).toBe(expected);
});
