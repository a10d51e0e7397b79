/** The worst case of SPF records, over zones given as data. */
import { describe, expect, test } from "vitest";
import type { Resolve } from "#dns/resolver.ts";
import { walkSpf } from "#dns/spf-cost.ts";
import { spfPlaces, spfTotals, type SpfTree } from "#dns/spf-tree.ts";
import { recordedResolver, type RecordedName, type RecordedZone } from "#resolvers/recorded.ts";

const spf = (...TXT: string[]): RecordedName => ({ TXT });
const mx = (count: number): RecordedName => ({
  MX: Array.from({ length: count }, (_, at) => ({ preference: at, exchange: `mx${at}.d.test` })),
});

/** `d.test` with a record, beside other names. */
const walk = (record: string, zone: RecordedZone = {}): Promise<SpfTree> =>
  walkSpf("d.test", recordedResolver({ ...zone, "d.test": { ...Object(zone["d.test"]), TXT: [`v=spf1 ${record}`] } }));

/** A tree in one line: `+` behind what may cost more. */
const shape = (tree: SpfTree): string =>
  tree.kind === "record"
    ? tree.terms
        .map(({ text, cost, uncounted, asked, children }) => {
          const state = asked.kind === "unreached" || asked.kind === "cut" ? `=${asked.kind}` : "";
          return `${text} ${cost}${uncounted ? "+" : ""}${state}${children ? ` (${shape(children)})` : ""}`;
        })
        .join(", ")
    : tree.kind;

const check = (record: string, zone: RecordedZone, expected: string): void => {
  test(record, async () => {
    expect(shape(await walk(record, zone))).toBe(expected);
  });
};

describe("what a term costs (RFC 7208 §4.6.4)", () => {
  check("ip4:192.0.2.1 ip6:::1 exp=e.test x=y -all", {}, "ip4:192.0.2.1 0, ip6:::1 0, exp=e.test 0, x=y 0, -all 0");
  check("a mx ptr exists:e.test", {}, "a 1, mx 1, ptr 1, exists:e.test 1");
  check("include:a.test", { "a.test": spf("v=spf1 a mx -all") }, "include:a.test 3 (a 1, mx 1, -all 0)");
  check("redirect=a.test", { "a.test": spf("v=spf1 a") }, "redirect=a.test 2 (a 1)");
  check(
    "include:a.test include:A.test.",
    { "a.test": spf("v=spf1 a") },
    "include:a.test 2 (a 1), include:A.test. 2 (a 1)",
  );
});

describe("what no receiver reaches costs nothing", () => {
  check("-all a include:a.test exp=e.test", {}, "-all 0, a 0=unreached, include:a.test 0=unreached, exp=e.test 0");
  check("redirect=a.test ~all", {}, "redirect=a.test 0=unreached, ~all 0");
  check("redirect=a.test a", { "a.test": spf("v=spf1") }, "redirect=a.test 1 (), a 1");
});

describe("macros are not guessed", () => {
  check("include:%{i}.a.test", {}, "include:%{i}.a.test 1+");
  check("redirect=%{d}.a.test", {}, "redirect=%{d}.a.test 1+");
  check("exists:%{i}.a.test a:%{h} ptr:%{d}", {}, "exists:%{i}.a.test 1, a:%{h} 1, ptr:%{d} 1");
  check("include:a.test", { "a.test": spf("v=spf1 include:%{d}.x") }, "include:a.test 2+ (include:%{d}.x 1+)");
});

describe("what an include leads to", () => {
  check("include:a.test", {}, "include:a.test 1 (none)");
  check("include:a.test", { "a.test": { A: ["192.0.2.1"] } }, "include:a.test 1 (none)");
  check("include:a.test", { "a.test": spf("x", "v=spf10") }, "include:a.test 1 (none)");
  check("include:a.test", { "a.test": spf("v=spf1", "v=spf1") }, "include:a.test 1 (multiple)");
  check("include:a.test", { "a.test": spf("v=spf1 all:") }, "include:a.test 1 (malformed)");
  for (const failure of ["servfail", "timeout", "refused"] as const)
    check("include:a.test", { "a.test": failure }, "include:a.test 1+ (unknown)");
  check("include:a..test", {}, "include:a..test 1 (none)");
  check(`include:${"a".repeat(64)}.test`, {}, `include:${"a".repeat(64)}.test 1 (none)`);
});

