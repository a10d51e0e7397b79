/**
 * A certificate that nobody vouches for, made anew by the system's openssl: Node has no maker of X.509.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Certificate = { key: string; cert: string };

/** PEM texts; valid for a day. */
export const selfSignedCertificate = (host = "localhost"): Certificate => {
  const directory = mkdtempSync(join(tmpdir(), "hikyaku-certificate-"));
  const [keyFile, certFile] = [join(directory, "key.pem"), join(directory, "cert.pem")];
  try {
    const options = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=${host}`;
    const subject = ["-addext", `subjectAltName=DNS:${host}`, "-keyout", keyFile, "-out", certFile];
    execFileSync("openssl", [...options.split(" "), ...subject], { stdio: "pipe" });
    return { key: readFileSync(keyFile, "utf8"), cert: readFileSync(certFile, "utf8") };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
};
