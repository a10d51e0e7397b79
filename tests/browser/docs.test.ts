/** The gateway's `/docs` in a browser that reaches nothing else: all of it is there, and it fits, reads and tabs well. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ENDPOINTS } from "#contract/endpoints.ts";
import { chromium, launchChromium, openPage } from "../support/chromium.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { contrastFaults, overflowFaults, structureFaults, tabFaults } from "./page-faults.ts";
import { PHONE, SCHEMES, startSeries } from "./screenshots.ts";

describe.skipIf(chromium === undefined)("/docs", () => {
  let browser: Browser;
  let stack: Stack;
  beforeAll(async () => {
    [browser, stack] = await Promise.all([launchChromium(), startStack()]);
  });
  afterAll(async () => {
    await Promise.all([browser.close(), stack.stop()]);
  });

  // Its pictures are of a page that is 60 screens long.
  test("loads from its own origin alone, and without complaint", { timeout: 180_000 }, async () => {
    const { page, requests, complaints } = await openPage(browser);
    const url = new URL("/docs", stack.url).href;
    await page.goto(url, { waitUntil: "networkidle" });
    for (const [name, { path }] of Object.entries(ENDPOINTS))
      expect(await page.locator(`section[id="${name}"]`).innerText(), name).toContain(path);
    await startSeries("docs")(page, "docs");
    expect(requests.filter((request) => request !== url)).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("is fit for keyboards, readers of screens, weak eyes and phones", async () => {
    const { page } = await openPage(browser, { viewport: PHONE });
    await page.goto(new URL("/docs", stack.url).href);
    expect.soft(await structureFaults(page)).toEqual([]);
    expect.soft(await overflowFaults(page)).toEqual([]);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      expect.soft(await contrastFaults(page, 4.5), colorScheme).toEqual([]);
    }
    expect.soft(await tabFaults(page)).toEqual([]);
  });
});
