/**
 * The sending domains of an account: their settings, DKIM keys (sealed) and the records they need, with what is known
 * of each. A domain may send when the DNS has once had its records, or when the operator vouches for it; what happens
 * when they break is its own setting.
 */
import type { CreateDomain, DomainDetail, DomainSummary, MtaStsSetting, UpdateDomain } from "#contract/domain.ts";
import type { Notice } from "#contract/event.ts";
import { idFormatter, parseId } from "#contract/ids.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { type CheckedDomain, sendingDomainOf } from "../core/domain-check.ts";
import { SECOND_LOOK_MS, settleLook } from "../core/domain-look.ts";
import { receivedElsewhere, receivingRecord } from "../core/receiving-record.ts";
import { recordStatuses, troubleIn } from "../core/record-status.ts";
import { isTrackingFinding, trackingRecord, trackingStatus, trackingTrouble } from "../core/tracking-record.ts";
import {
  type Domain,
  DomainSettings,
  readDomains,
  type SealedSigner,
  type StoredRecord,
  writeDomain,
} from "./domain-row.ts";
import { type DomainMeta, metaOfDomain, withMetaOfDomain } from "./domain-meta.ts";
import type { LookFinding } from "./domain-look-up.ts";
import { domainDetail, domainNotice, domainSummary, type ShownWith } from "./domain-view.ts";
import { pageOfRows } from "./page-of-rows.ts";

const DOMAIN_LIMIT = 1000;
/** A look is fresh for so long, whoever asks for another. */
const FRESH_MS = SECOND_LOOK_MS;

export type DomainsContext = {
  storage: DurableObjectStorage;
  account: string;
  /** Where mail for domains with receiving on is to come. */
  receivingHost: string;
  /** Where hosts for links are to lead; undefined: there are none then. */
  trackingTarget: string | undefined;
  /** Both in the transaction of the change. */
  tell: (notice: Notice, nowMs: number) => void;
  changePolicy: (domain: string, policy: string | null, nowMs: number) => void;
  /** Does another account have the mail of a domain with receiving on? */
  isReceivedElsewhere: (domain: string) => boolean;
};

/** A policy as it was asked for and as it is served; `id`: of the record that announces it. */
export type NewPolicy = { setting: MtaStsSetting & { max_age: number }; text: string; id: string };

/** `keysChanged`: others sign for it than before. */
export type LookedUp = { object: "domain"; id: string; status: Domain["status"]; keysChanged: boolean };

export class AccountDomains {
  readonly #context: DomainsContext;
  readonly #formatId: (k: number) => string;
  /** By name, oldest first. */
  readonly #domains: Map<string, Domain>;
  /** Undefined: to be worked out, as is the next. */
  #receiving: readonly string[] | undefined;
  /** When the first is due for a look, ms. */
  #nextLookMs: number | undefined;

  constructor(context: DomainsContext) {
    this.#context = context;
    this.#formatId = idFormatter(context.account);
    this.#domains = new Map(readDomains(context.storage.sql).map((domain) => [domain.name, domain]));
  }

  /** May this domain stand in From? */
  isVerified(name: string): boolean {
    const domain = this.#domains.get(name);
    return domain !== undefined && isTrusted(domain) && domain.settings.sending === "enabled";
  }

  idOf(name: string): string | undefined {
    const domain = this.#domains.get(name);
    return domain && this.#formatId(domain.k);
  }

  nameOf(id: string): string | undefined {
    return this.#byId(id)?.name;
  }

  /** The host of the return-path of this domain's mail, when it has one of its own whose records are in the DNS. */
  returnPathOf(name: string): string | undefined {
    const domain = this.#domains.get(name);
    if (domain?.settings.return_path === undefined) return undefined;
    const records = domain.records.filter(({ record }) => record === "SPF");
    const isProved = records.length > 0 && records.every(({ proved }) => proved);
    return isProved ? `${domain.settings.return_path}.${name}` : undefined;
  }

  /** What its mail carries from its acceptance on. */
  metaOf(name: string): DomainMeta {
    const domain = this.#domains.get(name);
    return domain ? metaOfDomain(domain) : {};
  }

