/**
 * Changes are told once they are sure: seen twice, by two resolvers, and no more than once; failed look-ups are none.
 */
import { expect, test } from "vitest";
import type { DomainReport } from "#dns/check.ts";
import type { Finding } from "#dns/finding.ts";
import { observe, type Watch } from "#dns/watch.ts";

const finding = (code: Finding["code"], status: Finding["status"]): Finding => ({
  code,
  status,
  name: "d.test",
  text: `${code} is ${status}`,
  evidence: [],
  rfc: "RFC 7208",
});

const GOOD = [finding("spf.lookups", "pass")];
const BROKEN = [finding("spf.missing", "fail")];
const NO_KEY = [finding("dkim.missing", "fail")];
const OPEN = [finding("dns.indeterminate", "indeterminate")];

/** Each observation is `resolver, findings`; `told` has a line for each change after each of them. */
const check = (title: string, resolvers: number, seen: [string, Finding[]][], told: string[][]): void =>
  test(title, () => {
    let watch: Watch = { resolvers };
    const lines = seen.map(([resolver, findings]) => {
      const report: DomainReport = { domain: "d.test", status: "pass", findings };
      const next = observe(watch, { report, resolver });
      ({ watch } = next);
      return next.changes.map((change) =>
        change.kind === "first"
          ? `first ${change.troubles.map(({ code }) => code).join()}`
          : `${change.kind} ${change.trouble.code}`,
      );
    });
    expect(lines).toEqual(told);
  });

check(
  "the second of two equal observations is the first that is told",
  1,
  [
    ["a", GOOD],
    ["a", GOOD],
    ["a", GOOD],
  ],
  [[], ["first "], []],
);
check(
  "a fault that comes and stays is told once, and its end",
  1,
  [
    ["a", GOOD],
    ["a", GOOD],
    ["a", BROKEN],
    ["a", BROKEN],
    ["a", BROKEN],
    ["a", GOOD],
    ["a", GOOD],
  ],
  [[], ["first "], [], ["broken spf.missing"], [], [], ["mended spf.missing"]],
);
check(
  "one that is seen once is no change",
  1,
  [
    ["a", BROKEN],
    ["a", BROKEN],
    ["a", OPEN],
    ["a", BROKEN],
    ["a", OPEN],
    ["a", BROKEN],
  ],
  [[], ["first spf.missing"], [], [], [], []],
);
check(
  "two resolvers have to have seen it; one of them twice is not enough",
  2,
  [
    ["a", GOOD],
    ["a", GOOD],
    ["b", GOOD],
    ["a", BROKEN],
    ["b", GOOD],
    ["a", BROKEN],
    ["b", BROKEN],
  ],
  [[], [], ["first "], [], [], [], ["broken spf.missing"]],
);
check(
  "another fault in between begins anew",
  1,
  [
    ["a", GOOD],
    ["a", GOOD],
    ["a", BROKEN],
    ["a", NO_KEY],
    ["a", NO_KEY],
  ],
  [[], ["first "], [], [], ["broken dkim.missing"]],
);
check(
  "what could not be found out is no fault, and mends none",
  1,
  [
    ["a", GOOD],
    ["a", GOOD],
    ["a", OPEN],
    ["a", OPEN],
    ["a", BROKEN],
    ["a", BROKEN],
    ["a", OPEN],
    ["a", OPEN],
    ["a", OPEN],
    ["a", BROKEN],
    ["a", GOOD],
    ["a", GOOD],
  ],
  [[], ["first "], [], [], [], ["broken spf.missing"], [], [], [], [], [], ["mended spf.missing"]],
);
check(
  "of several faults, one found out to be gone counts though another look-up fails all the time",
  1,
  [
    ["a", [...BROKEN, ...OPEN]],
    ["a", [...BROKEN, ...OPEN]],
    ["a", OPEN],
    ["a", OPEN],
    ["a", GOOD],
    ["a", GOOD],
  ],
  [[], ["first spf.missing,dns.indeterminate"], [], ["mended spf.missing"], [], ["mended dns.indeterminate"]],
);
check(
  "a look-up that begins to fail beside a fault does not hide that it is mended",
  1,
  [
    ["a", BROKEN],
    ["a", BROKEN],
    ["a", [...BROKEN, ...OPEN]],
    ["a", OPEN],
    ["a", OPEN],
  ],
  [[], ["first spf.missing"], [], [], ["mended spf.missing"]],
);
check(
  "what was unknown when one fault came is no proof against the next",
  1,
  [
    ["a", [...BROKEN, ...OPEN]],
    ["a", [...BROKEN, ...OPEN]],
    ["a", NO_KEY],
    ["a", NO_KEY],
    ["a", OPEN],
    ["a", OPEN],
  ],
  [
    [],
    ["first spf.missing,dns.indeterminate"],
    [],
    ["broken dkim.missing", "mended spf.missing", "mended dns.indeterminate"],
    [],
    [],
  ],
);
check(
  "a new fault is told beside what is unknown, and the old one stays",
  1,
  [
    ["a", BROKEN],
    ["a", BROKEN],
    ["a", [...NO_KEY, ...OPEN]],
    ["a", [...NO_KEY, ...OPEN]],
    ["a", [...BROKEN, ...NO_KEY]],
  ],
  [[], ["first spf.missing"], [], ["broken dkim.missing"], []],
);
