/**
 * What the recipient's server may do, and the events that tell it: a whole stack, MX records in a zone served on
 * loopback, and one scripted server for each way of misbehaving.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDnsServer, type DnsServer, type Zone } from "../support/dns-server.ts";
import { startSmtpServer, type ScriptedSmtpServer } from "../support/scripted-smtp-server.ts";
import type { Script } from "../support/scripted-smtp-answers.ts";
import { selfSignedCertificate } from "../support/self-signed-certificate.ts";
import { startStack, type Event, type Stack } from "../support/stack.ts";

/** Domain → what its server does. Each has an address of its own; all listen on one port. */
const SERVERS: Record<string, Script> = {
  "ok.test": {},
  "slow-start.test": { dot: ["451 4.3.0 not now", "250 2.0.0 taken"] },
  "greylist.test": { rcpt: ["450 4.7.1 greylisted", "250 2.1.5 ok"] },
  "no-user.test": { rcpt: "550 5.1.1 no such user" },
  "content.test": { dot: "554 5.7.1 looks like spam" },
  "drop-mail.test": { mail: ["disconnect", "250 ok"] },
  "drop-rcpt.test": { rcpt: ["disconnect", "250 ok"] },
  "drop-data.test": { data: ["disconnect", "354 go"] },
  "drop-message.test": { message: ["disconnect", ""] },
  "drop-dot.test": { dot: ["disconnect", "250 2.0.0 taken"] },
  "always-drop-dot.test": { dot: "disconnect" },
  "mute.test": { greeting: ["silence", "220 now"] },
  "mute-dot.test": { dot: ["silence", "250 2.0.0 taken"] },
  "bad-tls.test": { starttls: "bad-handshake" },
  "tls.test": {},
  "second.test": {},
  "full-first.test": { dot: "452 4.3.1 no room on this host" },
  "limited.test": { dot: ["250 2.0.0 taken", "421 4.7.0 enough on this connection", "250 2.0.0 taken"] },
};

const servers: Record<string, ScriptedSmtpServer> = {};
let dns: DnsServer;
let stack: Stack;

beforeAll(async () => {
  const certificate = selfSignedCertificate("tls.test");
  const zone: Zone = {};
  let port = 0;
  for (const [index, [domain, script]] of Object.entries(SERVERS).entries()) {
    const host = `127.0.1.${index + 1}`;
    const server = await startSmtpServer({ host, port, script, ...(domain.includes("tls") ? { certificate } : {}) });
    servers[domain] = server;
    port = server.port;
    zone[domain] = { mx: [[10, `mx.${domain}`]] };
    zone[`mx.${domain}`] = { a: [host] };
  }
  zone["refused.test"] = { mx: [[10, "mx.refused.test"]] };
  zone["mx.refused.test"] = { a: ["127.0.2.1"] };
  zone["second.test"] = {
    mx: [
      [20, "mx.second.test"],
      [10, "mx.refused.test"],
    ],
  };
  zone["full-first.test"] = {
    mx: [
      [10, "mx.full-first.test"],
      [20, "mx.ok.test"],
    ],
  };
  zone["no-mx.test"] = { a: [servers["ok.test"]?.host ?? ""] };
  zone["null-mx.test"] = { mx: [[0, "."]] };
  zone["servfail.test"] = "servfail";
  dns = await startDnsServer(zone);
  stack = await startStack({
    env: {
      HIKYAKU_DNS: dns.address,
      HIKYAKU_MX_PORT: String(port),
      HIKYAKU_RETRY: "1,1",
      HIKYAKU_SMTP_TIMEOUTS: "greeting=1,dot=1,tls=2",
      HIKYAKU_LOG: "warn",
    },
  });
});

afterAll(async () => {
  await stack?.stop();
  await dns?.close();
  await Promise.all(Object.values(servers).map((server) => server.close()));
});

const outcome = ({ type, attempt, phase, reply }: Event): string =>
  [type.slice(6), attempt, phase, reply?.code].filter((part) => part !== undefined).join(" ");

/** Sends to the domain and compares the whole timeline. */
const check = (
  domain: string,
  expected: string[],
  more?: (events: Event[], server: ScriptedSmtpServer | undefined) => void,
  fields: object = {},
): void => {
  test.concurrent(domain, async () => {
    const id = await stack.send({ to: `user@${domain}`, ...fields });
    const last = expected.at(-1)?.split(" ")[0] ?? "";
    const events = await stack.eventsUntil(id, `email.${last}`);
    expect(events.map(outcome)).toEqual(expected);
    more?.(events, servers[domain]);
  });
};

const SENT = ["queued", "sent 1"];

describe("taken", () => {
  check("ok.test", [...SENT, "delivered 1 dot 250"], (events) => {
    expect(events[2]?.route?.host).toBe("mx.ok.test");
    expect(events[2]?.tls).toEqual({ status: "none" });
    expect(events[2]?.transcript?.join("\n")).toContain("S: 250 2.0.0 taken");
  });
  check("no-mx.test", [...SENT, "delivered 1 dot 250"], (events) => expect(events[2]?.route?.host).toBe("no-mx.test"));
  check("second.test", [...SENT, "delivered 1 dot 250"], (events) =>
    expect(events[2]?.route?.host).toBe("mx.second.test"),
  );
  check("tls.test", [...SENT, "delivered 1 dot 250"], (events, server) => {
    expect(events[2]?.tls?.status).toBe("encrypted");
    expect(server?.messages[0]?.tls).toBe(true);
  });
  check("bad-tls.test", [...SENT, "delivered 1 dot 250"], (events, server) => {
    expect(events[2]?.tls).toMatchObject({ status: "failed", error: expect.stringMatching(/./) });
    expect(server?.messages[0]?.tls).toBe(false);
  });
});