  /** The same put into the meta of a mail, a JSON text. */
  withMetaOf(name: string, meta: string): string {
    const domain = this.#domains.get(name);
    return domain ? withMetaOfDomain(domain, meta) : meta;
  }

  /**
   * Domains that the account is to receive for: with receiving on, verified once, and with a key of the account in their
   * DNS now, for mail is nobody's to keep who had the domain once. The same array until they change.
   */
  receiving(): readonly string[] {
    this.#receiving ??= [...this.#domains.values()]
      .filter((domain) => domain.settings.receiving === "enabled" && isOwn(domain))
      .map(({ name }) => name);
    return this.#receiving;
  }

  /** Keys that sign for it; also while it may not send, for mail that was accepted before. */
  signers(name: string): SealedSigner[] {
    const domain = this.#domains.get(name);
    return domain ? signersOf(domain) : [];
  }

  /** Why a domain cannot be added; asked before keys are made for it. */
  refusal(name: string): Problem | undefined {
    if (this.#domains.has(name)) return problem("conflict", `The domain ${name} is there already.`);
    return this.#domains.size >= DOMAIN_LIMIT
      ? problem("validation_error", `An account has at most ${DOMAIN_LIMIT} domains.`)
      : undefined;
  }

  create({ name, request, signers, records }: NewDomain, k: number, nowMs: number): DomainDetail | Problem {
    const refused = this.refusal(name);
    if (refused) return refused;
    const settings = DomainSettings.parse({
      ...withoutAbsent({ ...request, ...request.capabilities, return_path: request.custom_return_path ?? "send" }),
    });
    const collision = collisionIn(settings);
    if (collision) return collision;
    const domain: Domain = { ...UNKNOWN, k, name, settings, signers, records: this.#withOptional(settings, records) };
    this.#store(domain, nowMs, "domain.created");
    return this.#detail(domain, { host: "", reportAddress: "" });
  }

  /** The operator says that the domain is the account's, and may bring keys. Keys it had stay when none come. */
  vouch(name: string, signers: SealedSigner[], k: number, nowMs: number): void {
    const before = this.#domains.get(name);
    const domain = before ?? { ...UNKNOWN, k, name, settings: DomainSettings.parse({}), signers, records: [] };
    this.#store(
      { ...domain, status: "verified", vouched: true, signers: signers.length > 0 ? signers : domain.signers },
      nowMs,
      before ? "domain.updated" : "domain.created",
    );
  }

  list(query: PageQuery): Page<DomainSummary> | Problem {
    return pageOfRows(
      [...this.#domains.values()].toReversed(),
      ({ k }) => this.#formatId(k),
      query,
      (domain) => domainSummary(this.#formatId(domain.k), domain),
    );
  }

  get(id: string, shown: ShownWith): DomainDetail | Problem {
    const domain = this.#byId(id);
    return domain ? this.#detail(domain, shown) : noSuchDomain();
  }

  /** `policy`: what `mta_sts` of the request has become. */
  update(
    id: string,
    { mta_sts, tracking_subdomain, ...change }: UpdateDomain,
    policy: NewPolicy | undefined,
    nowMs: number,
  ): { object: "domain"; id: string } | Problem {
    const domain = this.#byId(id);
    if (!domain) return noSuchDomain();
    if (policy && !isWhole(domain))
      return problem("validation_error", "Invalid `mta_sts` field: the domain is not verified.");
    const { mta_sts: policyBefore, tracking_subdomain: hostBefore, ...before } = domain.settings;
    const kept = policy ? { ...policy.setting, id: policy.id } : mta_sts === null ? undefined : policyBefore;
    const settings = DomainSettings.parse({
      ...before,
      ...withoutAbsent({
        ...{ ...change, ...change.capabilities, mta_sts: kept },
        tracking_subdomain: tracking_subdomain === undefined ? hostBefore : tracking_subdomain,
      }),
    });
    const collision = collisionIn(settings);
    if (collision) return collision;
    const isNewPolicy = kept?.id !== policyBefore?.id;
    const records = this.#withOptional(settings, domain.records);
    this.#store(
      { ...domain, settings, records },
      nowMs,
      "domain.updated",
      isNewPolicy ? (policy?.text ?? null) : undefined,
    );
    return { object: "domain", id };
  }

  /** What is to be looked up; from now on the domain waits for its records. */
  toLookUp(id: string, nowMs: number): { sending: CheckedDomain } | Problem {
    const domain = this.#byId(id);
    if (!domain) return noSuchDomain();
    if (domain.status === "not_started") {
      const records = domain.records.map((record) => ({ ...record, status: "pending" as const }));
      this.#store({ ...domain, status: "pending", records }, nowMs, "domain.updated");
    }
    return { sending: sendingDomainOf(domain.name, domain.records) };
  }

  /** What the DNS said. `isAsked`: by somebody who waits for it. */
  lookedUp(
    id: string,
    findings: readonly LookFinding[],
    { nowMs, isAsked }: { nowMs: number; isAsked: boolean },
  ): LookedUp | Problem {
    const before = this.#byId(id);
    if (!before) return noSuchDomain();
    const tracking = findings.find(isTrackingFinding);
    const others = findings.filter((finding) => !isTrackingFinding(finding));
    const seen = recordStatuses(before.name, before.records, others).map((status, index) =>
      before.records[index]?.record === "Tracking" ? trackingStatus(tracking) : status,
    );
    const settled = before.records.length === 0 ? {} : settleLook(before, seen, { nowMs, isAsked });
    const domain: Domain = {
      ...before,
      ...settled,
      findings: [...troubleIn(others), ...trackingTrouble(tracking)],
      checkedMs: nowMs,
    };
    this.#store(domain, nowMs, statusesOf(domain) === statusesOf(before) ? undefined : "domain.updated");
    const keysChanged = selectorsOf(before) !== selectorsOf(domain);
    return { object: "domain", id, status: domain.status, keysChanged };
  }

  /** Has domains that are looked at daily looked at now, but for those that were just now. */
  lookSoon(names: readonly string[], nowMs: number): void {
    for (const domain of names.flatMap((name) => this.#domains.get(name) ?? [])) {
      const isLate = dueMs(domain) > nowMs && nowMs - (domain.checkedMs ?? 0) >= FRESH_MS;
      if (domain.lookMs !== undefined && isLate) this.#store({ ...domain, lookMs: nowMs }, nowMs, undefined);
    }
  }

  /** When the first domain is to be looked at again, ms; Infinity: none. */
  nextLookMs(): number {
    this.#nextLookMs ??= Math.min(...Array.from(this.#domains.values(), dueMs));
    return this.#nextLookMs;
  }

  /** The longest waiting first. */
  dueForLook(nowMs: number, limit: number): string[] {
    return [...this.#domains.values()]
      .filter((domain) => dueMs(domain) <= nowMs)
      .toSorted((a, b) => dueMs(a) - dueMs(b))
      .slice(0, limit)
      .map(({ k }) => this.#formatId(k));
  }

  /** The name that is gone. */
  remove(id: string, nowMs: number): string | undefined {
    const domain = this.#byId(id);
    if (!domain) return undefined;
    const { storage, tell, changePolicy } = this.#context;
    storage.transactionSync(() => {
      storage.sql.exec("DELETE FROM domain WHERE k = ?", domain.k);
      tell({ type: "domain.deleted", data: domainNotice(id, domain) }, nowMs);
      if (domain.settings.mta_sts) changePolicy(domain.name, null, nowMs);
    });
    this.#domains.delete(domain.name);
    this.#receiving = this.#nextLookMs = undefined;
    return domain.name;
  }

  #byId(id: string): Domain | undefined {
    const k = parseId(this.#context.account, id);
    return k === undefined ? undefined : [...this.#domains.values()].find((domain) => domain.k === k);
  }

  /** `policy`: a new one, or null when there is none any more. Memory follows when all is written. */
  #store(
    domain: Domain,
    nowMs: number,
    told: "domain.created" | "domain.updated" | undefined,
    policy?: string | null,
  ): void {
    const { storage, tell, changePolicy } = this.#context;
    storage.transactionSync(() => {
      writeDomain(storage.sql, domain);
      if (told) tell({ type: told, data: domainNotice(this.#formatId(domain.k), domain) }, nowMs);
      if (policy !== undefined) changePolicy(domain.name, policy, nowMs);
    });
    this.#domains.set(domain.name, domain);
    this.#receiving = this.#nextLookMs = undefined;
  }

  /** With the records that sending does not need, as the settings have them. What is known of one that is there stays. */
  #withOptional(
    { receiving, tracking_subdomain: subdomain }: Domain["settings"],
    records: StoredRecord[],
  ): StoredRecord[] {
    const { receivingHost, trackingTarget } = this.#context;
    const wanted = [
      ...(receiving === "enabled" ? [receivingRecord(receivingHost)] : []),
      ...(subdomain !== undefined && trackingTarget !== undefined ? [trackingRecord(subdomain, trackingTarget)] : []),
    ].map((record) => {
      const known = records.find((each) => each.record === record.record);
      const isSame = known?.name === record.name && (record.record === "Receiving" || known.value === record.value);
      return isSame ? known : { ...record, needed: false, proved: false };
    });
    return [...records.filter(({ record }) => record !== "Receiving" && record !== "Tracking"), ...wanted];
  }

  #detail(domain: Domain, shown: ShownWith): DomainDetail {
    const detail = domainDetail(this.#formatId(domain.k), domain, shown);
    const isElsewhere = this.#context.isReceivedElsewhere(domain.name);
    return isElsewhere ? { ...detail, findings: [receivedElsewhere(domain.name), ...detail.findings] } : detail;
  }
}

export type NewDomain = { name: string; request: CreateDomain; signers: SealedSigner[]; records: StoredRecord[] };

/** Of a new domain. */
const UNKNOWN = {
  status: "not_started",
  vouched: false,
  wasWhole: false,
  findings: [],
  checkedMs: undefined,
  lookMs: undefined,
} satisfies Partial<Domain>;

/** Now, as far as is known. */
const isWhole = ({ vouched, status }: Domain): boolean => vouched || status === "verified";

/** It was verified, and its DNS names a key of this account still: whatever else is broken, who has the domain wants it. */
const isOwn = ({ vouched, wasWhole, records }: Domain): boolean =>
  vouched || (wasWhole && records.some(({ record, proved }) => record === "DKIM" && proved));

/** By default a record that breaks later stops nothing, so that a slip in the DNS loses no mail. */
const isTrusted = (domain: Domain): boolean =>
  isWhole(domain) || (domain.wasWhole && domain.settings.when_broken === "warn");

/** Those an operator brought, and of our own those whose record is in the DNS. */
const signersOf = ({ signers, records, vouched, wasWhole }: Domain): SealedSigner[] => {
  if (!vouched && !wasWhole) return [];
  const active = signers.filter(({ standby }) => !standby);
  const unproved = new Set(records.filter(({ proved }) => !proved).map(({ selector }) => selector));
  const proved = active.filter(({ selector }) => !unproved.has(selector));
  if (proved.length > 0 || !wasWhole) return proved;
  // The record of the last key is gone: it signs on, for unsigned mail would be worse, and the record may come back.
  const needed = new Set(records.filter(({ needed: isNeeded }) => isNeeded).map(({ selector }) => selector));
  return active.filter(({ selector }) => needed.has(selector));
};

/** Beside a CNAME there is no other record (RFC 1034 §3.6.2), and the return-path has an MX. */
const collisionIn = ({ tracking_subdomain: host, return_path }: Domain["settings"]): Problem | undefined =>
  host !== undefined && host.toLowerCase() === return_path?.toLowerCase()
    ? problem("validation_error", "Invalid `tracking_subdomain` field: it is the domain's return-path.")
    : undefined;

const selectorsOf = (domain: Domain): string =>
  signersOf(domain)
    .map(({ selector }) => selector)
    .join();

const statusesOf = ({ status, records }: Domain): string => [status, ...records.map((record) => record.status)].join();

const dueMs = ({ lookMs }: Domain): number => lookMs ?? Infinity;

const withoutAbsent = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));

const noSuchDomain = (): Problem => problem("not_found", "There is no domain with this id.");
