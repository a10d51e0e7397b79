/** The route setting: what it means, which route a domain takes, and every mistake told at once. */
import { expect, test } from "vitest";
import { findRoute, parseRoutes } from "../../../relay-node/policy/routes.ts";

const table = (text: string) => {
  const result = parseRoutes(text);
  if (result.kind === "invalid") throw new Error(result.problems.join("; "));
  return result.table;
};

const check = (url: string, expected: object): void => {
  expect(findRoute(table(`d.test=${url}`), "d.test"), url).toEqual(expected);
};

test("routes", () => {
  check("smtp://127.0.0.1:2525", { host: "127.0.0.1", port: 2525, tls: "opportunistic" });
  check("smtp://Mail.Corp.test", { host: "mail.corp.test", port: 25, tls: "opportunistic" });
  check("smtp://[::1]:2525/", { host: "::1", port: 2525, tls: "opportunistic" });
  check("smtps://mail.test", { host: "mail.test", port: 465, tls: "implicit" });
  check("smtp://mail.test?tls=none", { host: "mail.test", port: 25, tls: "none" });
  check("smtp://us%40er:p%2Ca%3Dss@mail.test:587?tls=required", {
    host: "mail.test",
    port: 587,
    tls: "required",
    auth: { user: "us@er", pass: "p,a=ss" },
  });
});

test("the longest match wins", () => {
  const routes = table(
    " dest.test=smtp://exact.test, *.test=smtp://short.test ,*.corp.test=smtp://long.test,*=smtp://all.test,",
  );
  const host = (domain: string): string | undefined => findRoute(routes, domain)?.host;
  expect(host("dest.test")).toBe("exact.test");
  expect(host("other.test")).toBe("short.test");
  expect(host("a.dest.test")).toBe("short.test");
  expect(host("corp.test")).toBe("short.test");
  expect(host("a.corp.test")).toBe("long.test");
  expect(host("a.b.corp.test")).toBe("long.test");
  expect(host("notcorp.test")).toBe("short.test");
  expect(host("example.org")).toBe("all.test");
  expect(host("localhost")).toBe("all.test");
});

test("no route", () => {
  expect(findRoute(table(""), "a.test")).toBeUndefined();
  expect(findRoute(table("*.b.test=smtp://x.test"), "b.test")).toBeUndefined();
});

test("all mistakes at once, by number and pattern, without the URL and its password", () => {
  const result = parseRoutes(
    [
      "a.test",
      "-bad-=smtp://ok.test",
      "b.test=http://x.test",
      "c.test=smtp://u:sesame@ho_st!?tls=maybe&x=1",
      "c2.test=smtps://x.test?tls=required",
      "d.test=smtp://sesame@x.test",
      "e.test=smtp://x.test:0/path",
      "ok.test=smtp://x.test",
      "OK.test=smtp://y.test",
      "f.test=smtp://u:%zz@x.test",
      "g.test=nonsense",
    ].join(","),
  );
  expect(result).toEqual({
    kind: "invalid",
    problems: [
      "route 1: is not pattern=url",
      "route 2: the pattern is not a domain, *.domain or *",
      "route 3 (b.test): the URL is not smtp:// or smtps://",
      "route 4 (c.test): the host is not a name or an address",
      "route 4 (c.test): unknown option x",
      "route 4 (c.test): tls= is none, opportunistic or required, and only for smtp://",
      "route 5 (c2.test): tls= is none, opportunistic or required, and only for smtp://",
      "route 6 (d.test): user and password come together, percent-encoded",
      "route 7 (e.test): the port is 0",
      "route 7 (e.test): the URL has a path",
      "route 9 (ok.test): the pattern comes twice",
      "route 10 (f.test): user and password come together, percent-encoded",
      "route 11 (g.test): is not a URL",
    ],
  });
  expect(JSON.stringify(result)).not.toContain("sesame");
});
