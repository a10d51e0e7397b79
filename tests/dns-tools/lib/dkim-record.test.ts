import { describe, expect, test } from "vitest";
import { compareDkim, formatDkimRecord, parseDkimRecord, type DkimKey, type DkimRecord } from "#dns/dkim-record.ts";

const RSA: DkimKey = { algorithm: "rsa-sha256", publicKeyBase64: "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A" };
const ED: DkimKey = { algorithm: "ed25519-sha256", publicKeyBase64: "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" };

test("records are written and read back", () => {
  expect(formatDkimRecord(RSA)).toBe(`v=DKIM1; k=rsa; p=${RSA.publicKeyBase64}`);
  expect(formatDkimRecord(ED)).toBe(`v=DKIM1; k=ed25519; p=${ED.publicKeyBase64}`);
  for (const key of [RSA, ED]) expect(parseDkimRecord(formatDkimRecord(key))).toEqual({ kind: "key", key });
});

describe("a record reads as", () => {
  const check = (text: string, expected: DkimRecord): void => {
    test(JSON.stringify(text), () => expect(parseDkimRecord(text)).toEqual(expected));
  };
  const key: DkimKey = { algorithm: "rsa-sha256", publicKeyBase64: "YWJj" };
  const malformed = (reason: string): DkimRecord => ({ kind: "malformed", reason });
  check("p=YWJj", { kind: "key", key });
  check("v=DKIM1; n=a note; x=unknown; t=y; p=YW Jj;", { kind: "key", key });
  check("v=DKIM1; h=sha1 : sha256; s=email:*; p=YWJj", {
    kind: "key",
    key,
    hashes: ["sha1", "sha256"],
    services: ["email", "*"],
  });
  check("v=DKIM1; p=", { kind: "revoked" });
  check("v=DKIM1; k=other; p= ", { kind: "revoked" });
  check("v=DKIM1; k=rsa", malformed("it has no p= with the public key"));
  check("v=spf1 -all", malformed("it does not begin with v=DKIM1"));
  check("v=dkim1; p=YWJj", malformed("it does not begin with v=DKIM1"));
  check("p=YWJj; v=DKIM1", malformed("it does not begin with v=DKIM1"));
  check("k=dsa; p=YWJj", malformed("its k= is no key type of RFC 6376 or RFC 8463"));
  check("v=DKIM1\\; k=rsa\\; p=YWJj", malformed("it does not begin with v=DKIM1"));
  check("p=YWJj; p=YWJj", malformed("the tag `p` is there twice"));
});

describe("compared with our key", () => {
  const check = (title: string, key: DkimKey, records: string[], kind: string, text = ""): void => {
    test(title, () => {
      const compared = compareDkim(key, records);
      expect(compared.kind).toBe(kind);
      if (compared.kind !== "same") expect(compared.text).toContain(text);
    });
  };
  const publish = `publish \`${formatDkimRecord(RSA)}\``;
  const cut = RSA.publicKeyBase64.slice(0, 20);
  check("ours", RSA, [formatDkimRecord(RSA)], "same");
  check("ours, Ed25519", ED, [formatDkimRecord(ED)], "same");
  check(
    "ours, without v and k, broken by spaces",
    RSA,
    [`p=${RSA.publicKeyBase64.replace("IjAN", "Ij \r\n AN")}`],
    "same",
  );
  check("ours, for sha256 and email", RSA, [`v=DKIM1; h=sha256; s=email; p=${RSA.publicKeyBase64}`], "same");
  check("ours, for any service", RSA, [`s=*; p=${RSA.publicKeyBase64}`], "same");
  check("none", RSA, [], "missing", publish);
  check("two, one of them ours", RSA, [formatDkimRecord(RSA), "v=spf1 -all"], "multiple", "2 TXT records");
  check("halves in two records", RSA, [`v=DKIM1; p=${cut}`, RSA.publicKeyBase64.slice(20)], "multiple");
  check("something else", RSA, ["hello"], "malformed", publish);
  check("revoked", RSA, ["v=DKIM1; p="], "revoked", publish);
  check("cut", RSA, [`v=DKIM1; k=rsa; p=${cut}`], "mismatch", "stops after 20 of 32 characters");
  check("another key", RSA, ["v=DKIM1; k=rsa; p=AAAA"], "mismatch", publish);
  check("other capitals", RSA, [`p=${RSA.publicKeyBase64.toLowerCase()}`], "mismatch");
  check("ours and more", RSA, [`p=${RSA.publicKeyBase64}AAAA`], "mismatch");
  check("another type", RSA, [formatDkimRecord(ED)], "mismatch", "type ed25519, ours is rsa");
  check("our key under another type", RSA, [`k=ed25519; p=${RSA.publicKeyBase64}`], "mismatch", "type ed25519");
  check("for sha1 only", RSA, [`h=sha1; p=${RSA.publicKeyBase64}`], "restricted", "h=");
  check("for something else than mail", RSA, [`s=other; p=${RSA.publicKeyBase64}`], "restricted", "s=");
});
