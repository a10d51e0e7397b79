/** A reader leaves a mailing list in a real browser, by the link in the mail: with a script engine and without. */
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { chromium, launchChromium, openPage } from "../support/chromium.ts";
import { startStack, type Stack } from "../support/stack.ts";
import { contrastFaults, overflowFaults, structureFaults, tabFaults } from "./page-faults.ts";
import { PHONE, SCHEMES } from "./screenshots.ts";

const Messages = z.object({ data: z.array(z.object({ email_id: z.string(), raw: z.string() })) });

describe.skipIf(chromium === undefined)("unsubscribing", () => {
  let browser: Browser;
  let stack: Stack;
  beforeAll(async () => {
    [browser, stack] = await Promise.all([launchChromium(), startStack()]);
  });
  afterAll(async () => {
    await Promise.all([browser.close(), stack.stop()]);
  });

  /** The link in a bulk mail to this reader, as it came to the sandbox. */
  const linkTo = async (reader: string): Promise<string> => {
    const from = "Acme News <news@sandbox.test>";
    const id = await stack.send({ from, to: `${reader}@sandbox.test`, stream: "bulk" });
    await stack.eventsUntil(id, "email.delivered");
    const linkIn = async (): Promise<string | undefined> => {
      const { data } = Messages.parse((await stack.request("GET", "/v1/sandbox/messages")).body);
      const raw = data.find(({ email_id }) => email_id === id)?.raw ?? "";
      return /^List-Unsubscribe:\s+<([^<>\s]+)>/m.exec(raw)?.[1];
    };
    await expect.poll(linkIn).toBeDefined();
    return (await linkIn()) ?? "";
  };

  const isSuppressed = async (reader: string): Promise<boolean> =>
    (await stack.request("GET", `/v1/suppressions/${reader}@sandbox.test`)).status === 200;

  for (const javaScriptEnabled of [true, false])
    test(`page, button, done, and back again, ${javaScriptEnabled ? "with" : "without"} JavaScript`, async () => {
      const reader = javaScriptEnabled ? "script" : "noscript";
      const url = await linkTo(reader);
      const { page, requests, complaints } = await openPage(browser, { javaScriptEnabled });
      const heading = page.getByRole("heading", { level: 1 });
      await page.goto(url);
      expect(await heading.innerText()).toBe("Unsubscribe?");
      expect(await page.getByRole("main").innerText()).toContain("Acme News <news@sandbox.test>");
      expect(await isSuppressed(reader)).toBe(false);
      await page.getByRole("button", { name: "Unsubscribe" }).click();
      await expect.poll(() => heading.innerText()).toBe("You are unsubscribed");
      expect(await isSuppressed(reader)).toBe(true);
      await page.goto(url);
      await page.getByRole("button", { name: "Subscribe again" }).click();
      await expect.poll(() => heading.innerText()).toBe("You are subscribed again");
      expect(await isSuppressed(reader)).toBe(false);
      // A browser asks for the icon of a site by itself.
      expect(new Set(requests.filter((request) => !request.endsWith("/favicon.ico")))).toEqual(new Set([url]));
      expect(complaints.filter((line) => !line.includes("404"))).toEqual([]);
    });

  test("its pages are fit for keyboards, readers of screens, weak eyes and phones", async () => {
    const { page } = await openPage(browser, { viewport: PHONE });
    await page.goto(await linkTo("phone"));
    for (const button of ["Unsubscribe", "Subscribe again", "Unsubscribe"]) {
      expect.soft(await structureFaults(page), button).toEqual([]);
      expect.soft(await overflowFaults(page), button).toEqual([]);
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        expect.soft(await contrastFaults(page, 4.5), `${button} ${colorScheme}`).toEqual([]);
      }
      expect.soft(await tabFaults(page), button).toEqual([]);
      await page.getByRole("button", { name: button }).click();
    }
  });
});
