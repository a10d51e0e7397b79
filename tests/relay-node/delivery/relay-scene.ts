/** What the relay's tests have in common: a fake gateway and temporary folders, ended after each test, and one batch. */
import { createSecretKey } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { expect, onTestFinished } from "vitest";
import type { Outcome } from "#contract/outcome.ts";
import type { Batch, LeasedEmail, SigningKeys } from "#contract/relay-protocol.ts";
import { Session, type SessionOptions, type Work } from "../../../relay-node/delivery/session.ts";
import { type Behaviour, type FakeGateway, startFakeGateway, TOKEN } from "../../support/fake-gateway.ts";
import { PATIENCE_MS } from "../../support/patience.ts";

export const ACCOUNT = "0123456789ab";
const KEY_HEX = "5c".repeat(32);
export const RETURN_PATH_KEY = createSecretKey(KEY_HEX, "hex");
/** Mail leaves unsigned; return-paths are proved. */
export const KEYS: SigningKeys = { keys_version: 1, return_path_key: KEY_HEX, signers: [] };
export const SILENT = pino({ level: "silent" });

/** Runs after the test; the last asked for first. */
export const atEnd = (end: () => unknown): void =>
  onTestFinished(async () => {
    await end();
  });

export const fakeGateway = async (behaviour: Partial<Behaviour> = {}): Promise<FakeGateway> => {
  const gateway = await startFakeGateway({ keys: { [`${ACCOUNT}/from.test`]: KEYS }, ...behaviour });
  atEnd(() => gateway.close());
  return gateway;
};

export const temporaryFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "hikyaku-relay-"));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** A session at work, and what it told of itself. */
export const joinGateway = (gateway: FakeGateway, work: Work, options: Partial<SessionOptions> = {}) => {
  const refused: string[] = [];
  const acknowledged: number[] = [];
  const session = new Session(
    {
      gatewayUrl: gateway.url,
      token: TOKEN,
      pool: "default",
      epoch: "epoch-1",
      version: "1.2.3",
      window: 10,
      log: SILENT,
      onRefused: (reason) => refused.push(reason),
      onAcknowledged: (ids) => acknowledged.push(...ids),
      ...options,
    },
    work,
  );
  const ended = session.run();
  atEnd(async () => {
    const stopped = session.stop();
    for (const link of gateway.links) link.cut();
    await Promise.all([stopped, ended]);
  });
  return { session, refused, acknowledged };
};

export const email = (k: number, more: Partial<LeasedEmail> = {}): LeasedEmail => ({
  k,
  id: `00000000-0000-7000-8000-${k.toString(16).padStart(12, "0")}`,
  meta: { from: "A <a@from.test>", to: ["b@dest.test"], subject: `mail ${k}` },
  content: { text: "Hello" },
  ...more,
});

/** One email a recipient; their `k` and their emails' count from `first`. */
export const batchTo = (recipients: readonly string[], first = 1, more: Partial<Batch> = {}): Batch => ({
  account: ACCOUNT,
  lease: 7,
  keys_version: 1,
  bounce_domain: "bounce.test",
  emails: recipients.map((_, at) => email(first + at)),
  deliveries: recipients.map((rcpt, at) => ({ k: first + at, email: first + at, rcpt, attempt: 1 })),
  ...more,
});

export const outcome = (k: number, kind: Outcome["kind"] = "delivered"): Outcome => ({
  ...{ k, lease: 7, kind },
  ...{ started_at_ms: 1, ended_at_ms: 2 },
});

export const until = async (condition: () => boolean, timeoutMs = PATIENCE_MS): Promise<void> => {
  const deadlineMs = performance.now() + timeoutMs;
  while (!condition() && performance.now() < deadlineMs) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(condition(), condition.toString()).toBe(true);
};