const sameBytes = (_events: Event[], server: ScriptedSmtpServer | undefined): void => {
  const [first, second] = server?.dots ?? [];
  expect(first?.raw.length).toBeGreaterThan(100);
  expect(second?.raw.equals(first?.raw ?? Buffer.alloc(0))).toBe(true);
};

describe("put off, then taken", () => {
  check("slow-start.test", [...SENT, "delivery_delayed 1 dot 451", "delivered 2 dot 250"], (events, server) => {
    expect(events[2]?.next_attempt_at).toMatch(/Z$/);
    sameBytes(events, server);
  });
  check("greylist.test", [...SENT, "delivery_delayed 1 rcpt 450", "delivered 2 dot 250"]);
  check("mute.test", [...SENT, "delivery_delayed 1 greeting", "delivered 2 dot 250"]);
  check("drop-mail.test", [...SENT, "delivery_delayed 1 mail", "delivered 2 dot 250"]);
  check("drop-rcpt.test", [...SENT, "delivery_delayed 1 rcpt", "delivered 2 dot 250"]);
  check("drop-data.test", [...SENT, "delivery_delayed 1 data", "delivered 2 dot 250"]);
});

describe("refused after the dot by one host, taken by the next", () => {
  check("full-first.test", [...SENT, "delivered 1 dot 250"], (events, server) => {
    expect(events[2]?.route?.host).toBe("mx.ok.test");
    expect(server?.dots).toHaveLength(1);
  });
  test("a connection that has carried enough gives way to a new one", async () => {
    for (const _ of ["first", "second"]) {
      const id = await stack.send({ to: "user@limited.test" });
      expect((await stack.eventsUntil(id, "email.delivered")).map(outcome)).toEqual([...SENT, "delivered 1 dot 250"]);
    }
    expect(servers["limited.test"]?.dots).toHaveLength(3);
  });
});

describe("in doubt: sent whole, no reply seen", () => {
  check("drop-message.test", [...SENT, "unknown 1 dot", "delivered 2 dot 250"]);
  check("drop-dot.test", [...SENT, "unknown 1 dot", "delivered 2 dot 250"], sameBytes);
  check("mute-dot.test", [...SENT, "unknown 1 dot", "delivered 2 dot 250"], sameBytes);
  check("always-drop-dot.test", [...SENT, "unknown 1 dot", "failed 2 dot"], (events) =>
    expect(events[3]?.reason).toMatch(/twice/),
  );
});

describe("refused for good", () => {
  check("no-user.test", [...SENT, "bounced 1 rcpt 550"], (events) => expect(events[2]?.reply?.enhanced).toBe("5.1.1"));
  check("content.test", [...SENT, "bounced 1 dot 554"]);
  check("null-mx.test", [...SENT, "bounced 1 route"], (events) => expect(events[2]?.reason).toContain("5.1.10"));
  check("not-in-the-zone.test", [...SENT, "bounced 1 route"], (events) => expect(events[2]?.reason).toContain("5.1.2"));
});

describe("given up after the last attempt", () => {
  const delayed = (what: string): string[] => [
    ...SENT,
    `delivery_delayed 1 ${what}`,
    `delivery_delayed 2 ${what}`,
    `failed 3 ${what}`,
  ];
  check("refused.test", delayed("connect"), (events) => expect(events[4]?.reason).toMatch(/3 attempts/));
  check("servfail.test", delayed("route"));
});

describe("a mail that requires TLS never goes in the clear", () => {
  for (const domain of ["ok.test", "bad-tls.test"]) {
    test(domain, async () => {
      const before = servers[domain]?.messages.length;
      const id = await stack.send({ to: `secret@${domain}`, require_tls: true });
      const events = await stack.eventsUntil(id, "email.failed");
      expect(events.at(-1)?.reason).toMatch(/TLS/i);
      expect(servers[domain]?.messages.length).toBe(before);
    });
  }
});

test("a mail with several recipients has a timeline for each", async () => {
  const id = await stack.send({ to: ["a@ok.test"], cc: ["b@no-user.test"], bcc: ["c@ok.test"] });
  await stack.eventsUntil(id, "email.bounced");
  const events = await stack.eventsUntil(id, "email.delivered", { times: 2 });
  expect(events.map(({ recipient, type }) => `${recipient} ${type}`).toSorted()).toEqual(
    ["a@ok.test", "b@no-user.test", "c@ok.test"]
      .flatMap((rcpt) =>
        ["queued", "sent", rcpt.startsWith("b") ? "bounced" : "delivered"].map((kind) => `${rcpt} email.${kind}`),
      )
      .toSorted(),
  );
  const raw = servers["ok.test"]?.messages.find(({ rcptTo }) => rcptTo[0] === "c@ok.test")?.raw.toString() ?? "";
  expect(raw).not.toContain("c@ok.test");
});
