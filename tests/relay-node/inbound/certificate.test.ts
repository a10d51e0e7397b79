/** The listeners' certificate: made once and kept, the operator's files instead, and what is no pair. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadCertificate } from "../../../relay-node/inbound/certificate.ts";
import { makeSelfSigned } from "../../../relay-node/inbound/self-signed.ts";
import { selfSignedCertificate } from "../../support/self-signed-certificate.ts";
import { temporaryFolder } from "../delivery/relay-scene.ts";

const NOW_MS = Date.UTC(2026, 10, 24, 12);
const YEAR_MS = 365 * 24 * 3600 * 1000;

test("one of our own is a certificate that Node reads, for its name and its key", () => {
  const check = (name: string, nowMs: number): void => {
    const { cert, key } = makeSelfSigned(name, nowMs);
    const read = new X509Certificate(cert);
    expect(read.checkHost(name)).toBe(name);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.checkPrivateKey(createPrivateKey(key))).toBe(true);
    expect(Date.parse(read.validFrom)).toBeLessThan(nowMs);
    expect(Date.parse(read.validTo)).toBeGreaterThan(nowMs + 9 * YEAR_MS);
  };
  check("mx1.relay.example", NOW_MS);
  check(`${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.test`, NOW_MS);
  // RFC 5280 §4.1.2.5: from 2050 on another type of time.
  check("mx1.relay.example", NOW_MS + 20 * YEAR_MS);
});

test("it is made once and kept, its key for us alone", () => {
  const folder = temporaryFolder();
  const first = loadCertificate(undefined, folder, "mx.test", NOW_MS);
  expect(first.kind).toBe("certificate");
  expect(loadCertificate(undefined, folder, "other.test", NOW_MS)).toEqual(first);
  expect(statSync(join(folder, "tls-key.pem")).mode & 0o777).toBe(0o600);
});

test("the operator's files, and what is wrong with them", () => {
  const folder = temporaryFolder();
  const files = { cert: join(folder, "c.pem"), key: join(folder, "k.pem") };
  const load = () => loadCertificate(files, folder, "mx.test", NOW_MS);
  expect(load()).toMatchObject({ kind: "unusable", reason: expect.stringContaining("c.pem") });
  const { cert, key } = selfSignedCertificate("mx.test");
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  expect(load()).toEqual({ kind: "certificate", certificate: { cert, key } });
  writeFileSync(files.key, selfSignedCertificate("mx.test").key);
  expect(load().kind).toBe("unusable");
});
