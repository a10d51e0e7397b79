/** What is said of SPF at the return-path: each code with a zone that gives exactly it, and near misses. */
import { describe, expect, test } from "vitest";
import { walkSpf } from "#dns/spf-cost.ts";
import { spfFindings } from "#dns/spf-findings.ts";
import type { SpfWanted } from "#dns/spf-wanted.ts";
import { recordedResolver, type RecordedName } from "#resolvers/recorded.ts";
import { check, checkAt, findingsOf, GOOD, NOBODY, OURS, spf, troubles, WORLD } from "../support/spf-scene.ts";

describe("right", () => {
  test("says so, once for the record and once for us", async () => {
    const findings = await findingsOf({ "d.test": spf(`v=spf1 include:other.test ${GOOD}`) });
    expect(findings.map(({ code, status }) => `${code} ${status}`)).toEqual([
      "spf.not-authorised pass",
      "spf.lookups pass",
    ]);
    expect(findings.map(({ text }) => text)).toEqual([
      "The SPF record of d.test lets our relays send.",
      "The SPF record of d.test is right. It needs 2 of 10 look-ups.",
    ]);
  });
  check(GOOD, {}, "");
  check("redirect=e.test", { "e.test": spf(`v=spf1 ${GOOD}`) }, "");
  check("a:h.test -all", {}, "", {}, NOBODY);
  test("the record is not called right when there is something to say about it", async () => {
    const findings = await findingsOf({ "d.test": spf("v=spf1 include:ours.test ?all") });
    expect(findings.map(({ code }) => code)).toEqual(["spf.neutral-all", "spf.not-authorised"]);
  });
});

describe("spf.missing", () => {
  const fix = "v=spf1 include:ours.test ~all";
  checkAt("nxdomain", {}, "spf.missing fail", { fix, text: "no SPF record" });
  checkAt({ A: ["192.0.2.1"] }, {}, "spf.missing fail", { fix });
  checkAt(spf("site=abc", "v=DMARC1; p=none"), {}, "spf.missing fail", { fix });
  checkAt(spf("site=abc", `v=spf1 ${GOOD}`), {}, "");
  test("as long as nobody is known to send, nothing is there to be published", async () => {
    const [finding] = await findingsOf({ "d.test": "nxdomain" }, NOBODY);
    expect(finding).toMatchObject({ code: "spf.missing", text: expect.stringContaining("Say who sends for you") });
    expect(finding).not.toHaveProperty("fix");
  });
  const relays = { includes: [], addresses: ["192.0.2.1", "2001:db8::7"] };
  checkAt("nxdomain", {}, "spf.missing fail", { fix: "v=spf1 ip4:192.0.2.1 ip6:2001:db8::7 ~all" }, relays);
});

describe("what was nearly a record is mended, not thrown away", () => {
  const mended = (text: string, fix: string, wanted = OURS): void =>
    checkAt(spf(text), {}, "spf.syntax fail", { fix }, wanted);
  mended('"v=spf1 mx:h.test -all"', "v=spf1 include:ours.test mx:h.test -all");
  mended("v=spf1; mx:h.test -all;", "v=spf1 mx:h.test -all", NOBODY);
  mended("v=spf1include:ours.test ~all", `v=spf1 ${GOOD}`);
  mended("v=spf2 moo", `v=spf1 ${GOOD}`);
  test("what cannot be mended, of nobody known, has nothing to be published", async () => {
    for (const seen of [{}, { type99: ["v=spf1 moo"] }]) {
      const zone = { "d.test": spf("type99" in seen ? "x" : "v=spf2 moo") };
      const [finding] = await findingsOf(zone, NOBODY, seen);
      expect(finding?.status).toBe("fail");
      expect(finding).not.toHaveProperty("fix");
    }
  });
});

describe("no room for us", () => {
  const costly = (count: number): string => `${"a:h.test ".repeat(count)}~all`;
  test("the tenth look-up is ours, an eleventh would break the record", async () => {
    const [room] = await findingsOf({ "d.test": spf(`v=spf1 ${costly(9)}`) });
    expect(room).toMatchObject({ code: "spf.not-authorised", fix: expect.stringContaining("include:ours.test") });
    const [full] = await findingsOf({ "d.test": spf(`v=spf1 ${costly(10)}`) });
    expect(full).toMatchObject({ code: "spf.not-authorised", text: expect.stringContaining("such as send.d.test") });
    expect(full).not.toHaveProperty("fix");
  });
});

