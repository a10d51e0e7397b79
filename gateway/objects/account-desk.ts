/**
 * What can be asked of an account, in one table: who may ask, and which room answers.
 *
 * Every question is answered in one turn. `needs` is the endpoint's own; questions that are only a part of an
 * endpoint's answer say theirs here. Whoever changes keys, domains, senders or settings is written into the audit log.
 */
import type { AccountDetail, AuditEntry, CreateApiKey, UpdateAccount, UpdateApiKey } from "#contract/account.ts";
import type { UpdateDomain } from "#contract/domain.ts";
import { ENDPOINTS, type EndpointName } from "#contract/endpoints.ts";
import type { Needs } from "#contract/endpoints/endpoint.ts";
import type { LimitState } from "#contract/limits.ts";
import type { MetricsQuery } from "#contract/metrics.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { isProblem, problem, type Problem } from "#contract/problem.ts";
import type { CreateTemplate, UpdateTemplate } from "#contract/template.ts";
import type { ApiKeyClaims } from "../core/token.ts";
import type { AuditLog } from "./audit-log.ts";
import type { AccountBulk } from "./account-bulk.ts";
import type { AccountDmarc } from "./account-dmarc.ts";
import type { AccountDomains, NewDomain, NewPolicy } from "./account-domains.ts";
import type { AccountDispatch } from "./account-dispatch.ts";
import type { AccountEvents } from "./account-events.ts";
import type { AccountFeedback } from "./account-feedback.ts";
import type { AccountIntake } from "./account-intake.ts";
import type { AccountKeys } from "./account-keys.ts";
import type { AccountLimits } from "./account-limits.ts";
import type { AccountLinks } from "./account-links.ts";
import type { AccountLive } from "./account-live.ts";
import type { AccountMetrics } from "./account-metrics.ts";
import type { AccountNotices } from "./account-notices.ts";
import type { AccountOperatorList } from "./account-operator-list.ts";
import type { AccountPolicies } from "./account-policies.ts";
import type { AccountQueue } from "./account-queue.ts";
import type { AccountRecall } from "./account-recall.ts";
import type { AccountReader } from "./account-reader.ts";
import { type AccountReceived, noSuchEmail } from "./account-received.ts";
import type { AccountReceiving } from "./account-receiving.ts";
import type { AccountReports } from "./account-reports.ts";
import type { AccountSandbox } from "./account-sandbox.ts";
import type { AccountSchedule } from "./account-schedule.ts";
import type { AccountSenders } from "./account-senders.ts";
import type { AccountSettings } from "./account-settings.ts";
import type { AccountSuppressions } from "./account-suppressions.ts";
import type { AccountTemplates } from "./account-templates.ts";
import type { AccountWebhooks } from "./account-webhooks.ts";
import type { SealedSigner } from "./domain-row.ts";
import type { ShownWith } from "./domain-view.ts";
import type { LookFinding } from "./domain-look-up.ts";
import * as suppressing from "./suppression-answers.ts";
import type { Visit } from "./visitor.ts";
import * as webhooking from "./webhook-answers.ts";

export type Rooms = {
  settings: AccountSettings;
  keys: AccountKeys;
  notices: AccountNotices;
  policies: AccountPolicies;
  domains: AccountDomains;
  senders: AccountSenders;
  templates: AccountTemplates;
  limits: AccountLimits;
  intake: AccountIntake;
  bulk: AccountBulk;
  queue: AccountQueue;
  suppressions: AccountSuppressions;
  recall: AccountRecall;
  events: AccountEvents;
  live: AccountLive;
  webhooks: AccountWebhooks;
  dispatch: AccountDispatch;
  operatorList: AccountOperatorList;
  feedback: AccountFeedback;
  reports: AccountReports;
  dmarc: AccountDmarc;
  received: AccountReceived;
  receiving: AccountReceiving;
  links: AccountLinks;
  schedule: AccountSchedule;
  reader: AccountReader;
  metrics: AccountMetrics;
  sandbox: AccountSandbox;
  audit: AuditLog;
};

/** `isPiece`: a part of an answer whose request was counted when it began. */
export type Row<Args, Reply> = {
  needs: Needs;
  isPiece: boolean;
  answer: (rooms: Rooms, args: Args, visit: Visit) => Reply | Problem;
};

const ask = <Args, Reply extends object>(
  endpoint: EndpointName,
  answer: Row<Args, Reply>["answer"],
): Row<Args, Reply> => ({ needs: ENDPOINTS[endpoint].needs, isPiece: false, answer });

type Id = { id: string };

const list = <T>(data: T[]): Page<T> => ({ object: "list", has_more: false, data });
const noKey = (): Problem => problem("not_found", "There is no API key with this id.");

