/**
 * What is wrong with an open page for people who see little, who have no mouse, or a small screen: a line for each fault,
 * with the element in it.
 *
 * The functions run in the page, so they reach nothing of this file but their arguments.
 */
import type { Page } from "playwright-core";

/** Language, title, headings, landmarks, names of fields, tables: what a screen reader goes by. */
export const structureFaults = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const faults: string[] = [];
    const all = <T extends Element>(selector: string): T[] => [...document.querySelectorAll<T>(selector)];
    const mustBe = (good: boolean, fault: string): void => {
      if (!good) faults.push(fault);
    };
    const textOf = (element: Element | null): string => element?.textContent.trim() ?? "";
    mustBe(/^[a-z]{2}/.test(document.documentElement.lang), "the page has no language");
    mustBe(document.title.trim() !== "", "the page has no title");
    const levels = all<HTMLHeadingElement>("h1, h2, h3, h4, h5, h6").map(({ tagName }) => Number(tagName[1]));
    mustBe(
      levels[0] === 1 && levels.filter((level) => level === 1).length === 1,
      `h1 is not one and first: ${levels.join(" ")}`,
    );
    levels.forEach((level, at) => mustBe(at === 0 || level <= (levels[at - 1] ?? 0) + 1, `h${level} after a gap`));
    for (const heading of all("h1, h2, h3, h4, h5, h6")) mustBe(textOf(heading) !== "", `an empty ${heading.tagName}`);
    mustBe(all("main").length === 1, `${all("main").length} of main`);
    for (const nav of all("nav")) mustBe(nav.hasAttribute("aria-label"), "a nav without a label");
    for (const field of all<HTMLInputElement>("input:not([type=hidden]), select, textarea")) {
      mustBe(textOf(field.labels?.[0] ?? null) !== "", `${field.name} has no label`);
      for (const id of field.getAttribute("aria-describedby")?.split(" ") ?? [])
        mustBe(textOf(document.querySelector(`#${CSS.escape(id)}`)) !== "", `${field.name} is described by nothing`);
    }
    for (const radio of all("input[type=radio], input[type=checkbox]"))
      mustBe(radio.closest("fieldset") !== null, `${radio.outerHTML} stands in no fieldset`);
    for (const set of all("fieldset")) mustBe(textOf(set.querySelector("legend")) !== "", "a fieldset without legend");
    for (const control of all("a[href], button, summary"))
      mustBe((control.getAttribute("aria-label") ?? textOf(control)) !== "", `no name: ${control.outerHTML}`);
    for (const image of all("img, svg:not([aria-hidden])"))
      mustBe(
        image.hasAttribute("alt") || image.hasAttribute("aria-label"),
        `no text: ${image.outerHTML.slice(0, 200)}`,
      );
    for (const table of all("table")) {
      mustBe(table.querySelector("th") !== null, `a table without headers: ${textOf(table).slice(0, 60)}`);
      for (const header of table.querySelectorAll("th"))
        mustBe(header.scope !== "", `th without scope: ${textOf(header)}`);
    }
    const ids = all("[id]").map(({ id }) => id);
    mustBe(new Set(ids).size === ids.length, `an id is there twice: ${ids.join(" ")}`);
    return faults;
  });

/** Buttons with the same name, of which one cannot be told from another by ear. */
export const sameNames = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const names = [...document.querySelectorAll("button")]
      .filter((button) => button.checkVisibility())
      .map((button) => button.getAttribute("aria-label") ?? button.textContent.trim());
    return names.filter((name, at) => names.indexOf(name) !== at);
  });

