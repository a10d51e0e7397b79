/** One attempt over the hosts of a destination: who is tried, in what order, what is kept, and what is told. */
import { expect, test } from "vitest";
import type { Outcome } from "#contract/outcome.ts";
import { type Attempt, type AttemptResult, Carrier, type Held } from "../../../relay-node/delivery/attempt.ts";
import type { OpenFailure, Target, Transaction } from "../../../relay-node/smtp/transaction.ts";
import { DEFAULT_TIMEOUTS } from "../../../relay-node/smtp/timeouts.ts";
import { type Host, ScriptedHosts } from "./scripted-hosts.ts";

const FIRST: Target = { host: "mx1.test", ip: "192.0.2.1", port: 25, tls: "opportunistic" };
const SECOND: Target = { host: "mx2.test", ip: "192.0.2.2", port: 25, tls: "opportunistic" };

const MAIL: Transaction = {
  ...{ mailFrom: "a@from.test", rcptTo: "b@dest.test", needsSmtpUtf8: false },
  message: Buffer.from("Subject: x\r\n\r\nhi\r\n"),
};

const scene = (first: Host | undefined, second?: Host) => {
  const hosts = new ScriptedHosts({ ...(first && { [FIRST.ip]: first }), ...(second && { [SECOND.ip]: second }) });
  const clock = { nowMs: 1_000_000 };
  const carrier = new Carrier(hosts.open, { heloName: "relay.test", timeouts: DEFAULT_TIMEOUTS }, () => clock.nowMs);
  const begun: string[] = [];
  const attempt = (
    held?: Held,
    more: Partial<Attempt> = {},
  ): Promise<{ result: AttemptResult; held: Held | undefined }> =>
    carrier.attempt(
      {
        ...{ targets: [FIRST, SECOND], transaction: MAIL, requireTls: false },
        beforeTransaction: () => undefined,
        beforeMessage: async () => void begun.push("begun"),
        ...more,
      },
      held,
    );
  return { hosts, clock, attempt, begun };
};

/** What the two hosts do, and which of them had the last word, after which tries. */
const check = async (
  first: Host | undefined,
  second: Host | undefined,
  expected: { kind: Outcome["kind"]; phase: string; host: string; tries: string[]; requireTls?: boolean },
): Promise<AttemptResult> => {
  const { hosts, attempt } = scene(first, second);
  const { requireTls = false, ...told } = expected;
  const { result } = await attempt(undefined, { requireTls });
  const { kind, phase, target } = result;
  expect({ kind, phase, host: target?.host, tries: hosts.tries }).toEqual(told);
  return result;
};

const LOST = { kind: "deferred", phase: "mail", tryNextHost: true, reason: "lost", leaves: true } as const;
const NO_USER = { kind: "bounced", phase: "rcpt", reply: { code: 550, text: "no" }, reason: "no" } as const;
const [TRY_1, TRY_2] = ["192.0.2.1 opportunistic", "192.0.2.2 opportunistic"];

test("the first host that decides has the word", async () => {
  await check({}, {}, { kind: "delivered", phase: "dot", host: "mx1.test", tries: [TRY_1] });
  await check({ answer: () => NO_USER }, {}, { kind: "bounced", phase: "rcpt", host: "mx1.test", tries: [TRY_1] });
});

test("a host that cannot be reached, or speaks for itself alone, gives way to the next", async () => {
  const tries = [TRY_1, TRY_2];
  await check(undefined, {}, { kind: "delivered", phase: "dot", host: "mx2.test", tries });
  await check({ answer: () => LOST }, {}, { kind: "delivered", phase: "dot", host: "mx2.test", tries });
  const busy = { phase: "greeting", reply: { code: 421, text: "busy" } } as const;
  await check({ opens: [busy] }, {}, { kind: "delivered", phase: "dot", host: "mx2.test", tries });
  await check({ answer: () => LOST }, undefined, { kind: "deferred", phase: "connect", host: "mx2.test", tries });
  await check(undefined, { answer: () => LOST }, { kind: "deferred", phase: "mail", host: "mx2.test", tries });
});

