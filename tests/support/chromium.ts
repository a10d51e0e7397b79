/**
 * The machine's Chromium for a test: what its pages ask of the network and complain of is written down.
 *
 * No name but this machine's addresses resolves in it, so nothing can leave. It is never downloaded: without one
 * `chromium` is `undefined`, and what needs it is skipped with a word on what is missing.
 */
import { chromium as driver, type Browser, type BrowserContextOptions, type Page, type Request } from "playwright-core";
import { findProgram } from "../bench/processes.ts";

/** Where it is. */
export const chromium = findProgram("chromium") ?? findProgram("chromium-browser") ?? findProgram("google-chrome");
if (chromium === undefined) console.log("tests in a browser are skipped: Debian: apt-get install chromium");

export const launchChromium = (): Promise<Browser> =>
  driver.launch({
    ...(chromium !== undefined && { executablePath: chromium }),
    // Its sandbox does not run as root.
    chromiumSandbox: process.getuid?.() !== 0,
    args: ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"],
  });

export type WatchedPage = {
  page: Page;
  /** Addresses asked for, `data:` among them, in their order. */
  requests: string[];
  /** Errors and warnings of the console (a broken Content-Security-Policy is one), what threw, and dialogs. */
  complaints: string[];
  /** Octets of answers as they came, headers too, once the open ones have ended. */
  transferOctets: () => Promise<number>;
};

/** A page in a context of its own: no cookies, no cache. */
export const openPage = async (browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  const finished: Request[] = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("requestfinished", (request) => finished.push(request));
  page.on("console", (message) => {
    if (["error", "warning", "assert"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  const transferOctets = async (): Promise<number> => {
    await page.waitForLoadState("networkidle");
    const sizes = await Promise.all(finished.map((request) => request.sizes()));
    return sizes.reduce(
      (sum, { responseHeadersSize, responseBodySize }) => sum + responseHeadersSize + responseBodySize,
      0,
    );
  };
  return { page, requests, complaints, transferOctets };
};