/** WCAG 2.2 §1.4.3: text, placeholders too, stands out from its ground by `least`, usually 4.5. */
export const contrastFaults = (page: Page, least: number): Promise<string[]> =>
  page.evaluate((least) => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    if (!canvas) throw new Error("no canvas");
    type Colour = readonly [red: number, green: number, blue: number];
    /** `over` with `colour`, of any syntax and transparency, painted on it. */
    const paint = (colour: string, over: Colour, opacity = 1): Colour => {
      canvas.globalAlpha = 1;
      canvas.fillStyle = `rgb(${over.join(" ")})`;
      canvas.fillRect(0, 0, 1, 1);
      canvas.globalAlpha = opacity;
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [red = 0, green = 0, blue = 0] = canvas.getImageData(0, 0, 1, 1).data;
      return [red, green, blue];
    };
    const groundOf = (element: Element | null): Colour =>
      element === null
        ? paint("Canvas", [255, 255, 255])
        : paint(getComputedStyle(element).backgroundColor, groundOf(element.parentElement));
    const luminance = (colour: Colour): number => {
      const [red = 0, green = 0, blue = 0] = colour
        .map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ratio = (a: Colour, b: Colour): number => {
      const [dark = 0, bright = 0] = [luminance(a), luminance(b)].toSorted((one, other) => one - other);
      return (bright + 0.05) / (dark + 0.05);
    };
    const faults = new Set<string>();
    const check = (element: Element, text: string, pseudo?: string): void => {
      const style = getComputedStyle(element, pseudo);
      const ground = groundOf(element);
      const found = ratio(paint(style.color, ground, Number(style.opacity)), ground);
      if (found < least)
        faults.add(`${found.toFixed(2)}: ${element.tagName}.${element.className} "${text.slice(0, 40)}"`);
    };
    for (const element of document.body.querySelectorAll("*"))
      if (getComputedStyle(element).opacity !== "1") faults.add(`see-through: ${element.outerHTML.slice(0, 100)}`);
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      const text = node.textContent?.trim() ?? "";
      if (text !== "" && node.parentElement?.checkVisibility()) check(node.parentElement, text);
    }
    for (const field of document.querySelectorAll<HTMLInputElement>("input, textarea, select")) {
      check(field, field.name);
      if (field.placeholder) check(field, `${field.name} placeholder`, "::placeholder");
    }
    return [...faults];
  }, least);

/** What sticks out of the window at its side: then the page scrolls to there. */
export const overflowFaults = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const scrolls = (element: Element | null): boolean =>
      element !== null &&
      element !== document.body &&
      (getComputedStyle(element).overflowX !== "visible" || scrolls(element.parentElement));
    const isTooWide = (element: Element): boolean => {
      const { left, width } = element.getBoundingClientRect();
      return left + Math.max(width, element.scrollWidth) > clientWidth && !scrolls(element);
    };
    return [document.body, ...document.body.querySelectorAll("*")]
      .filter((element) => isTooWide(element) && ![...element.children].some(isTooWide))
      .map((element) => `${scrollWidth} of ${clientWidth}: ${element.outerHTML.slice(0, 120)}`);
  });

/** What can be worked and is not reached by Tab, in the order of the page, or does not show that it has the focus. */
export const tabFaults = async (page: Page): Promise<string[]> => {
  const stops = await page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
    window.scrollTo(0, 0);
    if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
    const able = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
    const stops = [...document.querySelectorAll(able)].filter((element) => element.checkVisibility());
    stops.forEach((element, at) => element.setAttribute("data-stop", String(at)));
    return stops.length;
  });
  const faults: string[] = [];
  for (let stop = 0; stop < stops; stop++) {
    await page.keyboard.press("Tab");
    const fault = await page.evaluate((stop) => {
      const element = document.activeElement;
      if (element?.getAttribute("data-stop") !== String(stop))
        return `stop ${stop} is ${element?.outerHTML.slice(0, 120)}`;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const { top, bottom, left, right } = element.getBoundingClientRect();
      const seen = bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
      const shown = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
      return seen && shown ? undefined : `the focus is not seen on ${element.outerHTML.slice(0, 120)}`;
    }, stop);
    if (fault !== undefined) faults.push(fault);
  }
  return faults;
};
