/**
 * A DKIM key record in words, for `explain`: what each tag means to a receiver, and what holds because one is missing.
 *
 * Nothing is judged but whether its `p=` is a key at all: that decides what there is to say of it.
 */
import { readPublicKey } from "./dkim-public-key.ts";
import { type DkimRecord, parseDkimRecord } from "./dkim-record.ts";
import type { TagMeaning } from "./dmarc-explain.ts";
import { shown } from "./look-up-findings.ts";
import { parseTagList } from "./tag-list.ts";

const SHOWN_CHARACTERS = 300;

export type DkimExplanation = { kind: "tags"; tags: TagMeaning[] } | { kind: "malformed"; reason: string };

export const explainDkim = (text: string): DkimExplanation => {
  const record = parseDkimRecord(text);
  const list = parseTagList(text);
  if (record.kind === "malformed") return record;
  if (list.kind === "malformed") return list;
  const known: TagMeaning[] = [
    { tag: "k", meaning: keyTypeInWords(record) },
    { tag: "p", meaning: keyInWords(record) },
    { tag: "h", meaning: listInWords(list.tags.get("h"), "Signatures may use any hash.", "Signatures may use only") },
    { tag: "s", meaning: listInWords(list.tags.get("s"), "It is for mail and all else.", "It is only for") },
    { tag: "t", meaning: flagsInWords(list.tags.get("t") ?? "") },
  ];
  const written = [...list.tags].flatMap(([tag, value]): TagMeaning[] => {
    if (tag === "v" || known.some((each) => each.tag === tag)) return [];
    if (tag === "n") return [{ tag, meaning: `A note for people: ${shown(value, SHOWN_CHARACTERS)}` }];
    return [{ tag: shown(tag, SHOWN_CHARACTERS), meaning: tag === "g" ? GONE : "Unknown, and passed over." }];
  });
  return { kind: "tags", tags: [...known, ...written] };
};

const GONE = "Taken out by RFC 6376; receivers pass it over.";

/** What a revoked record says of its type matters to nobody. */
const keyTypeInWords = (record: DkimRecord): string =>
  record.kind === "key" && record.key.algorithm === "ed25519-sha256"
    ? "An Ed25519 key (RFC 8463); not all receivers can use it."
    : "An RSA key.";

const keyInWords = (record: DkimRecord): string => {
  // RFC 6376 §3.6.1.
  if (record.kind !== "key") return "Empty: the key was revoked, and signatures by it fail.";
  const key = readPublicKey(record.key);
  switch (key.kind) {
    case "rsa":
      return `The public key, of ${key.bits} bits.`;
    case "ed25519":
      return "The public key.";
    case "truncated":
      return "The beginning of a public key, which was cut off: signatures by it fail.";
    case "malformed":
      return `No key, because ${key.reason}: signatures by it fail.`;
  }
};

const listInWords = (list: string | undefined, all: string, only: string): string =>
  list === undefined || list.includes("*") ? all : `${only} ${shown(list, SHOWN_CHARACTERS).replaceAll(":", ", ")}.`;

const flagsInWords = (list: string): string => {
  const flags = list.split(":").map((flag) => flag.trim());
  const meanings = [
    ...(flags.includes("y") ? ["The domain is testing DKIM: mail that fails is to be treated as if unsigned."] : []),
    ...(flags.includes("s") ? ["The i= of a signature must have the very domain of its d=."] : []),
  ];
  return meanings.length > 0 ? meanings.join(" ") : "No flags: it is in earnest, and subdomains may be in i=.";
};
