import { afterEach, describe, expect, test, vi } from "vitest";
import { txtText, type RecordType } from "#dns/resolver.ts";
import { recordedResolver, type RecordedZone } from "#resolvers/recorded.ts";

const ZONE: RecordedZone = {
  "d.test": { A: ["192.0.2.1"], MX: [{ preference: 10, exchange: "mx.d.test" }], ttlSeconds: 60, authenticated: true },
  "A.b.d.test": { AAAA: ["2001:db8::1"] },
  "c.test": { CNAME: ["D.test"], ttlSeconds: 30 },
  "cc.test": { CNAME: ["c.test"] },
  "out.test": { CNAME: ["gone.example"] },
  "l1.test": { CNAME: ["l2.test"] },
  "l2.test": { CNAME: ["l1.test"] },
  "*.w.test": { TXT: ["wild"] },
  "x.w.test": { A: ["192.0.2.2"] },
  "*.alias.test": { CNAME: ["d.test"] },
  "ill.test": "servfail",
  "late.test": "timeout",
  "no.test": "refused",
  "none.test": "nxdomain",
  "to.ill.test": { CNAME: ["ill.test"] },
};
const resolve = recordedResolver(ZONE);

describe("kinds", () => {
  const check = (name: string, type: RecordType, kind: string): void => {
    test(`${name} ${type}`, async () => expect((await resolve(name, type)).kind).toBe(kind));
  };
  check("d.test", "A", "records");
  check("D.TEST", "A", "records");
  check("d.test", "AAAA", "nodata");
  check("a.b.d.test", "AAAA", "records");
  check("b.d.test", "A", "nodata");
  check("test", "A", "nodata");
  check("e.test", "A", "nxdomain");
  check("x.a.b.d.test", "A", "nxdomain");
  check("constructor", "A", "nxdomain");
  check("none.test", "A", "nxdomain");
  check("out.test", "A", "nxdomain");
  check("ill.test", "A", "servfail");
  check("to.ill.test", "A", "servfail");
  check("to.ill.test", "CNAME", "records");
  check("late.test", "A", "timeout");
  check("no.test", "A", "refused");
  check("l1.test", "A", "servfail");
  check("l1.test", "CNAME", "records");
  check("any.w.test", "TXT", "records");
  check("any.any.w.test", "TXT", "records");
  check("any.w.test", "A", "nodata");
  check("x.w.test", "TXT", "nodata");
  check("any.x.w.test", "TXT", "nxdomain");
  check("w.test", "TXT", "nodata");
  check("any.alias.test", "MX", "records");
});

test("records with TTL, AD and the way to them", async () => {
  expect(await resolve("d.test", "A")).toEqual({
    kind: "records",
    records: ["192.0.2.1"],
    ttlSeconds: 60,
    authenticated: true,
    aliases: [],
  });
  expect(await resolve("cc.test", "A")).toMatchObject({ ttlSeconds: 30, aliases: ["c.test", "D.test"] });
  expect(await resolve("a.b.d.test", "AAAA")).toMatchObject({ ttlSeconds: 300, authenticated: false });
});

describe("TXT", () => {
  const strings = async (text: string | (string | Uint8Array)[]): Promise<number[]> => {
    const answer = await recordedResolver({ "d.test": { TXT: [text] } })("d.test", "TXT");
    if (answer.kind !== "records") throw new Error(answer.kind);
    const [record = []] = answer.records;
    if (typeof text === "string") expect(txtText(record)).toBe(text);
    return record.map(({ length }) => length);
  };
  test("a text is cut after 255 octets, not characters", async () => {
    expect(await strings("")).toEqual([0]);
    expect(await strings("x".repeat(255))).toEqual([255]);
    expect(await strings("x".repeat(256))).toEqual([255, 1]);
    expect(await strings("é".repeat(128))).toEqual([255, 1]);
  });
  test("strings stay as they are", async () => {
    expect(await strings(["a", Uint8Array.of(0xff, 0), ""])).toEqual([1, 2, 0]);
  });
});

describe("delay", () => {
  afterEach(() => void vi.useRealTimers());
  const DELAY_MS = 50;
  test("each look-up takes it, side by side", async () => {
    vi.useFakeTimers();
    const slow = recordedResolver(ZONE, DELAY_MS);
    let answers = 0;
    for (let asked = 0; asked < 20; asked++) void slow("d.test", "A").then(() => (answers += 1));
    await vi.advanceTimersByTimeAsync(DELAY_MS - 1);
    expect(answers).toBe(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(answers).toBe(20);
  });
  test("the caller's signal ends it", async () => {
    const slow = recordedResolver(ZONE, 60_000);
    expect(await slow("d.test", "A", AbortSignal.timeout(20))).toMatchObject({ kind: "timeout" });
    expect(await slow("d.test", "A", AbortSignal.abort())).toMatchObject({ kind: "timeout" });
  });
});
