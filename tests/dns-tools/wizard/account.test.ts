/**
 * The domains of an account: from its key to pages that are filled in; the key itself goes nowhere.
 */
import { expect, test } from "vitest";
import { queryOf, type AccountDomain } from "../../../dns-tools/wizard/account-page.ts";
import { wizardApp } from "../../../dns-tools/wizard/app.ts";
import { recordedResolver } from "../../../dns-tools/resolvers/recorded.ts";
import { ED25519 } from "../support/public-keys.ts";
import { BARE, post, wizardOver } from "./scene.ts";

const KEY = "hk_account_key_that-nobody-may-see";
const DOMAIN: AccountDomain = {
  name: "d.test",
  status: "partially_verified",
  records: [
    { record: "SPF", name: "out", type: "MX", value: "bounce.relay.test" },
    { record: "SPF", name: "out", type: "TXT", value: "v=spf1 include:spf.relay.test ~all" },
    { record: "DKIM", name: "hikyaku3._domainkey", type: "TXT", value: `v=DKIM1; k=ed25519; p=${ED25519}` },
  ],
};

test("a domain's query is what its owner would have typed", () => {
  const query = new URLSearchParams(queryOf(DOMAIN, { include: "other.test", bounce: "other.test" }));
  expect(Object.fromEntries(query)).toEqual({
    ...{ domain: "d.test", include: "spf.relay.test", ip: "", "return-path": "out", bounce: "bounce.relay.test" },
    ...{ policy: "none", rua: "", selector: "hikyaku3", key: `v=DKIM1; k=ed25519; p=${ED25519}` },
  });
  const byAddress = [{ record: "SPF", name: "send", type: "TXT", value: "v=spf1 ip4:192.0.2.1 +ip6:2001:db8::1 ~all" }];
  const ips = new URLSearchParams(queryOf({ ...DOMAIN, records: byAddress }, {}));
  expect(ips.get("ip")).toBe("192.0.2.1 2001:db8::1");
});

test("a key opens pages that are filled in", async () => {
  const keys: string[] = [];
  const app = wizardOver(BARE, {
    basePath: "/setup",
    readAccount: (key) => {
      keys.push(key);
      return Promise.resolve({ kind: "domains", domains: [DOMAIN], hasMore: true });
    },
  });
  expect(await (await app.request("/setup/")).text()).toContain('href="/setup/account"');
  const form = await (await app.request("/setup/account")).text();
  expect(form).toMatch(/<form method="post" action="\/setup\/account">[\s\S]*type="password"/);
  const response = await post(app, "/setup/account", { key: ` ${KEY} ` });
  expect(response.headers.get("cache-control")).toBe("no-store");
  const html = await response.text();
  expect(keys).toEqual([KEY]);
  expect(html).not.toContain(KEY);
  expect(html).toContain("partially verified");
  expect(html).toContain("There are more");
  const [, plan = ""] = /href="(\/setup\/plan\?[^"]*)"/.exec(html) ?? [];
  const planned = await app.request(plan.replaceAll("&amp;", "&"));
  expect(planned.status).toBe(200);
  expect(await planned.text()).toContain("4 records to publish");
});

test("a refusal is in the API's words; a form from elsewhere opens nothing", async () => {
  let asked = 0;
  const app = wizardOver(BARE, {
    readAccount: () => {
      asked++;
      return Promise.resolve({ kind: "refused", text: "The API key is <not> valid." });
    },
  });
  const refused = await post(app, "/account", { key: KEY });
  expect(refused.status).toBe(422);
  const html = await refused.text();
  expect(html).toMatch(/role="alert">The API key is &lt;not&gt; valid\./);
  expect(html).not.toContain(KEY);
  expect((await post(app, "/account", { key: KEY }, {})).status).toBe(403);
  for (const key of ["", "two words", "ü", "a\r\nb: c"])
    expect((await post(app, "/account", { key })).status).toBe(422);
  expect(asked).toBe(1);
});

test("alone, the wizard knows no accounts", async () => {
  const app = wizardApp({ resolve: recordedResolver(BARE) });
  expect((await app.request("/account")).status).toBe(404);
  expect(await (await app.request("/")).text()).not.toContain("/account");
});
