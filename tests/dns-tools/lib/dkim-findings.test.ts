/** Each `dkim.*` code with a zone that gives exactly it, and beside it near misses that do not. */
import { describe, expect, test } from "vitest";
import { dkimFindings, type DkimCheck } from "#dns/dkim-findings.ts";
import { formatDkimRecord, type DkimKey } from "#dns/dkim-record.ts";
import type { Finding } from "#dns/finding.ts";
import { recordedResolver, type RecordedName, type RecordedTxt, type RecordedZone } from "#resolvers/recorded.ts";
import * as keys from "../support/public-keys.ts";

const NAME = "s1._domainkey.d.test";
const rsa = (publicKeyBase64: string): DkimKey => ({ algorithm: "rsa-sha256", publicKeyBase64 });
const KEY = rsa(keys.RSA_2048);
const ED: DkimKey = { algorithm: "ed25519-sha256", publicKeyBase64: keys.ED25519 };
const RECORD = formatDkimRecord(KEY);
const OTHER = formatDkimRecord(rsa(keys.OTHER_RSA_2048));
const CHECK: DkimCheck = { domain: "d.test", selector: "s1", key: KEY };
const WITHOUT_KEY: DkimCheck = { domain: "d.test", selector: "s1" };

const txt = (...TXT: RecordedTxt[]): RecordedName => ({ TXT });
const run = (zone: RecordedZone, check: DkimCheck): Promise<Finding[]> => dkimFindings(check, recordedResolver(zone));

/** `PASS`: nothing is wrong. `fix`: ours unless told. */
const PASS = "dkim.missing pass";
type Expected = { text?: string; fix?: string | undefined; check?: DkimCheck };
const check = (title: string, zone: RecordedZone, codes: string, expected: Expected = {}): void => {
  test(title, async () => {
    const findings = await run(zone, expected.check ?? CHECK);
    expect(findings.map(({ code, status }) => `${code} ${status}`).join(", ")).toBe(codes);
    const [first] = findings;
    expect(first?.text).toContain(expected.text ?? NAME);
    expect(first?.name).toBe(NAME);
    expect(first?.fix).toBe("fix" in expected || codes === PASS ? expected.fix : RECORD);
    for (const { evidence, rfc } of findings) {
      expect(evidence.length).toBeGreaterThan(0);
      expect(rfc).toMatch(/^RFC \d+ §/);
    }
  });
};
const at = (...records: RecordedTxt[]): RecordedZone => ({ [NAME]: txt(...records) });

describe("a record without fault", () => {
  check("ours", at(RECORD), PASS, { text: "RSA key of 2048 bits. It is the one we sign with" });
  check("Ed25519", at(formatDkimRecord(ED)), PASS, { check: { ...CHECK, key: ED }, text: "an Ed25519 key" });
  check("cut into strings anywhere", at([RECORD.slice(0, 7), RECORD.slice(7, 100), RECORD.slice(100)]), PASS);
  check("ours, though it is no key", at("p=AAAA"), PASS, { check: { ...CHECK, key: rsa("AAAA") }, text: "has a key." });
  check("judged by itself", at(OTHER), PASS, { check: WITHOUT_KEY, text: "was not asked" });
  check("over CNAMEs", { [NAME]: { CNAME: ["a.relay.test"] }, "a.relay.test": txt(RECORD) }, PASS);
  check("with spaces, h=, s= and notes", at(`v=DKIM1; h=sha256; s=email; t=s; n="hi"; p=${keys.RSA_2048} ;`), PASS);
  test("its evidence is the way and the record", async () => {
    const [pass] = await run({ [NAME]: { CNAME: ["a.relay.test"] }, "a.relay.test": txt(RECORD) }, CHECK);
    expect(pass?.evidence).toEqual([`${NAME} CNAME a.relay.test`, `a.relay.test TXT "${RECORD}"`]);
  });
});

