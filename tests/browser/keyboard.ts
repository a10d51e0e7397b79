/** A page worked by keys alone. */
import type { Locator, Page } from "playwright-core";

/** More stops than any of our pages has. */
const MOST_STOPS = 400;

/** Tab until it is reached; throws when it never is. */
export const tabTo = async (page: Page, target: Locator): Promise<void> => {
  for (let stops = 0; stops <= MOST_STOPS; stops++) {
    if (await target.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error(`the Tab key does not reach ${String(target)}`);
};

/** What was in the field is replaced. */
export const typeInto = async (page: Page, field: Locator, text: string): Promise<void> => {
  await tabTo(page, field);
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.type(text);
};

/** Reached by Tab, pressed by Enter: a link or button that leads to another page, which has loaded at the end. */
export const follow = async (page: Page, link: Locator): Promise<void> => {
  await tabTo(page, link);
  await Promise.all([page.waitForEvent("load"), page.keyboard.press("Enter")]);
};
