/** Pictures of a page as people see it, for the eye: `dist/screenshots/<series>/`, on a phone and a desk, light and dark. */
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright-core";

const FOLDER = fileURLToPath(new URL("../../dist/screenshots", import.meta.url));

export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1280, height: 800 };
export const SCHEMES = ["light", "dark"] as const;

/** The pictures of an earlier run go. The page is left on a desk, in the light. */
export const startSeries = (series: string): ((page: Page, name: string) => Promise<void>) => {
  rmSync(`${FOLDER}/${series}`, { recursive: true, force: true });
  return async (page, name) => {
    for (const [device, { width, height }] of [["phone", PHONE] as const, ["desk", DESK] as const])
      for (const colorScheme of SCHEMES) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height });
        // A window as high as the page: of what is outside of the window, parts may not be painted yet.
        const pageHeight = await page.evaluate(() => document.documentElement.scrollHeight);
        await page.setViewportSize({ width, height: Math.max(height, pageHeight) });
        await page.screenshot({ path: `${FOLDER}/${series}/${name}-${device}-${colorScheme}.png` });
      }
    await page.setViewportSize(DESK);
    await page.emulateMedia({ colorScheme: "light" });
  };
};