describe("dns.wildcard", () => {
  const text = "overrides the wildcard";
  check("one of the domain's", { "*.d.test": txt("v=spf1 -all") }, "dns.wildcard fail", { text });
  check("one of the selectors'", { "*._domainkey.d.test": txt(OTHER, "b") }, "dns.wildcard fail", { text });
  check("one over a CNAME", { "*.d.test": { CNAME: ["x.test"] }, "x.test": txt("a") }, "dns.wildcard fail", { text });
  check(
    "a CNAME that leads to no key",
    { "*.d.test": { CNAME: ["x.test"] }, "x.test": { A: ["192.0.2.1"] } },
    "dns.wildcard fail",
    {
      text,
    },
  );
  check("that has our key is as good as any", { "*.d.test": txt(RECORD) }, PASS);
  check("that says something else is not it", { ...at(OTHER), "*.d.test": txt("a") }, "dkim.mismatch fail");
  check("that says more is not it", { ...at(OTHER), "*._domainkey.d.test": txt(OTHER, "b") }, "dkim.mismatch fail");
  check(
    "that could not be looked up is not it",
    { ...at(OTHER), "*._domainkey.d.test": "servfail" },
    "dkim.mismatch fail",
  );
});

describe("dkim.missing", () => {
  check("no name", {}, "dkim.missing fail", { text: "Publish the record below there." });
  check("no TXT", { [NAME]: { MX: [{ preference: 0, exchange: "." }] } }, "dkim.missing fail");
  check("another selector", { "s2._domainkey.d.test": txt(RECORD) }, "dkim.missing fail");
  check("no key to compare", {}, "dkim.missing fail", { check: WITHOUT_KEY, fix: undefined });
  check("a CNAME is wanted", {}, "dkim.missing fail", {
    check: { ...CHECK, cname: "s1.relay.test" },
    text: "Publish the CNAME `s1.relay.test`",
    fix: "s1.relay.test",
  });
});

describe("could not be found out is never missing", () => {
  for (const kind of ["servfail", "timeout", "refused"] as const)
    check(kind, { [NAME]: kind, [`${NAME}.d.test`]: txt(RECORD) }, "dns.indeterminate indeterminate", {
      text: `could not check the TXT records of ${NAME}`,
      fix: undefined,
    });
  check(
    "what hides behind a CNAME",
    { [NAME]: { CNAME: ["a.test"] }, "a.test": "servfail" },
    "dns.indeterminate indeterminate",
    {
      fix: undefined,
    },
  );
});

describe("dkim.name-doubled", () => {
  const doubled = `${NAME}.d.test`;
  check("ours", { [doubled]: txt(RECORD) }, "dkim.name-doubled fail", {
    text: "your DNS panel adds d.test itself, so receivers find no key at s1._domainkey.d.test. Enter only `s1._domainkey`",
  });
  check("an older key of ours", { [doubled]: txt(OTHER) }, "dkim.name-doubled fail");
  check("as a CNAME", { [doubled]: { CNAME: ["a.test"] }, "a.test": txt(RECORD) }, "dkim.name-doubled fail", {
    text: doubled,
  });
  check("something else is there", { [doubled]: txt("v=spf1 -all") }, "dkim.missing fail");
  check("the right name has it too", { ...at(RECORD), [doubled]: txt(RECORD) }, PASS);
  check("doubled with another domain", { [`${NAME}.e.test`]: txt(RECORD) }, "dkim.missing fail");
});

describe("dkim.truncated", () => {
  const cut = RECORD.slice(0, 255);
  const quoted = `"${RECORD.slice(0, 255)}" "${RECORD.slice(255)}"`;
  check("at 255 characters", at(cut), "dkim.truncated fail", { text: "stops after 255 characters", fix: quoted });
  check("before its last character", at(RECORD.slice(0, -1)), "dkim.truncated fail", { fix: quoted });
  check("with a CNAME there is nothing to paste", at(cut), "dkim.truncated fail", {
    check: { ...CHECK, cname: "s1.relay.test" },
    text: "Replace it by the CNAME",
    fix: "s1.relay.test",
  });
  check("no key to compare", at(cut), "dkim.truncated fail", { check: WITHOUT_KEY, fix: undefined });
  check("another key, cut", at(OTHER.slice(0, 255)), "dkim.truncated fail", { fix: quoted });
  const withoutPadding = formatDkimRecord(ED).slice(0, -1);
  check("without the = at its end", at(withoutPadding), "dkim.truncated fail", {
    check: { ...CHECK, key: ED },
    text: "Replace it by the record below.",
    fix: formatDkimRecord(ED),
  });
  check("in two strings it is whole", at([cut, RECORD.slice(255)]), PASS);
});

