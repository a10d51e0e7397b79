import { expect, test } from "vitest";
import { hostAndPort, readSettings } from "../../../gateway/selfhost/settings.ts";

const read = (args: string[], env: Record<string, string> = {}) => readSettings(args, env, "/srv");

const settingsOf = (args: string[], env: Record<string, string> = {}) => {
  const answer = read(args, env);
  if (answer.kind !== "settings") throw new Error(JSON.stringify(answer));
  return answer.settings;
};

test("without flags and environment the defaults of the interface hold", () => {
  expect(settingsOf([])).toMatchObject({
    host: "127.0.0.1",
    port: 8787,
    dataDir: "/srv/data",
    relayCount: 1,
    allowPrivate: false,
    dohUrl: "https://cloudflare-dns.com/dns-query",
    relayPools: ["default"],
    logLevel: "info",
    retry: undefined,
    webhookRetry: undefined,
  });
});

test("a flag wins over its variable, both spellings of a flag work", () => {
  const env = { HIKYAKU_PORT: "1", HIKYAKU_DATA: "/a", HIKYAKU_HOST: "::1", HIKYAKU_RELAYS: "3" };
  expect(settingsOf(["--port", "2", "--data=b", "--relays", "0"], env)).toMatchObject({
    port: 2,
    dataDir: "/srv/b",
    host: "::1",
    relayCount: 0,
  });
});

test("an empty variable is not set", () => {
  expect(settingsOf([], { HIKYAKU_PORT: "", HIKYAKU_PUBLIC_URL: "" }).port).toBe(8787);
});

test("--help wins over mistakes", () => {
  expect(read(["--port", "x", "--help"])).toEqual({ kind: "help" });
});

test("all mistakes come at once, each under the name it was given by", () => {
  const env = {
    HIKYAKU_RELAYS: "many",
    HIKYAKU_ALLOW_PRIVATE: "yes",
    HIKYAKU_PUBLIC_URL: "mail.example",
    HIKYAKU_RETRY: "soon",
    HIKYAKU_WEBHOOK_RETRY: "later",
    HIKYAKU_DOH_URL: "https://a.example,ftp://b.example",
    HIKYAKU_BOUNCE_DOMAIN: "-x",
    HIKYAKU_LOG: "loud",
    HIKYAKU_ADMIN_TOKEN: "short",
  };
  const answer = read(["--port", "70000", "--colour", "red"], env);
  expect(answer.kind === "invalid" && answer.mistakes.toSorted()).toEqual([
    '"red" is not an option',
    "--colour is not an option",
    "--port is above 65535",
    "HIKYAKU_ADMIN_TOKEN is shorter than 16 characters",
    "HIKYAKU_ALLOW_PRIVATE is neither 0 nor 1",
    "HIKYAKU_BOUNCE_DOMAIN is not a domain name",
    "HIKYAKU_DOH_URL is not a list of http or https URLs",
    "HIKYAKU_LOG is not a pino level, such as info or debug",
    "HIKYAKU_PUBLIC_URL is not an http or https URL",
    "HIKYAKU_RELAYS is not a whole number",
    "HIKYAKU_RETRY is not a list of seconds such as 60,300,900 or 60,300,...",
    "HIKYAKU_WEBHOOK_RETRY is not a list of seconds such as 60,300,900 or 60,300,...",
  ]);
});

test("a flag without a value is a mistake, not the next flag", () => {
  expect(read(["--data"])).toEqual({ kind: "invalid", mistakes: ["--data needs a value"] });
});

test.each(["60,300,900", "0.2", "60, 300, ...", "1,1…"])(
  "HIKYAKU_RETRY and HIKYAKU_WEBHOOK_RETRY may be %s",
  (retry) => {
    expect(settingsOf([], { HIKYAKU_RETRY: retry }).retry).toBe(retry);
    expect(settingsOf([], { HIKYAKU_WEBHOOK_RETRY: retry }).webhookRetry).toBe(retry);
  },
);

test("an IPv6 address stands in brackets", () => {
  expect(hostAndPort("::1", 80)).toBe("[::1]:80");
  expect(hostAndPort("127.0.0.1", 80)).toBe("127.0.0.1:80");
});
