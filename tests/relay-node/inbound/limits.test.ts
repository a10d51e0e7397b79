/** Who has had enough: by network, by commands since the last message, by refusals; and all is forgotten who leave. */
import { expect, test } from "vitest";
import { INBOUND_LIMITS, Visitors } from "../../../relay-node/inbound/limits.ts";

const visitors = (): Visitors => new Visitors({ ...INBOUND_LIMITS, connectionsPerNetwork: 2, commands: 3, errors: 1 });

test("an IPv4 address is a network, and so are the first 64 bits of IPv6", () => {
  const check = (ips: string[], expected: boolean[]): void => {
    const all = visitors();
    expect(ips.map((ip, at) => all.enter(`${at}`, ip))).toEqual(expected);
  };
  check(["192.0.2.1", "192.0.2.1", "192.0.2.1", "192.0.2.2"], [true, true, false, true]);
  check(["2001:db8::1", "2001:db8:0:0:ffff::2", "2001:db8::3", "2001:db8:0:1::1"], [true, true, false, true]);
});

test("who leaves makes room, once", () => {
  const all = visitors();
  for (const id of ["a", "b"]) all.enter(id, "192.0.2.1");
  all.leave("a");
  all.leave("a");
  expect(all.enter("c", "192.0.2.1")).toBe(true);
  expect(all.enter("d", "192.0.2.1")).toBe(false);
});

test("commands count from one message to the next, refusals to the end", () => {
  const all = visitors();
  all.enter("a", "192.0.2.1");
  expect([1, 2, 3, 4].map(() => all.mayCommand("a"))).toEqual([true, true, true, false]);
  all.tookMessage("a");
  expect(all.mayCommand("a")).toBe(true);
  expect([all.mayErr("a"), all.mayErr("a")]).toEqual([true, false]);
  all.tookMessage("a");
  expect(all.mayErr("a")).toBe(false);
  // Of who is not there yet nothing is counted.
  expect([all.mayCommand("b"), all.mayErr("b")]).toEqual([true, true]);
});
