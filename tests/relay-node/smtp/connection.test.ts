/** The socket's side, against a scripted server on loopback: every phase's break and silence, reuse, big messages. */
import { expect, test } from "vitest";
import { openConnection } from "../../../relay-node/smtp/connection.ts";
import type { Target, Timeouts, TransactionResult } from "../../../relay-node/smtp/transaction.ts";
import type { Script } from "../../support/scripted-smtp-answers.ts";
import { selfSignedCertificate } from "../../support/self-signed-certificate.ts";
import { startSmtpServer } from "../../support/scripted-smtp-server.ts";
import { MAIL, opened, PATIENT, refused, serve, until } from "./loopback-scene.ts";

const certificate = selfSignedCertificate("mx.test");

test("one message arrives as it was, its dots unstuffed", async () => {
  const server = await serve();
  const connection = await opened(server);
  const result = await connection.deliver(MAIL);
  expect(result).toMatchObject({ kind: "delivered", phase: "dot", tryNextHost: false });
  expect(result.reply).toEqual({ code: 250, enhanced: "2.0.0", text: "taken" });
  expect(result.transcript[0]).toBe("S: 220 scripted.test ESMTP");
  expect(result.transcript.at(-1)).toBe("S: 250 2.0.0 taken");
  expect(server.messages).toEqual([
    {
      mailFrom: "a@from.test",
      mailCommand: "MAIL FROM:<a@from.test> SIZE=19",
      rcptTo: ["b@dest.test"],
      raw: MAIL.message,
      tls: false,
      connection: 1,
    },
  ]);
  connection.quit();
  await until(() => server.openConnections === 0);
  expect(server.commands.at(-1)).toBe("QUIT");
  expect(connection.usable).toBe(false);
});

test("a connection carries many transactions, refusals among them", async () => {
  for (const extensions of [["PIPELINING", "SIZE"], []]) {
    const server = await serve({
      extensions,
      recipients: { "no@dest.test": { rcpt: "550 5.1.1 no" }, "late@dest.test": { dot: "451 4.3.0 later" } },
    });
    const connection = await opened(server);
    const kinds: string[] = [];
    for (let i = 0; i < 40; i++) {
      const rcptTo = ["b@dest.test", "no@dest.test", "late@dest.test", "c@dest.test"][i % 4] ?? "";
      const { kind, transcript } = await connection.deliver({ ...MAIL, rcptTo });
      kinds.push(kind);
      if (i > 0) expect(transcript[0]).toMatch(/^C: (RSET|MAIL)/);
    }
    expect(kinds).toEqual(Array.from({ length: 10 }, () => ["delivered", "bounced", "deferred", "delivered"]).flat());
    expect({ connections: server.connections, carried: connection.carried }).toEqual({ connections: 1, carried: 40 });
    expect(server.messages).toHaveLength(20);
    expect(server.openTransactions).toBe(0);
    connection.destroy();
  }
});

const PHASES: readonly (readonly [keyof Script, keyof Timeouts, Partial<TransactionResult>])[] = [
  ["mail", "mailMs", { kind: "deferred", phase: "mail", tryNextHost: true }],
  ["rcpt", "rcptMs", { kind: "deferred", phase: "rcpt", tryNextHost: true }],
  ["data", "dataMs", { kind: "deferred", phase: "data", tryNextHost: true }],
  ["dot", "dotMs", { kind: "unknown", phase: "dot", tryNextHost: false }],
];

for (const [verb, timeout, expected] of PHASES) {
  test(`disconnect in ${verb}`, async () => {
    for (const extensions of [["PIPELINING"], []]) {
      const server = await serve({ extensions, script: { [verb]: "disconnect" } });
      const connection = await opened(server);
      expect(await connection.deliver(MAIL)).toMatchObject(expected);
      expect(connection.usable).toBe(false);
    }
  });

  test(`silence in ${verb}`, async () => {
    for (const extensions of [["PIPELINING"], []]) {
      const server = await serve({ extensions, script: { [verb]: "silence" } });
      const connection = await opened(server, {}, { [timeout]: 100 });
      const result = await connection.deliver(MAIL);
      expect(result).toMatchObject({ ...expected, reason: "the server did not answer in time" });
      expect(connection.usable).toBe(false);
      await until(() => server.openConnections === 0);
    }
  });

  test(`421 in ${verb}`, async () => {
    const server = await serve({ script: { [verb]: "421 4.3.2 bye" } });
    const connection = await opened(server);
    const result = await connection.deliver(MAIL);
    expect(result).toMatchObject({ kind: "deferred", phase: verb, reply: { code: 421 }, tryNextHost: true });
    expect(connection.usable).toBe(false);
  });
}

test("break and silence while opening", async () => {
  const check = async (script: Script, timeouts: Partial<Timeouts>, phase: string, reason: string): Promise<void> => {
    const failure = await refused(await serve({ script, certificate }), {}, timeouts);
    expect(failure).toMatchObject({ kind: "deferred", phase, reason: expect.stringContaining(reason) });
  };
  const [closed, silent] = ["the server closed the connection", "the server did not answer in time"];
  await check({ greeting: "disconnect" }, {}, "greeting", "the server");
  await check({ greeting: "silence" }, { greetingMs: 100 }, "greeting", silent);
  await check({ ehlo: "disconnect" }, {}, "ehlo", closed);
  await check({ ehlo: "silence" }, { ehloMs: 100 }, "ehlo", silent);
  await check({ starttls: "disconnect" }, {}, "tls", closed);
  await check({ starttls: "silence" }, { tlsMs: 100 }, "tls", silent);
});

