/**
 * Our own DKIM signer (RFC 6376; Ed25519 by RFC 8463), relaxed/relaxed.
 *
 * Small because it only ever signs what `composeMessage` made: complete, CRLF line ends, one field of a name.
 * The timestamp is an argument, and both algorithms are deterministic, so a retry carries the same bytes. RSA
 * runs in the thread pool. What cannot be signed rejects: nothing leaves unsigned in silence.
 */
import { createHash, createPrivateKey, sign, type KeyObject } from "node:crypto";

export type Signer = { domain: string; selector: string; algorithm: "rsa-sha256" | "ed25519-sha256"; key: KeyObject };

/** Signed once more than present, so that none can be added (RFC 6376 §5.4.2, §8.15). */
const OVERSIGNED = [
  "from",
  "sender",
  "to",
  "cc",
  "subject",
  "date",
  "message-id",
  "reply-to",
  "mime-version",
  "content-type",
  "content-transfer-encoding",
];
/** The same, where they are present (RFC 8058 §4); where not, a mailing list that passes the mail on adds its own. */
const OVERSIGNED_IF_PRESENT = ["list-unsubscribe", "list-unsubscribe-post"];
const SIGNED = ["in-reply-to", "references", "list-id", "feedback-id", "x-hikyaku-feedback-id"];

const [CR, LF, SPACE, TAB] = [13, 10, 32, 9];

/** Throws when the key is not of the algorithm, or is too weak for RFC 8301 §3.2. */
export const makeSigner = (options: {
  domain: string;
  selector: string;
  algorithm: Signer["algorithm"];
  privateKeyPem: string;
}): Signer => {
  const { domain, selector, algorithm } = options;
  const key = createPrivateKey(options.privateKeyPem);
  const wanted = algorithm === "rsa-sha256" ? "rsa" : "ed25519";
  if (key.asymmetricKeyType !== wanted) throw new Error(`the key of ${selector}._domainkey.${domain} is not ${wanted}`);
  if (wanted === "rsa" && (key.asymmetricKeyDetails?.modulusLength ?? 0) < 1024)
    throw new Error(`the key of ${selector}._domainkey.${domain} is below 1024 bits`);
  return { domain, selector, algorithm, key };
};

/** The message with a DKIM-Signature of each signer before it. */
export const signMessage = async (
  message: Uint8Array,
  signers: readonly Signer[],
  timestampSeconds: number,
): Promise<Uint8Array> => {
  if (signers.length === 0) return message;
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) throw new Error("the message has no body to sign");
  const fields = readFields(bytes.toString("latin1", 0, headEnd + 2));
  // RFC 6376 §5.4: From must be signed.
  if (!fields.some((field) => field.name === "from")) throw new Error("the message has no From to sign");
  const names = signedNames(fields);
  const signedText = canonicalFields(fields, names);
  const bodyHash = hashBody(bytes.subarray(headEnd + 4));
  const signatures = await Promise.all(
    signers.map((signer) => signatureField(signer, names, signedText, bodyHash, timestampSeconds)),
  );
  return Buffer.concat([Buffer.from(signatures.join(""), "latin1"), bytes]);
};

const signatureField = async (
  signer: Signer,
  names: readonly string[],
  signedText: string,
  bodyHash: string,
  timestampSeconds: number,
): Promise<string> => {
  const { domain, selector, algorithm } = signer;
  const tags =
    `v=1; a=${algorithm}; c=relaxed/relaxed; d=${domain}; s=${selector};\r\n t=${timestampSeconds}; bh=${bodyHash};\r\n` +
    `${foldNames(names)};\r\n b=`;
  // The signature's own field goes last, with an empty b= and no line end (RFC 6376 §3.7).
  const data = Buffer.from(`${signedText}dkim-signature:${relaxValue(tags)}`, "latin1");
  const signature = await signData(signer, data);
  const lines = signature.toString("base64").match(/.{1,72}/g) ?? [];
  return `DKIM-Signature: ${tags}${lines.join("\r\n ")}\r\n`;
};

const signData = (signer: Signer, data: Buffer): Promise<Buffer> => {
  // RFC 8463 §3: Ed25519 signs the SHA-256 hash of the data.
  if (signer.algorithm === "ed25519-sha256")
    return Promise.resolve(sign(null, createHash("sha256").update(data).digest(), signer.key));
  return new Promise((resolve, reject) => {
    sign("sha256", data, signer.key, (error, signature) => (error ? reject(error) : resolve(signature)));
  });
};

