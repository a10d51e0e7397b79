/**
 * What people type: taken for what they mean where that is sure, and refused at its field where it is not.
 */
import { expect, test } from "vitest";
import { readAnswers, readRequirement } from "../../../dns-tools/wizard/answers.ts";
import { formatTyped, readTyped } from "../../../dns-tools/wizard/typed.ts";
import { ED25519, RSA_2048 } from "../support/public-keys.ts";
import { PRIVATE_KEYS } from "./private-keys.ts";
import { answer, BARE } from "./scene.ts";

const typedOf = (...pairs: [string, string][]): ReturnType<typeof readTyped> =>
  readTyped(new URLSearchParams(pairs), {});

/** The domain that is taken, or the words of the refusal. */
const check = (typed: string, expected: string | RegExp): void => {
  const read = readAnswers(typedOf(["domain", typed]));
  const said =
    read.kind === "read" ? read.value.sending.domain : read.errors.map(({ field, text }) => `${field}: ${text}`).join();
  if (typeof expected === "string") expect(said, typed).toBe(expected);
  else expect(said, typed).toMatch(expected);
};

test("a domain in all its dresses", () => {
  check("d.test", "d.test");
  check(" D.Test. ", "d.test");
  check("jo@d.test", "d.test");
  check("d.test:25", "d.test");
  check("v=spf1 ip4:192.0.2.1 -all", /^domain: This is a record and no domain/);
  check("https://d.test:8080/path?q", "d.test");
  check("bücher.example", "xn--bcher-kva.example");
  check("", /^domain: Enter a name/);
  check("@", /^domain: Enter a name/);
  check("localhost", /^domain: “localhost” has no dot/);
  check("192.0.2.1", /^domain: .* is an IP address/);
  check("2001:db8::1", /^domain: .* is an IP address/);
  check("http://[::1]/", /^domain: .* is an IP address/);
  check("exa mple.com", /^domain: .* is no domain name/);
  check("a..test", /^domain: .* is no domain name/);
  check(`${"a".repeat(64)}.test`, /^domain: .* more than 63/);
  check(`${"a.".repeat(126)}test`, /^domain: .* more than 253/);
  check("\0.test", /^domain: /);
  check("<script>.test", /^domain: .* is no domain name/);
});

const RSA_RECORD = `v=DKIM1; k=rsa; p=${RSA_2048}`;

test("a key as it is pasted", () => {
  const checkKey = (key: string, expected: string | RegExp): void => {
    const read = readAnswers(typedOf(["domain", "d.test"], ["selector", "s1._domainkey.d.test"], ["key", key]));
    const said =
      read.kind === "refused"
        ? read.errors.map(({ field, text }) => `${field}: ${text}`).join()
        : read.value.sending.selectors
            .map(({ selector, key }) => `${selector} ${key?.algorithm} ${key?.publicKeyBase64}`)
            .join();
    if (typeof expected === "string") expect(said, key).toBe(expected);
    else expect(said, key).toMatch(expected);
  };
  const rsa = `s1 rsa-sha256 ${RSA_2048}`;
  const ed25519 = `s1 ed25519-sha256 ${ED25519}`;
  checkKey(RSA_RECORD, rsa);
  checkKey(`"${RSA_RECORD.slice(0, 255)}" "${RSA_RECORD.slice(255)}"`, rsa);
  checkKey(RSA_2048, rsa);
  checkKey(`-----BEGIN PUBLIC KEY-----\n${RSA_2048.replaceAll(/.{64}/g, "$&\n")}\n-----END PUBLIC KEY-----\n`, rsa);
  checkKey(ED25519, ed25519);
  checkKey(`v=DKIM1; k=ed25519; p=${ED25519}`, ed25519);
  checkKey(`-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA${ED25519}\n-----END PUBLIC KEY-----`, ed25519);
  checkKey("", "s1 undefined undefined");
  checkKey(RSA_2048.slice(0, 200), /^key-0: This key was cut off/);
  for (const key of PRIVATE_KEYS) checkKey(key, /^key-0: This is a private key.* make a new pair/);
  checkKey("v=DKIM1; p=", /^key-0: .*revokes/);
  checkKey("hello, world", /^key-0: This is no public key/);
});

test("everything that is wrong is told at once, each at its field", () => {
  const read = readAnswers(
    typedOf(
      ["domain", "d.test"],
      ["include", "include:spf.relay.test b@d"],
      ["ip", "ip4:192.0.2.1 2001:db8::1 192.0.2.300"],
      ["key", ED25519],
      ["return-path", "a b"],
      ["bounce", "192.0.2.1"],
      ["policy", "strict"],
      ["rua", "not an address"],
    ),
  );
  if (read.kind === "read") throw new Error("it was taken");
  expect(read.errors.map(({ field }) => field)).toEqual([
    "include",
    "ip",
    "selector-0",
    "return-path",
    "bounce",
    "policy",
    "rua",
  ]);
});

test("a return-path label or a selector that makes the name too long is told", () => {
  const read = readAnswers(
    typedOf(
      ["domain", `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.${"d".repeat(53)}.test`],
      ["return-path", "a-long-label"],
      ["selector", "s1"],
      ["key", ED25519],
    ),
  );
  expect(read.kind === "refused" && read.errors).toEqual([
    { field: "selector-0", text: expect.stringMatching(/^“s1\._domainkey\.a.* more than 253/) },
    { field: "return-path", text: expect.stringMatching(/^“a-long-label\.a.* more than 253/) },
  ]);
});

test("a plan needs to know who sends, with which keys, and that the names are in one zone", () => {
  const missing = (...pairs: [string, string][]): string[] => {
    const read = readAnswers(typedOf(["domain", "d.test"], ...pairs));
    if (read.kind === "refused") throw new Error("it was refused before");
    const requirement = readRequirement(read.value);
    return requirement.kind === "refused" ? requirement.errors.map(({ field }) => field) : [];
  };
  expect(missing()).toEqual(["include"]);
  expect(missing(["ip", "192.0.2.1"])).toEqual([]);
  expect(missing(["ip", "192.0.2.1"], ["selector", ""], ["key", ""], ["selector", "s1"])).toEqual(["key-0"]);
  expect(missing(["ip", "192.0.2.1"], ["return-path", "send.other.test"])).toEqual(["return-path"]);
  expect(missing(["ip", "192.0.2.1"], ["return-path", ""])).toEqual([]);
});

test("the form comes back with what was typed and a word at the field", async () => {
  const response = await answer(BARE, "/check?domain=192.0.2.1&include=spf.relay.test");
  expect(response.status).toBe(400);
  const html = await response.text();
  expect(html).toMatch(/<input\s+id="domain"[^>]*value="192\.0\.2\.1"[^>]*aria-invalid="true"/);
  expect(html).toMatch(/id="domain-note">\s*<span class="error">“192\.0\.2\.1” is an IP address/);
  expect(html).toMatch(/role="alert"[\s\S]*href="#domain"/);
  const json = await answer(BARE, "/plan.json?domain=d.test");
  expect(json.status).toBe(400);
  expect(await json.json()).toMatchObject({ errors: [{ field: "include" }] });
});

test("what was typed survives the link, and defaults only stand in for what is not there", () => {
  const defaults = { include: "spf.relay.test", policy: "reject" };
  const typed = readTyped(new URLSearchParams("domain=d.test&include=&selector=s1&key=&selector=&key=AAAA"), defaults);
  expect(typed).toMatchObject({ domain: "d.test", include: "", policy: "reject", "return-path": "send" });
  expect(readTyped(new URLSearchParams(formatTyped(typed)), defaults)).toEqual(typed);
});