test("no question is asked about what can be no name", async () => {
  const long = `${"a.".repeat(125)}test`;
  const asked: string[] = [];
  const zone = recordedResolver({ "d.test": spf(`v=spf1 a:a..test a:.a.test a:${"a".repeat(64)}.test a:${long}`) });
  const tree = await walkSpf("d.test", (name, type) => {
    asked.push(name);
    return zone(name, type);
  });
  expect(asked).toEqual(["d.test"]);
  expect(spfTotals(tree).voids.ip4.length).toBe(4);
});

describe("loops", () => {
  check("include:d.test", {}, "include:d.test 1 (loop)");
  check("redirect=D.test.", {}, "redirect=D.test. 1 (loop)");
  check(
    "include:a.test include:b.test",
    { "a.test": spf("v=spf1 include:b.test"), "b.test": spf("v=spf1 include:a.test") },
    "include:a.test 3 (include:b.test 2 (include:a.test 1 (loop))), include:b.test 3 (include:a.test 2 (include:b.test 1 (loop)))",
  );
});

const checkVoids = (record: string, zone: RecordedZone, ip4: string, ip6: string): void => {
  test(`voids of ${record}`, async () => {
    const { voids } = spfTotals(await walk(record, zone));
    expect([voids.ip4, voids.ip6].map((nodes) => nodes.map(({ text }) => text).join(" "))).toEqual([ip4, ip6]);
  });
};

describe("look-ups that find nothing, for each family", () => {
  checkVoids("a mx exists:e.test", {}, "a mx exists:e.test", "a mx exists:e.test");
  checkVoids("a:h.test", { "h.test": { A: ["192.0.2.1"] } }, "", "a:h.test");
  checkVoids("a:h.test", { "h.test": { AAAA: ["::1"] } }, "a:h.test", "");
  // `exists` asks for A from everybody (RFC 7208 §5.7).
  checkVoids("exists:h.test", { "h.test": { A: ["192.0.2.1"] } }, "", "");
  checkVoids("exists:h.test", { "h.test": { AAAA: ["::1"] } }, "exists:h.test", "exists:h.test");
  checkVoids("mx", { "d.test": mx(2) }, "", "");
  checkVoids("mx", { "d.test": { MX: [{ preference: 0, exchange: "." }] } }, "", "");
  checkVoids("include:gone.test", {}, "", "");
  checkVoids("include:a.test", { "a.test": spf("v=spf1 a -all") }, "a", "a");
  checkVoids("a:ill.test exists:ill.test mx:ill.test a:%{h} ptr", { "ill.test": "servfail" }, "", "");
});

test("an mx has the addresses of its hosts, unless they are too many", async () => {
  const zone = {
    "d.test": mx(2),
    "mx0.d.test": { A: ["192.0.2.1"], AAAA: ["::1"] },
    "mx1.d.test": { A: ["192.0.2.2"] },
  };
  const [found] = spfPlaces(await walk("mx", zone));
  expect(found?.node.asked).toEqual({
    kind: "addresses",
    hosts: ["mx0.d.test", "mx1.d.test"],
    addresses: { ip4: ["192.0.2.1", "192.0.2.2"], ip6: ["::1"] },
  });
  const [none] = spfPlaces(await walk("mx", { "d.test": { MX: [{ preference: 0, exchange: "." }] } }));
  expect(none?.node.asked).toMatchObject({ hosts: [] });
  const [many] = spfPlaces(await walk("mx", { "d.test": mx(11), "mx0.d.test": { A: ["192.0.2.1"] } }));
  expect(many?.node.asked).toMatchObject({ hosts: { length: 11 }, addresses: { ip4: [], ip6: [] } });
  const [ill] = spfPlaces(await walk("mx", { "d.test": mx(2), "mx1.d.test": "timeout" }));
  expect(ill?.node.asked).toMatchObject({ kind: "unknown" });
});