describe("dkim.split-records", () => {
  const [head, tail] = [RECORD.slice(0, 255), RECORD.slice(255)];
  check("in its order", at(head, tail), "dkim.split-records fail", { text: "cut into 2 TXT records" });
  check("in another order", at(tail, head), "dkim.split-records fail");
  check("in three", at(RECORD.slice(0, 150), RECORD.slice(150, 300), RECORD.slice(300)), "dkim.split-records fail");
  check("no key to compare", at(head, tail), "dkim.split-records fail", { check: WITHOUT_KEY, fix: undefined });
  check("a whole key and a token", at(RECORD, "a1b2c3d4e5f6a1b2c3d4e5f6"), "dkim.multiple fail", { fix: undefined });
  check("half a key and a word", at(head, "abc"), "dkim.multiple fail");
  check("half a key and something else", at(head, "site-verification=abc"), "dkim.multiple fail");
});

describe("dkim.multiple", () => {
  check("an old key beside ours", at(OTHER, RECORD), "dkim.multiple fail", {
    text: `Delete the record starting \`${OTHER.slice(0, 40)}…\`.`,
    fix: undefined,
  });
  check("ours twice, in other strings", at(RECORD, [RECORD.slice(0, 9), RECORD.slice(9)]), "dkim.multiple fail", {
    text: "Delete the record starting `v=DKIM1",
    fix: undefined,
  });
  check("none of them ours", at(OTHER, "v=spf1 -all"), "dkim.multiple fail", { text: "Delete them all and publish" });
  check("two strings are one record", at([RECORD.slice(0, 255), RECORD.slice(255)]), PASS);
});

describe("dkim.mismatch", () => {
  check("another key", at(OTHER), "dkim.mismatch fail", { text: "is not the one we sign with" });
  test("both keys are told apart by their hashes", async () => {
    const [{ text } = { text: "" }] = await run(at(OTHER), CHECK);
    const hashes = [...text.matchAll(/\b[0-9a-f]{8}\b/g)].map(String);
    expect(new Set(hashes).size).toBe(2);
  });
  check("another type", at(formatDkimRecord(ED)), "dkim.mismatch fail", {
    text: "is for ed25519-sha256, we sign with rsa",
  });
  check("for sha1 only", at(`v=DKIM1; h=sha1; p=${keys.RSA_2048}`), "dkim.mismatch fail", {
    text: "leaves out sha256",
  });
  check("not for mail", at(`v=DKIM1; s=tlsrpt; p=${keys.RSA_2048}`), "dkim.mismatch fail", {
    text: "leaves out email",
  });
  check("another and weak: only the cause", at(`v=DKIM1; t=y; p=${keys.RSA_1024}`), "dkim.mismatch fail");
  check("for sha1 and sha256, for all", at(`v=DKIM1; h=sha1:sha256; s=*; p=${keys.RSA_2048}`), PASS);
  check("any key will do", at(OTHER), PASS, { check: WITHOUT_KEY });
});

describe("dkim.revoked", () => {
  check("empty p=", at("v=DKIM1; k=rsa; p="), "dkim.revoked fail", { text: "empty `p=`" });
  check("with quotes in its notes", at('v=DKIM1; n="gone"; p='), "dkim.revoked fail");
  check("no p= at all", at("v=DKIM1; k=rsa"), "dkim.syntax fail");
});

