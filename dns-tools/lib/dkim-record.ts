/**
 * DKIM key records (RFC 6376 §3.6.1, RFC 8463 §4): written for a key, read, and compared with what stands in the DNS.
 *
 * Keys are compared as base64 text: that a key is strong, or a key at all, is not asked here.
 */
import { formatTagList, parseTagList } from "./tag-list.ts";

export type DkimAlgorithm = "rsa-sha256" | "ed25519-sha256";
export type DkimKey = { algorithm: DkimAlgorithm; publicKeyBase64: string };

const KEY_TYPE = { "rsa-sha256": "rsa", "ed25519-sha256": "ed25519" } as const;

/** The text of the record that publishes a key; longer than 255 octets, it is for whoever writes zones to cut it. */
export const formatDkimRecord = ({ algorithm, publicKeyBase64 }: DkimKey): string =>
  formatTagList([
    ["v", "DKIM1"],
    ["k", KEY_TYPE[algorithm]],
    ["p", publicKeyBase64],
  ]);

export type DkimRecord =
  /** `hashes` and `services` that the key is for; absent: all. */
  | { kind: "key"; key: DkimKey; hashes?: readonly string[]; services?: readonly string[] }
  | { kind: "revoked" }
  | { kind: "malformed"; reason: string };

/** Reads the text of a record, its strings joined. Tags it does not know do not matter (RFC 6376 §3.6.1). */
export const parseDkimRecord = (text: string): DkimRecord => {
  const parsed = parseTagList(text);
  if (parsed.kind === "malformed") return parsed;
  const { tags } = parsed;
  // RFC 6376 §3.6.1: `v` may be missing; when it is there it is first and says DKIM1.
  const [first] = tags.keys();
  if (tags.has("v") && (first !== "v" || tags.get("v") !== "DKIM1"))
    return { kind: "malformed", reason: "it does not begin with v=DKIM1" };
  const publicKeyBase64 = tags.get("p")?.replaceAll(/\s+/g, "");
  if (publicKeyBase64 === undefined) return { kind: "malformed", reason: "it has no p= with the public key" };
  // RFC 6376 §3.6.1: an empty p= means that the key was revoked.
  if (publicKeyBase64 === "") return { kind: "revoked" };
  const algorithm = algorithmOf(tags.get("k") ?? "rsa");
  if (algorithm === undefined) return { kind: "malformed", reason: "its k= is no key type of RFC 6376 or RFC 8463" };
  const [hashes, services] = [tags.get("h"), tags.get("s")];
  return {
    kind: "key",
    key: { algorithm, publicKeyBase64 },
    ...(hashes !== undefined && { hashes: words(hashes) }),
    ...(services !== undefined && { services: words(services) }),
  };
};

const algorithmOf = (keyType: string): DkimAlgorithm | undefined =>
  keyType === "rsa" ? "rsa-sha256" : keyType === "ed25519" ? "ed25519-sha256" : undefined;

const words = (list: string): string[] => list.split(":").map((word) => word.trim());

/** `same`: a receiver finds our key there and may use it. Other kinds say what it finds instead, and what to do. */
export type DkimComparison =
  | { kind: "same" }
  | { kind: "missing" | "multiple" | "malformed" | "revoked" | "restricted" | "mismatch"; text: string };

/** Compares a key with the TXT records (each one's strings joined) at its name. */
export const compareDkim = (expected: DkimKey, records: readonly string[]): DkimComparison => {
  const [record, ...others] = records;
  const publish = `publish \`${formatDkimRecord(expected)}\``;
  if (record === undefined) return { kind: "missing", text: `There is no record: ${publish}.` };
  // RFC 6376 §3.6.2.2: what a receiver does with several is not defined.
  if (others.length > 0)
    return {
      kind: "multiple",
      text: `There are ${records.length} TXT records and receivers may take any: delete all but the one with our key.`,
    };
  const found = parseDkimRecord(record);
  if (found.kind === "malformed")
    return { kind: "malformed", text: `The record cannot be used, because ${found.reason}: instead of it ${publish}.` };
  if (found.kind === "revoked")
    return {
      kind: "revoked",
      text: `The record has an empty p=, so the key counts as revoked: instead of it ${publish}.`,
    };
  // RFC 6376 §3.6.1: a list of hashes or of services without ours forbids us the key.
  if (found.hashes?.includes("sha256") === false)
    return { kind: "restricted", text: "The record's h= leaves out sha256, with which we sign: delete the tag." };
  if (found.services && !found.services.some((service) => service === "*" || service === "email"))
    return { kind: "restricted", text: "The record's s= leaves out email: delete the tag." };
  return compareKeys(expected, found.key, publish);
};

const compareKeys = (expected: DkimKey, found: DkimKey, publish: string): DkimComparison => {
  if (found.algorithm !== expected.algorithm) {
    const types = `a key of type ${KEY_TYPE[found.algorithm]}, ours is ${KEY_TYPE[expected.algorithm]}`;
    return { kind: "mismatch", text: `The record has ${types}: instead of it ${publish}.` };
  }
  const [wanted, key] = [expected.publicKeyBase64, found.publicKeyBase64];
  if (key === wanted) return { kind: "same" };
  if (wanted.startsWith(key)) {
    const cut = `The key in the record stops after ${key.length} of ${wanted.length} characters: the DNS host cut it.`;
    return { kind: "mismatch", text: `${cut} Paste it as several quoted strings in one record.` };
  }
  return { kind: "mismatch", text: `The record has another key than the one we sign with: instead of it ${publish}.` };
};