test("in doubt is decided: no other host gets the mail a second time", async () => {
  const inDoubt = { kind: "unknown", phase: "dot", reason: "lost after the dot", leaves: true } as const;
  await check({ answer: () => inDoubt }, {}, { kind: "unknown", phase: "dot", host: "mx1.test", tries: [TRY_1] });
});

test("one host that refuses for good while another could not be asked is temporary", async () => {
  // RFC 7504: this host takes no mail; the other one may.
  const unwanted = { kind: "bounced", phase: "greeting", reply: { code: 521, text: "no mail here" } } as const;
  const tries = [TRY_1, TRY_2];
  await check(undefined, { opens: [unwanted] }, { kind: "deferred", phase: "greeting", host: "mx2.test", tries });
});

test("no host at all is temporary", async () => {
  const { attempt } = scene({});
  const { result } = await attempt(undefined, { targets: [] });
  expect(result).toMatchObject({ kind: "deferred", phase: "route", reason: expect.any(String) });
});

const BAD_HANDSHAKE: Partial<OpenFailure> = {
  ...{ phase: "tls", tlsFailed: "wrong version number", transcript: ["C: STARTTLS"] },
};

test("opportunistic TLS that fails is followed by the clear on the same host, and told", async () => {
  const result = await check(
    { opens: [BAD_HANDSHAKE, "open"] },
    {},
    { kind: "delivered", phase: "dot", host: "mx1.test", tries: [TRY_1, "192.0.2.1 none"] },
  );
  expect(result.tls).toEqual({ status: "failed", error: "wrong version number" });
});

test("when the clear fails too, the next host; the transcript has both tries", async () => {
  const result = await check({ opens: [BAD_HANDSHAKE, { transcript: ["S: 421 no"] }] }, undefined, {
    kind: "deferred",
    phase: "connect",
    host: "mx2.test",
    tries: [TRY_1, "192.0.2.1 none", TRY_2],
  });
  expect(result.reason).toBe("the connection was refused");
});

test("mail that requires TLS never goes in the clear", async () => {
  const required = ["192.0.2.1 required", "192.0.2.2 required"];
  const encrypted: Host = { tls: { status: "encrypted", protocol: "TLSv1.3" } };
  const failing: Host = { opens: [BAD_HANDSHAKE] };
  const told = { requireTls: true, tries: required };
  await check(failing, encrypted, { ...told, kind: "delivered", phase: "dot", host: "mx2.test" });
  await check(failing, failing, { ...told, kind: "deferred", phase: "tls", host: "mx2.test" });
});

test("the verdict of a failed handshake is told also when the mail then did not go at all", async () => {
  const { attempt } = scene({ opens: [BAD_HANDSHAKE] });
  const { result } = await attempt(undefined, { targets: [FIRST], requireTls: true });
  expect(result.tls).toEqual({ status: "failed", error: "wrong version number" });
});

test("a connection carries mail after mail, refusals among them", async () => {
  const { hosts, attempt } = scene({
    answer: (_, { carried }) => (carried % 2 === 0 ? NO_USER : {}),
  });
  let held: Held | undefined;
  const kinds: string[] = [];
  for (let i = 0; i < 6; i++) {
    const attempted = await attempt(held);
    held = attempted.held;
    kinds.push(attempted.result.kind);
  }
  expect(kinds).toEqual(["delivered", "bounced", "delivered", "bounced", "delivered", "bounced"]);
  expect(hosts.connections).toHaveLength(1);
});

test("a connection is renewed after so many mails", async () => {
  const { hosts, attempt } = scene({});
  let held: Held | undefined;
  for (let i = 0; i < 1001; i++) held = (await attempt(held)).held;
  expect(hosts.connections.map(({ carried }) => carried)).toEqual([1000, 1]);
  expect(hosts.openConnections).toBe(1);
});