type Field = { name: string; value: string };

const readFields = (head: string): Field[] => {
  const fields: Field[] = [];
  for (let start = 0; start < head.length;) {
    let end = head.indexOf("\r\n", start);
    // A line that begins with white space belongs to the field before it.
    while (head.charCodeAt(end + 2) === SPACE || head.charCodeAt(end + 2) === TAB) end = head.indexOf("\r\n", end + 2);
    const colon = head.indexOf(":", start);
    fields.push({ name: head.slice(start, colon).toLowerCase(), value: head.slice(colon + 1, end) });
    start = end + 2;
  }
  return fields;
};

/** Each name as often as it is present, the oversigned once more. */
const signedNames = (fields: readonly Field[]): string[] => {
  const count = (name: string): number => fields.filter((field) => field.name === name).length;
  const oversigned = [...OVERSIGNED, ...OVERSIGNED_IF_PRESENT.filter((name) => count(name) > 0)];
  return [
    ...oversigned.flatMap((name) => Array.from({ length: count(name) + 1 }, () => name)),
    ...SIGNED.flatMap((name) => Array.from({ length: count(name) }, () => name)),
  ];
};

/** RFC 6376 §5.4.2: of fields with one name the last is signed first; one that is not there adds nothing. */
const canonicalFields = (fields: readonly Field[], names: readonly string[]): string => {
  const left = [...fields];
  let text = "";
  for (const name of names) {
    const index = left.findLastIndex((field) => field.name === name);
    const [field] = index < 0 ? [] : left.splice(index, 1);
    if (field) text += `${name}:${relaxValue(field.value)}\r\n`;
  }
  return text;
};

/** RFC 6376 §3.4.2: unfolded, runs of white space as one space, none at the ends. */
const relaxValue = (value: string): string => {
  const spaced = value.replaceAll(/[\t\r\n ]+/g, " ");
  // Not `trim`: it takes the octet A0, with which `à` ends, for white space.
  return spaced.slice(spaced.startsWith(" ") ? 1 : 0, spaced.length > 1 && spaced.endsWith(" ") ? -1 : undefined);
};

const foldNames = (names: readonly string[]): string => {
  let text = " h=";
  let lineLength = text.length;
  for (const [index, name] of names.entries()) {
    const piece = index === 0 ? name : `:${name}`;
    if (lineLength + piece.length > 74) {
      text += "\r\n  ";
      lineLength = 2;
    }
    text += piece;
    lineLength += piece.length;
  }
  return text;
};

/** SHA-256 of the body in relaxed form (RFC 6376 §3.4.4), base64. */
const hashBody = (body: Buffer): string => {
  const end = endWithoutBlankLines(body);
  const canonical = isRelaxed(body, end) ? body.subarray(0, end) : relaxBody(body, end);
  return createHash("sha256").update(canonical).digest("base64");
};

/** Empty lines at the end do not count, nor lines of white space alone. */
const endWithoutBlankLines = (body: Buffer): number => {
  let last = body.length - 1;
  while (last >= 0 && isBlank(body[last])) last -= 1;
  if (last < 0) return 0;
  const lineEnd = body.indexOf("\r\n", last + 1);
  return lineEnd < 0 ? body.length : lineEnd + 2;
};

const isBlank = (byte: number | undefined): boolean => byte === SPACE || byte === TAB || byte === CR || byte === LF;

const isRelaxed = (body: Buffer, end: number): boolean => {
  for (let i = 0; i < end; i++) {
    const byte = body[i];
    if (byte === TAB) return false;
    if (byte === SPACE && (body[i + 1] === SPACE || body[i + 1] === CR || i + 1 === end)) return false;
  }
  return end === 0 || body[end - 1] === LF;
};

const relaxBody = (body: Buffer, end: number): Buffer => {
  const out = Buffer.allocUnsafe(end + 2);
  let length = 0;
  let blank = false;
  for (let i = 0; i < end; i++) {
    const byte = body[i] ?? 0;
    if (byte === SPACE || byte === TAB) {
      blank = true;
      continue;
    }
    // White space before a line end goes; elsewhere a run of it is one space.
    if (blank && byte !== CR) out[length++] = SPACE;
    blank = false;
    out[length++] = byte;
  }
  if (length > 0 && out[length - 1] !== LF) {
    out[length++] = CR;
    out[length++] = LF;
  }
  return out.subarray(0, length);
};
