/** What a resolver says about a zone, and what a change makes of it. */
import { describe, expect, test } from "vitest";
import type { RecordType } from "#dns/resolver.ts";
import {
  applyChange,
  sameRecord,
  txtRecord,
  zoneResolver,
  type Change,
  type MailRecord,
  type Zone,
} from "#dns/zone.ts";

const TTL_SECONDS = 300;
const mx = (name: string, exchange: string, preference = 10): MailRecord => ({
  name,
  type: "MX",
  data: { preference, exchange },
});
const cname = (name: string, data: string): MailRecord => ({ name, type: "CNAME", data });
const txt = txtRecord;

describe("a resolver over a zone", () => {
  const zone: Zone = [
    txt("d.test", "one"),
    txt("d.test", "two"),
    mx("d.test", "mail.d.test"),
    { name: "mail.d.test", type: "A", data: "192.0.2.1" },
    cname("www.d.test", "web.d.test"),
    cname("web.d.test", "mail.d.test"),
    cname("dead.d.test", "nobody.d.test"),
    cname("out.d.test", "host.other.example"),
    cname("round.d.test", "loop.d.test"),
    cname("loop.d.test", "round.d.test"),
    txt("deep.below.d.test", "deep"),
    txt("*.wild.d.test", "wild"),
    mx("own.wild.d.test", "mail.d.test"),
    cname("*.park.d.test", "mail.d.test"),
  ];
  const check = (name: string, type: RecordType, expected: object): void => {
    test(`${type} ${name}`, async () => {
      expect(await zoneResolver(zone, TTL_SECONDS)(name, type)).toEqual(expected);
    });
  };
  const records = (data: unknown[], aliases: string[] = []): object => ({
    kind: "records",
    records: data,
    ttlSeconds: TTL_SECONDS,
    authenticated: false,
    aliases,
  });
  const bytes = (text: string): Uint8Array[] => [new TextEncoder().encode(text)];
  check("d.test", "TXT", records([bytes("one"), bytes("two")]));
  check("D.Test", "MX", records([{ preference: 10, exchange: "mail.d.test" }]));
  check("d.test", "A", { kind: "nodata" });
  check("no.d.test", "A", { kind: "nxdomain" });
  check("elsewhere.example", "A", { kind: "nxdomain" });
  check("www.d.test", "A", records(["192.0.2.1"], ["web.d.test", "mail.d.test"]));
  check("www.d.test", "CNAME", records(["web.d.test"]));
  check("www.d.test", "MX", { kind: "nodata" });
  check("dead.d.test", "A", { kind: "nxdomain" });
  check("out.d.test", "A", { kind: "nxdomain" });
  check("round.d.test", "A", { kind: "servfail", reason: expect.stringContaining("circle") });
  check("below.d.test", "TXT", { kind: "nodata" });
  check("x.wild.d.test", "TXT", records([bytes("wild")]));
  check("x.y.wild.d.test", "TXT", records([bytes("wild")]));
  check("x.wild.d.test", "MX", { kind: "nodata" });
  check("own.wild.d.test", "TXT", { kind: "nodata" });
  check("x.own.wild.d.test", "TXT", { kind: "nxdomain" });
  check("x.park.d.test", "A", records(["192.0.2.1"], ["mail.d.test"]));
});

describe("texts in strings", () => {
  const check = (octets: number, lengths: number[]): void => {
    test(`${octets} octets`, () => {
      expect(txt("d.test", "x".repeat(octets)).data.map((string) => string.length)).toEqual(lengths);
    });
  };
  check(0, [0]);
  check(255, [255]);
  check(256, [255, 1]);
  check(510, [255, 255]);
});

describe("records that are one and the same", () => {
  const check = (a: MailRecord, b: MailRecord, same: boolean): void => {
    test(JSON.stringify([a, b]), () => {
      expect([sameRecord(a, b), sameRecord(b, a)]).toEqual([same, same]);
    });
  };
  const cut: MailRecord = { name: "d.test", type: "TXT", data: [new Uint8Array([97]), new Uint8Array([98])] };
  check(cut, txt("d.test", "ab"), true);
  check(cut, txt("d.test", "abc"), false);
  check(cut, txt("x.test", "ab"), false);
  check(mx("d.test", "a.test"), mx("d.test", "A.test"), true);
  check(mx("d.test", "a.test"), mx("d.test", "a.test", 20), false);
  check(mx("d.test", "a.test"), cname("d.test", "a.test"), false);
  check(cname("d.test", "a.test"), cname("d.test", "A.test"), true);
  check(cname("d.test", "a.test"), txt("d.test", "a.test"), false);
});

describe("changes", () => {
  const [one, two, three] = [txt("d.test", "one"), txt("d.test", "two"), txt("d.test", "three")];
  const host: Zone[number] = { name: "d.test", type: "A", data: "192.0.2.1" };
  const zone: Zone = [one, two, host];
  const check = (change: Change, expected: Zone): void => {
    test(change.kind, () => {
      expect(applyChange(zone, change)).toEqual(expected);
    });
  };
  check({ kind: "keep", purpose: "SPF", record: one }, zone);
  check({ kind: "unknown", purpose: "SPF", name: "d.test", type: "TXT", reason: "ill" }, zone);
  check({ kind: "add", purpose: "SPF", to: three, beside: [one, two] }, [one, two, host, three]);
  check({ kind: "replace", purpose: "SPF", from: [one], to: three, beside: [two] }, [two, host, three]);
  check({ kind: "replace", purpose: "SPF", from: [one, two], to: one, beside: [] }, [host, one]);
});
