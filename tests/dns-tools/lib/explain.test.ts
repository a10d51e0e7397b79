/** The text of a record, explained without being published: recognised however it was copied, and read as receivers do. */
import { expect, test } from "vitest";
import { explainRecordText, recordTextIn } from "#dns/explain.ts";
import { recordedResolver } from "#resolvers/recorded.ts";
import { RSA_2048 } from "../support/public-keys.ts";

const resolve = recordedResolver({
  "a.test": { TXT: ["v=spf1 include:b.test mx -all"], MX: [{ preference: 1, exchange: "mx.a.test" }] },
  "b.test": { TXT: ["v=spf1 ip4:192.0.2.0/24 -all"] },
  "mx.a.test": { A: ["192.0.2.1"] },
});

/** Its kind, and what is said of it: look-ups, tags with their meanings, or why receivers discard it. */
const check = async (typed: string, expected: string | RegExp): Promise<void> => {
  const record = recordTextIn(typed);
  const explained = record && (await explainRecordText(record, resolve));
  const said =
    explained === undefined || record === undefined
      ? "none"
      : explained.kind === "discarded"
        ? `${record.kind} discarded: ${explained.reason}`
        : explained.kind === "spf"
          ? `spf ${explained.spf.lookups} ${explained.spf.tree.kind}`
          : `${record.kind} ${explained.tags.map(({ tag, meaning }) => `${tag}: ${meaning}`).join(" ")}`;
  if (typeof expected === "string") expect(said, typed).toBe(expected);
  else expect(said, typed).toMatch(expected);
};

test("SPF: what it leads to is looked up, at its own name nothing is", async () => {
  await check("v=spf1 ip4:192.0.2.1 -all", "spf 0 record");
  await check("v=spf1 include:a.test a mx ~all", "spf 5 record");
  await check('"v=spf1 include:" "b.test -all"', "spf 1 record");
  await check("v=spf1 ip4:192.0.2.300 -all", /^spf discarded: it is wrong at `ip4:192\.0\.2\.300` at character 8/);
  await check("v=spf1; a", "spf discarded: it does not begin with `v=spf1` and a space");
  await check("v=spf2 a", "spf discarded: it does not begin with `v=spf1` and a space");
});

test("DMARC", async () => {
  await check(" v=DMARC1; p=reject", /^dmarc p: Mail from the domain that fails: refuse it\./);
  await check("v = dmarc2; p=none", "dmarc discarded: it does not begin with v=DMARC1");
  await check("v=DMARC1; p=reject; p=none", "dmarc discarded: the tag `p` is there twice");
});

test("DKIM, with its version and without", async () => {
  await check(
    `v=DKIM1; k=rsa; p=${RSA_2048}`,
    /^dkim k: An RSA key\. p: The public key, of 2048 bits\. h: .* any hash/,
  );
  await check(
    `k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=`,
    /^dkim k: An Ed25519 key .* p: The public key\./,
  );
  await check(`p=${RSA_2048.slice(0, 99)}`, /p: The beginning of a public key, which was cut off/);
  await check("v=DKIM1; p=", /p: Empty: the key was revoked/);
  await check("v=DKIM1; p=aGVsbG8gd29ybGQ=", /p: No key, because its p= is no RSA key/);
  await check(
    "v=DKIM1; h=sha1:sha256; s=email; t=y:s; n=ours; g=; x=1; p=",
    /h: .* only sha1, sha256\. s: It is only for email\. t: The domain is testing DKIM.* very domain .* n: A note for people: ours g: Taken out .* x: Unknown/,
  );
  await check("v=DKIM1; s=*; p=", /s: It is for mail and all else\. t: No flags/);
  await check("v=DKIM1; k=rsa", "dkim discarded: it has no p= with the public key");
  await check("v=DKIM1; k=dsa; p=AA", /^dkim discarded: its k= is no key type/);
});

test("what is no record", async () => {
  for (const text of ["d.test", "p.test", "https://d.test/?p=1", "jo@d.test", "", "google-site-verification=x"])
    await check(text, "none");
});
