/** The key of an account's return-paths: HMAC-SHA256 as Node has it, one for each account and master key. */
import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { returnPathKey } from "../../../gateway/core/return-path-key.ts";

test("it is HMAC-SHA256 of the account under the master key, in hex", async () => {
  const expected = createHmac("sha256", "return-path master").update("0123456789ab").digest("hex");
  expect(await returnPathKey("master", "0123456789ab")).toBe(expected);
});

test("each account has its own, and it stays the same", async () => {
  const keys = [
    await returnPathKey("master", "0123456789ab"),
    await returnPathKey("master", "0123456789ac"),
    await returnPathKey("master2", "0123456789ab"),
  ];
  expect(new Set(keys).size).toBe(3);
  for (const key of keys) expect(key).toMatch(/^[0-9a-f]{64}$/);
  expect(await returnPathKey("master", "0123456789ab")).toBe(keys[0]);
});
