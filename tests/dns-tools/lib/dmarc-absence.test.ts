/** Codes of records that receivers do not find: for each a zone that gives exactly it, and near misses. */
import { describe, expect, test } from "vitest";
import { dmarcFindings } from "#dns/dmarc-findings.ts";
import { ASK, GOOD, RUA, at, check, well } from "../support/dmarc-check.ts";
import { resolverOf } from "../support/txt-zone.ts";

describe("dmarc.multiple", () => {
  const multiple = { code: "dmarc.multiple", name: "_dmarc.d.test" } as const;
  check("two", at("v=DMARC1; p=none", GOOD), [{ ...multiple, status: "fail", fix: GOOD, says: "2 DMARC records" }]);
  check("the same twice", at(GOOD, GOOD), [{ ...multiple, status: "fail", fix: GOOD }]);
  check("none of use", at("v=DMARC1", "v=DMARC1;"), [{ ...multiple, fix: "v=DMARC1" }]);
  check("none with reports", at("v=DMARC1", "v=DMARC1; p=none"), [{ ...multiple, fix: "v=DMARC1; p=none" }]);
  check("at the parent, which would apply", at(GOOD, GOOD), [{ ...multiple, status: "fail" }], { from: "x.d.test" });
  check(
    "the parent's applies meanwhile",
    { ...at(GOOD), "_dmarc.x.d.test": [GOOD, GOOD] },
    [{ ...multiple, name: "_dmarc.x.d.test", status: "warn" }],
    { from: "x.d.test" },
  );
  well(
    "at the parent of a domain with one",
    { ...at(GOOD, GOOD), "_dmarc.x.d.test": ["v=DMARC1; p=reject; rua=mailto:x@x.d.test"] },
    { from: "x.d.test", spf: "x.d.test", dkim: ["x.d.test"] },
  );
  well("one record and something like one", at(GOOD, "v=dmarc1; p=none"));
});

describe("dmarc.wrong-name", () => {
  const wrong = { code: "dmarc.wrong-name", status: "fail", name: "_dmarc.d.test", fix: GOOD } as const;
  check("at the domain itself", { "d.test": [GOOD, "v=spf1 -all"] }, [
    { ...wrong, says: "stands at d.test, where no receiver looks; they look at _dmarc.d.test. Move it to" },
  ]);
  check("the panel appended the domain", { "_dmarc.d.test.d.test": [GOOD] }, [
    { ...wrong, says: "adds d.test itself: enter only `_dmarc`" },
  ]);
  check("without the underscore", { "dmarc.d.test": [GOOD] }, [{ ...wrong, says: "stands at dmarc.d.test" }]);
  check("of the organization", { "d.test": [GOOD] }, [{ ...wrong, says: "stands at d.test" }], {
    from: "x.d.test",
  });
  check("something else there", { "d.test": ["v=spf1 -all"] }, [{ code: "dmarc.missing", status: "fail" }]);
  check("it cannot be looked up there", { "d.test": { fails: "servfail" } }, [
    { code: "dmarc.missing", status: "fail" },
  ]);
  test("names that cannot be are not asked", async () => {
    const from = `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.test`;
    expect(await dmarcFindings({ ...ASK, from }, resolverOf({}))).toMatchObject([{ code: "dmarc.missing" }]);
  });
});

describe("dmarc.quotes", () => {
  const quotes = { code: "dmarc.quotes", status: "fail", name: "_dmarc.d.test", fix: GOOD } as const;
  for (const text of [`"${GOOD}"`, `\\"${GOOD}\\"`, `“${GOOD}”`, ` '${GOOD}'`, `"${GOOD}`])
    check(text, at(text), [quotes]);
  check(
    "while the parent's applies",
    { ...at(GOOD), "_dmarc.x.d.test": [`"${GOOD}"`] },
    [{ ...quotes, name: "_dmarc.x.d.test", status: "warn" }],
    { from: "x.d.test" },
  );
  check(
    "it is not made milder than the parent's",
    { ...at(GOOD), "_dmarc.x.d.test": [`"v=DMARC1; p=none; ${RUA}"`] },
    [{ ...quotes, name: "_dmarc.x.d.test", status: "warn", says: "Meanwhile p=reject of _dmarc.d.test holds" }],
    { from: "x.d.test" },
  );
  check(
    "nor by t=y",
    { ...at(GOOD), "_dmarc.x.d.test": [`"${GOOD}; t=y"`] },
    [{ ...quotes, name: "_dmarc.x.d.test", status: "warn" }],
    { from: "x.d.test" },
  );
  check("while a public suffix's applies", { ...at(`"${GOOD}"`), "_dmarc.test": ["v=DMARC1; p=none; psd=y"] }, [
    { ...quotes, status: "warn" },
  ]);
  well("in quotes beside the right one", at(`"${GOOD}"`, GOOD));
});
