/** Who made a visit, by its marks. */
import { expect, test } from "vitest";
import { machineOf, type VisitMarks } from "../../../gateway/core/visit-machine.ts";

const CHROME =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";
const check = (marks: Partial<VisitMarks>, expected: string | undefined): void =>
  expect(
    machineOf({ kind: "opened", method: "GET", userAgent: CHROME, purposes: [], ...marks }),
    JSON.stringify(marks),
  ).toBe(expected);

test("a reader's own program is taken for a person", () => {
  check({}, undefined);
  check({ kind: "clicked" }, undefined);
  for (const userAgent of [
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0.4266; ms-office; MSOffice 16)",
    "Mozilla/5.0 (Linux; Android 9; CUBOT_X18) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/83.0 Mobile Safari/537.36",
  ])
    check({ userAgent }, undefined);
});

test("proxies, scanners and bots by their names", () => {
  check(
    { userAgent: "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)" },
    "google_image_proxy",
  );
  check({ userAgent: "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html" }, "yahoo_mail_proxy");
  check({ userAgent: "Mozilla/5.0" }, "apple_mail_privacy");
  check({ kind: "clicked", userAgent: "Mozilla/5.0" }, "bot");
  check({ userAgent: `${CHROME} BingPreview/1.0b` }, "outlook_safelinks");
  check({ userAgent: "BarracudaCentral/1.0" }, "barracuda");
  check({ userAgent: "Proofpoint URL Defense" }, "proofpoint");
  check({ userAgent: "Mimecast-URL-Scanner" }, "mimecast");
  check({ userAgent: "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)" }, "bot");
  check({ userAgent: "Mozilla/5.0 (compatible; bingbot/2.0)" }, "bot");
  check({ userAgent: "curl/8.5.0" }, "program");
  check({ userAgent: "python-requests/2.32" }, "program");
  check({ userAgent: "" }, "no_user_agent");
});

test("whoever only looks ahead", () => {
  check({ method: "HEAD" }, "head");
  check({ purposes: ["prefetch;prerender"] }, "prefetch");
  check({ purposes: ["prefetch"] }, "prefetch");
  check({ purposes: ["preview"] }, "prefetch");
});
