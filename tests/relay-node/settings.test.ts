/** The relay's environment: what each setting means, its default, and every mistake told at once. */
import { expect, test } from "vitest";
import { CREDIT_WINDOW } from "#contract/relay-protocol.ts";
import { parseSettings, type RelaySettings } from "../../relay-node/settings.ts";
import { DEFAULT_TIMEOUTS } from "../../relay-node/smtp/timeouts.ts";

const LEAST = { HIKYAKU_GATEWAY_URL: "http://127.0.0.1:8787", HIKYAKU_RELAY_TOKEN: "hr_secret" };

const read = (env: Record<string, string>, hostName = "Node1.Example"): RelaySettings => {
  const result = parseSettings({ ...LEAST, ...env }, hostName);
  if (result.kind === "invalid") throw new Error(result.problems.join("; "));
  return result.settings;
};

/** The one setting, with all others at their defaults. */
const check = <K extends keyof RelaySettings>(name: string, text: string, key: K, expected: RelaySettings[K]): void => {
  expect(read({ [name]: text })[key], `${name}=${text}`).toEqual(expected);
};

test("the defaults", () => {
  expect(read({})).toEqual({
    gatewayUrl: "http://127.0.0.1:8787",
    token: "hr_secret",
    name: "Node1.Example",
    pools: ["default"],
    dataDir: "data/relay",
    source: undefined,
    heloName: "node1.example",
    dnsServers: [],
    routes: new Map(),
    mxPort: 25,
    timeouts: DEFAULT_TIMEOUTS,
    window: CREDIT_WINDOW,
    connectionsPerDestination: 20,
    connections: 500,
    inbound: undefined,
    bounceDomain: "bounce.localhost",
    postmaster: undefined,
    certificate: undefined,
    logLevel: "info",
  });
});

test("each setting", () => {
  check("HIKYAKU_GATEWAY_URL", "https://gateway.example", "gatewayUrl", "https://gateway.example");
  check("HIKYAKU_RELAY_NAME", "north", "name", "north");
  check("HIKYAKU_RELAY_POOLS", "transactional, bulk", "pools", ["transactional", "bulk"]);
  check("HIKYAKU_RELAY_DATA", "/var/relay", "dataDir", "/var/relay");
  check("HIKYAKU_RELAY_SOURCES", "192.0.2.10=mx1.relay.example", "source", {
    ip: "192.0.2.10",
    name: "mx1.relay.example",
  });
  check("HIKYAKU_RELAY_SOURCES", "2001:db8::1=mx6.test, 192.0.2.11=mx2.test", "source", {
    ip: "2001:db8::1",
    name: "mx6.test",
  });
  check("HIKYAKU_HELO", "mail.Relay.example", "heloName", "mail.relay.example");
  check("HIKYAKU_DNS", "127.0.0.1:5353, 192.0.2.53", "dnsServers", ["127.0.0.1:5353", "192.0.2.53"]);
  check(
    "HIKYAKU_ROUTES",
    "dest.test=smtp://127.0.0.1:2525?tls=none",
    "routes",
    new Map([["dest.test", { host: "127.0.0.1", port: 2525, tls: "none" as const }]]),
  );
  check("HIKYAKU_MX_PORT", "2525", "mxPort", 2525);
  check("HIKYAKU_SMTP_TIMEOUTS", "greeting=2, dot=0.5", "timeouts", {
    ...DEFAULT_TIMEOUTS,
    greetingMs: 2000,
    dotMs: 500,
  });
  check("HIKYAKU_RELAY_WINDOW", "50", "window", 50);
  check("HIKYAKU_RELAY_CONNECTIONS", "4", "connectionsPerDestination", 4);
  check("HIKYAKU_RELAY_CONNECTIONS_ALL", "40", "connections", 40);
  check("HIKYAKU_INBOUND", "0.0.0.0:25", "inbound", { host: "0.0.0.0", port: 25 });
  check("HIKYAKU_INBOUND", "[::]:0", "inbound", { host: "::", port: 0 });
  check("HIKYAKU_INBOUND", "off", "inbound", undefined);
  check("HIKYAKU_BOUNCE_DOMAIN", "Bounce.Relay.example", "bounceDomain", "bounce.relay.example");
  expect(read({ HIKYAKU_POSTMASTER: "Ops <ops@Example.com>" }).postmaster).toMatchObject({
    address: "ops@example.com",
  });
  check("HIKYAKU_LOG", "debug", "logLevel", "debug");
});

test("a setting that is empty counts as not set", () => {
  check("HIKYAKU_RELAY_POOLS", "", "pools", ["default"]);
  check("HIKYAKU_DNS", "", "dnsServers", []);
  check("HIKYAKU_RELAY_NAME", "", "name", "Node1.Example");
});

