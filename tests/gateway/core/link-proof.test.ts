/** A link counts only for the account, delivery, purpose and target that it was made for. */
import { expect, test } from "vitest";
import {
  clickSignedText,
  formatLinkToken,
  type LinkToken,
  openSignedText,
  unsubscribeSignedText,
} from "#contract/link-token.ts";
import { proveLink } from "../../../gateway/core/link-proof.ts";
import { accountMac } from "../../../gateway/core/return-path-key.ts";

const MASTER = "master-key-0123456789-0123456789";
const TOKEN = { account: "0123456789ab", k: 1_830_000_000_000_123 };
const click = (target: string) => (token: LinkToken) => clickSignedText(token, target);
const made = async (signedText: (token: LinkToken) => string, token = TOKEN, master = MASTER): Promise<string> =>
  formatLinkToken(token, await accountMac(master, token.account, signedText(token)));

test("what we made for a purpose is proved for it, and for nothing else", async () => {
  const purposes = {
    unsubscribeSignedText,
    openSignedText,
    toA: click("https://a.test/"),
    toB: click("https://b.test/"),
  };
  for (const [made_for, signedText] of Object.entries(purposes))
    for (const [asked_for, other] of Object.entries(purposes))
      expect(await proveLink(MASTER, await made(signedText), other), `${made_for} as ${asked_for}`).toEqual(
        made_for === asked_for ? TOKEN : undefined,
      );
});

test("tampered, of another account, of another delivery, of another service: not ours", async () => {
  const good = await made(unsubscribeSignedText);
  const [account = "", k = "", mac = ""] = good.split(".");
  const check = async (text: string, expected?: LinkToken): Promise<void> =>
    expect(await proveLink(MASTER, text, unsubscribeSignedText), text).toEqual(expected);
  await check(good, TOKEN);
  for (let at = 0; at < mac.length; at++)
    await check(`${account}.${k}.${mac.slice(0, at)}${mac[at] === "0" ? "1" : "0"}${mac.slice(at + 1)}`);
  await check(`0123456789ac.${k}.${mac}`);
  await check(`${account}.${(TOKEN.k + 1).toString(36)}.${mac}`);
  await check(`${account}.${k}.${mac.slice(1)}`);
  await check(`${account}.${k}.`);
  await check(await made(unsubscribeSignedText, TOKEN, "another-master-key-0123456789-012345"));
  await check("");
});
