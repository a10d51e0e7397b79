/** The JavaScript is run, with DNSControl's words as functions that say what they were given. */
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { formatDnscontrol } from "#dns/export/dnscontrol.ts";
import { isEdit, textOf, txtRecord, type Change } from "#dns/zone.ts";
import { HOSTILE, SAMPLE } from "./sample-plan.ts";

const run = (source: string): unknown[] => {
  const calls: unknown[] = [];
  const word =
    (type: string) =>
    (...given: unknown[]): unknown => [type, ...given];
  const words = { TXT: word("TXT"), MX: word("MX"), CNAME: word("CNAME") };
  runInNewContext(source, { ...words, D_EXTEND: (...given: unknown[]) => calls.push(given) });
  return calls;
};

test("the sample", async () => {
  await expect(formatDnscontrol(SAMPLE, "d.test")).toMatchFileSnapshot("../../../vectors/export/sample-dnscontrol.txt");
});

test("the sample, run", () => {
  const key = SAMPLE.filter(isEdit)[2];
  expect(run(formatDnscontrol(SAMPLE, "d.test"))).toEqual([
    [
      "d.test",
      ["MX", "send", 10, "bounce.relay.test."],
      ["TXT", "send", "v=spf1 include:spf.relay.test ~all"],
      ["TXT", "2026._domainkey", key && textOf(key.to)],
      ["TXT", "s-2._domainkey", "v=DKIM1; k=ed25519; p=BBBB"],
      ["TXT", "@", "v=spf1 include:spf.relay.test mx a -all"],
    ],
  ]);
});

test("hostile texts are texts", () => {
  const text = textOf(HOSTILE);
  const changes: Change[] = [
    { kind: "replace", purpose: "SPF", from: [HOSTILE], to: txtRecord("x.d.test", text), beside: [] },
    { kind: "add", purpose: "DKIM", to: { name: "y.d.test", type: "CNAME", data: "host.test" }, beside: [] },
    { kind: "unknown", purpose: "SPF", name: "z\n.d.test", type: "TXT", reason: "\u2028D_EXTEND()" },
  ];
  const source = formatDnscontrol(changes, "d.test");
  // Older JavaScript, which DNSControl's engine is, ends a line there within strings too.
  expect(source).not.toMatch(/[\u2028\u2029]/);
  expect(run(source)).toEqual([["d.test", ["TXT", "x", text], ["CNAME", "y", "host.test."]]]);
});
