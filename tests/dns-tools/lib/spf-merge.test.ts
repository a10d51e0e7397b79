/** What becomes of a name's SPF records when terms are to be added to them. */
import { expect, test } from "vitest";
import { leadSpf, mergeSpf } from "#dns/spf-merge.ts";

const WANTED = "v=spf1 include:relay.test ~all";
const check = (found: string[], expected: string, wanted = WANTED): void => {
  test(found.join(" | ") || "none", () => {
    expect(mergeSpf(found, wanted)).toBe(expected);
    expect(mergeSpf([expected], wanted)).toBe(expected);
  });
};

check([], WANTED);
// As it is: also what a formatter would write in another way.
check(["v=spf1 mx include:relay.test -all"], "v=spf1 mx include:relay.test -all");
check(["V=SPF1  +INCLUDE:Relay.Test.  +all"], "V=SPF1  +INCLUDE:Relay.Test.  +all");
check(["v=spf1 include:relay.test"], "v=spf1 include:relay.test");
// In front of what costs a look-up or says no, behind what lets pass and costs none; the owner's `all` stays.
check(["v=spf1"], "v=spf1 include:relay.test");
check(["v=spf1 -all"], "v=spf1 include:relay.test -all");
check(["v=spf1 mx -all"], "v=spf1 include:relay.test mx -all");
check(
  ["v=spf1 ip4:192.0.2.0/24 -ip6:2001:db8::1 a ip4:192.0.2.1 ~all exp=x.test"],
  "v=spf1 ip4:192.0.2.0/24 include:relay.test -ip6:2001:db8::1 a ip4:192.0.2.1 ~all exp=x.test",
);
check(["v=spf1 ip4:192.0.2.1"], "v=spf1 ip4:192.0.2.1 include:relay.test");
check(["v=spf1 redirect=_spf.d.test"], "v=spf1 include:relay.test redirect=_spf.d.test");
// An `all` that lets everybody in does not survive a change.
check(["v=spf1 mx +all"], "v=spf1 include:relay.test mx ~all");
check(["v=spf1 mx all"], "v=spf1 include:relay.test mx ~all");
check(["v=spf1 mx ?all"], "v=spf1 include:relay.test mx ~all");
// The term is there, but does not count.
check(["v=spf1 mx -all include:relay.test"], "v=spf1 include:relay.test mx -all");
check(["v=spf1 ?include:RELAY.test mx -all"], "v=spf1 include:relay.test mx -all");
check(["v=spf1 ~include:relay.test include:relay.test -all"], "v=spf1 include:relay.test -all");
check(["v=spf1 include:relay.test ~include:relay.test -all"], "v=spf1 include:relay.test ~include:relay.test -all");
// Several records are none: each term once, the milder `all`.
check(["v=spf1 mx -all", "v=spf1 mx a -all"], "v=spf1 include:relay.test mx a -all");
check(["v=spf1 mx -all", "v=spf1 a ~all"], "v=spf1 include:relay.test mx a ~all");
check(["v=spf1 mx -all", "v=spf1 a"], "v=spf1 include:relay.test mx a ~all");
check(["v=spf1 +all", "v=spf1 a +all"], "v=spf1 include:relay.test a ~all");
check([WANTED, WANTED], WANTED);
check(["v=spf1 include:relay.test -all", "v=spf1 mx -all"], "v=spf1 include:relay.test mx -all");
check(
  ["v=spf1 redirect=a.test", "v=spf1 mx -all redirect=b.test exp=c.test x-y=1"],
  "v=spf1 include:relay.test include:a.test mx ~all exp=c.test x-y=1",
);
check(["v=spf1 -all exp=a.test", "v=spf1 exp=b.test -all"], "v=spf1 include:relay.test -all exp=a.test");
// Each term of several that are wanted.
check(
  ["v=spf1 ip4:192.0.2.1 mx -all"],
  "v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 include:b.test mx -all",
  "v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 include:b.test -all",
);

test("in front of all, whatever stands there, and without what is to go", () => {
  const lead = (found: string[], dropped: string[] = []): string => leadSpf(found, WANTED, dropped);
  expect(lead([])).toBe("v=spf1 include:relay.test ~all");
  expect(lead(["v=spf1 ip4:192.0.2.1 -all"])).toBe("v=spf1 include:relay.test ip4:192.0.2.1 -all");
  expect(lead(["v=spf1 include:gone.test ~include:relay.test mx +all"], ["include:GONE.test"])).toBe(
    "v=spf1 include:relay.test mx ~all",
  );
  expect(lead(["v=spf1 a -all", "v=spf1 include:relay.test -all"])).toBe("v=spf1 include:relay.test a -all");
});
