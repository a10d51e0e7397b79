/** The author of a DMARC report: whose name stands in its From, when SPF or DKIM of the mail proves just that organization. */
import { expect, test } from "vitest";
import { PUBLIC_SUFFIXES } from "#resolvers/public-suffixes.ts";
import { reportAuthor } from "../../../gateway/core/dmarc-report-author.ts";

test.each([
  ["itself", "big.example", ["big.example"], "big.example"],
  ["below it", "reports.big.example", ["bounce.big.example"], "big.example"],
  ["one of several", "big.example", ["list.example", "BIG.example."], "big.example"],
  ["under a suffix of two labels", "a.shop.co.uk", ["b.shop.co.uk"], "shop.co.uk"],
  // As large receivers send them.
  ["Google", "google.com", ["google.com"], "google.com"],
  ["Microsoft", "microsoft.com", ["microsoft.com", "protection.outlook.com"], "microsoft.com"],
  ["Yahoo, whose report names yahooinc.com", "dmarc.yahoo.com", ["dmarc.yahoo.com"], "yahoo.com"],
  ["Mail.Ru", "corp.mail.ru", ["corp.mail.ru"], "mail.ru"],
  ["Amazon SES", "amazonses.com", ["amazonses.com"], "amazonses.com"],
  ["GMX", "gmx.net", ["gmx.net"], "gmx.net"],
  ["nobody", "big.example", [], undefined],
  ["another", "big.example", ["evil.example"], undefined],
  ["a customer of a large sender", "evil.test", ["eu-west-1.amazonses.com"], undefined],
  ["a name that contains it", "big.example", ["notbig.example", "big.example.evil.test"], undefined],
  ["a neighbour under a suffix", "shop.co.uk", ["evil.co.uk", "co.uk"], undefined],
  ["a neighbour at a host of many", "a.pages.dev", ["b.pages.dev"], undefined],
  ["several in From, or none", undefined, ["big.example"], undefined],
  ["what is no name", "", ["", "Big Mail Inc."], undefined],
] as const)("%s", (_, from, authenticated, expected) => {
  expect(reportAuthor(from, authenticated, PUBLIC_SUFFIXES)).toBe(expected);
});
