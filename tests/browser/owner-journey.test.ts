/**
 * An owner goes from a typed domain to all green, by keys alone: whatever is published is what the copy buttons put on
 * the clipboard, name by name, in a zone that was empty of mail but for an old record.
 */
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { formatKeyPair, keyParameters } from "#dns/keygen.ts";
import { chromium, launchChromium, openPage } from "../support/chromium.ts";
import { startDnsServer, type DnsServer, type Records } from "../support/dns-server.ts";
import { follow, tabTo, typeInto } from "./keyboard.ts";
import { startSeries } from "./screenshots.ts";
import { startWizard, type Wizard } from "./wizard-process.ts";

const DOMAIN = "owner.test";
const RELAY: Record<string, Records> = {
  "spf.relay.test": { txt: ["v=spf1 ip4:192.0.2.0/24 ~all"] },
  "bounce.relay.test": { a: ["192.0.2.3"] },
};
const BEFORE: Record<string, Records> = {
  ...RELAY,
  "owner.test": { mx: [[10, "mail.owner.test"]], a: ["192.0.2.1"], txt: ["site-verification=abc"] },
  "mail.owner.test": { a: ["192.0.2.2"] },
  "send.owner.test": { txt: ["v=spf1 -all"] },
};

type Copied = { name: string; type: string; priority: string; value: string; gone: string[] };

/** Each change of the page as a person takes it to a DNS host: field by field, by its copy button. */
const copyChanges = async (page: Page): Promise<Copied[]> => {
  const changes: Copied[] = [];
  for (const card of await page
    .getByRole("listitem")
    .filter({ has: page.getByText("Copy", { exact: true }) })
    .all()) {
    const fields = new Map<string, string>();
    for (const button of await card.getByRole("button", { name: /^Copy/ }).all())
      fields.set(await labelOf(button), await copy(page, button));
    changes.push({
      name: fields.get("Name") ?? "",
      type: fields.get("Type") ?? "",
      priority: fields.get("Priority") ?? "",
      value: fields.get("Value") ?? "",
      gone: await card.locator("del").allTextContents(),
    });
  }
  return changes;
};

const labelOf = (button: Locator): Promise<string> =>
  button.locator("xpath=ancestor::dd/preceding-sibling::dt").innerText();

const copy = async (page: Page, button: Locator): Promise<string> => {
  await page.evaluate(() => navigator.clipboard.writeText(""));
  await tabTo(page, button);
  await page.keyboard.press("Enter");
  const read = (): Promise<string> => page.evaluate(() => navigator.clipboard.readText());
  await expect.poll(read).not.toBe("");
  await expect.poll(() => page.getByRole("status").innerText()).toBe("Copied.");
  return read();
};

/** As the owner's DNS host does it; the name is below the domain, or @. */
const publish = (zone: Record<string, Records>, { name, type, priority, value, gone }: Copied): void => {
  const at = name === "@" ? DOMAIN : `${name}.${DOMAIN}`;
  const { mx = [], txt = [], ...held } = zone[at] ?? {};
  const left = txt.filter((text) => !gone.includes(text));
  if (type === "MX") zone[at] = { ...held, mx: [...mx, [Number(priority), value]], txt: left };
  else if (type === "TXT") zone[at] = { ...held, mx, txt: [...left, value] };
  else throw new Error(`the page wants a ${type} record`);
};

describe.skipIf(chromium === undefined)("an owner", () => {
  let browser: Browser;
  let dns: DnsServer;
  let wizard: Wizard;
  beforeAll(async () => {
    [browser, dns] = await Promise.all([launchChromium(), startDnsServer(BEFORE)]);
    wizard = await startWizard(dns.dohUrl);
  });
  afterAll(async () => {
    await Promise.all([browser.close(), wizard.stop()]);
    await dns.close();
  });

  test("goes from a typed domain to all green", async () => {
    const pair = await crypto.subtle.generateKey(keyParameters("rsa-sha256"), true, ["sign", "verify"]);
    if (!("privateKey" in pair)) throw new Error("the key is no pair");
    const { record } = await formatKeyPair(pair);
    const { page, requests, complaints } = await openPage(browser, {
      permissions: ["clipboard-read", "clipboard-write"],
    });
    const shoot = startSeries("owner-journey");
    const verdicts = (): Promise<string[]> => page.locator("main .card h3 .verdict").allInnerTexts();

    await page.goto(wizard.url);
    await shoot(page, "1-empty-form");
    await typeInto(page, page.getByLabel("Domain", { exact: true }), DOMAIN);
    await typeInto(page, page.getByLabel("SPF names of your senders"), "spf.relay.test");
    await typeInto(page, page.getByLabel("Bounce host"), "bounce.relay.test");
    await typeInto(page, page.getByLabel("Selector").first(), "s1");
    await typeInto(page, page.getByLabel("Public key").first(), record);
    await tabTo(page, page.getByLabel("Policy"));
    await page.keyboard.press("r");
    await typeInto(page, page.getByLabel("Report address"), `dmarc@${DOMAIN}`);
    await shoot(page, "2-filled-form");

    await follow(page, page.getByRole("button", { name: "See what stands" }));
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe(DOMAIN);
    expect(await verdicts()).toContain("✗ fails");
    await shoot(page, "3-what-stands-before");

    await follow(page, page.getByRole("link", { name: "Publish", exact: true }));
    await shoot(page, "4-what-to-publish");
    const changes = await copyChanges(page);
    expect(changes).toContainEqual({ name: "s1._domainkey", type: "TXT", priority: "", value: record, gone: [] });
    expect(changes.find(({ gone }) => gone.length > 0)?.gone).toEqual(["v=spf1 -all"]);
    const zone = { ...BEFORE };
    for (const change of changes) publish(zone, change);
    dns.rezone(zone);

    await follow(page, page.getByRole("link", { name: "Check again" }));
    expect(await page.getByText("Nothing to publish.").isVisible()).toBe(true);
    await shoot(page, "5-nothing-to-publish");
    await follow(page, page.getByRole("link", { name: "Check", exact: true }));
    await follow(page, page.getByRole("link", { name: "Check again" }));
    expect(new Set(await verdicts())).toEqual(new Set(["✓ good"]));
    expect(await page.locator(".lead").innerText()).toBe("✓ good Everything that was checked is in order.");
    await shoot(page, "6-all-green");
    await follow(page, page.getByRole("link", { name: "Why" }));
    await shoot(page, "7-why");

    expect(requests.filter((url) => !url.startsWith(wizard.url) && url !== "data:,")).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
