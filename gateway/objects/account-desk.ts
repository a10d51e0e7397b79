/**
 * What can be asked of an account, in one table: who may ask, and which room answers.
 *
 * Every question is answered in one turn. `needs` is the endpoint's own; questions that are only a part of an
 * endpoint's answer say theirs here. Whoever changes keys, domains, senders or settings is written into the audit log.
 */
import type { AccountDetail, AuditEntry, CreateApiKey, UpdateAccount, UpdateApiKey } from "#contract/account.ts";
import type { CreateDomain, DomainRecord, UpdateDomain } from "#contract/domain.ts";
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
import type { AccountDomains, SealedSigner, StoredRecord } from "./account-domains.ts";
import type { AccountIntake } from "./account-intake.ts";
import type { AccountKeys } from "./account-keys.ts";
import type { AccountLimits } from "./account-limits.ts";
import type { AccountMetrics } from "./account-metrics.ts";
import type { AccountQueue } from "./account-queue.ts";
import type { AccountReader } from "./account-reader.ts";
import type { AccountSandbox } from "./account-sandbox.ts";
import type { AccountSchedule } from "./account-schedule.ts";
import type { AccountSenders } from "./account-senders.ts";
import type { AccountSettings } from "./account-settings.ts";
import type { AccountTemplates } from "./account-templates.ts";
import type { Visit } from "./visitor.ts";

export type Rooms = {
  settings: AccountSettings;
  keys: AccountKeys;
  domains: AccountDomains;
  senders: AccountSenders;
  templates: AccountTemplates;
  limits: AccountLimits;
  intake: AccountIntake;
  bulk: AccountBulk;
  queue: AccountQueue;
  schedule: AccountSchedule;
  reader: AccountReader;
  metrics: AccountMetrics;
  sandbox: AccountSandbox;
  audit: AuditLog;
};

type Row<Args, Reply> = { needs: Needs; answer: (rooms: Rooms, args: Args, visit: Visit) => Reply | Problem };

const ask = <Args, Reply extends object>(
  endpoint: EndpointName,
  answer: Row<Args, Reply>["answer"],
): Row<Args, Reply> => ({ needs: ENDPOINTS[endpoint].needs, answer });

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
  createDomain: ask(
    "createDomain",
    (
      { domains, intake, audit, settings },
      args: { name: string; request: CreateDomain; signers: SealedSigner[]; records: StoredRecord[] },
      visit,
    ) => {
      const made = domains.create(args.name, args.request, args.signers, args.records, intake.takeK(1, visit.nowMs));
      if (isProblem(made)) return made;
      audit.write(visit, "domain.created", made.id, { name: args.name });
      settings.keysChanged();
      return made;
    },
  ),
  listDomains: ask("listDomains", ({ domains }, query: PageQuery) => domains.list(query)),
  getDomain: ask("getDomain", ({ domains }, { id }: Id) => domains.get(id)),
  updateDomain: ask("updateDomain", ({ domains, audit }, { id, request }: Id & { request: UpdateDomain }, visit) => {
    const changed = domains.update(id, request);
    if (!isProblem(changed)) audit.write(visit, "domain.updated", id, request);
    return changed;
  }),
  recordsToVerify: ask("verifyDomain", ({ domains }, { id }: Id) => domains.recordsToVerify(id)),
  setRecordStatuses: ask(
    "verifyDomain",
    ({ domains, settings, audit }, { id, statuses }: Id & { statuses: DomainRecord["status"][] }, visit) => {
      const changed = domains.setStatuses(id, statuses);
      if (isProblem(changed)) return changed;
      audit.write(visit, "domain.checked", id, { status: changed.status });
      settings.keysChanged();
      return { object: changed.object, id };
    },
  ),
  deleteDomain: ask("deleteDomain", ({ domains, audit, settings }, { id }: Id, visit) => {
    const name = domains.remove(id);
    if (name === undefined) return problem("not_found", "There is no domain with this id.");
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
      domains.vouch(args.name, args.signers, intake.takeK(1, visit.nowMs));
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
