/** What a customer may make the gateway call: public hosts only, in whatever way an address is written. */
import { expect, test } from "vitest";
import { checkUrl } from "../../../gateway/core/public-address.ts";

const checkHost = (host: string, expected: "public" | "private"): void => {
  const checked = checkUrl(`http://${host}/hook?x=1`, { allowPrivate: false });
  if (expected === "public") expect(checked, host).toMatchObject({ kind: "url" });
  else expect(checked, host).toMatchObject({ kind: "refused", code: "private" });
  expect(checkUrl(`http://${host}/`, { allowPrivate: true }), host).toMatchObject({ kind: "url" });
};

const checkInvalid = (text: string, reason: string): void => {
  for (const allowPrivate of [true, false])
    expect(checkUrl(text, { allowPrivate }), text).toEqual({ kind: "refused", code: "invalid", reason });
};

test("hosts that are addresses, in every way that a URL parser reads", () => {
  for (const host of [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0x7f000001",
    "2130706433",
    "017700000001",
    "127.0.0.1.",
    "127.0.0.1..",
    "127%2e0%2e0%2e1",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "0",
    "169.254.169.254",
    "[::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:a00:1]",
    "[64:ff9b::10.0.0.1]",
    "[2002:c0a8:101::1]",
    "[fd00::1]",
    "10.0.0.1:8080",
  ])
    checkHost(host, "private");
  for (const host of ["8.8.8.8", "0x08080808", "[2606:4700:4700::1111]", "[::ffff:8.8.8.8]", "1.1.1.1:8443"])
    checkHost(host, "public");
});

test("names that are somebody's own network by their form", () => {
  for (const host of [
    "localhost",
    "LocalHost",
    "localhost.",
    "localhost..",
    "localhost.localdomain",
    "api.localhost",
    "printer.local",
    "metadata.google.internal",
    "nas.home.arpa",
    "home.arpa",
    "intranet",
    "gateway:8787",
    "lоcalhost", // Cyrillic о: a single label all the same
  ])
    checkHost(host, "private");
  for (const host of ["example.com", "example.com.", "localhost.example.com", "example.notlocal", "arpa.example:8443"])
    checkHost(host, "public");
});

test("what is no URL of the web, or has a secret in it, is invalid whatever the operator allows", () => {
  for (const text of [
    "",
    "example.com/a",
    "/a",
    "http://",
    "http://a b/",
    "http://[::1",
    "http://1.2.3.4.5/",
    "https://a:99999/",
  ])
    checkInvalid(text, "it is not a URL");
  for (const text of [
    "ftp://example.com/a",
    "file:///etc/passwd",
    "data:text/plain,a",
    "javascript:1",
    "localhost:8080",
  ])
    checkInvalid(text, "it is neither http nor https");
  for (const text of ["https://user@example.com/", "https://:pass@example.com/", "http://example.com@127.0.0.1/"])
    checkInvalid(text, "it has a user name or password in it");
});

test("what is allowed comes back as it was meant, and a refusal names the host", () => {
  // A webhook must not be made to speak to somebody's mail server, whoever allows private hosts.
  for (const port of ["25", "22", "587", "6379"])
    for (const allowPrivate of [false, true])
      expect(checkUrl(`http://files.example.com:${port}/`, { allowPrivate }), port).toMatchObject({ code: "invalid" });
  const checked = checkUrl("HTTPS://Files.Example.com:443/a%20b?c=d#e", { allowPrivate: false });
  expect(checked.kind === "url" && checked.url.href).toBe("https://files.example.com/a%20b?c=d#e");
  expect(checkUrl("http://2130706433/secret?token=1", { allowPrivate: false })).toEqual({
    kind: "refused",
    code: "private",
    reason: "127.0.0.1 is not a public address",
  });
});
