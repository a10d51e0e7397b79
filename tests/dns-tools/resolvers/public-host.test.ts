/** Hosts that this machine may connect to on the word of a stranger's zone: all their addresses have to be public. */
import { expect, test } from "vitest";
import type { Resolve } from "#dns/resolver.ts";
import { isPublicHost } from "#resolvers/public-host.ts";
import { recordedResolver, type RecordedName } from "#resolvers/recorded.ts";

const check = (entry: RecordedName, expected: boolean): void => {
  test(`${JSON.stringify(entry)} is ${expected ? "" : "not "}public`, async () => {
    expect(await isPublicHost("h.test", recordedResolver({ "h.test": entry }))).toBe(expected);
  });
};

check({ A: ["9.9.9.9"] }, true);
check({ AAAA: ["2620:fe::9"] }, true);
check({ A: ["9.9.9.9"], AAAA: ["2620:fe::9"] }, true);
for (const address of ["127.0.0.1", "192.0.2.1", "not an address"]) check({ A: ["9.9.9.9", address] }, false);
check({ A: ["9.9.9.9"], AAAA: ["::1"] }, false);
check({}, false);
check("nxdomain", false);
check("timeout", false);

test("of whom not all addresses are known is not public", async () => {
  const known = recordedResolver({ "h.test": { AAAA: ["2620:fe::9"] } });
  const half: Resolve = (name, type, signal) =>
    type === "A" ? Promise.resolve({ kind: "timeout", reason: "late" }) : known(name, type, signal);
  expect(await isPublicHost("h.test", half)).toBe(false);
  expect(await isPublicHost("h.test", known)).toBe(true);
});
