import { describe, expect, test } from "vitest";
import { alignFindings } from "#dns/align-findings.ts";
import { align, type Authenticated } from "#dns/align.ts";
import type { Finding } from "#dns/finding.ts";
import { SOME_SUFFIXES } from "../support/some-suffixes.ts";
import { resolverOf, type TxtZone } from "../support/txt-zone.ts";

const RELAXED: TxtZone = { "_dmarc.d.test": ["v=DMARC1; p=reject"] };
const STRICT_SPF: TxtZone = { "_dmarc.d.test": ["v=DMARC1; p=reject; aspf=s"] };
const STRICT_DKIM: TxtZone = { "_dmarc.d.test": ["v=DMARC1; p=reject; adkim=s"] };

const check = (
  title: string,
  zone: TxtZone,
  message: Authenticated,
  code: Finding["code"],
  status: Finding["status"],
  says = "",
): void => {
  test(title, async () => {
    const found = alignFindings(message, await align(message, SOME_SUFFIXES, resolverOf(zone)));
    expect(found).toMatchObject([{ code, status, name: message.from }]);
    expect(found[0]?.text).toContain(says);
    expect(found[0]?.evidence[0]).toBe(`From ${message.from}`);
  });
};
const from = "d.test";
const well = (title: string, zone: TxtZone, message: Authenticated): void =>
  check(title, zone, message, "align.none", "pass");

describe("all is well", () => {
  well("both align", RELAXED, { from, spf: "send.d.test", dkim: ["d.test"] });
  well("DKIM does", RELAXED, { from, spf: "esp.test", dkim: ["esp.test", "d.test"] });
  well("without a record, by the list", {}, { from, spf: "send.d.test", dkim: ["x.d.test"] });
});

describe("align.none", () => {
  check(
    "another's",
    RELAXED,
    { from, spf: "esp.test", dkim: ["esp.test"] },
    "align.none",
    "fail",
    "SPF passes for esp.test, DKIM passes for esp.test, but the From is d.test",
  );
  check("nothing passes", RELAXED, { from, dkim: [] }, "align.none", "fail", "Neither SPF nor DKIM passes");
  check(
    "not known",
    { "_dmarc.d.test": { fails: "timeout" } },
    { from: "x.d.test", dkim: ["y.co.test"] },
    "align.none",
    "indeterminate",
  );
  well(
    "not known of one, but another aligns",
    { "_dmarc.test": { fails: "timeout" } },
    { from, dkim: ["d.test", "e.test"] },
  );
  well(
    "by the walk only",
    { "_dmarc.workers.dev": ["v=DMARC1; p=none"] },
    { from: "a.workers.dev", dkim: ["b.workers.dev"] },
  );
  well(
    "aligned for older receivers only is dmarc.psl-only",
    { "_dmarc.x.d.test": ["v=DMARC1; p=none"] },
    { from: "x.d.test", dkim: ["d.test"] },
  );
});

describe("align.strict", () => {
  check(
    "the return-path",
    STRICT_SPF,
    { from, spf: "send.d.test", dkim: ["d.test"] },
    "align.strict",
    "warn",
    "set `aspf=r`",
  );
  check(
    "the return-path, and nothing else",
    STRICT_SPF,
    { from, spf: "send.d.test", dkim: [] },
    "align.strict",
    "fail",
    "send.d.test is not d.test",
  );
  check(
    "the signature",
    STRICT_DKIM,
    { from, spf: "d.test", dkim: ["x.d.test"] },
    "align.strict",
    "warn",
    "set `adkim=r`",
  );
  well("one of two signatures", STRICT_DKIM, { from, spf: "d.test", dkim: ["x.d.test", "d.test"] });
  well("the same name", STRICT_SPF, { from, spf: "d.test", dkim: ["d.test"] });
  well("another's return-path is not the mode's fault", STRICT_SPF, { from, spf: "esp.test", dkim: ["d.test"] });
});

describe("align.spf-only", () => {
  check("no signature", RELAXED, { from, spf: "send.d.test", dkim: [] }, "align.spf-only", "warn");
  check("another's signature", RELAXED, { from, spf: "send.d.test", dkim: ["esp.test"] }, "align.spf-only", "warn");
  well("a signature too", RELAXED, { from, spf: "send.d.test", dkim: ["esp.test", "x.d.test"] });
});

describe("align.freemail", () => {
  check(
    "a mailbox provider's",
    {},
    { from: "gmail.com", spf: "send.d.test", dkim: ["d.test"] },
    "align.freemail",
    "fail",
  );
  check("one that sounds like it", {}, { from: "notgmail.com", dkim: ["d.test"] }, "align.none", "fail");
});
