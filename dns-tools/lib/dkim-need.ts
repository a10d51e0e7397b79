/**
 * The record of a DKIM key.
 *
 * Another key that can be used, at the same selector, is another sender's: it stays, and we take another selector. Ours
 * is known by the key alone: the very key, whole or cut short, whatever tags stand beside it. An older key of ours is
 * not known here, and is for its owner to take away: a new key has a new selector. What is no usable key (revoked,
 * broken, some other text) verifies nobody's mail, and may go.
 */
import { readPublicKey } from "./dkim-public-key.ts";
import { compareDkim, parseDkimRecord, type DkimKey } from "./dkim-record.ts";
import type { Need, Verdict } from "./verdict.ts";
import { textOf, txtRecord, type MailRecord } from "./zone.ts";

/** `value`: the text of the record. Throws when that is no key: it is ours. */
export const dkimNeed = (name: string, value: string): Need => {
  const parsed = parseDkimRecord(value);
  if (parsed.kind !== "key") throw new Error(`the record required for ${name} is no DKIM key record`);
  const { key } = parsed;
  const [selector = ""] = name.split(".");
  const instead = `Sign with another selector, such as \`${selector.startsWith("hikyaku") ? `${selector}-2` : "hikyaku"}\`.`;
  const judge = async (found: readonly MailRecord[]): Promise<Verdict> => {
    const [first] = found;
    if (first !== undefined && compareDkim(key, found.map(textOf)).kind === "same")
      return { kind: "standing", record: first };
    if (!found.some((record) => isAnothers(textOf(record), key)))
      return { kind: "change", from: found, to: txtRecord(name, value) };
    const text = `At ${name} stands a key that is not ours and can be used: another sender may sign with it, and its mail would fail without it. Two keys at one name are none (RFC 6376 §3.6.2.2). ${instead} Or delete it, if nobody signs with it any more.`;
    return { kind: "conflict", standing: found, text };
  };
  return { purpose: "DKIM", name, type: "TXT", judge, instead };
};

const isAnothers = (text: string, ours: DkimKey): boolean => {
  const parsed = parseDkimRecord(text);
  if (parsed.kind !== "key" || ours.publicKeyBase64.startsWith(parsed.key.publicKeyBase64)) return false;
  const { kind } = readPublicKey(parsed.key);
  return kind === "rsa" || kind === "ed25519";
};
