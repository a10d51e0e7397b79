/**
 * Without the operator's word the gateway fetches nothing from a private address, whatever a customer writes.
 */
import { createServer } from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startStack, type Stack } from "../support/stack.ts";

let stack: Stack;
let asked = 0;
let port = 0;
const secret = createServer((_, response) => {
  asked += 1;
  response.end("secret");
});

beforeAll(async () => {
  await new Promise<void>((resolve) => secret.listen(0, "127.0.0.1", resolve));
  const address = secret.address();
  port = typeof address === "object" && address ? address.port : 0;
  stack = await startStack({ env: { HIKYAKU_LOG: "error" } });
});

afterAll(async () => {
  await stack?.stop();
  secret.close();
});

test.each([
  ["127.0.0.1"],
  ["localhost"],
  ["0x7f.1"],
  ["2130706433"],
  ["[::1]"],
  ["[::ffff:127.0.0.1]"],
  ["169.254.169.254"],
  ["10.0.0.1"],
  ["host"],
])("http://%s is not fetched", async (host) => {
  const answer = await stack.request("POST", "/v1/emails", {
    body: {
      from: "a@sandbox.test",
      to: "b@sandbox.test",
      subject: "s",
      text: "t",
      attachments: [{ path: `http://${host}:${port}/x` }],
    },
  });
  expect(answer).toMatchObject({ status: 451, body: { name: "security_error" } });
  expect(asked).toBe(0);
});
