/**
 * What is wrong with one DKIM record, as a receiver reads it, and whether it is for the key that we sign with.
 *
 * The first cause that stops receivers is told alone, since its fix is a new record; weakness and the test flag are
 * told beside each other. A record without fault gives one finding that says so. Nothing is looked up here.
 */
import { formatDkimRecord, parseDkimRecord, type DkimKey, type DkimRecord } from "./dkim-record.ts";
import { readPublicKey, type PublicKey } from "./dkim-public-key.ts";
import type { Finding } from "./finding.ts";
import { txtStrings } from "./keygen.ts";
import { shown } from "./look-up-findings.ts";
import { parseTagList } from "./tag-list.ts";

export type DkimRecordCheck = {
  name: string;
  /** The record's strings, joined. */
  text: string;
  evidence: readonly string[];
  /** The key we sign with; absent: the record is judged by itself. */
  key?: DkimKey;
  /** The value to publish instead, when it is known. */
  fix?: string;
  /** That value as a text says it. */
  publish: string;
};

/** RFC 8301 §3.2: receivers take no shorter RSA key, and signers should use the longer. */
const LEAST_BITS = 1024;
const GOOD_BITS = 2048;

/** The `dkim.*` findings of a record that stands alone at its name; at least one. */
export const judgeDkimRecord = async (check: DkimRecordCheck): Promise<Finding[]> => {
  const parsed = parseDkimRecord(check.text);
  const unescaped = unescape(check.text, parsed);
  if (unescaped !== undefined) return [escaped(check, unescaped)];
  if (parsed.kind === "malformed") return [unreadable(check, parsed.reason)];
  if (parsed.kind === "revoked") return [revoked(check)];
  const found = readPublicKey(parsed.key);
  const fatal = judgeKey(check, parsed.key, found) ?? (await compare(check, parsed, found));
  if (fatal) return [fatal];
  const doubts = [...weakness(check, found), ...testing(check)];
  return doubts.length > 0 ? doubts : [good(check, found)];
};

type Judgement = Pick<Finding, "code" | "text" | "rfc"> & { status?: Finding["status"]; fix?: string };

const judge = ({ name, evidence, fix }: DkimRecordCheck, judgement: Judgement): Finding => ({
  status: "fail",
  name,
  evidence,
  ...(fix !== undefined && { fix }),
  ...judgement,
});