test("all mistakes at once, each with its setting", () => {
  const wrong = {
    HIKYAKU_GATEWAY_URL: "ftp://gateway.example",
    HIKYAKU_RELAY_TOKEN: "hk_not_a_relay",
    HIKYAKU_RELAY_POOLS: "good,Bad Pool,-worse",
    HIKYAKU_RELAY_SOURCES: "192.0.2.10=mx1.test,nonsense,192.0.2.300=mx2.test",
    HIKYAKU_HELO: "two words",
    HIKYAKU_DNS: "127.0.0.1:99999",
    HIKYAKU_ROUTES: "dest.test=smtp://user:hunter2@,other.test=http://x.test",
    HIKYAKU_MX_PORT: "0",
    HIKYAKU_SMTP_TIMEOUTS: "hello=2,dot=never,mail=-1,greeting=3",
    HIKYAKU_RELAY_WINDOW: "many",
    HIKYAKU_RELAY_CONNECTIONS: "2.5",
    HIKYAKU_INBOUND: "mx.example:25",
    HIKYAKU_POSTMASTER: "ops",
    HIKYAKU_TLS_CERT: "cert.pem",
    HIKYAKU_LOG: "loud",
  };
  const result = parseSettings(wrong, "node1.example");
  if (result.kind === "settings") throw new Error("nothing was wrong");
  const names = result.problems.map((problem) => problem.split(":")[0] ?? "");
  expect(names).toEqual([
    "HIKYAKU_GATEWAY_URL",
    "HIKYAKU_RELAY_TOKEN",
    "HIKYAKU_RELAY_POOLS",
    "HIKYAKU_RELAY_POOLS",
    "HIKYAKU_RELAY_SOURCES",
    "HIKYAKU_RELAY_SOURCES",
    "HIKYAKU_HELO",
    "HIKYAKU_DNS",
    "HIKYAKU_ROUTES",
    "HIKYAKU_ROUTES",
    "HIKYAKU_MX_PORT",
    "HIKYAKU_SMTP_TIMEOUTS",
    "HIKYAKU_SMTP_TIMEOUTS",
    "HIKYAKU_SMTP_TIMEOUTS",
    "HIKYAKU_RELAY_WINDOW",
    "HIKYAKU_RELAY_CONNECTIONS",
    "HIKYAKU_INBOUND",
    "HIKYAKU_POSTMASTER",
    "HIKYAKU_TLS_CERT",
    "HIKYAKU_LOG",
  ]);
  expect(result.problems.join("\n")).not.toMatch(/hunter2|hk_not_a_relay/);
});

test("a certificate and its key go together", () => {
  const files = { HIKYAKU_TLS_CERT: "cert.pem", HIKYAKU_TLS_KEY: "key.pem" };
  expect(read(files).certificate).toEqual({ cert: "cert.pem", key: "key.pem" });
  expect(parseSettings({ ...LEAST, HIKYAKU_TLS_KEY: "key.pem" }, "node1.example").kind).toBe("invalid");
});

test("a listener is an address and a port", () => {
  for (const text of ["25", ":25", "0.0.0.0", "0.0.0.0:65536", "[127.0.0.1]:25", "::1:25", "localhost:25"])
    expect(parseSettings({ ...LEAST, HIKYAKU_INBOUND: text }, "node1.example").kind, text).toBe("invalid");
});

test.each(["bounce.example", "Node1.example", "out.example"])(
  "mail to the operator does not go round by %s",
  (name) => {
    const own = { HIKYAKU_BOUNCE_DOMAIN: "bounce.example", HIKYAKU_RELAY_SOURCES: "192.0.2.1=out.example" };
    const settings = { ...LEAST, ...own, HIKYAKU_POSTMASTER: `ops@${name}` };
    expect(parseSettings(settings, "node1.example")).toMatchObject({
      kind: "invalid",
      problems: [expect.stringMatching(/^HIKYAKU_POSTMASTER: /)],
    });
    expect(parseSettings({ ...settings, HIKYAKU_POSTMASTER: "ops@mail.example" }, "node1.example").kind).toBe(
      "settings",
    );
  },
);

test("what has no default must be set", () => {
  expect(parseSettings({}, "node1.example")).toEqual({
    kind: "invalid",
    problems: ["HIKYAKU_GATEWAY_URL is not set", "HIKYAKU_RELAY_TOKEN is not set"],
  });
});

test("a time-out is one that a timer can wait for", () => {
  // Beyond 2^31 ms Node's timers fire at once: every step of every session would time out.
  const result = parseSettings({ ...LEAST, HIKYAKU_SMTP_TIMEOUTS: "dot=3000000" }, "node1.example");
  expect(result.kind).toBe("invalid");
});
