/** What a relay node of the launcher is given of our environment: its own settings, no secret, and one of them the port. */
import { expect, test } from "vitest";
import { relayPlan } from "../../../gateway/selfhost/relay-process.ts";

const ENV = {
  HIKYAKU_ADMIN_TOKEN: "secret",
  HIKYAKU_MASTER_KEY: "secret",
  HIKYAKU_INBOUND: "0.0.0.0:25",
  HIKYAKU_TLS_CERT: "cert.pem",
};

const envOf = (index: number) =>
  relayPlan({ index, dataDir: "/data", pools: ["default"], gatewayUrl: "http://127.0.0.1:1", token: "hr_x" }, ENV).env;

test("the first listens for mail, the others do not", () => {
  expect(envOf(1)).toMatchObject({ HIKYAKU_INBOUND: "0.0.0.0:25", HIKYAKU_TLS_CERT: "cert.pem" });
  expect(envOf(2)).not.toHaveProperty("HIKYAKU_INBOUND");
});

test("none has the gateway's secrets", () => {
  for (const index of [1, 2]) expect(JSON.stringify(envOf(index))).not.toContain("secret");
});