describe("dns.indeterminate: what could not be found out is not missing", () => {
  for (const failure of ["servfail", "timeout", "refused"] as const)
    checkAt(failure, {}, "dns.indeterminate indeterminate", { text: "may be right" });
  check(`include:ill.test ${GOOD}`, {}, "dns.indeterminate indeterminate", { text: "`include:ill.test`" });
  check("include:ill.test ~all", {}, "dns.indeterminate indeterminate");
  check(`a:ill.test ${GOOD}`, {}, "dns.indeterminate indeterminate", { text: "`a:ill.test`" });
  test("two resolvers that disagree are told as such", () => {
    const tree = { kind: "unknown", domain: "d.test", reason: "two resolvers disagree: a, b" } as const;
    expect(troubles(spfFindings(OURS, { tree }))).toBe("dns.disagree indeterminate");
  });
});

describe("spf.multiple", () => {
  const two = spf("v=spf1 mx:h.test -all", `v=spf1 ${GOOD}`);
  checkAt(two, {}, "spf.multiple fail", { text: "2 SPF records", fix: "v=spf1 mx:h.test include:ours.test ~all" });
  checkAt(spf(`v=spf1 ${GOOD}`, `v=spf1 ${GOOD}`), {}, "spf.multiple fail");
  checkAt(spf(`v=spf1 ${GOOD}`, "v=spf10 -all", "spf2.0/pra -all"), {}, "");
  checkAt(spf("v=spf1 moo ~all", `v=spf1 ${GOOD}`), {}, "spf.multiple fail", { text: "Keep the one that is right" });
  const below = { "two.test": spf("v=spf1 -all", "v=spf1 -all") };
  check(`include:two.test ${GOOD}`, below, "spf.multiple fail", { name: "two.test", text: "`include:two.test`" });
});

describe("spf.syntax", () => {
  check("include:ours.test moo ~all", {}, "spf.syntax fail", { text: "`moo` at character 26: it is no mechanism" });
  checkAt(spf('"v=spf1 include:ours.test ~all"'), {}, "spf.syntax fail", {
    text: "does not begin",
    fix: `v=spf1 ${GOOD}`,
  });
  checkAt(spf(" v=spf1 ~all"), {}, "spf.syntax fail");
  checkAt(spf("v=spf1; ~all"), {}, "spf.syntax fail");
  checkAt(spf("v=spf1-all"), {}, "spf.syntax fail");
  check(`include=other.test ${GOOD}`, {}, "spf.syntax warn", { text: "pass over it" });
  check(`ra=100 ${GOOD}`, {}, "");
  checkAt(spf("x", `V=SPF1  ${GOOD} `), {}, "");
  const below = { "bad.test": spf("v=spf1 ip4:1.2.3 -all") };
  check(`include:bad.test ${GOOD}`, below, "spf.syntax fail", { name: "bad.test", text: "`ip4:1.2.3`" });
  const hostile = spf(`v=spf1 ${"x".repeat(60_000)}\u001b[31m\u0000`);
  test("a hostile text is shown short and without its control characters", async () => {
    const [finding] = await findingsOf({ "d.test": hostile });
    expect(finding?.code).toBe("spf.syntax");
    expect(finding?.text.length).toBeLessThan(600);
    expect(`${finding?.text}${finding?.evidence.join("")}`).not.toMatch(/\p{Cc}/u);
  });
});

describe("spf.include-none", () => {
  const gone = { includes: ["gone.test"], addresses: [] };
  test("the include of who sends stays: its owner has to publish", async () => {
    const findings = await findingsOf({ "d.test": spf("v=spf1 include:Gone.test include:void.test ~all") }, gone);
    expect(findings.map(({ code, status }) => `${code} ${status}`)).toEqual([
      "spf.include-none fail",
      "spf.include-none fail",
    ]);
    const [own, other] = findings;
    expect(own?.text).toContain("Leave yours as it is: who runs gone.test has to publish that record");
    expect(own).not.toHaveProperty("fix");
    expect(other?.text).toContain("`include:void.test` points to a name with no SPF record");
    expect(other?.text).toContain("Remove it");
  });
});

