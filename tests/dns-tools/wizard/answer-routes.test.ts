/** What the form sends: a page's address with public keys in it, and private keys nowhere. */
import { expect, test } from "vitest";
import { ED25519, RSA_2048 } from "../support/public-keys.ts";
import { PRIVATE_KEYS } from "./private-keys.ts";
import { answer, BARE, page, post, wizardOver } from "./scene.ts";

const app = wizardOver(BARE);
const PEM = `-----BEGIN PUBLIC KEY-----\n${RSA_2048.replaceAll(/.{64}/g, "$&\n")}\n-----END PUBLIC KEY-----\n`;

/** The part of a key that nobody may see. */
const secretIn = (key: string): string =>
  key
    .replaceAll(/-----[A-Z ]+-----/g, "")
    .trim()
    .slice(4, 40);

test("the form is sent by POST, and answered with the address of the page", async () => {
  expect(await page(BARE, "/")).toContain('<form method="post" action="/check">');
  for (const path of ["/check", "/plan"]) {
    const response = await post(app, path, { domain: "d.test", ip: "192.0.2.1", selector: "s1", key: PEM });
    expect(response.status).toBe(303);
    const to = new URL(response.headers.get("location") ?? "", "http://localhost");
    expect(to.pathname).toBe(path);
    expect(Object.fromEntries(to.searchParams)).toMatchObject({
      domain: "d.test",
      ip: "192.0.2.1",
      selector: "s1",
      key: `v=DKIM1; k=rsa; p=${RSA_2048}`,
    });
    expect((await app.request(to.href)).status).toBe(200);
  }
  const mounted = await post(wizardOver(BARE, { basePath: "/setup" }), "/setup/check", { domain: "d.test" });
  expect(mounted.headers.get("location")).toMatch(/^\/setup\/check\?domain=d\.test&/);
});

test("what is wrong elsewhere is told by the page itself", async () => {
  const response = await post(app, "/plan", { domain: "192.0.2.1", selector: "s1", key: ED25519 });
  expect(response.status).toBe(303);
  expect((await app.request(response.headers.get("location") ?? "")).status).toBe(400);
});

test("a private key is in no address and on no page, and its owner is told to make a new one", async () => {
  for (const key of PRIVATE_KEYS) {
    const response = await post(app, "/plan", { domain: "d.test", ip: "192.0.2.1", selector: "s1", key });
    expect(response.status, key).toBe(400);
    const html = await response.text();
    expect(html).toContain("make a new pair");
    expect(html).not.toContain(secretIn(key));
    expect(html).toMatch(/name="key"[^>]*aria-invalid="true"[^>]*>\n?<\/textarea>/);
    // Whoever wrote the address by hand finds it nowhere either.
    const query = new URLSearchParams({ domain: "d.test", ip: "192.0.2.1", selector: "s1", key }).toString();
    for (const path of ["/", "/index.json", "/check", "/plan.json", "/propagation", "/explain"]) {
      const text = await (await answer(BARE, `${path}?${query}`)).text();
      expect(text, path).not.toContain(secretIn(key));
      expect(text, path).not.toContain(encodeURIComponent(secretIn(key)));
    }
  }
});

test("what is no key that is known stays out of the address, and can be mended on the page", async () => {
  const key = RSA_2048.slice(0, 200);
  const response = await post(app, "/check", { domain: "d.test", selector: "s1", key });
  expect(response.status).toBe(400);
  const html = await response.text();
  expect(html).toContain("This key was cut off");
  expect(html).toContain(`>\n${key}</textarea>`);
});

test("another site's form, and one that is too long", async () => {
  expect((await post(app, "/check", { domain: "d.test" }, { "sec-fetch-site": "cross-site" })).status).toBe(403);
  expect((await post(app, "/check", { domain: "d.test", rua: "x".repeat(40_000) })).status).toBe(413);
});
