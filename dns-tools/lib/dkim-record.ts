/**
 * DKIM key records (RFC 6376 §3.6.1, RFC 8463): written for a key, and compared with what stands in the DNS.
 */
import { formatTagList, parseTagList } from "./tag-list.ts";

export type DkimAlgorithm = "rsa-sha256" | "ed25519-sha256";
export type DkimKey = { algorithm: DkimAlgorithm; publicKeyBase64: string };

const KEY_TYPE = { "rsa-sha256": "rsa", "ed25519-sha256": "ed25519" } as const;

export const formatDkimRecord = ({ algorithm, publicKeyBase64 }: DkimKey): string =>
  formatTagList([
    ["v", "DKIM1"],
    ["k", KEY_TYPE[algorithm]],
    ["p", publicKeyBase64],
  ]);

/** `same`: a receiver finds our key there. Each other kind says what it finds instead. */
export type DkimComparison = { kind: "same" } | { kind: "malformed" | "revoked" | "mismatch"; text: string };

export const compareDkim = (expected: DkimKey, record: string): DkimComparison => {
  const parsed = parseTagList(record);
  if (parsed.kind === "malformed") return { kind: "malformed", text: `The record cannot be read: ${parsed.reason}.` };
  const { tags } = parsed;
  // RFC 6376 §3.6.1: `v` may be missing; when it is there it is first and says DKIM1.
  const [first] = tags.keys();
  if (tags.has("v") && (first !== "v" || tags.get("v") !== "DKIM1"))
    return { kind: "malformed", text: "The record must begin with v=DKIM1." };
  const key = tags.get("p")?.replaceAll(/\s/g, "");
  if (key === undefined) return { kind: "malformed", text: "The record has no p= with the public key." };
  // RFC 6376 §3.6.1: an empty p= means that the key was revoked.
  if (key === "") return { kind: "revoked", text: "The record has an empty p=: the key counts as revoked." };
  const wanted = KEY_TYPE[expected.algorithm];
  const type = tags.get("k") ?? "rsa";
  if (type !== wanted) return { kind: "mismatch", text: `The record says k=${type}, the key is ${wanted}.` };
  if (key === expected.publicKeyBase64) return { kind: "same" };
  const cut = expected.publicKeyBase64.startsWith(key);
  return {
    kind: "mismatch",
    text: cut
      ? `The key in the record is cut off after ${key.length} of ${expected.publicKeyBase64.length} characters: the DNS host takes less than was pasted.`
      : "The record has another key than the one that signs.",
  };
};
