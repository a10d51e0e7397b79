/** Hosts that this machine may connect to on the word of a stranger's zone. */
import { expect, test } from "vitest";
import type { Resolve } from "#dns/resolver.ts";
import { isPublicHost } from "#resolvers/public-host.ts";
import { recordedResolver, type RecordedName } from "#resolvers/recorded.ts";

const check = (entry: RecordedName, expected: boolean): void => {
  test(`${JSON.stringify(entry)} is ${expected ? "" : "not "}public`, async () => {
    expect(await isPublicHost("h.test", recordedResolver({ "h.test": entry }))).toBe(expected);
  });
};

check({ A: ["192.0.2.1"] }, true);
check({ AAAA: ["2001:db8::1"] }, true);
check({ A: ["172.15.255.255", "172.32.0.0", "100.128.0.0", "223.255.255.255"] }, true);
check({ AAAA: ["64:ff9b::192.0.2.1", "2002:c000:201::1"] }, true);
for (const address of [
  "0.0.0.1",
  "10.1.2.3",
  "100.64.0.1",
  "127.0.0.1",
  "169.254.169.254",
  "172.31.0.1",
  "192.168.1.1",
  "192.0.0.1",
  "224.0.0.1",
  "255.255.255.255",
])
  check({ A: ["192.0.2.1", address] }, false);
for (const address of [
  "::1",
  "::",
  "::127.0.0.1",
  "fd00::1",
  "fe80::1",
  "fec0::1",
  "ff02::1",
  "::ffff:127.0.0.1",
  "64:ff9b::10.0.0.1",
  "64:ff9b:1::1",
  "2002:a00:1::1",
])
  check({ AAAA: [address] }, false);
check({}, false);
check("nxdomain", false);
check("timeout", false);

test("of whom not all addresses are known is not public", async () => {
  const known = recordedResolver({ "h.test": { AAAA: ["2001:db8::1"] } });
  const half: Resolve = (name, type, signal) =>
    type === "A" ? Promise.resolve({ kind: "timeout", reason: "late" }) : known(name, type, signal);
  expect(await isPublicHost("h.test", half)).toBe(false);
  expect(await isPublicHost("h.test", known)).toBe(true);
});
