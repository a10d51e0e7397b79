/**
 * What a page shows of a plan, in one word: who publishes sends it back, so that what is done is what was seen.
 */
import { planAsJson } from "#dns/export/json.ts";
import { type Change, isEdit } from "#dns/zone.ts";

/** Of the edits, with what they take away; 32 hexadecimal digits. */
export const planMark = async (changes: readonly Change[]): Promise<string> => {
  const text = JSON.stringify(planAsJson(changes.filter(isEdit)));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
  return Array.from(digest.subarray(0, 16), (octet) => octet.toString(16).padStart(2, "0")).join("");
};
