/** TLS on the socket's side: STARTTLS, smtps, and what goes wrong with them. */
import { expect, test } from "vitest";
import { selfSignedCertificate } from "../../support/self-signed-certificate.ts";
import { MAIL, opened, refused, serve } from "./loopback-scene.ts";

const certificate = selfSignedCertificate("mx.test");

test("opportunistic TLS takes a certificate nobody vouches for, and says so", async () => {
  const server = await serve({ certificate });
  const connection = await opened(server);
  expect(connection.tls).toMatchObject({ status: "encrypted", protocol: "TLSv1.3", verified: false });
  expect(await connection.deliver(MAIL)).toMatchObject({ kind: "delivered" });
  expect(await connection.deliver(MAIL)).toMatchObject({ kind: "delivered" });
  expect(server.messages.map(({ tls }) => tls)).toEqual([true, true]);
  expect(server.commands.slice(0, 3)).toEqual(["EHLO me.test", "STARTTLS", "EHLO me.test"]);
  connection.destroy();
});

test("smtps, with AUTH", async () => {
  const extensions = ["PIPELINING", "AUTH LOGIN PLAIN"];
  const server = await serve({ certificate, implicitTls: true, extensions });
  const connection = await opened(server, { tls: "implicit", auth: { user: "u", pass: "p" } });
  expect(connection.tls.status).toBe("encrypted");
  const result = await connection.deliver(MAIL);
  expect(result.kind).toBe("delivered");
  expect(result.transcript).toContain("C: AUTH PLAIN ***");
  expect(server.commands).toContain(`AUTH PLAIN ${Buffer.from("\0u\0p").toString("base64")}`);
  connection.destroy();
});

test("a bad TLS handshake is told as such; the same target then works in the clear", async () => {
  const server = await serve({ certificate, script: { starttls: "bad-handshake" } });
  for (const tls of ["opportunistic", "required"] as const) {
    const failure = await refused(server, { tls });
    expect(failure).toMatchObject({ kind: "deferred", phase: "tls", tlsFailed: expect.any(String) });
    expect(failure.transcript.at(-1)).toBe("S: 220 2.0.0 go ahead");
  }
  const connection = await opened(server, { tls: "none" });
  expect(await connection.deliver(MAIL)).toMatchObject({ kind: "delivered" });
  expect(connection.tls).toEqual({ status: "none" });
  connection.destroy();
});

test("STARTTLS refused: in the clear when opportunistic, not at all when required", async () => {
  const server = await serve({ certificate, script: { starttls: "454 4.7.0 not now" } });
  const connection = await opened(server);
  expect(connection.tls).toEqual({ status: "failed", error: "STARTTLS refused: 454 not now" });
  expect(await connection.deliver(MAIL)).toMatchObject({ kind: "delivered" });
  connection.destroy();
  expect(await refused(server, { tls: "required" })).toMatchObject({ phase: "tls", reply: { code: 454 } });
});

test("replies injected in the clear behind the 220 of STARTTLS are forgotten (RFC 3207)", async () => {
  const injected = "220 go\r\n250-evil.test\r\n250 PIPELINING";
  const server = await serve({ certificate, script: { starttls: injected }, extensions: [] });
  const connection = await opened(server);
  const { transcript } = await connection.deliver(MAIL);
  expect(transcript.join("\n")).not.toContain("evil");
  connection.destroy();
});
