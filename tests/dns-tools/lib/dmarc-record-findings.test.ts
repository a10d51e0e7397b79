/** Codes of a record by its text: for each a zone that gives exactly it, and near misses. */
import { describe, expect, test } from "vitest";
import { dmarcFindings } from "#dns/dmarc-findings.ts";
import { ASK, GOOD, RUA, at, check, well } from "../support/dmarc-check.ts";
import { resolverOf } from "../support/txt-zone.ts";

describe("dmarc.syntax", () => {
  const syntax = { code: "dmarc.syntax", name: "_dmarc.d.test" } as const;
  const unread = { ...syntax, status: "fail", says: "does not begin with `v=DMARC1;`" } as const;
  check("version in small letters", at(`v=dmarc1; p=reject; ${RUA}`), [{ ...unread, fix: GOOD }]);
  check("no semicolon", at(`v=DMARC1 p=reject; ${RUA}`), [{ ...unread, fix: GOOD }]);
  check("comma", at(`v=DMARC1, p=reject; ${RUA}`), [{ ...unread, fix: GOOD }]);
  check("backslashes", at(`v=DMARC1\\; p=reject\\; ${RUA}`), [{ ...unread, fix: GOOD }]);
  check("version not first", at(`p=reject; ${RUA}; v=DMARC1`), [{ ...unread, fix: GOOD }]);
  check("v= forgotten", at(`DMARC1; p=reject; ${RUA}`), [{ ...unread, fix: GOOD }]);
  check("in quotes and no semicolon", at(`"v=DMARC1 p=reject; ${RUA}"`), [{ ...unread, fix: GOOD }]);
  test("beyond mending", async () => {
    for (const text of ["v=DMARC1 none rua=x", "v=dmarc1", "v=DMARC2 sp=none"]) {
      const [finding] = await dmarcFindings(ASK, resolverOf(at(text)));
      expect(finding).toMatchObject({ ...syntax, status: "fail" });
      expect(finding).not.toHaveProperty("fix");
    }
  });
  check("a tag twice", at("v=DMARC1; p=none; p=reject"), [
    { ...syntax, status: "fail", says: "the tag `p` is there twice" },
  ]);
  check("no policy, no reports", at("v=DMARC1;"), [{ ...syntax, status: "fail", says: "there is no `p`" }]);
  check("no policy", at(`v=DMARC1; ${RUA}`), [
    { ...syntax, status: "warn", says: "take the policy to be none", fix: `v=DMARC1; p=none; ${RUA}` },
  ]);
  check("a policy that is none", at(`v=DMARC1; p=block; ${RUA}`), [
    { ...syntax, status: "warn", says: "mistake: `p=block` is not none, quarantine or reject. Receivers" },
  ]);
  check("a wrong sp undoes p", at(`v=DMARC1; p=reject; sp=block; ${RUA}`), [
    { ...syntax, status: "warn", says: "take the policy to be none" },
  ]);
  check("a tag in capitals", at(`v=DMARC1; P=reject; ${RUA}`), [
    { ...syntax, status: "warn", says: "`P` is to be written `p`", fix: GOOD },
  ]);
  check("an unknown tag", at(`${GOOD}; reject`, "x"), [
    { ...syntax, status: "warn", says: "`reject` is not tag=value. Receivers pass over it", fix: GOOD },
  ]);
  check("no such tag", at(`${GOOD}; ruaa=x`), [{ ...syntax, status: "warn", says: "no tag `ruaa`", fix: GOOD }]);
  check("an address without mailto:", at("v=DMARC1; p=reject; rua=dmarc@d.test"), [
    { ...syntax, status: "warn", says: "`rua=dmarc@d.test` lacks `mailto:`", fix: GOOD },
  ]);
  check("one of two addresses without mailto:", at("v=DMARC1; p=reject; rua=mailto:a@d.test,b@d.test"), [
    { ...syntax, status: "warn", fix: "v=DMARC1; p=reject; rua=mailto:a@d.test,mailto:b@d.test" },
  ]);
  check("what is no address stays a mistake", at(`v=DMARC1; p=reject; rua=d.test; ruf=${"x".repeat(60)}@d.test`), [
    { ...syntax, status: "warn", says: "`rua=d.test` is not a URI", fix: GOOD },
  ]);
  check("very many mistakes", at(`${GOOD}; ${"x;".repeat(50)}`), [{ ...syntax, says: "; and more" }]);
  well("capitals where they do not matter", at(`V=DMARC1;p=REJECT;${RUA};`));
  well(
    "all tags of the RFC",
    at(`${GOOD}; sp=quarantine; np=reject; adkim=s; aspf=r; t=n; psd=u; fo=1:d; ruf=mailto:r@d.test`),
  );
});

