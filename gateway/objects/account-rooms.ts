/**
 * The rooms of an account put together over its storage.
 */
import type { Rooms } from "./account-desk.ts";
import { trackingTarget } from "../core/tracking-record.ts";
import { AuditLog } from "./audit-log.ts";
import { AccountBulk } from "./account-bulk.ts";
import { AccountDmarc } from "./account-dmarc.ts";
import { AccountDomains } from "./account-domains.ts";
import { AccountDispatch } from "./account-dispatch.ts";
import { AccountEvents } from "./account-events.ts";
import { AccountFeedback } from "./account-feedback.ts";
import { AccountIntake, type Send } from "./account-intake.ts";
import { AccountKeys } from "./account-keys.ts";
import { AccountLimits } from "./account-limits.ts";
import { AccountLinks } from "./account-links.ts";
import { AccountLive } from "./account-live.ts";
import { AccountMetrics } from "./account-metrics.ts";
import { AccountNotices } from "./account-notices.ts";
import { AccountOperatorList } from "./account-operator-list.ts";
import { AccountPolicies } from "./account-policies.ts";
import { AccountQueue } from "./account-queue.ts";
import { AccountRecall } from "./account-recall.ts";
import { AccountReader } from "./account-reader.ts";
import { AccountReceived } from "./account-received.ts";
import { AccountReceiving } from "./account-receiving.ts";
import { AccountReports } from "./account-reports.ts";
import { AccountSandbox } from "./account-sandbox.ts";
import { AccountSchedule } from "./account-schedule.ts";
import { openAccountTables } from "./account-schema.ts";
import { AccountSenders } from "./account-senders.ts";
import { AccountSettings } from "./account-settings.ts";
import { ALL_STREAMS, AccountSuppressions } from "./account-suppressions.ts";
import { AccountTemplates } from "./account-templates.ts";
import { AccountTimeline } from "./account-timeline.ts";
import { AccountWebhooks } from "./account-webhooks.ts";
import { endpointStub } from "./endpoint-stub.ts";
import { publicUrlOf, scheduleOf } from "./settings.ts";

export const openRooms = (
  ctx: DurableObjectState,
  env: Env,
  nowMs: number,
  onCommit: (streams: ReadonlySet<number>, sends: readonly Send[]) => void,
): { id: string; rooms: Rooms; publicUrl: string | undefined } => {
  const { storage } = ctx;
  const { sql } = storage;
  openAccountTables(storage);
  const settings = new AccountSettings(sql);
  const id = settings.current?.id ?? ctx.id.name ?? "";
  const publicUrl = publicUrlOf(env);
  const limits = new AccountLimits(sql, nowMs);
  const operatorList = new AccountOperatorList({
    account: id,
    storage,
    pull: (seq) => env.DIRECTORY.getByName("directory").operatorChanges(seq),
    recall: (name) => recall.note(name, ALL_STREAMS),
  });
  if (settings.current) ctx.waitUntil(operatorList.run(nowMs));
  const intake = new AccountIntake(storage, id, {
    onWrite: () => limits.flush(),
    onCommit: (streams, sends) => {
      ctx.waitUntil(operatorList.run(Date.now()));
      onCommit(streams, sends);
    },
  });
  const takeK = (count: number, atMs: number): number => intake.takeK(count, atMs);
  const keys = new AccountKeys(sql, settings);
  const events = new AccountEvents(sql, id, () => intake.closeGroup());
  const live = new AccountLive(events);
  const webhooks = new AccountWebhooks(sql, id);
  const dispatch = new AccountDispatch({
    account: id,
    webhooks,
    events,
    endpointOf: (webhook) => endpointStub(env, id, webhook),
    onGathered: () => live.ring(),
  });
  const onEvents = (): void => dispatch.wake();
  const notices = new AccountNotices({ sql, takeK, onNotice: onEvents });
  const policies = new AccountPolicies(sql, id, takeK, (domain, policy) =>
    env.DIRECTORY.getByName("directory").setPolicy(id, domain, policy),
  );
  const domains = new AccountDomains({
    storage,
    account: id,
    receivingHost: env.HIKYAKU_BOUNCE_DOMAIN,
    trackingTarget: trackingTarget(publicUrl),
    tell: (notice, atMs) => notices.write(notice, atMs),
    changePolicy: (domain, policy, atMs) => policies.change(domain, policy, atMs),
    isReceivedElsewhere: (domain) => receiving.isElsewhere(domain),
  });
  const metrics = new AccountMetrics(sql);
  const timeline = new AccountTimeline({ sql, takeK, metrics, onEvents });
  const suppressions = new AccountSuppressions({
    account: id,
    storage,
    takeK,
    operatorList,
    tell: (type, data, atMs) => notices.write({ type, data }, atMs),
    recall: (name, stream) => recall.note(name, stream),
  });
  const queue = new AccountQueue({
    account: id,
    storage,
    takeK,
    schedule: scheduleOf(env),
    bounceDomain: env.HIKYAKU_BOUNCE_DOMAIN,
    returnPathOf: (domain) => domains.returnPathOf(domain),
    publicUrl,
    timeline,
    suppressions,
    poolsNow: () => Object.values(settings.current?.stream_pools ?? {}),
  });
  const recall = new AccountRecall({
    account: id,
    queue,
    suppressions,
    tell: (pool, recalls) => env.POOL.getByName(pool).recall(id, recalls),
    waitUntil: (promise) => ctx.waitUntil(promise),
  });
  const receiving = new AccountReceiving({
    ...{ sql, account: id },
    wanted: () => domains.receiving(),
    tell: (wanted, givenUp) => env.DIRECTORY.getByName("directory").setReceiving(id, wanted, givenUp),
  });
  const received = new AccountReceived({
    ...{ storage, account: id, takeK },
    isSuspended: () => settings.current?.status !== "active",
    receives: (domain) => receiving.receives(domain),
    tell: (notice, atMs) => notices.write(notice, atMs),
  });
  const feedback = new AccountFeedback(storage, { queue, timeline, suppressions, recall });
  const rooms = {
    settings,
    keys,
    notices,
    policies,
    domains,
    senders: new AccountSenders(sql, id, { settings, keys, domains }),
    templates: new AccountTemplates(sql, id, takeK),
    limits,
    intake,
    bulk: new AccountBulk(storage, id, takeK),
    queue,
    suppressions,
    recall,
    events,
    live,
    webhooks,
    dispatch,
    operatorList,
    feedback,
    reports: new AccountReports({ sql, takeK, feedback, onEvents }),
    dmarc: new AccountDmarc({ sql, account: id, takeK, nameOf: (domain) => domains.nameOf(domain) }),
    received,
    receiving,
    links: new AccountLinks(sql, id, { feedback, suppressions }),
    schedule: new AccountSchedule(storage, id, takeK, metrics, onEvents),
    reader: new AccountReader(sql, id),
    metrics,
    sandbox: new AccountSandbox(sql, id),
    audit: new AuditLog(sql, id, takeK),
  };
  return { id, rooms, publicUrl };
};

/** The rooms that forget what is old. */
export const forgetful = (rooms: Rooms): readonly { sweep: (nowMs: number) => void }[] => {
  const { intake, bulk, limits, metrics, audit, notices, suppressions, received, dmarc } = rooms;
  return [intake, bulk, limits, metrics, audit, notices, suppressions, received, dmarc];
};
