/** Each code of its own with a zone that gives exactly it, and near misses; what could not be looked up. */
import { describe, expect, test } from "vitest";
import { dmarcFindings } from "#dns/dmarc-findings.ts";
import { PROBE_LABEL } from "#dns/wildcard.ts";
import { ASK, GOOD, RUA, at, check, well } from "../support/dmarc-check.ts";
import { resolverOf, type TxtZone } from "../support/txt-zone.ts";

describe("all is well", () => {
  well("own record", at(GOOD));
  well("beside other texts", at("x", GOOD, "v=spf1 -all"));
  well("inherited", at(GOOD), { from: "news.d.test" });
  well("stray records elsewhere do not matter beside it", {
    ...at(GOOD),
    "d.test": [GOOD],
    "_dmarc.d.test.d.test": [GOOD],
  });
});

describe("dmarc.missing", () => {
  const missing = { code: "dmarc.missing", status: "fail", fix: `v=DMARC1; p=none; ${RUA}` } as const;
  check("nothing there", {}, [{ ...missing, name: "_dmarc.d.test", says: "d.test has no DMARC record" }]);
  check("nothing there, below", {}, [{ ...missing, name: "_dmarc.d.test" }], { from: "news.d.test" });
  check("the second level is a suffix", {}, [{ ...missing, name: "_dmarc.d.co.uk" }], { from: "a.b.d.co.uk" });
  check("other texts only", { "_dmarc.d.test": ["x", "v=spf1 -all"], "d.test": ["v=spf1 -all"] }, [missing]);
  check("a text that is no record at all, and very long", at(`v=DMARC ${" ".repeat(60_000)}x`), [missing]);
  test("without an address for reports", async () => {
    const { reportAddress: _, ...ask } = ASK;
    expect(await dmarcFindings(ask, resolverOf({}))).toMatchObject([{ fix: "v=DMARC1; p=none" }]);
  });
  check("only a public suffix has one", { "_dmarc.test": ["v=DMARC1; p=none; psd=y; pct=5"] }, [
    { code: "dmarc.missing", status: "warn", name: "_dmarc.d.test", says: "that of test, a public suffix" },
  ]);
  check(
    "not milder than the public suffix's",
    { "_dmarc.test": ["v=DMARC1; p=none; sp=reject; psd=y; rua=mailto:r@test"] },
    [{ code: "dmarc.missing", status: "warn", name: "_dmarc.d.test", fix: GOOD }],
  );
  well("the public suffix has one too", { "_dmarc.test": ["v=DMARC1; p=none; psd=y"], ...at(GOOD) });
});

describe("dmarc.psl-only", () => {
  const news: TxtZone = { "_dmarc.news.d.test": ["v=DMARC1; p=reject; rua=mailto:x@news.d.test"] };
  const only = {
    code: "dmarc.psl-only",
    name: "_dmarc.d.test",
    says: "because d.test has no DMARC record",
    fix: `v=DMARC1; p=none; ${RUA}`,
  } as const;
  const from = "news.d.test";
  check("nothing else aligns", news, [{ ...only, status: "fail" }], { from });
  check("the return-path does", news, [{ ...only, status: "warn" }], { from, spf: "b.news.d.test" });
  check("the signature does", news, [{ ...only, status: "warn" }], { from, dkim: ["news.d.test"] });
  well("all align by the walk", news, { from, spf: "b.news.d.test", dkim: ["news.d.test"] });
  well("the organization has a record", { ...news, ...at(GOOD) }, { from });
  well(
    "whether they align is not known",
    { ...news, "_dmarc.x.news.d.test": { fails: "timeout" } },
    { from, dkim: ["x.news.d.test"], spf: from },
  );
  well("another's names never align", news, { from, spf: "esp.test", dkim: ["esp.test"] });
  well(
    "psd=n parts them on purpose",
    { ...at(GOOD), "_dmarc.news.d.test": ["v=DMARC1; p=reject; psd=n; rua=mailto:x@news.d.test"] },
    { from },
  );
});

describe("what could not be looked up", () => {
  const ill = { fails: "servfail" } as const;
  const unknown = { code: "dns.indeterminate", status: "indeterminate" } as const;
  check("the record", { "_dmarc.d.test": ill, "d.test": [GOOD] }, [{ ...unknown, name: "_dmarc.d.test" }]);
  check("above, where it could apply", { "_dmarc.d.test": ill }, [{ ...unknown, name: "_dmarc.d.test" }], {
    from: "x.d.test",
  });
  check(
    "above a slip",
    { "_dmarc.d.test": ill, "_dmarc.x.d.test": [GOOD, GOOD] },
    [{ code: "dmarc.multiple", status: "warn" }, unknown],
    { from: "x.d.test" },
  );
  check(
    "a report destination's word",
    { ...at("v=DMARC1; p=reject; rua=mailto:x@r.example"), "d.test._report._dmarc.r.example": ill },
    [{ ...unknown, name: "d.test._report._dmarc.r.example" }],
  );
  check("whose organization it is", { ...at("v=DMARC1; p=reject; rua=mailto:x@r.example"), "_dmarc.r.example": ill }, [
    { ...unknown, name: "_dmarc.r.example" },
  ]);
  check(
    "whether it is the same organization",
    { ...at("v=DMARC1; p=reject; rua=mailto:x@r.test"), "_dmarc.test": ill },
    [{ ...unknown, name: "_dmarc.test" }],
  );
  well("above, where it does not matter", { ...at(GOOD), "_dmarc.test": ill });
});

test("text of strangers is cut and has no control characters", async () => {
  const [finding] = await dmarcFindings(ASK, resolverOf(at(`${GOOD}; x${"y".repeat(500)}=\u0007\n`)));
  expect(finding?.code).toBe("dmarc.syntax");
  expect(finding?.text).not.toMatch(/\p{Cc}/u);
  expect(finding?.text.length).toBeLessThan(500);
});

describe("dns.wildcard", () => {
  const wildcard = { code: "dns.wildcard", name: "_dmarc.d.test", says: "it overrides the wildcard" } as const;
  const quoted = { "_dmarc.d.test": [`"${GOOD}"`] };
  check("what a wildcard answers is not to be replaced", { ...quoted, [`${PROBE_LABEL}.d.test`]: [`"${GOOD}"`] }, [
    { ...wildcard, status: "fail", fix: GOOD },
  ]);
  check("the wildcard answers something else", { ...quoted, [`${PROBE_LABEL}.d.test`]: ["x"] }, [
    { code: "dmarc.quotes", status: "fail" },
  ]);
  const historic = [`${GOOD}; ri=1`];
  check("one that applies", { "_dmarc.d.test": historic, [`${PROBE_LABEL}.d.test`]: historic }, [
    { ...wildcard, status: "warn", fix: GOOD },
  ]);
});
