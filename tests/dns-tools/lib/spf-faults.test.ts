/** Faults of SPF records: each code with a zone that gives exactly it, and near misses that do not. */
import { describe, expect, test } from "vitest";
import type { RecordedZone } from "#resolvers/recorded.ts";
import { check, checkAt, findingsOf, GOOD, NOBODY, spf, troubles, type Said } from "../support/spf-scene.ts";

describe("spf.lookups", () => {
  const text = "needs 12 look-ups, the limit is 10: `include:six-lookups.test` 6, `mx:h.test` 1";
  check(`include:six-lookups.test ${"mx:h.test ".repeat(5)}${GOOD}`, {}, "spf.lookups fail", { text });
  check(`include:six-lookups.test ${"mx:h.test ".repeat(4)}${GOOD}`, {}, "spf.lookups fail", { text: "11 look-ups" });
  check(`include:six-lookups.test ${"mx:h.test ".repeat(3)}${GOOD}`, {}, "");
  check(`${"mx:h.test ".repeat(9)}${GOOD} ${"mx:h.test ".repeat(9)}`.trim(), {}, "spf.after-all warn");
  check(`include:%{i}.x ${"mx:h.test ".repeat(9)}${GOOD}`, {}, "spf.lookups fail", { text: "at least 11" });
  const hosts = (count: number): RecordedZone => ({
    "m.test": { MX: Array.from({ length: count }, () => ({ preference: 0, exchange: "h.test" })) },
  });
  check(`mx:m.test ${GOOD}`, hosts(11), "spf.lookups fail", { text: "11 mail hosts" });
  check(`mx:m.test ${GOOD}`, hosts(10), "");
  test("macros are said not to be counted", async () => {
    const findings = await findingsOf({ "d.test": spf("v=spf1 include:%{i}.x.test include:ours.test ~all") });
    const last = findings.at(-1);
    expect(last).toMatchObject({ code: "spf.lookups", status: "pass" });
    expect(last?.text).toContain("at least 2 of 10 look-ups. What `include:%{i}.x.test` needs depends on the message");
  });
  test("a tree made to explode is over the limit", async () => {
    const ten = Array.from("0123456789", (digit) => `include:${digit}.d.test`).join(" ");
    const findings = await findingsOf(
      { "*.d.test": spf(`v=spf1 ${ten} -all`), "d.test": spf(`v=spf1 ${ten} -all`) },
      NOBODY,
    );
    expect(troubles(findings)).toMatch(/^(spf\.loop fail, )*spf\.lookups fail/);
  });
  test("of many terms the costliest are named", async () => {
    const many = Array.from({ length: 1000 }, (_, at) => `mx:${at}.test`).join(" ");
    const [finding] = await findingsOf({ "d.test": spf(`v=spf1 include:six-lookups.test ${many} ~all`) }, NOBODY);
    expect(finding?.text).toMatch(/needs 1006 look-ups, .*: `include:six-lookups.test` 6, `mx/);
    expect(finding?.text.length).toBeLessThan(600);
  });
  test("what the walk did not follow is not called too much", async () => {
    const many = {
      "m.test": { MX: Array.from({ length: 10 }, (_, at) => ({ preference: 0, exchange: `${at}.h.test` })) },
    };
    const findings = await findingsOf({ ...many, "d.test": spf(`v=spf1 ${"mx:m.test ".repeat(10)}-all`) }, NOBODY);
    expect(troubles(findings)).toBe("spf.lookups indeterminate");
  });
});

describe("spf.void", () => {
  const gone = "a:x1.test a:x2.test a:x3.test";
  check(`${gone} ${GOOD}`, {}, "spf.void fail", {
    text: "`a:x1.test`, `a:x2.test`, `a:x3.test`",
    fix: `v=spf1 ${GOOD}`,
  });
  check(`mx:x1.test exists:x2.test a:x3.test ${GOOD}`, {}, "spf.void fail");
  check(`a:x1.test a:x2.test ${GOOD}`, {}, "");
  check(`${"a:four.test ".repeat(3)}${GOOD}`, {}, "spf.void warn", { text: "over IPv6" });
  check(`${"a:four.test ".repeat(2)}a:h.test ${GOOD}`, {}, "");
  const six = { "six.test": { AAAA: ["2001:db8::9"] } };
  check(`${"a:six.test ".repeat(3)}${GOOD}`, six, "spf.void fail", { text: "`a:six.test`" });
  // Only what finds nothing for anybody is left out.
  const fix = `v=spf1 a:six.test a:six.test ${GOOD}`;
  check(`a:six.test a:x1.test a:six.test ${GOOD}`, six, "spf.void fail", { fix });
});

describe("spf.include-none", () => {
  check(`include:gone.test ${GOOD}`, {}, "spf.include-none fail", {
    fix: `v=spf1 ${GOOD}`,
    text: "`include:gone.test`",
  });
  check(`include:four.test ${GOOD}`, {}, "spf.include-none fail");
  check(`include:a..test ${GOOD}`, {}, "spf.include-none fail");
  check("include:ours.test redirect=gone.test", {}, "spf.include-none fail");
  check(`include:gone.test include:gone.test ${GOOD}`, {}, "spf.include-none fail");
  check(`include:other.test ${GOOD}`, {}, "");
  const below = { "e.test": spf("v=spf1 include:gone.test -all") };
  check(`include:e.test ${GOOD}`, below, "spf.include-none fail", { name: "e.test" });
  test("another's record has no fix of ours", async () => {
    const [finding] = await findingsOf({ ...below, "d.test": spf(`v=spf1 include:e.test ${GOOD}`) });
    expect(finding).toMatchObject({ code: "spf.include-none", name: "e.test" });
    expect(finding?.fix).toBeUndefined();
  });
});

describe("spf.loop", () => {
  check(`include:d.test ${GOOD}`, {}, "spf.loop fail", { fix: `v=spf1 ${GOOD}`, text: "`include:d.test`" });
  const round = { "e.test": spf("v=spf1 include:d.test -all") };
  check(`include:e.test ${GOOD}`, round, "spf.loop fail", { name: "e.test" });
  check(`include:other.test include:other.test ${GOOD}`, {}, "");
  const rounds = Object.fromEntries(
    Array.from({ length: 4 }, (_, at) => [`e${at}.test`, spf("v=spf1 include:d.test -all")]),
  );
  check(`include:e0.test include:e1.test include:e2.test include:e3.test ${GOOD}`, rounds, "spf.loop fail", {
    name: "e0.test",
  });
  test("a tree made to explode, in circles, is one finding, however many of its look-ups fail", async () => {
    const exploding = Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [
        `x${at}.test`,
        at % 3 === 2
          ? ("timeout" as const)
          : spf(
              `v=spf1 ${Array.from({ length: 12 }, (__, to) => `include:x${(at * 12 + to + 1) % 40}.test`).join(" ")} ~all`,
            ),
      ]),
    );
    const findings = await findingsOf({ ...exploding, "d.test": spf("v=spf1 include:x0.test include:ours.test ~all") });
    expect(troubles(findings)).toBe("spf.lookups fail");
    expect(findings[0]?.text).toContain("leads in a circle");
  });
});

describe("failed look-ups", () => {
  const ill = { "ill1.test": "servfail", "ill2.test": "timeout", "ill3.test": "servfail" } as const;
  check(`include:ill1.test a:ill2.test include:ill3.test ${GOOD}`, ill, "dns.indeterminate indeterminate", {
    text: "`include:ill1.test`, `a:ill2.test`, `include:ill3.test` could not be looked up",
  });
});

describe("terms that have run into each other", () => {
  const said = (fix: string): Said => ({ text: "no space between them", fix: `v=spf1 ${fix}` });
  check(
    "include:other.testinclude:ours.test ~all",
    {},
    "spf.syntax fail",
    said("include:other.test include:ours.test ~all"),
  );
  check(
    "include:other.test include:ours.test~all",
    {},
    "spf.syntax fail",
    said("include:other.test include:ours.test ~all"),
  );
  check("include:ours.test-all", {}, "spf.syntax fail", said("include:ours.test -all"));
  check("ip4:192.0.2.1include:ours.test ~all", {}, "spf.syntax fail", said("ip4:192.0.2.1 include:ours.test ~all"));
  check("ip4:192.0.2.1ip4:192.0.2.2-all", {}, "spf.syntax fail", {
    ...said("ip4:192.0.2.1 ip4:192.0.2.2 include:ours.test -all"),
  });
  check(`include:gone-all.test ${GOOD}`, {}, "spf.include-none fail");
  check(`ip4:192.0.2.1ip4:x ${GOOD}`, {}, "spf.syntax fail", { text: "is wrong at" });
});

describe("one record, one thing to paste", () => {
  test("with all put right that can be, and for us", async () => {
    const findings = await findingsOf({
      "d.test": spf("v=spf1 include:gone.test include:d.test ip4:192.0.2.1 ?all a:h.test"),
    });
    expect(new Set(findings.flatMap(({ fix }) => fix ?? []))).toEqual(
      new Set(["v=spf1 ip4:192.0.2.1 include:ours.test a:h.test ~all"]),
    );
    expect(findings.filter(({ fix }) => fix !== undefined).length).toBeGreaterThan(3);
  });
});

describe("spf.plus-all", () => {
  check("include:ours.test +all", {}, "spf.plus-all warn", { fix: `v=spf1 ${GOOD}`, text: "every server" });
  check("all", {}, "spf.plus-all warn", { fix: `v=spf1 ${GOOD}` });
  check("all", {}, "spf.plus-all warn", { fix: "v=spf1 ~all" }, NOBODY);
  check("include:ours.test ip4:0.0.0.0/0 -all", {}, "spf.plus-all warn", { fix: "v=spf1 include:ours.test -all" });
  check("include:open.test -all", { "open.test": spf("v=spf1 +all") }, "spf.plus-all warn", {
    text: "`include:open.test`",
  });
  check("include:ours.test ?include:open.test -all", { "open.test": spf("v=spf1 +all") }, "");
  check("include:ours.test ~all +all", {}, "spf.after-all warn");
  check("include:ours.test -ip4:0.0.0.0/0 ~all", {}, "");
});

describe("spf.neutral-all", () => {
  check("include:ours.test ?all", {}, "spf.neutral-all warn", { fix: `v=spf1 ${GOOD}` });
  check("redirect=e.test", { "e.test": spf("v=spf1 include:ours.test ?all") }, "spf.neutral-all warn", {
    name: "e.test",
  });
  check("include:e.test ~all", { "e.test": spf("v=spf1 include:ours.test ?all") }, "");
});

describe("spf.no-all", () => {
  check("include:ours.test", {}, "spf.no-all warn", { fix: `v=spf1 ${GOOD}` });
  check("redirect=e.test", { "e.test": spf("v=spf1 include:ours.test") }, "spf.no-all warn", { name: "e.test" });
  check("include:e.test ~all", { "e.test": spf("v=spf1 include:ours.test") }, "");
  check("include:ours.test redirect=%{d}.x.test", {}, "");
});

describe("spf.after-all", () => {
  const fix = "v=spf1 include:ours.test include:other.test ~all";
  check("include:ours.test ~all include:other.test", {}, "spf.after-all warn", { fix, text: "Move it" });
  check("~all include:ours.test", {}, "spf.after-all fail", { fix: `v=spf1 ${GOOD}` });
  check("~all include:other.test", {}, "spf.after-all warn, spf.not-authorised fail");
  check("include:ours.test redirect=other.test ~all", {}, "spf.after-all warn", {
    fix: `v=spf1 ${GOOD}`,
    text: "Delete it",
  });
  check(`${GOOD} exp=e.test ra=1`, {}, "");
});

describe("spf.ptr", () => {
  check(`ptr ${GOOD}`, {}, "spf.ptr warn", { text: "`ptr`" });
  check(`exists:%{p}.x.test ${GOOD}`, {}, "spf.ptr warn");
  check(`include:e.test ${GOOD}`, { "e.test": spf("v=spf1 ptr:e.test -all") }, "spf.ptr warn");
  check(`exists:%{i}.p.test ${GOOD}`, {}, "");
  check(`${GOOD} ptr`, {}, "spf.after-all warn");
});

describe("spf.too-long", () => {
  const filler = (octets: number): string => "x".repeat(octets - `d.testv=spf1 ${GOOD}`.length);
  checkAt(spf(`v=spf1 ${GOOD}`, filler(451)), {}, "spf.too-long warn", { text: "451 octets" });
  checkAt(spf(`v=spf1 ${GOOD}`, filler(450)), {}, "");
  check(`${"x=y ".repeat(2001)}~all`, {}, "spf.too-long fail", { text: "more terms than we read" });
});