describe("dkim.escaped", () => {
  check("semicolons", at(RECORD.replaceAll(";", "\\;")), "dkim.escaped fail", { text: "Remove the backslashes." });
  check("the last only", at(`p=${keys.RSA_2048}\\;`), "dkim.escaped fail");
  check("twice", at(RECORD.replaceAll(";", "\\\\;")), "dkim.escaped fail");
  check("quotes", at(`"${RECORD}"`), "dkim.escaped fail", { text: "Remove the quotes." });
  check("quotes in the middle", at(`${RECORD.slice(0, 255)}" "${RECORD.slice(255)}`), "dkim.escaped fail");
  check("no key to compare", at(OTHER.replaceAll(";", "\\;")), "dkim.escaped fail", { check: WITHOUT_KEY, fix: OTHER });
  const quoted = `"${OTHER.slice(0, 255)}" "${OTHER.slice(255)}"`;
  check("quotes, no key to compare", at(quoted), "dkim.escaped fail", { check: WITHOUT_KEY, fix: OTHER });
  check("something else, escaped", at("v=spf1\\; -all"), "dkim.syntax fail");
  check("a backslash in the notes", at(`v=DKIM1; n=a\\; p=${keys.RSA_2048}`), PASS);
});

describe("dkim.syntax", () => {
  check("something else", at("v=spf1 -all"), "dkim.syntax fail", { text: "does not begin with v=DKIM1" });
  check("v= is not first", at(`p=${keys.RSA_2048}; v=DKIM1`), "dkim.syntax fail");
  check("a key type of nobody", at(`v=DKIM1; k=dsa; p=${keys.RSA_2048}`), "dkim.syntax fail");
  check("PEM armour", at("v=DKIM1; p=-----BEGIN PUBLIC KEY-----"), "dkim.syntax fail", { text: "not base64" });
  check("no key in it", at("v=DKIM1; p=AAAABBBB"), "dkim.syntax fail", { text: "no RSA key" });
  check("0xFF and NUL", { [NAME]: { TXT: [[Uint8Array.of(0xff, 0, 0x1b)]] } }, "dkim.syntax fail");
  check("an empty string", at(""), "dkim.syntax fail");
  check("unknown tags are no fault", at(`v=DKIM1; x=y; g=*; p=${keys.RSA_2048}`), PASS);
});

describe("dkim.weak-key", () => {
  const own = (key: string): DkimCheck => ({ ...CHECK, key: rsa(key) });
  const weak = (key: string, codes: string, text: string): void =>
    check(text, at(formatDkimRecord(rsa(key))), codes, { check: own(key), text, fix: undefined });
  weak(keys.RSA_512, "dkim.weak-key fail", "has 512 bits: receivers refuse it");
  weak(keys.RSA_1024, "dkim.weak-key warn", "has 1024 bits: 2048 are advised");
  weak(keys.RSA_2047, "dkim.weak-key warn", "has 2047 bits");
  weak(keys.RSA_4096, PASS, "4096 bits");
});

describe("dkim.testing", () => {
  check("t=y", at(`v=DKIM1; t=y; p=${keys.RSA_2048}`), "dkim.testing warn", { text: "Remove `t=y`." });
  check("t=s:y", at(`v=DKIM1; t=s : y; p=${keys.RSA_2048}`), "dkim.testing warn");
  check("t=s", at(`v=DKIM1; t=s; p=${keys.RSA_2048}`), PASS);
  check("beside another mistake", at(`t=y; p=${keys.RSA_1024}`), "dkim.weak-key warn, dkim.testing warn", {
    check: WITHOUT_KEY,
    fix: undefined,
  });
});

describe("dkim.cname-broken", () => {
  const cname = (target: string): RecordedName => ({ CNAME: [target] });
  check("to a name that is not there", { [NAME]: cname("gone.test") }, "dkim.cname-broken fail", {
    text: "is a CNAME to gone.test, which has no TXT record",
  });
  check("to a name without TXT", { [NAME]: cname("a.test"), "a.test": { A: ["192.0.2.1"] } }, "dkim.cname-broken fail");
  check("over two", { [NAME]: cname("a.test"), "a.test": cname("b.test") }, "dkim.cname-broken fail", {
    text: "b.test",
  });
  check("in a circle", { [NAME]: cname("a.test"), "a.test": cname(NAME) }, "dkim.cname-broken fail", {
    text: `in a circle (a.test → ${NAME})`,
  });
  check("to the wrong key", { [NAME]: cname("a.test"), "a.test": txt(OTHER) }, "dkim.mismatch fail");
});