test("the root is seen as it is", async () => {
  const seen = async (entry: RecordedName): Promise<SpfTree> =>
    walkSpf("D.test.", recordedResolver({ "d.test": entry }));
  expect(await seen("nxdomain")).toEqual({ kind: "none", domain: "d.test", records: [] });
  expect(await seen(spf("x"))).toEqual({ kind: "none", domain: "d.test", records: ["x"] });
  expect(await seen("timeout")).toMatchObject({ kind: "unknown", reason: expect.stringMatching(/./) });
  expect(await seen(spf("v=spf1", "x", "V=SPF1 -all"))).toMatchObject({ kind: "multiple", records: { length: 3 } });
  expect(await seen(spf("v=spf1 -all", "xy"))).toMatchObject({ kind: "record", record: "v=spf1 -all", txtOctets: 13 });
  const bytes = { TXT: [[Uint8Array.of(0x76, 0xff, 0)], ["v=spf1 ", "-all"]] };
  expect(await seen(bytes)).toMatchObject({ kind: "record", record: "v=spf1 -all", txtOctets: 14 });
});

/** Every name has the same record, made of its own name. */
const endless =
  (record: (name: string) => string, asked: string[] = []): Resolve =>
  async (name, type) => {
    asked.push(name);
    const answers = await recordedResolver({ [name]: { TXT: [record(name)] } })(name, type);
    return answers;
  };

describe("a tree made to explode", () => {
  test("in breadth: at most 200 questions", async () => {
    const asked: string[] = [];
    const ten = (name: string): string =>
      `v=spf1 ${Array.from("0123456789", (digit) => `include:${digit}.${name}`).join(" ")} -all`;
    const tree = await walkSpf("d.test", endless(ten, asked));
    expect(asked.length).toBe(200);
    expect(spfTotals(tree)).toMatchObject({ uncounted: true });
    expect(spfTotals(tree).lookups).toBeGreaterThan(200);
    expect(spfPlaces(tree).some(({ node }) => node.children?.kind === "cut")).toBe(true);
  });

  test("in depth: a dozen records", async () => {
    const asked: string[] = [];
    const tree = await walkSpf(
      "d.test",
      endless((name) => `v=spf1 include:x.${name}`, asked),
    );
    expect(asked.length).toBe(12);
    expect(spfTotals(tree)).toMatchObject({ lookups: 12, uncounted: true });
  });

  test("ten deep is allowed, and counted to its end", async () => {
    const zone: Record<string, RecordedName> = {};
    for (let at = 1; at < 10; at++) zone[`a${at}.test`] = spf(`v=spf1 include:a${at + 1}.test`);
    const tree = await walk("include:a1.test", { ...zone, "a10.test": spf("v=spf1 -all") });
    expect(spfTotals(tree)).toMatchObject({ lookups: 10, uncounted: false });
  });

  test("in terms: records as long as they come", async () => {
    const asked: string[] = [];
    const long = (name: string): string => `v=spf1 include:a.${name} include:b.${name} ${"x=y ".repeat(900)}`;
    const tree = await walkSpf("d.test", endless(long, asked));
    expect(spfPlaces(tree).length).toBeLessThanOrEqual(2000);
    expect(shape(tree)).toContain("(cut)");
    const root = await walkSpf("d.test", recordedResolver({ "d.test": spf(`v=spf1 ${"a ".repeat(2001)}`) }));
    expect(root.kind).toBe("cut");
  });
});

test("look-ups run side by side, with the caller's signal", async () => {
  const { signal } = new AbortController();
  const waiting: (() => void)[] = [];
  const zone = recordedResolver({ "d.test": spf("v=spf1 include:a.test a:h.test mx exists:e.test") });
  const resolve: Resolve = async (name, type, given) => {
    expect(given).toBe(signal);
    if (type !== "TXT" || name !== "d.test") await new Promise<void>((done) => waiting.push(done));
    return zone(name, type, given);
  };
  const walking = walkSpf("d.test", resolve, signal);
  await expect.poll(() => waiting.length).toBe(5);
  for (const done of waiting) done();
  expect(spfTotals(await walking).lookups).toBe(4);
});
