/** DNSControl's file, run as the JavaScript that it is: it declares the plan's records, and does nothing else. */
import { createContext, runInContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { formatDnscontrol } from "#dns/export/dnscontrol.ts";
import { txtText } from "#dns/resolver.ts";
import { isEdit, type MailRecord } from "#dns/zone.ts";
import { dotted, plans } from "./read-back-plans.ts";

const Declared = z.tuple([z.string(), z.array(z.array(z.union([z.string(), z.int()])))]);

const word =
  (type: string) =>
  (...given: unknown[]): unknown => [type, ...given];
const WORDS = { TXT: word("TXT"), MX: word("MX"), CNAME: word("CNAME") };

const run = (source: string): z.infer<typeof Declared>[] => {
  const calls: z.infer<typeof Declared>[] = [];
  const context = createContext({
    ...WORDS,
    D_EXTEND: (domain: unknown, ...records: unknown[]) => calls.push(Declared.parse([domain, records])),
  });
  const names = Object.keys(context);
  runInContext(source, context, { timeout: 1_000 });
  expect(Object.keys(context), "nothing else was set").toEqual(names);
  return calls;
};

const declared = (record: MailRecord): (string | number)[] => {
  const at = record.name === "d.test" ? "@" : record.name.slice(0, -".d.test".length);
  switch (record.type) {
    case "TXT":
      return ["TXT", at, txtText(record.data)];
    case "MX":
      return ["MX", at, record.data.preference, dotted(record.data.exchange)];
    case "CNAME":
      return ["CNAME", at, dotted(record.data)];
  }
};

test("any plan", () => {
  fc.assert(
    fc.property(plans, (changes) => {
      const records = changes.filter(isEdit).map(({ to }) => declared(to));
      expect(run(formatDnscontrol(changes, "d.test"))).toEqual([["d.test", records]]);
    }),
  );
});
