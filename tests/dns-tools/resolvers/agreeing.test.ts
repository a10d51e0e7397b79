import { expect, test } from "vitest";
import { BOGUS, DISAGREEMENT } from "#dns/look-up-findings.ts";
import type { RecordType, Resolve } from "#dns/resolver.ts";
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

/** Each entry is what one resolver has, in their order; `asked`: which of them were asked, by their places. */
const line = (
  title: string,
  entries: RecordedName[],
  kind: string,
  reason: RegExp | undefined,
  places: string,
): void => {
  test(title, async () => {
    const asked = new Set<number>();
    const resolvers = entries.map((entry, at): Resolve => {
      const resolve = recordedResolver({ "d.test": entry });
      return (name, type, signal) => {
        asked.add(at);
        return resolve(name, type, signal);
      };
    });
    const [first, second, ...others] = resolvers;
    if (!first || !second) throw new Error("two were given");
    const answer = await agreeing(first, second, ...others)("d.test", "TXT");
    expect(answer.kind).toBe(kind);
    if (reason) expect("reason" in answer && answer.reason).toMatch(reason);
    expect([...asked].toSorted((a, b) => a - b).join("")).toBe(places);
  });
};
const [OURS, LIE] = [txt("ours"), txt("lie")];
const ALONE = /^two resolvers have to agree: .*; the other alone says: d\.test TXT "ours"$/;

line("others stand by", [OURS, OURS, LIE], "records", undefined, "01");
line("one that is down", ["timeout", OURS, OURS], "records", undefined, "012");
line("the other one", [OURS, "servfail", OURS], "records", undefined, "012");
line("one that stands by is down too", [OURS, "servfail", "timeout", OURS], "records", undefined, "0123");
line("two are down: nobody agrees with itself", ["timeout", "servfail", OURS], "servfail", ALONE, "012");
line("a liar in the place of one that is down", [OURS, "timeout", LIE], "servfail", /^two resolvers disagree/, "012");
line("of two, one that is down", [OURS, "timeout"], "timeout", ALONE, "01");
line(
  "of two, one that is down, and nothing there",
  ["servfail", "nxdomain"],
  "servfail",
  /alone says: d\.test does not/,
  "01",
);
line("all are down", ["timeout", "timeout", "timeout"], "timeout", /^(?!two resolvers)/, "012");

test("one that finds signatures broken is not down, and is outvoted by nobody", async () => {
  const bogus: Resolve = () => Promise.resolve({ kind: "servfail", reason: `${BOGUS}: expired` });
  const down: Resolve = () => Promise.resolve({ kind: "timeout", reason: "nobody answered" });
  const forged = recordedResolver({ "d.test": OURS });
  for (const resolve of [
    agreeing(forged, bogus),
    agreeing(bogus, forged, forged),
    agreeing(forged, bogus, forged),
    agreeing(down, bogus, down),
    agreeing(down, forged, bogus),
  ])
    expect(await resolve("d.test", "TXT")).toEqual({ kind: "servfail", reason: `${BOGUS}: expired` });
});

test("both are asked at once, with the signal; the more careful of TTL and AD counts", async () => {
  const entry = { A: ["192.0.2.1"], ttlSeconds: 60, authenticated: true };
  const first = recordedResolver({ "d.test": entry });
  const second = recordedResolver({ "d.test": { ...entry, ttlSeconds: 30, authenticated: false } });
  let asked = 0;
  const bothAsked = Promise.withResolvers<void>();
  /** Answers when the other was asked, too. */
  const meeting = (resolve: Resolve): Resolve => {
    const met: Resolve = async (name, type, signal) => {
      if (++asked === 2) bothAsked.resolve();
      await bothAsked.promise;
      return resolve(name, type, signal);
    };
    return met;
  };
  expect(await agreeing(meeting(first), meeting(second))("d.test", "A")).toMatchObject({
    ...{ ttlSeconds: 30, authenticated: false },
  });
  expect(await agreeing(first, first)("d.test", "A")).toMatchObject({ ttlSeconds: 60, authenticated: true });
  const slow = recordedResolver({ "d.test": entry }, 60_000);
  expect(await agreeing(slow, slow)("d.test", "A", AbortSignal.timeout(5))).toMatchObject({ kind: "timeout" });
});
