/** An address for DMARC reports counts for the account and domain that it was made for, and for nothing else. */
import { expect, test } from "vitest";
import { parseReportAddress, type ReportAddressToken } from "#contract/dmarc-report-address.ts";
import { parseReturnPath } from "#contract/return-path.ts";
import { proveReportAddress, reportAddressOf } from "../../../gateway/core/dmarc-report-proof.ts";

const MASTER = "master-key-0123456789-0123456789";
const TOKEN = { account: "0123456789ab", k: 1_830_000_000_000_123 };
const made = (token = TOKEN, master = MASTER): Promise<string> => reportAddressOf(master, token, "bounce.test");

test("what we made is proved, whatever its case; a longest one is a local part", async () => {
  const address = await made();
  expect(await proveReportAddress(MASTER, address)).toEqual(TOKEN);
  expect(await proveReportAddress(MASTER, address.toUpperCase())).toEqual(TOKEN);
  const longest = await made({ ...TOKEN, k: Number.MAX_SAFE_INTEGER });
  // RFC 5321 §4.5.3.1.1.
  expect(longest.indexOf("@")).toBeLessThanOrEqual(64);
  expect(parseReturnPath(address.slice(0, address.indexOf("@")))).toBeUndefined();
});

test("tampered, of another account, domain or service, or of another form: not ours", async () => {
  const good = await made();
  const [head = "", k = "", rest = ""] = good.split(".", 3);
  const [mac = ""] = rest.split("@");
  const check = async (address: string, expected?: ReportAddressToken): Promise<void> =>
    expect(await proveReportAddress(MASTER, address), address).toEqual(expected);
  for (let at = 0; at < mac.length; at++)
    await check(`${head}.${k}.${mac.slice(0, at)}${mac[at] === "0" ? "1" : "0"}${mac.slice(at + 1)}@bounce.test`);
  await check(`dmarc-0123456789ac.${k}.${mac}@bounce.test`);
  await check(`${head}.${(TOKEN.k + 1).toString(36)}.${mac}@bounce.test`);
  await check(await made(TOKEN, "another master key, as long as ours is"));
  for (const form of ["", "@", mac, `${head}.0${k}.${mac}@b.test`, `x${good}`, "dmarc-0123456789ab.1@b.test"])
    await check(form);
  expect(parseReportAddress("dmarc-0123456789ai.1.0123456789abcdef")).toBeUndefined();
});
