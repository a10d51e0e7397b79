/**
 * A certificate that nobody vouches for (RFC 5280 v3, ECDSA P-256), so that a listener has STARTTLS before its operator
 * has a certificate: opportunistic TLS asks for no name, and hides the mail from who only listens.
 *
 * Node reads X.509 and does not write it: the few structures that one needs are put together in DER (X.690) here.
 */
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";

export type CertificateText = { cert: string; key: string };

const TEN_YEARS_MS = 3650 * 24 * 3600 * 1000;
const [INTEGER, BIT_STRING, OCTET_STRING, OID, UTF8] = [0x02, 0x03, 0x04, 0x06, 0x0c];
const [UTC_TIME, GENERALIZED_TIME] = [0x17, 0x18];
const [SEQUENCE, SET, CONTEXT_0, CONTEXT_3, DNS_NAME] = [0x30, 0x31, 0xa0, 0xa3, 0x82];
/** Object identifiers in their DER octets: ecdsa-with-SHA256, commonName, subjectAltName. */
const ECDSA_SHA256 = "2a8648ce3d040302";
const COMMON_NAME = "550403";
const SUBJECT_ALT_NAME = "551d11";

/** PEM texts, for ten years from now on. `name`: a host name. */
export const makeSelfSigned = (name: string, nowMs: number): CertificateText => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = der(SEQUENCE, oid(ECDSA_SHA256));
  // RFC 5280 §4.1.2.4: names of 64 characters at most; the whole one is in subjectAltName.
  const subject = der(SEQUENCE, der(SET, der(SEQUENCE, oid(COMMON_NAME), der(UTF8, ascii(name.slice(0, 64))))));
  const altName = der(OCTET_STRING, der(SEQUENCE, der(DNS_NAME, ascii(name))));
  const toBeSigned = der(
    SEQUENCE,
    der(CONTEXT_0, der(INTEGER, Buffer.of(2))),
    // RFC 5280 §4.1.2.2: positive, at most 20 octets.
    der(INTEGER, Buffer.concat([Buffer.of(0x40), randomBytes(15)])),
    algorithm,
    subject,
    der(SEQUENCE, time(nowMs - 24 * 3600 * 1000), time(nowMs + TEN_YEARS_MS)),
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    der(CONTEXT_3, der(SEQUENCE, der(SEQUENCE, oid(SUBJECT_ALT_NAME), altName))),
  );
  const signature = der(BIT_STRING, Buffer.of(0), sign("sha256", toBeSigned, privateKey));
  const lines =
    der(SEQUENCE, toBeSigned, algorithm, signature)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
};

const ascii = (text: string): Buffer => Buffer.from(text, "latin1");
const oid = (hex: string): Buffer => der(OID, Buffer.from(hex, "hex"));

/** `20261124160000Z`, without the century up to 2049 (RFC 5280 §4.1.2.5). */
const time = (ms: number): Buffer => {
  const text = `${new Date(ms).toISOString().replaceAll(/[-:T]|\..*/g, "")}Z`;
  return text < "2050" ? der(UTC_TIME, ascii(text.slice(2))) : der(GENERALIZED_TIME, ascii(text));
};

/** Tag, length (X.690 §8.1.3), contents. */
const der = (tag: number, ...contents: readonly Uint8Array[]): Buffer => {
  const body = Buffer.concat(contents);
  const length =
    body.length < 128
      ? Buffer.of(body.length)
      : body.length < 256
        ? Buffer.of(0x81, body.length)
        : Buffer.of(0x82, body.length >> 8, body.length & 0xff);
  return Buffer.concat([Buffer.of(tag), length, body]);
};
