import { expect, test } from "vitest";
import { DISAGREEMENT } from "#dns/look-up-findings.ts";
import type { RecordType } from "#dns/resolver.ts";
import { agreeing } from "#resolvers/agreeing.ts";
import { recordedResolver, type RecordedName } from "#resolvers/recorded.ts";

/** What two resolvers that have these entries give together, asked either way round. */
const check = (title: string, type: RecordType, a: RecordedName, b: RecordedName, kinds: string): void => {
  test(title, async () => {
    const [first, second] = [a, b].map((entry) => recordedResolver({ "d.test": entry }));
    if (!first || !second) throw new Error("two were given");
    const found: string[] = [];
    for (const resolve of [agreeing(first, second), agreeing(second, first)]) {
      const answer = await resolve("d.test", type);
      const isDisagreement = "reason" in answer && answer.reason.startsWith(DISAGREEMENT);
      found.push(isDisagreement ? `${answer.kind} disagree` : answer.kind);
    }
    expect([...new Set(found)].join(" or ")).toBe(kinds);
  });
};
const txt = (...TXT: (string | string[])[]): RecordedName => ({ TXT });
const mx = (...MX: [number, string][]): RecordedName => ({
  MX: MX.map(([preference, exchange]) => ({ preference, exchange })),
});

check("the same", "TXT", txt("a"), txt("a"), "records");
check("in another order", "TXT", txt("a", "b"), txt("b", "a"), "records");
check("hosts in another case", "MX", mx([1, "A.test"]), mx([1, "a.test"]), "records");
check("texts in another case", "TXT", txt("p=A"), txt("p=a"), "servfail disagree");
check("in other strings", "TXT", txt(["ab", "c"]), txt(["a", "bc"]), "servfail disagree");
check("another text", "TXT", txt("a"), txt("b"), "servfail disagree");
check("one more", "TXT", txt("a"), txt("a", "b"), "servfail disagree");
check("another preference", "MX", mx([1, "a.test"]), mx([2, "a.test"]), "servfail disagree");
check("there and not there", "TXT", txt("a"), "nxdomain", "servfail disagree");
check("there and without the type", "A", { A: ["192.0.2.1"] }, txt("a"), "servfail disagree");
check("other addresses", "A", { A: ["192.0.2.1"] }, { A: ["192.0.2.2"] }, "records");
check("not there in two ways", "A", "nxdomain", txt("a"), "nxdomain or nodata");
check("one could not find out", "TXT", txt("a"), "timeout", "timeout");
check("one could not find out, the other has none", "TXT", "servfail", "nxdomain", "servfail");

test("both are asked at once, with the signal; the more careful of TTL and AD counts", async () => {
  const entry = { A: ["192.0.2.1"], ttlSeconds: 60, authenticated: true };
  const first = recordedResolver({ "d.test": entry }, 40);
  const second = recordedResolver({ "d.test": { ...entry, ttlSeconds: 30, authenticated: false } }, 40);
  const startMs = performance.now();
  expect(await agreeing(first, second)("d.test", "A")).toMatchObject({ ttlSeconds: 30, authenticated: false });
  expect(performance.now() - startMs).toBeLessThan(79);
  expect(await agreeing(first, first)("d.test", "A")).toMatchObject({ ttlSeconds: 60, authenticated: true });
  expect(await agreeing(first, second)("d.test", "A", AbortSignal.timeout(5))).toMatchObject({ kind: "timeout" });
});