describe("dns.proxied", () => {
  const proxy: RecordedName = { A: ["192.0.2.104"] };
  const cname = "s1.relay.test";
  const text = "instead of our CNAME: proxying is on";
  check("a CNAME is wanted", { [NAME]: proxy }, "dns.proxied fail", { check: { ...CHECK, cname }, text, fix: cname });
  check("a TXT is wanted", { [NAME]: proxy }, "dns.proxied fail", { text: "instead of a TXT record" });
  check("an address of a wildcard", { "*.d.test": proxy }, "dkim.missing fail");
  check("an address beside the key", { [NAME]: { TXT: [RECORD], A: ["192.0.2.104"] } }, PASS);
  check("the key, flattened", { [NAME]: { TXT: [RECORD], A: ["192.0.2.104"] } }, PASS, { check: { ...CHECK, cname } });
  check("found doubled: only the cause", { [NAME]: proxy, [`${NAME}.d.test`]: txt(RECORD) }, "dkim.name-doubled fail", {
    text: "Enter only",
  });
});

describe("dns.cname-and-other", () => {
  /** With a CNAME at the name, beside what the zone has there. */
  const beside = async (zone: RecordedZone, target: string): Promise<Finding[]> => {
    const resolve = recordedResolver(zone);
    const cname = recordedResolver({ [NAME]: { CNAME: [target] } });
    return dkimFindings(CHECK, (name, type) => (name === NAME && type === "CNAME" ? cname : resolve)(name, type));
  };
  test("beside our key it will bite, beside another it does", async () => {
    const other = await beside({ ...at(OTHER), "a.relay.test": txt(RECORD) }, "a.relay.test");
    expect(other).toMatchObject([{ code: "dns.cname-and-other", status: "fail", fix: RECORD }]);
    const ours = await beside({ ...at(RECORD), "a.relay.test": txt(OTHER) }, "a.relay.test");
    expect(ours).toMatchObject([{ code: "dns.cname-and-other", status: "warn" }]);
    expect(ours[0]?.fix).toBeUndefined();
  });
  test("that says the same is none", async () => {
    const same = await beside({ ...at(RECORD), "a.relay.test": txt(RECORD) }, "a.relay.test");
    expect(same).toMatchObject([{ code: "dkim.missing", status: "pass" }]);
  });
});

test("CNAMEs are followed by hand after a SERVFAIL only", async () => {
  const asked = async (kind: RecordedName): Promise<string[]> => {
    const types: string[] = [];
    const zone = recordedResolver({ [NAME]: kind });
    await dkimFindings(CHECK, (name, type) => {
      types.push(type);
      return zone(name, type);
    });
    return types;
  };
  expect(await asked("servfail")).toEqual(["TXT", "CNAME"]);
  expect(await asked("timeout")).toEqual(["TXT"]);
});

describe("hostile zones", () => {
  check(
    "64 KB of TXT",
    at(...Array.from({ length: 250 }, (_, at) => `${at} ${"x".repeat(250)}`)),
    "dkim.multiple fail",
  );
  check("a record of 64 KB", at(`v=DKIM1; p=${"A".repeat(64_000)}`), "dkim.syntax fail");
  test("what is shown is short and has no control characters", async () => {
    const zones = [
      at("\u001b[2Jx", RECORD),
      at(`k=\u0000${"y".repeat(60_000)}`),
      at(...Array.from({ length: 250 }, (_, at) => `${at}`)),
    ];
    for (const zone of zones)
      for (const { text, evidence } of await run(zone, CHECK)) {
        expect(text.length + evidence.join("").length).toBeLessThan(5000);
        expect([text, ...evidence].join("")).not.toMatch(/\p{Cc}/u);
      }
  });
});
