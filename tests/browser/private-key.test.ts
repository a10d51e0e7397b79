/** A private key pasted into the form by mistake: with the script it never leaves the browser, without it no address has it. */
import { generateKeyPairSync } from "node:crypto";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromium, launchChromium, openPage } from "../support/chromium.ts";
import { startDnsServer, type DnsServer } from "../support/dns-server.ts";
import { startWizard, type Wizard } from "./wizard-process.ts";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const PEM = String(privateKey.export({ type: "pkcs8", format: "pem" }));
const SECRET = PEM.split("\n")[5] ?? "";

describe.skipIf(chromium === undefined)("a private key", () => {
  let browser: Browser;
  let dns: DnsServer;
  let wizard: Wizard;
  beforeAll(async () => {
    [browser, dns] = await Promise.all([launchChromium(), startDnsServer({ "d.test": { a: ["192.0.2.1"] } })]);
    wizard = await startWizard(dns.dohUrl);
  });
  afterAll(async () => {
    await Promise.all([browser.close(), wizard.stop()]);
    await dns.close();
  });

  test("is not sent: the field is emptied, with a word beside it; what is public is sent", async () => {
    const { page, requests, complaints } = await openPage(browser);
    await page.goto(wizard.url);
    await page.getByLabel("Domain", { exact: true }).fill("d.test");
    await page.getByLabel("Selector").first().fill("s1");
    const field = page.getByLabel("Public key").first();
    await field.fill(PEM);
    const before = requests.length;
    await page.getByRole("button", { name: "See what stands" }).click();
    await expect
      .poll(() => page.locator("#key-0-note").innerText())
      .toContain("This is a private key, and was not sent");
    expect(await field.inputValue()).toBe("");
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("key-0");
    expect(requests.slice(before)).toEqual([]);
    await page.getByRole("button", { name: "See what stands" }).click();
    await page.waitForURL(/\/check\?domain=d\.test/);
    expect(complaints).toEqual([]);
  });

  test("without the script is in no address and on no page", async () => {
    const { page, requests } = await openPage(browser, { javaScriptEnabled: false });
    await page.goto(wizard.url);
    await page.getByLabel("Domain", { exact: true }).fill("d.test");
    await page.getByLabel("Public key").first().fill(PEM);
    await page.getByRole("button", { name: "See what to publish" }).click();
    await page.getByText("make a new pair").first().waitFor();
    expect(requests.join(" ")).not.toContain(encodeURIComponent(SECRET));
    expect(await page.content()).not.toContain(SECRET);
  });
});
