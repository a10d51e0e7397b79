/**
 * The certificate of this relay's listeners: the operator's files, or one of our own that is made once and kept in the
 * data directory.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { join } from "node:path";
import { type CertificateText, makeSelfSigned } from "./self-signed.ts";

export type CertificateFiles = { cert: string; key: string };

/** `unusable`: a file is not there, or the two are no pair. */
export type LoadedCertificate =
  | { kind: "certificate"; certificate: CertificateText }
  | { kind: "unusable"; reason: string };

/** `dataDir` is there already. Throws when it cannot be written. */
export const loadCertificate = (
  files: CertificateFiles | undefined,
  dataDir: string,
  name: string,
  nowMs: number,
): LoadedCertificate => {
  const own = { cert: join(dataDir, "tls-cert.pem"), key: join(dataDir, "tls-key.pem") };
  // The key comes first: a crash between the two leaves no certificate without one.
  if (!files && !existsSync(own.cert)) {
    const made = makeSelfSigned(name, nowMs);
    writeFileSync(own.key, made.key, { mode: 0o600 });
    writeFileSync(own.cert, made.cert);
  }
  try {
    const { cert, key } = files ?? own;
    const certificate = { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
    createSecureContext(certificate);
    return { kind: "certificate", certificate };
  } catch (error) {
    return { kind: "unusable", reason: error instanceof Error ? error.message : String(error) };
  }
};
