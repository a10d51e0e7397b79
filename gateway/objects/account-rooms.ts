/**
 * The rooms of an account put together over its storage.
 */
import type { Rooms } from "./account-desk.ts";
import { AuditLog } from "./audit-log.ts";
import { AccountBulk } from "./account-bulk.ts";
import { AccountDomains } from "./account-domains.ts";
import { AccountIntake, type Send } from "./account-intake.ts";
import { AccountKeys } from "./account-keys.ts";
import { AccountLimits } from "./account-limits.ts";
import { AccountMetrics } from "./account-metrics.ts";
import { AccountQueue } from "./account-queue.ts";
import { AccountReader } from "./account-reader.ts";
import { AccountSandbox } from "./account-sandbox.ts";
import { AccountSchedule } from "./account-schedule.ts";
import { openAccountTables } from "./account-schema.ts";
import { AccountSenders } from "./account-senders.ts";
import { AccountSettings } from "./account-settings.ts";
import { AccountTemplates } from "./account-templates.ts";
import { scheduleOf } from "./settings.ts";

export const openRooms = (
  ctx: DurableObjectState,
  env: Env,
  nowMs: number,
  onCommit: (streams: ReadonlySet<number>, sends: readonly Send[]) => void,
): { id: string; rooms: Rooms } => {
  const { storage } = ctx;
  const { sql } = storage;
  openAccountTables(storage);
  const settings = new AccountSettings(sql);
  const id = settings.current?.id ?? ctx.id.name ?? "";
  const limits = new AccountLimits(sql, nowMs);
  const intake = new AccountIntake(storage, id, { onWrite: () => limits.flush(), onCommit });
  const takeK = (count: number, atMs: number): number => intake.takeK(count, atMs);
  const keys = new AccountKeys(sql, settings);
  const domains = new AccountDomains(sql, id);
  const metrics = new AccountMetrics(sql);
  const queue = new AccountQueue({
    account: id,
    storage,
    takeK,
    schedule: scheduleOf(env),
    bounceDomain: env.HIKYAKU_BOUNCE_DOMAIN,
    returnPathOf: (domain) => domains.returnPathOf(domain),
    metrics,
  });
  const rooms = {
    settings,
    keys,
    domains,
    senders: new AccountSenders(sql, id, { settings, keys, domains }),
    templates: new AccountTemplates(sql, id, takeK),
    limits,
    intake,
    bulk: new AccountBulk(storage, id, takeK),
    queue,
    schedule: new AccountSchedule(storage, id, takeK, metrics),
    reader: new AccountReader(sql, id),
    metrics,
    sandbox: new AccountSandbox(sql, id),
    audit: new AuditLog(sql, id, takeK),
  };
  return { id, rooms };
};
