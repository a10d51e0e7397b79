/** What is said of the public URL: nothing when it is https, else what is lost. */
import { expect, test } from "vitest";
import { publicUrlTrouble } from "../../../gateway/cli/public-url.ts";

test.each([
  ["https://mail.example", undefined],
  ["HTTPS://mail.example:8443/base/", undefined],
  ["http://mail.example", "is not https"],
  ["http://127.0.0.1:8787", "is not https"],
  ["mail.example", "is not https"],
  ["", "is not set"],
  [undefined, "is not set"],
])("%s", (url, words) => {
  const trouble = publicUrlTrouble(url);
  if (words === undefined) expect(trouble).toBeUndefined();
  else expect(trouble).toMatch(new RegExp(`^HIKYAKU_PUBLIC_URL ${words}.* one-click unsubscribe`));
});
