/**
 * Every page of the wizard, before and after an owner has published: fit for keyboards, readers of screens, weak eyes,
 * small windows and slow lines; whole without its script; and nothing on it comes from elsewhere.
 */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RSA_2048 } from "../dns-tools/support/public-keys.ts";
import { chromium, launchChromium, openPage } from "../support/chromium.ts";
import { startDnsServer, type DnsServer, type Zone } from "../support/dns-server.ts";
import { contrastFaults, overflowFaults, sameNames, structureFaults, tabFaults } from "./page-faults.ts";
import { DESK, PHONE, SCHEMES } from "./screenshots.ts";
import { startWizard, type Wizard } from "./wizard-process.ts";

const MOST_OCTETS = 100_000;
const LEAST_CONTRAST = 4.5;
const KEY = `v=DKIM1; k=rsa; p=${RSA_2048}`;
const SCRIPT_TEXT = `<script>alert(1)</script>"'><img src=x onerror=alert(1)>`;
const LONG_LABEL = "x".repeat(63);
/** With `s1._domainkey.` before it, as long as a name may be: 253 octets. */
const LONG_NAME = [LONG_LABEL, LONG_LABEL, LONG_LABEL, "y".repeat(42), "test"].join(".");

const ZONE: Zone = {
  "spf.relay.test": { txt: ["v=spf1 ip4:192.0.2.0/24 ~all"] },
  "bounce.relay.test": { a: ["192.0.2.3"] },
  "bare.test": { mx: [[10, "mail.bare.test"]] },
  "mail.bare.test": { a: ["192.0.2.2"] },
  "send.bare.test": { txt: ["v=spf1 -all"] },
  "ill.test": "servfail",
  "send.ill.test": "servfail",
  "_dmarc.ill.test": "servfail",
  "good.test": { mx: [[10, "mail.bare.test"]], txt: ["v=spf1 include:spf.relay.test mx -all"] },
  "send.good.test": { mx: [[10, "bounce.relay.test"]], txt: ["v=spf1 include:spf.relay.test ~all"] },
  "s1._domainkey.good.test": { txt: [KEY] },
  "_dmarc.good.test": { txt: ["v=DMARC1; p=none; rua=mailto:dmarc@good.test"] },
  "hostile.test": { mx: [[0, LONG_NAME]], txt: [`v=spf1 ${SCRIPT_TEXT} include:${LONG_NAME} x=${"y".repeat(900)}`] },
  "send.hostile.test": { txt: [`v=spf1 ${"z".repeat(2000)}`, `v=spf1 ${SCRIPT_TEXT}`] },
  "s1._domainkey.hostile.test": { txt: [`v=DKIM1; p=${"A".repeat(3000)}; n=${SCRIPT_TEXT}`] },
  "_dmarc.hostile.test": {
    txt: [`v=DMARC1; p=none; ${"w".repeat(400)}=${"v".repeat(400)}; rua=mailto:${SCRIPT_TEXT}`],
  },
};

const asked = (domain: string, others: Record<string, string> = {}): string =>
  new URLSearchParams({
    domain,
    include: "spf.relay.test",
    bounce: "bounce.relay.test",
    rua: `dmarc@${domain}`,
    selector: "s1",
    key: KEY,
    ...others,
  }).toString();

const PATHS: readonly (readonly [title: string, path: string])[] = [
  ["the empty form", ""],
  ["the filled form", `?${asked("bare.test")}`],
  ["the refused form", "check?domain=@"],
  ["reports", "reports"],
  ...["bare.test", "ill.test", "good.test"].flatMap((domain) =>
    ["check", "plan", "propagation", "explain"].map(
      (page) => [`${page} of ${domain}`, `${page}?${asked(domain)}`] as const,
    ),
  ),
];

const HOSTILE: readonly (readonly [title: string, path: string])[] = [
  ...["check", "plan", "propagation", "explain", ""].map(
    (page) => [`a hostile zone: ${page || "form"}`, `${page}?${asked("hostile.test")}`] as const,
  ),
  ...["check", "plan", "propagation", "explain"].map(
    (page) => [`the longest name: ${page}`, `${page}?${asked(LONG_NAME)}`] as const,
  ),
  ...["bücher.example", "日本語.test", "مثال.test", "👩‍👩‍👧.test", `${"ü".repeat(40)}.test`].map(
    (name) => [name, `check?${asked(name)}`] as const,
  ),
  ...[`${LONG_LABEL}x.test`, SCRIPT_TEXT, "\u202Etset.live", "x".repeat(1500)].map(
    (text) =>
      [
        `in every field: ${text.slice(0, 70)}`,
        `check?${asked(text, { include: text, ip: text, rua: text, bounce: text, selector: text, key: `</textarea>${text}` })}`,
      ] as const,
  ),
];