export const DESK = {
  listEmails: ask("listEmails", ({ reader }, query: PageQuery) => reader.list(query)),
  getEmail: ask("getEmail", ({ reader }, { id }: Id) => reader.get(id)),
  listEvents: ask("listEvents", ({ reader }, { id }: Id) => reader.events(id)),
  emailMetrics: ask("emailMetrics", ({ metrics, domains }, query: MetricsQuery, { nowMs }) =>
    metrics.query(
      query,
      nowMs,
      (id) => domains.nameOf(id),
      (name) => domains.idOf(name),
    ),
  ),
  cancelEmail: ask("cancelEmail", ({ schedule }, { id }: Id, { nowMs }) => schedule.cancel(id, nowMs)),
  updateEmail: ask("updateEmail", ({ schedule, queue }, args: Id & { scheduledMs: number | undefined }, { nowMs }) => {
    const moved = schedule.reschedule(args.id, args.scheduledMs, nowMs);
    if (isProblem(moved)) return moved;
    queue.scheduled(moved.stream, moved.dueMs);
    return moved.email;
  }),
  getBulk: ask("getBulk", ({ bulk }, { id }: Id) => bulk.get(id)),
  listSandbox: ask("listSandbox", ({ sandbox }, _: Record<string, never>) => sandbox.list()),
  getLimits: ask("getLimits", ({ limits, settings }, _: Record<string, never>, { nowMs }): Page<LimitState> =>
    list(limits.states(settings.limits, nowMs)),
  ),

  mayCreateDomain: ask("createDomain", ({ domains }, { name }: { name: string }) => domains.refusal(name) ?? {}),
  createDomain: ask("createDomain", ({ domains, intake, audit, settings }, made: NewDomain, visit) => {
    const added = domains.create(made, intake.takeK(1, visit.nowMs), visit.nowMs);
    if (isProblem(added)) return added;
    audit.write(visit, "domain.created", added.id, { name: made.name });
    settings.keysChanged();
    return added;
  }),
  listDomains: ask("listDomains", ({ domains }, query: PageQuery) => domains.list(query)),
  getDomain: ask("getDomain", ({ domains }, { id, ...shown }: Id & ShownWith) => domains.get(id, shown)),
  domainDmarc: ask("domainDmarc", ({ dmarc }, { id, sinceMs }: Id & { sinceMs: number }) => dmarc.summary(id, sinceMs)),
  updateDomain: ask(
    "updateDomain",
    ({ domains, audit }, args: Id & { request: UpdateDomain; policy: NewPolicy | undefined }, visit) => {
      const { id, request, policy } = args;
      const changed = domains.update(id, request, policy, visit.nowMs);
      if (!isProblem(changed)) audit.write(visit, "domain.updated", id, request);
      return changed;
    },
  ),
  domainToLookUp: ask("verifyDomain", ({ domains }, { id }: Id, { nowMs }) => domains.toLookUp(id, nowMs)),
  domainLookedUp: ask(
    "verifyDomain",
    ({ domains, settings, audit }, { id, findings }: Id & { findings: LookFinding[] }, visit) => {
      const settled = domains.lookedUp(id, findings, { nowMs: visit.nowMs, isAsked: true });
      if (isProblem(settled)) return settled;
      audit.write(visit, "domain.checked", id, { status: settled.status });
      if (settled.keysChanged) settings.keysChanged();
      return { object: settled.object, id };
    },
  ),
  deleteDomain: ask("deleteDomain", ({ domains, dmarc, audit, settings }, { id }: Id, visit) => {
    const name = domains.remove(id, visit.nowMs);
    if (name === undefined) return problem("not_found", "There is no domain with this id.");
    dmarc.forget(id);
    audit.write(visit, "domain.deleted", id, { name });
    settings.keysChanged();
    return { object: "domain", id, deleted: true };
  }),

  createApiKey: ask("createApiKey", addKey),
  createAccountKey: ask("createAccountKey", addKey),
  listApiKeys: ask("listApiKeys", ({ keys }, query: PageQuery) => keys.list(query)),
  updateApiKey: ask("updateApiKey", ({ keys, audit }, { id, name }: Id & UpdateApiKey, visit) => {
    if (!keys.rename(id, name)) return noKey();
    audit.write(visit, "api_key.renamed", id, { name });
    return { object: "api_key", id };
  }),
  rotateApiKey: ask("rotateApiKey", ({ keys, audit }, { id, claims }: Id & { claims: ApiKeyClaims }, visit) => {
    const refused = keys.replace(id, claims, visit.nowMs);
    if (refused) return refused;
    audit.write(visit, "api_key.rotated", id, { new_id: claims.key });
    return { id: claims.key };
  }),
  deleteApiKey: ask("deleteApiKey", ({ keys, audit }, { id }: Id, visit) => {
    if (!keys.remove(id)) return noKey();
    audit.write(visit, "api_key.revoked", id);
    return { object: "api_key", id, deleted: true };
  }),

  createSender: ask("createSender", ({ senders, intake, audit }, { email }: { email: string }, visit) => {
    const made = senders.add(email, intake.takeK(1, visit.nowMs));
    if (!isProblem(made)) audit.write(visit, "sender.registered", made.id, { email: made.email });
    return made;
  }),
  listSenders: ask("listSenders", ({ senders }, query: PageQuery) => senders.list(query)),
  deleteSender: ask("deleteSender", ({ senders, audit }, { id }: Id, visit) => {
    const email = senders.remove(id);
    if (email === undefined) return problem("not_found", "There is no registered sender with this id or address.");
    audit.write(visit, "sender.removed", id, { email });
    return { object: "sender", id, deleted: true };
  }),

  createTemplate: ask("createTemplate", ({ templates }, request: CreateTemplate, { nowMs }) =>
    templates.create(request, nowMs),
  ),
  listTemplates: ask("listTemplates", ({ templates }, query: PageQuery) => templates.list(query)),
  getTemplate: ask("getTemplate", ({ templates }, { id }: Id) => templates.get(id)),
  updateTemplate: ask("updateTemplate", ({ templates }, { id, request }: Id & { request: UpdateTemplate }, { nowMs }) =>
    templates.update(id, request, nowMs),
  ),
  publishTemplate: ask("publishTemplate", ({ templates }, { id }: Id, { nowMs }) => templates.publish(id, nowMs)),
  duplicateTemplate: ask("duplicateTemplate", ({ templates }, { id }: Id, { nowMs }) => templates.duplicate(id, nowMs)),
  deleteTemplate: ask("deleteTemplate", ({ templates }, { id }: Id) => templates.remove(id)),

  addSuppression: ask("addSuppression", suppressing.addSuppression),
  addSuppressions: ask("addSuppressions", suppressing.addSuppressions),
  listSuppressions: ask("listSuppressions", suppressing.listSuppressions),
  getSuppression: ask("getSuppression", suppressing.getSuppression),
  deleteSuppression: ask("deleteSuppression", suppressing.deleteSuppression),
  removeSuppressions: ask("removeSuppressions", suppressing.removeSuppressions),
  importSuppressions: { ...ask("importSuppressions", suppressing.importSuppressions), isPiece: true },
  exportSuppressions: { ...ask("exportSuppressions", suppressing.exportSuppressions), isPiece: true },

  createWebhook: ask("createWebhook", webhooking.createWebhook),
  listWebhooks: ask("listWebhooks", webhooking.listWebhooks),
  getWebhook: ask("getWebhook", webhooking.getWebhook),
  updateWebhook: ask("updateWebhook", webhooking.updateWebhook),
  deleteWebhook: ask("deleteWebhook", webhooking.deleteWebhook),
  rotateWebhookSecret: ask("rotateWebhookSecret", webhooking.rotateWebhookSecret),
  webhookConfig: ask("listWebhookEvents", webhooking.webhookConfig),
  readEvents: ask("readEvents", webhooking.readEvents),

  listReceived: ask("listReceived", ({ received }, query: PageQuery) => received.list(query)),
  getReceived: ask("getReceived", ({ received }, { id }: Id) => received.get(id)),
  deleteReceived: ask("deleteReceived", ({ received }, { id }: Id) =>
    received.remove(id) ? { object: "email", id, deleted: true } : noSuchEmail(),
  ),

  getAccount: ask("getAccount", ({ settings }, _: Record<string, never>): AccountDetail | Problem =>
    settings.current ? settings.detail(settings.current) : problem("not_found"),
  ),
  updateAccount: ask("updateAccount", ({ settings, audit }, change: UpdateAccount, visit): AccountDetail | Problem => {
    if (!settings.current) return problem("not_found");
    audit.write(visit, "account.updated", null, change);
    return settings.detail(settings.update(settings.current, change));
  }),
  vouchForDomain: ask(
    "vouchForDomain",
    ({ domains, intake, settings, audit }, args: { name: string; signers: SealedSigner[] }, visit) => {
      domains.vouch(args.name, args.signers, intake.takeK(1, visit.nowMs), visit.nowMs);
      settings.keysChanged();
      audit.write(visit, "domain.vouched", args.name, { selectors: args.signers.map(({ selector }) => selector) });
      return {};
    },
  ),
  listAudit: ask("listAudit", ({ audit }, query: PageQuery): Page<AuditEntry> | Problem => audit.list(query)),
};

function addKey(
  { keys, domains, audit }: Rooms,
  { claims, request }: { claims: ApiKeyClaims; request: CreateApiKey },
  visit: Visit,
): { id: string } | Problem {
  // A key that is bound must not make itself a free one.
  if (visit.visitor.kind === "key" && keys.isBound(visit.visitor.key))
    return problem(
      "restricted_api_key",
      "A key that is bound to a domain, to networks or to a time may make no other.",
    );
  if (request.domain_id && domains.nameOf(request.domain_id) === undefined)
    return problem("validation_error", "Invalid `domain_id` field: there is no domain with this id.");
  const refused = keys.add(claims, request, visit.nowMs);
  if (refused) return refused;
  audit.write(visit, "api_key.created", claims.key, request);
  return { id: claims.key };
}

export type Desk = typeof DESK;
export type Question = keyof Desk;
export type ArgsOf<Q extends Question> = Parameters<Desk[Q]["answer"]>[1];
export type ReplyOf<Q extends Question> = Exclude<ReturnType<Desk[Q]["answer"]>, Problem>;