/** The record without the backslashes and quotes that a zone file needs, when they are what makes it unreadable. */
const unescape = (text: string, parsed: DkimRecord): string | undefined => {
  if (parsed.kind === "revoked" || (parsed.kind === "key" && !/["\\]/.test(parsed.key.publicKeyBase64)))
    return undefined;
  const plain = text
    .replaceAll(/\\+([;"])/g, "$1")
    .replaceAll(/"\s*"/g, "")
    .replaceAll('"', "");
  return plain !== text && parseDkimRecord(plain).kind !== "malformed" ? plain : undefined;
};

const escaped = (check: DkimRecordCheck, unescaped: string): Finding => {
  const what = check.text.includes("\\") ? "backslashes" : "quotes";
  return judge(check, {
    code: "dkim.escaped",
    text: `The record at ${check.name} has ${what} in its value, so receivers cannot read it: your DNS panel needs none. Remove the ${what}.`,
    fix: check.fix ?? unescaped,
    rfc: "RFC 6376 §3.6.1",
  });
};

const unreadable = (check: DkimRecordCheck, reason: string): Finding =>
  judge(check, {
    code: "dkim.syntax",
    text: `Receivers cannot use the record at ${check.name}, because ${shown(reason)}. Replace it by ${check.publish}.`,
    rfc: "RFC 6376 §3.6.1",
  });

const revoked = (check: DkimRecordCheck): Finding =>
  judge(check, {
    code: "dkim.revoked",
    text: `The record at ${check.name} has an empty \`p=\`, which means that the key is revoked, so signatures fail. Replace it by ${check.publish}.`,
    rfc: "RFC 6376 §3.6.1",
  });

/** What keeps it from being a key at all. That our own key is one is not asked. */
const judgeKey = (check: DkimRecordCheck, found: DkimKey, read: PublicKey): Finding | undefined => {
  const { key: wanted } = check;
  if (wanted?.publicKeyBase64 === found.publicKeyBase64) return undefined;
  const isCut = wanted?.algorithm === found.algorithm && wanted.publicKeyBase64.startsWith(found.publicKeyBase64);
  if (isCut || read.kind === "truncated") return truncated(check);
  return read.kind === "malformed" ? unreadable(check, read.reason) : undefined;
};

const truncated = (check: DkimRecordCheck): Finding => {
  const { name, text, key, publish } = check;
  const strings = key && txtStrings(formatDkimRecord(key));
  // With a CNAME there is nothing to paste.
  const isLong = strings !== undefined && strings.length > 1 && strings.join("") === check.fix;
  return judge(check, {
    code: "dkim.truncated",
    text:
      `The key at ${name} stops after ${text.length} characters: your DNS host cut it, so signatures fail. ` +
      (isLong ? `Paste it as ${strings.length} quoted strings in ONE record.` : `Replace it by ${publish}.`),
    rfc: "RFC 6376 §3.6.2.2",
    ...(isLong && { fix: strings.map((string) => `"${string}"`).join(" ") }),
  });
};

/** What makes it another key than ours, or one that we may not use. */
const compare = async (
  check: DkimRecordCheck,
  record: Extract<DkimRecord, { kind: "key" }>,
  read: PublicKey,
): Promise<Finding | undefined> => {
  const { name, key: wanted, publish } = check;
  const mismatch = (text: string): Finding => judge(check, { code: "dkim.mismatch", text, rfc: "RFC 6376 §3.6.1" });
  if (wanted && wanted.algorithm !== record.key.algorithm)
    return mismatch(
      `The record at ${name} is for ${record.key.algorithm}, we sign with ${wanted.algorithm}. Replace it by ${publish}.`,
    );
  if (wanted && wanted.publicKeyBase64 !== record.key.publicKeyBase64) {
    const [theirs, ours] = await Promise.all([fingerprint(read), fingerprint(readPublicKey(wanted))]);
    return mismatch(
      `The key in DNS at ${name} (sha256 ${theirs}) is not the one we sign with (${ours}), so signatures fail. Replace it by ${publish}.`,
    );
  }
  // RFC 6376 §3.6.1: a list of hashes or of services without ours forbids us the key.
  if (record.hashes?.includes("sha256") === false)
    return mismatch(
      `The \`h=\` of the record at ${name} leaves out sha256, with which mail is signed. Delete the tag.`,
    );
  if (record.services && !record.services.some((service) => service === "*" || service === "email"))
    return mismatch(
      `The \`s=\` of the record at ${name} leaves out email, so receivers ignore the key. Delete the tag.`,
    );
  return undefined;
};

const fingerprint = async (key: PublicKey): Promise<string> => {
  if (key.kind !== "rsa" && key.kind !== "ed25519") return "unknown";
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", key.octets));
  return Array.from(digest.subarray(0, 4), (octet) => octet.toString(16).padStart(2, "0")).join("");
};

const weakness = (check: DkimRecordCheck, read: PublicKey): Finding[] => {
  if (read.kind !== "rsa" || read.bits >= GOOD_BITS) return [];
  const isRefused = read.bits < LEAST_BITS;
  const effect = isRefused ? "receivers refuse it, so signatures fail" : `${GOOD_BITS} are advised`;
  return [
    judge(check, {
      code: "dkim.weak-key",
      status: isRefused ? "fail" : "warn",
      text: `The RSA key at ${check.name} has ${read.bits} bits: ${effect}. Make a new key of ${GOOD_BITS} bits under a new selector.`,
      rfc: "RFC 8301 §3.2",
    }),
  ].map(withoutFix);
};

const testing = (check: DkimRecordCheck): Finding[] => {
  const parsed = parseTagList(check.text);
  const flags = parsed.kind === "tags" ? (parsed.tags.get("t") ?? "") : "";
  if (!flags.split(":").some((flag) => flag.trim() === "y")) return [];
  return [
    judge(check, {
      code: "dkim.testing",
      status: "warn",
      text: `The record at ${check.name} says \`t=y\` (testing): receivers may treat our mail as if it were not signed. Remove \`t=y\`.`,
      rfc: "RFC 6376 §3.6.1",
    }),
  ];
};

/** The same key published again would be as weak. */
const withoutFix = ({ fix: _, ...finding }: Finding): Finding => finding;

const good = (check: DkimRecordCheck, read: PublicKey): Finding => {
  const kind =
    read.kind === "rsa" ? `an RSA key of ${read.bits} bits` : read.kind === "ed25519" ? "an Ed25519 key" : "a key";
  const whose = check.key ? "It is the one we sign with." : "Whether mail is signed with it was not asked.";
  return withoutFix(
    judge(check, {
      code: "dkim.missing",
      status: "pass",
      text: `${check.name} has ${kind}. ${whose}`,
      rfc: "RFC 6376 §3.6.1",
    }),
  );
};