describe.skipIf(chromium === undefined)("the wizard's pages", () => {
  let browser: Browser;
  let dns: DnsServer;
  let wizard: Wizard;
  beforeAll(async () => {
    [browser, dns] = await Promise.all([launchChromium(), startDnsServer(ZONE)]);
    wizard = await startWizard(dns.dohUrl);
  });
  afterAll(async () => {
    await Promise.all([browser.close(), wizard.stop()]);
    await dns.close();
  });
  const foreign = (requests: readonly string[]): string[] =>
    requests.filter((url) => !url.startsWith(wizard.url) && url !== "data:,");
  /** That a form was refused is told by the browser, too. */
  const isRefusal = (complaint: string): boolean =>
    complaint.endsWith("the server responded with a status of 400 (Bad Request)");

  test.for(PATHS)("%s", async ([, path]) => {
    const { page, requests, complaints, transferOctets } = await openPage(browser, { viewport: DESK });
    await page.goto(wizard.url + path);
    expect(await transferOctets(), "octets with all that it needs").toBeLessThan(MOST_OCTETS);
    expect(await structureFaults(page)).toEqual([]);
    expect.soft(await sameNames(page)).toEqual([]);
    for (const viewport of [DESK, PHONE]) {
      await page.setViewportSize(viewport);
      await page.reload();
      expect(await tabFaults(page)).toEqual([]);
      expect(await overflowFaults(page)).toEqual([]);
    }
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      expect(await contrastFaults(page, LEAST_CONTRAST), colorScheme).toEqual([]);
    }
    expect(foreign(requests)).toEqual([]);
    expect(complaints.filter((complaint) => !isRefusal(complaint))).toEqual([]);
    await page.context().close();
  });

  test("the first Tab leads past the header", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${wizard.url}check?${asked("good.test")}`);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("MAIN");
  });

  test("who waits sees the records come, and may have it pause", async () => {
    const { page, requests, complaints } = await openPage(browser);
    await page.clock.install();
    await page.goto(`${wizard.url}propagation?${asked("late.test")}`);
    const lead = (): Promise<string> => page.locator(".lead").innerText();
    expect(await lead()).toBe("4 of 4 records are not everywhere yet.");
    const published = Object.entries(ZONE).filter(([name]) => name.endsWith("good.test"));
    const late = published.map(([name, records]) => [name.replace("good.test", "late.test"), records]);
    dns.rezone({
      ...ZONE,
      ...Object.fromEntries(late),
      "_dmarc.late.test": { txt: ["v=DMARC1; p=none; rua=mailto:dmarc@late.test"] },
    });
    const pause = page.getByRole("button", { name: "Pause" });
    await pause.press("Enter");
    const before = requests.length;
    await page.clock.runFor(60_000);
    expect(requests).toHaveLength(before);
    await pause.press("Enter");
    await page.clock.runFor(15_000);
    await expect.poll(lead).toBe("Everybody who was asked has all of it.");
    expect(await page.getByRole("status").innerText()).toBe("Everybody who was asked has all of it.");
    expect(await pause.isHidden()).toBe(true);
    expect(complaints).toEqual([]);
    dns.rezone(ZONE);
    await page.context().close();
  });

  test("is painted before its script has come", async () => {
    const { page } = await openPage(browser);
    await page.route("**/*.js", () => {});
    await page.goto(`${wizard.url}check?${asked("bare.test")}`, { waitUntil: "commit" });
    await page.getByText("bounces of our mail do not reach us").waitFor();
    const painted = (): Promise<number> =>
      page.evaluate(() => performance.getEntriesByName("first-contentful-paint").length);
    await expect.poll(painted).toBe(1);
    expect(await page.evaluate(() => document.readyState)).not.toBe("complete");
    await page.context().close();
  });

  test("says everything without its script, and offers nothing that would not work", async () => {
    const { page } = await openPage(browser, { javaScriptEnabled: false });
    const read = async (path: string): Promise<string> => {
      await page.goto(wizard.url + path);
      expect(await page.getByRole("button", { name: /copy/i }).count()).toBe(0);
      return page.locator("main").innerText();
    };
    await page.goto(wizard.url);
    await page.getByLabel("Domain", { exact: true }).fill("bare.test");
    await page.getByRole("button", { name: "See what stands" }).click();
    expect(await page.getByRole("heading", { level: 1 }).innerText()).toBe("bare.test");
    const bare = await read(`check?${asked("bare.test")}`);
    for (const text of ["✗ fails", "✓ good", KEY, "10 bounce.relay.test"]) expect(bare).toContain(text);
    const plan = await read(`plan?${asked("bare.test")}`);
    for (const text of ["+ add", "− delete", "s1._domainkey", KEY, "v=spf1 include:spf.relay.test"])
      expect(plan).toContain(text);
    expect(await read(`check?${asked("ill.test")}`)).toContain("? could not find out");
    expect(await read(`explain?${asked("good.test")}`)).toContain("2 of 10 look-ups");
    await page.context().close();
  });

  describe("whatever is typed or stands in a zone, it is text that fits on a phone", () => {
    test.for(HOSTILE)("%s", async ([, path]) => {
      const { page, requests, complaints } = await openPage(browser, { viewport: PHONE });
      await page.goto(wizard.url + path);
      expect(await overflowFaults(page)).toEqual([]);
      expect(await structureFaults(page)).toEqual([]);
      expect(await page.locator("img, main script").count()).toBe(0);
      expect(foreign(requests)).toEqual([]);
      expect(complaints.filter((complaint) => !isRefusal(complaint))).toEqual([]);
      await page.context().close();
    });
  });
});