test("a connection that was closed while idle costs the mail nothing", async () => {
  const closedIdle = { kind: "deferred", phase: "mail", tryNextHost: true, leaves: true } as const;
  const { hosts, attempt } = scene({ answer: (_, { carried }) => (carried === 2 ? closedIdle : {}) });
  const { held } = await attempt();
  const { result } = await attempt(held);
  expect(result.kind).toBe("delivered");
  expect(hosts.connections.map(({ carried, ended }) => [carried, ended])).toEqual([
    [2, true],
    [1, false],
  ]);
});

test("what the held connection cannot do, another is opened for", async () => {
  const { hosts, attempt } = scene({}, { tls: { status: "encrypted" } });
  const { held: toFirst } = await attempt();
  // The destination's hosts changed.
  const { held: toSecond } = await attempt(toFirst, { targets: [SECOND] });
  expect(hosts.connections.map(({ ended }) => ended)).toEqual([true, false]);
  // Mail that requires TLS takes an encrypted connection as it is.
  const { held: again } = await attempt(toSecond, { targets: [SECOND], requireTls: true });
  expect(hosts.connections).toHaveLength(2);
  expect(again?.connection).toBe(toSecond?.connection);
});

test("mail that requires TLS does not take a connection in the clear", async () => {
  const { hosts, attempt } = scene({ tls: { status: "none" } });
  const { held } = await attempt();
  await attempt(held, { requireTls: true });
  expect(hosts.tries).toEqual([TRY_1, "192.0.2.1 required"]);
});

test("a connection that takes no more is given up", async () => {
  const { hosts, attempt } = scene({ answer: () => ({ leaves: true }) });
  const { result, held } = await attempt();
  expect([result.kind, held]).toEqual(["delivered", undefined]);
  expect(hosts.openConnections).toBe(0);
});

test("a dead host is left alone for a while, its mail deferred at once for the same reason", async () => {
  const { hosts, clock, attempt } = scene(undefined, undefined);
  const first = await attempt();
  for (let i = 0; i < 100; i++) expect((await attempt()).result).toEqual(first.result);
  expect(hosts.tries).toEqual([TRY_1, TRY_2]);
  clock.nowMs += 60_001;
  hosts.hosts[FIRST.ip] = {};
  expect((await attempt()).result.kind).toBe("delivered");
});

test("what must not begin any more is not begun, also where one host gave way to the next; no connection is left", async () => {
  const { hosts, attempt } = scene({}, {});
  const held = (await attempt()).held;
  const recalled = (): never => {
    throw new Error("recalled");
  };
  await expect(attempt(held, { beforeTransaction: recalled })).rejects.toThrow("recalled");
  await expect(attempt(undefined, { beforeTransaction: recalled })).rejects.toThrow("recalled");
  expect(hosts.transactions).toHaveLength(1);
  hosts.hosts[FIRST.ip] = { answer: () => ({ kind: "deferred", phase: "mail", tryNextHost: true }) };
  let asked = 0;
  const beforeTransaction = (): void => {
    asked += 1;
    if (asked === 2) recalled();
  };
  await expect(attempt(undefined, { beforeTransaction })).rejects.toThrow("recalled");
  expect(hosts.transactions.map(({ ip }) => ip)).toEqual([FIRST.ip, FIRST.ip]);
  expect(hosts.openConnections).toBe(0);
});

test("the journal knows before the message leaves, and when it cannot know the attempt ends", async () => {
  const { attempt, begun } = scene({ answer: () => NO_USER }, {});
  await attempt();
  expect(begun).toEqual([]);
  await attempt(undefined, { targets: [SECOND] });
  expect(begun).toEqual(["begun"]);
  const broken = attempt(undefined, { targets: [SECOND], beforeMessage: () => Promise.reject(new Error("disk full")) });
  await expect(broken).rejects.toThrow("disk full");
});