describe("spf.wrong-domain", () => {
  const check = (title: string, from: string, expected: string, entry: RecordedName = "nxdomain"): void => {
    test(title, async () => {
      const resolve = recordedResolver({ ...WORLD, "from.test": spf(from), "d.test": entry });
      const [tree, fromTree] = [await walkSpf("d.test", resolve), await walkSpf("from.test", resolve)];
      const findings = spfFindings(OURS, { tree, fromTree });
      expect(troubles(findings)).toBe(expected);
      if (expected.startsWith("spf.wrong-domain"))
        expect(findings[0]).toMatchObject({
          name: "d.test",
          fix: `v=spf1 ${GOOD}`,
          text: expect.stringContaining("your record at from.test is fine, leave it"),
        });
    });
  };
  check("ours is at the From domain only", `v=spf1 ${GOOD}`, "spf.wrong-domain fail");
  check("the From domain does not let us send either", "v=spf1 include:other.test ~all", "spf.missing fail");
  check("ours is at both", `v=spf1 ${GOOD}`, "", spf(`v=spf1 ${GOOD}`));
  check("the return-path could not be looked up", `v=spf1 ${GOOD}`, "dns.indeterminate indeterminate", "timeout");
});

describe("spf.not-authorised", () => {
  const fix = "v=spf1 include:ours.test include:other.test ~all";
  check("include:other.test ~all", {}, "spf.not-authorised fail", { fix, text: "Add `include:ours.test`" });
  check("?include:ours.test ~all", {}, "spf.not-authorised fail");
  test("nothing beside it calls the record right", async () => {
    const findings = await findingsOf({ "d.test": spf("v=spf1 -all") });
    expect(findings.map(({ code, status }) => `${code} ${status}`)).toEqual(["spf.not-authorised fail"]);
  });
  check("-ip4:192.0.2.0/24 include:ours.test ~all", {}, "spf.not-authorised fail", { text: "names us, but" });
  check("-ip4:203.0.113.0/24 include:ours.test ~all", {}, "");
  check("include:notours.test ~all", { "notours.test": spf("v=spf1 -all") }, "spf.not-authorised fail");
  check("include:e.test ~all", { "e.test": spf(`v=spf1 ${GOOD}`) }, "");

  const at = (address: string): SpfWanted => ({ includes: [], addresses: [address] });
  check("ip4:192.0.2.1 -all", {}, "spf.not-authorised fail", { text: "`ip4:192.0.2.9`" }, at("192.0.2.9"));
  check("ip4:192.0.2.0/28 -all", {}, "", {}, at("192.0.2.9"));

  // Never by comparing text: hosted records do not name us.
  const both = { includes: ["ours.test"], addresses: ["192.0.2.9"] };
  check("ip4:192.0.2.0/24 -all", {}, "", {}, both);
  check("ip4:203.0.113.0/24 -all", {}, "spf.not-authorised fail", {}, both);
  check("-ip4:192.0.2.9 include:ours.test ~all", {}, "spf.not-authorised fail", { text: "names us, but" }, both);
  check("-ip4:192.0.2.9 include:ours.test ~all mx:h.test", {}, "spf.after-all warn, spf.not-authorised fail", {}, both);
  check("include:%{i}.vendor.test -all", {}, "spf.not-authorised indeterminate", { text: "depends on the message" });
  check("include:%{i}.vendor.test -all", {}, "spf.not-authorised indeterminate", {}, both);
  test("says that nothing is to be done", async () => {
    const [finding] = await findingsOf({ "d.test": spf("v=spf1 ip4:192.0.2.0/24 -all") }, both);
    expect(finding).toMatchObject({ code: "spf.not-authorised", status: "pass" });
    expect(finding?.text).toContain("does not name `include:ours.test`, but evaluating it for 192.0.2.9 gives pass");
  });
});

describe("spf.type99", () => {
  const type99 = ["v=spf1 include:other.test -all"];
  test("only there: receivers do not see it", async () => {
    const findings = await findingsOf({}, OURS, { type99 });
    expect(troubles(findings)).toBe("spf.type99 fail");
    expect(findings[0]?.fix).toBe("v=spf1 include:ours.test include:other.test -all");
  });
  test("beside the TXT record", async () => {
    const findings = await findingsOf({ "d.test": spf(`v=spf1 ${GOOD}`) }, OURS, { type99 });
    expect(troubles(findings)).toBe("spf.type99 warn");
  });
  test("only there, and wrong", async () => {
    const [finding] = await findingsOf({}, OURS, { type99: ["v=spf1 moo"] });
    expect(finding).toMatchObject({ code: "spf.type99", fix: `v=spf1 ${GOOD}` });
  });
  test("none", async () => {
    expect(troubles(await findingsOf({ "d.test": spf(`v=spf1 ${GOOD}`) }, OURS, { type99: [] }))).toBe("");
    expect(troubles(await findingsOf({}, OURS, { type99: [] }))).toBe("spf.missing fail");
  });
});
