import { expect, test } from "vitest";
import { sendingRecords } from "#dns/requirement.ts";

test("MX and SPF of the return-path, then a record for each key", () => {
  const records = sendingRecords({
    returnPath: "send",
    selectors: [
      { selector: "s1", algorithm: "rsa-sha256", publicKeyBase64: "AAAA" },
      { selector: "s2", algorithm: "ed25519-sha256", publicKeyBase64: "BBBB" },
    ],
    spf: "v=spf1 include:spf.relay.test ~all",
    bounceHost: "bounce.relay.test",
  });
  expect(records).toEqual([
    { purpose: "SPF", name: "send", type: "MX", value: "bounce.relay.test", priority: 10 },
    { purpose: "SPF", name: "send", type: "TXT", value: "v=spf1 include:spf.relay.test ~all" },
    { purpose: "DKIM", name: "s1._domainkey", type: "TXT", value: "v=DKIM1; k=rsa; p=AAAA" },
    { purpose: "DKIM", name: "s2._domainkey", type: "TXT", value: "v=DKIM1; k=ed25519; p=BBBB" },
  ]);
});
