/**
 * The message of RFC 8463 Appendix A, which lies beside the repository: mailauth, asking the DNS through our port,
 * finds its Ed25519 and its RSA signature good, and neither when one byte of the body is another; our findings take both
 * key records.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { dkimFindings } from "#dns/dkim-findings.ts";
import type { DkimKey } from "#dns/dkim-record.ts";
import { recordedResolver } from "#resolvers/recorded.ts";
import { mailauthResolver } from "./support/mailauth-resolver.ts";
import { ED25519 } from "./support/public-keys.ts";
import { vectorPath } from "./support/public-vectors.ts";

const FOLDER = process.env["HIKYAKU_DKIM_VECTORS"] ?? vectorPath("dkim");
const isThere = existsSync(FOLDER);
if (!isThere) console.log(`skipped: the message of RFC 8463 is not in ${FOLDER}`);
const read = (file: string, otherwise: string): string =>
  isThere ? readFileSync(join(FOLDER, file), "utf8") : otherwise;

const Zone = z.record(z.string(), z.strictObject({ TXT: z.array(z.array(z.string())) }));
const resolve = recordedResolver(Zone.parse(JSON.parse(read("dns.json", "{}"))));
const message = Buffer.from(read("signed.eml", "").replaceAll("\n", "\r\n"));

const DOMAIN = "football.example.com";

/** As `selector algorithm result comment`, in the order of the signatures. */
const verdicts = async (text: Buffer, port = resolve): Promise<string[]> => {
  const { results } = await dkimVerify(text, { resolver: mailauthResolver(port), strict: true });
  return results.map(({ selector, algo, status }) =>
    [selector, algo, status.result, status.comment].filter((part) => part).join(" "),
  );
};

describe.skipIf(!isThere)("the message of RFC 8463", () => {
  test("both signatures verify", async () => {
    expect(await verdicts(message)).toEqual(["brisbane ed25519-sha256 pass", "test rsa-sha256 pass"]);
  });

  test("with one byte of the body flipped neither does", async () => {
    const at = message.indexOf("hungry");
    expect(at).toBeGreaterThan(message.indexOf("\r\n\r\n"));
    const flipped = Buffer.from(message);
    flipped.writeUInt8(flipped.readUInt8(at) ^ 1, at);
    expect(await verdicts(flipped)).toEqual([
      "brisbane ed25519-sha256 fail body hash did not verify",
      "test rsa-sha256 fail body hash did not verify",
    ]);
  });

  test("without the keys neither does", async () => {
    const verdict = await verdicts(message, recordedResolver({}));
    expect(verdict).toEqual(["brisbane ed25519-sha256 neutral no key", "test rsa-sha256 neutral no key"]);
  });

  test("our findings know the Ed25519 key as the one signed with", async () => {
    const key: DkimKey = { algorithm: "ed25519-sha256", publicKeyBase64: ED25519 };
    const findings = await dkimFindings({ domain: DOMAIN, selector: "brisbane", key }, resolve);
    expect(findings).toMatchObject([{ code: "dkim.missing", status: "pass" }]);
    expect(findings[0]?.text).toContain("has an Ed25519 key. It is the one we sign with.");
  });

  test("our findings take the RSA key, and advise a longer one", async () => {
    const findings = await dkimFindings({ domain: DOMAIN, selector: "test" }, resolve);
    // RFC 8301 §3.2: 1024 bits are the least that receivers take, signers should use 2048.
    expect(findings).toMatchObject([{ code: "dkim.weak-key", status: "warn" }]);
    expect(findings[0]?.text).toContain("has 1024 bits: 2048 are advised");
  });
});