test("nobody listens", async () => {
  const server = await startSmtpServer();
  await server.close();
  const failure = await refused(server);
  expect(failure).toEqual({ kind: "deferred", phase: "connect", reason: "connection refused", transcript: [] });
});

test("a big message leaves in blocks and arrives whole", async () => {
  const server = await serve({ certificate, extensions: ["PIPELINING"] });
  const message = Buffer.from(`Subject: x\r\n\r\n${".0123456789abcdef\r\n".repeat(200_000)}`);
  for (const tls of ["none", "required"] as const) {
    const connection = await opened(server, { tls });
    expect(await connection.deliver({ ...MAIL, message })).toMatchObject({ kind: "delivered" });
    expect(server.messages.at(-1)?.raw.equals(message)).toBe(true);
    connection.destroy();
  }
});

test("a server that stops reading is given up by the block time-out, before the dot: deferred", async () => {
  const server = await serve({ extensions: ["PIPELINING"] });
  const message = Buffer.alloc(30_000_000, "x\r\n");
  const connection = await opened(server, {}, { blockMs: 200, dotMs: 20_000 });
  const result = await connection.deliver({ ...MAIL, message }, async () => server.stopReading());
  expect(result).toMatchObject({ kind: "deferred", phase: "data", reason: "the server did not answer in time" });
});

test("a break within the message is deferred", async () => {
  const server = await serve({ script: { message: "disconnect" }, extensions: ["PIPELINING"] });
  const connection = await opened(server);
  const result = await connection.deliver({ ...MAIL, message: Buffer.alloc(30_000_000, "x\r\n") });
  expect(result).toMatchObject({ kind: "deferred", phase: "data", tryNextHost: true });
});

test("beforeMessage runs after 354 and before the first octet of the message", async () => {
  const server = await serve();
  const connection = await opened(server);
  let seen: unknown;
  await connection.deliver(MAIL, async () => {
    await new Promise((resolve) => setTimeout(resolve, 50));
    seen = { commands: server.commands.slice(1), dots: server.dots.length, open: server.openTransactions };
  });
  expect(seen).toEqual({
    commands: [expect.stringContaining("MAIL"), expect.stringContaining("RCPT"), "DATA"],
    dots: 0,
    open: 1,
  });
  expect(server.messages).toHaveLength(1);
  connection.destroy();
});

test("beforeMessage is not called for a refused recipient", async () => {
  const server = await serve({ script: { rcpt: "550 5.1.1 no", data: "354 go" } });
  const connection = await opened(server);
  let called = false;
  const result = await connection.deliver(MAIL, async () => {
    called = true;
  });
  expect({ kind: result.kind, called }).toEqual({ kind: "bounced", called: false });
  expect(server.messages).toEqual([]);
  expect(server.dots).toHaveLength(1);
  connection.destroy();
});

test("when beforeMessage rejects, nothing is sent, the connection is cut and deliver rejects", async () => {
  const server = await serve();
  const connection = await opened(server);
  await expect(connection.deliver(MAIL, () => Promise.reject(new Error("disk full")))).rejects.toThrow("disk full");
  expect(connection.usable).toBe(false);
  await until(() => server.openConnections === 0);
  expect(server.dots).toEqual([]);
});

test("a server that hangs up while beforeMessage runs: deferred, and nothing is written after", async () => {
  const server = await serve();
  const connection = await opened(server);
  const gate = Promise.withResolvers<void>();
  const result = connection.deliver(MAIL, () => {
    server.disconnectAll();
    return gate.promise;
  });
  expect(await result).toMatchObject({ kind: "deferred", phase: "data" });
  gate.resolve();
  await gate.promise;
  expect(connection.usable).toBe(false);
});

test("a server that closes an idle connection makes it unusable; delivering there is deferred", async () => {
  const server = await serve();
  const connection = await opened(server);
  await connection.deliver(MAIL);
  server.disconnectAll();
  await until(() => !connection.usable);
  expect(await connection.deliver(MAIL)).toMatchObject({ kind: "deferred", tryNextHost: true });
});

test("destroy settles what is under way: after the dot nobody knows", async () => {
  const server = await serve({ script: { dot: "silence" } });
  const connection = await opened(server);
  const result = connection.deliver(MAIL);
  await until(() => server.dots.length === 1);
  connection.destroy();
  expect(await result).toMatchObject({ kind: "unknown", phase: "dot" });
});

test("the source address is bound", async () => {
  const server = await serve({ host: "127.0.0.2" });
  const target: Target = { host: "mx.test", ip: server.host, port: server.port, tls: "none" };
  const options = { heloName: "me.test", timeouts: PATIENT, localAddress: "127.0.0.9" };
  const result = await openConnection(target, options);
  expect(result.kind).toBe("open");
  if (result.kind === "open") result.connection.destroy();
  const wrong = await openConnection(target, { ...options, localAddress: "192.0.2.77" });
  expect(wrong).toMatchObject({
    kind: "failed",
    failure: { phase: "connect", reason: "our source address is not available" },
  });
});
