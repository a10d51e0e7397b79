/** What the connection tests have in common: a scripted server that is closed after each test, and a client to it. */
import { expect, onTestFinished } from "vitest";
import { openConnection } from "../../../relay-node/smtp/connection.ts";
import { DEFAULT_TIMEOUTS } from "../../../relay-node/smtp/timeouts.ts";
import type {
  OpenFailure,
  SmtpConnection,
  Target,
  Timeouts,
  Transaction,
} from "../../../relay-node/smtp/transaction.ts";
import { PATIENCE_MS } from "../../support/patience.ts";
import {
  type ScriptedServerOptions,
  type ScriptedSmtpServer,
  startSmtpServer,
} from "../../support/scripted-smtp-server.ts";

export const serve = async (options: ScriptedServerOptions = {}): Promise<ScriptedSmtpServer> => {
  const server = await startSmtpServer(options);
  onTestFinished(() => server.close());
  return server;
};

export const MAIL: Transaction = {
  mailFrom: "a@from.test",
  rcptTo: "b@dest.test",
  message: Buffer.from("Subject: x\r\n\r\n.hi\r\n"),
  needsSmtpUtf8: false,
};
/** For where an answer comes; the phase under test gets 100 ms. */
export const PATIENT: Timeouts = { ...DEFAULT_TIMEOUTS, connectMs: PATIENCE_MS };

export const open = (
  server: { host: string; port: number },
  target: Partial<Target> = {},
  timeouts: Partial<Timeouts> = {},
) =>
  openConnection(
    { host: "mx.test", ip: server.host, port: server.port, tls: "opportunistic", ...target },
    { heloName: "me.test", timeouts: { ...PATIENT, ...timeouts } },
  );

export const opened = async (...args: Parameters<typeof open>): Promise<SmtpConnection> => {
  const result = await open(...args);
  if (result.kind === "failed") throw new Error(JSON.stringify(result.failure));
  return result.connection;
};

export const refused = async (...args: Parameters<typeof open>): Promise<OpenFailure> => {
  const result = await open(...args);
  if (result.kind === "open") throw new Error("it opened");
  return result.failure;
};

export const until = async (condition: () => boolean): Promise<void> => {
  await expect.poll(condition, { interval: 10 }).toBe(true);
};