describe("dmarc.historic-tag", () => {
  const historic = { code: "dmarc.historic-tag", status: "warn", name: "_dmarc.d.test" } as const;
  check("pct that held back", at(`${GOOD}; pct=50`), [
    { ...historic, says: "apply p=reject to all mail", fix: `v=DMARC1; p=reject; t=y; ${RUA}; pct=50` },
  ]);
  check("pct=0", at(`${GOOD}; pct=0`), [{ ...historic, fix: `v=DMARC1; p=reject; t=y; ${RUA}; pct=0` }]);
  check("pct=100", at(`${GOOD}; pct=100`), [{ ...historic, says: "pass over that", fix: GOOD }]);
  check("rf and ri", at(`${GOOD}; rf=afrf; ri=86400`), [{ ...historic, says: "`rf=afrf`, `ri=86400`", fix: GOOD }]);
  check("a size", at(`v=DMARC1; p=reject; ${RUA}!10m`), [{ ...historic, says: "!10m", fix: GOOD }]);
  well("pct and t hold it back at older receivers and at others", at(`${GOOD}; pct=50; t=y`));
  check("pct and t, and a tag of no use", at(`${GOOD}; pct=50; t=y; ri=1`), [
    { ...historic, says: "has `ri=1`, which", fix: `v=DMARC1; p=reject; t=y; ${RUA}; pct=50` },
  ]);
  check("not of a policy that none of it holds back", at(`v=DMARC1; p=none; pct=50; ${RUA}`), [
    { ...historic, says: "pass over that", fix: `v=DMARC1; p=none; ${RUA}` },
  ]);
  check("an address is added in the same paste", at("v=DMARC1; p=reject; pct=100"), [
    { ...historic, fix: GOOD },
    { code: "dmarc.no-rua", fix: GOOD },
  ]);
  well("t is not historic", at(`${GOOD}; t=y`));
});

describe("dmarc.no-rua", () => {
  const noRua = { code: "dmarc.no-rua", status: "warn", name: "_dmarc.d.test" } as const;
  check("none", at("v=DMARC1; p=reject"), [{ ...noRua, fix: GOOD }]);
  test("without an address for reports there is nothing to paste", async () => {
    const { reportAddress: _, ...ask } = ASK;
    const [finding] = await dmarcFindings(ask, resolverOf(at("v=DMARC1; p=reject")));
    expect(finding).toMatchObject(noRua);
    expect(finding).not.toHaveProperty("fix");
  });
  check("with p=none it is the first thing to do", at("v=DMARC1; p=none"), [
    { ...noRua, fix: `v=DMARC1; p=none; ${RUA}` },
  ]);
  check("no mailto:", at("v=DMARC1; p=reject; rua=https://r.test"), [
    { ...noRua, says: "no `mailto:`", fix: `v=DMARC1; p=reject; rua=https://r.test,mailto:dmarc@d.test` },
  ]);
  check("ruf is something else", at("v=DMARC1; p=reject; ruf=mailto:dmarc@d.test"), [noRua]);
  well("a mailto: among others", at("v=DMARC1; p=reject; rua=https://r.test,mailto:dmarc@d.test"));
});

describe("dmarc.none-forever", () => {
  const forever = { code: "dmarc.none-forever", status: "warn", name: "_dmarc.d.test" } as const;
  const none = `v=DMARC1; p=none; ${RUA}`;
  check("nobody knows for how long", at(none), [
    { ...forever, says: "p=none: anybody", fix: `v=DMARC1; p=quarantine; t=y; ${RUA}` },
  ]);
  check("too long", at(none), [{ ...forever, says: "p=none for 91 days" }], { noneForDays: 91.5 });
  check(
    "for subdomains",
    at(`v=DMARC1; p=reject; sp=none; ${RUA}`),
    [
      {
        ...forever,
        name: "_dmarc.x.d.test",
        says: "publish the record below at _dmarc.x.d.test",
        fix: `v=DMARC1; p=quarantine; t=y; ${RUA}`,
      },
    ],
    { from: "x.d.test" },
  );
  check("t would hold back what is in force", at(`v=DMARC1; p=none; sp=reject; ${RUA}`), [
    { ...forever, says: "go on to p=quarantine.", fix: `v=DMARC1; p=quarantine; sp=reject; ${RUA}` },
  ]);
  check(
    "nor for names that do not exist",
    at(`v=DMARC1; p=reject; sp=none; np=reject; psd=n; ${RUA}`),
    [{ ...forever, name: "_dmarc.x.d.test", fix: `v=DMARC1; p=quarantine; np=reject; ${RUA}` }],
    { from: "x.d.test" },
  );
  check("p=none for subdomains too", at(none), [{ ...forever, fix: `v=DMARC1; p=quarantine; t=y; ${RUA}` }], {
    from: "x.d.test",
  });
  check("while the record is wrong", at(`v=DMARC1; p=reject; sp=none; np=block; ${RUA}`), [{ code: "dmarc.syntax" }], {
    from: "x.d.test",
  });
  well("not for long", at(none), { noneForDays: 90 });
  well("sp is not for the domain itself", at(`v=DMARC1; p=reject; sp=none; ${RUA}`));
  well("p is not for subdomains with an sp", at(`v=DMARC1; p=none; sp=reject; ${RUA}`), { from: "x.d.test" });
  well("another policy", at(`v=DMARC1; p=quarantine; ${RUA}`));
});
