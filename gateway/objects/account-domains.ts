/**
 * The sending domains of an account: their settings, DKIM keys (sealed) and the records they need, with what is known
 * of each. A domain is verified when the DNS says so, or when the operator vouches for it.
 */
import { z } from "zod";
import {
  DomainRecord,
  DomainStatus,
  type CreateDomain,
  type DomainDetail,
  type DomainSummary,
  type UpdateDomain,
} from "#contract/domain.ts";
import { idFormatter, kToMs, parseId } from "#contract/ids.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { domainStatus } from "../core/domain-status.ts";
import { pageOfRows } from "./page-of-rows.ts";

/** A DKIM key at rest. */
export const SealedSigner = z.object({
  selector: z.string(),
  algorithm: z.enum(["rsa-sha256", "ed25519-sha256"]),
  sealed: z.string(),
  /** Made for rotation: it signs when it takes over, not before. */
  standby: z.boolean().optional(),
});
export type SealedSigner = z.infer<typeof SealedSigner>;

/** `proved`: the last time that it could be found out, the record was there. */
const StoredRecord = DomainRecord.extend({
  needed: z.boolean(),
  selector: z.string().optional(),
  proved: z.boolean().default(false),
});
export type StoredRecord = z.infer<typeof StoredRecord>;

const Settings = z.object({
  region: z.string().default("us-east-1"),
  return_path: z.string().optional(),
  open_tracking: z.boolean().default(false),
  click_tracking: z.boolean().default(false),
  tls: z.enum(["enforced", "opportunistic"]).default("opportunistic"),
  sending: z.enum(["enabled", "disabled"]).default("enabled"),
  receiving: z.enum(["enabled", "disabled"]).default("disabled"),
  tracking_subdomain: z.string().optional(),
});

const fromJson = <T extends z.ZodType>(schema: T) => z.string().transform((text) => schema.parse(JSON.parse(text)));
const Row = z.object({
  k: z.int(),
  name: z.string(),
  status: DomainStatus,
  vouched: z.int().transform((flag) => flag === 1),
  settings: fromJson(Settings),
  signers: fromJson(z.array(SealedSigner)),
  records: fromJson(z.array(StoredRecord)),
});
type Domain = z.infer<typeof Row>;

const DOMAIN_LIMIT = 1000;

export class AccountDomains {
  readonly #sql: SqlStorage;
  readonly #account: string;
  /** By name, oldest first. */
  readonly #domains = new Map<string, Domain>();

  constructor(sql: SqlStorage, account: string) {
    this.#sql = sql;
    this.#account = account;
    for (const row of sql.exec("SELECT k, name, status, vouched, settings, signers, records FROM domain ORDER BY k")) {
      const domain = Row.parse(row);
      this.#domains.set(domain.name, domain);
    }
  }

  /** May this domain stand in From? */
  isVerified(name: string): boolean {
    const domain = this.#domains.get(name);
    return domain !== undefined && isTrusted(domain) && domain.settings.sending === "enabled";
  }

  idOf(name: string): string | undefined {
    const domain = this.#domains.get(name);
    return domain && this.#id(domain);
  }

  nameOf(id: string): string | undefined {
    return this.#byId(id)?.name;
  }

  /** The host of the return-path of this domain's mail, when it has one of its own that is proved. */
  returnPathOf(name: string): string | undefined {
    const domain = this.#domains.get(name);
    if (!domain || domain.status !== "verified" || domain.settings.return_path === undefined) return undefined;
    return domain.records.some(({ record }) => record === "SPF") ? `${domain.settings.return_path}.${name}` : undefined;
  }

  requiresTls(name: string): boolean {
    return this.#domains.get(name)?.settings.tls === "enforced";
  }

  /** Keys that may sign for it: those an operator brought, and of our own those whose record is in the DNS. */
  signers(name: string): SealedSigner[] {
    const domain = this.#domains.get(name);
    if (!domain || !isTrusted(domain)) return [];
    const unproved = new Set(domain.records.filter(({ proved }) => !proved).map(({ selector }) => selector));
    return domain.signers.filter(({ selector, standby }) => !standby && !unproved.has(selector));
  }

  /** Why a domain cannot be added; asked before keys are made for it. */
  refusal(name: string): Problem | undefined {
    if (this.#domains.has(name)) return problem("conflict", `The domain ${name} is there already.`);
    return this.#domains.size >= DOMAIN_LIMIT
      ? problem("validation_error", `An account has at most ${DOMAIN_LIMIT} domains.`)
      : undefined;
  }

  create(
    name: string,
    request: CreateDomain,
    signers: SealedSigner[],
    records: StoredRecord[],
    k: number,
  ): DomainDetail | Problem {
    const refused = this.refusal(name);
    if (refused) return refused;
    const settings = Settings.parse({
      ...withoutAbsent({ ...request, ...request.capabilities, return_path: request.custom_return_path ?? "send" }),
    });
    const domain: Domain = { k, name, status: "not_started", vouched: false, settings, signers, records };
    this.#store(domain);
    return this.#detail(domain);
  }

  /** The operator says that the domain is the account's, and may bring keys. Keys it had stay when none come. */
  vouch(name: string, signers: SealedSigner[], k: number): void {
    const before = this.#domains.get(name);
    this.#store({
      k: before?.k ?? k,
      name,
      status: "verified",
      vouched: true,
      settings: before?.settings ?? Settings.parse({}),
      signers: signers.length > 0 ? signers : (before?.signers ?? []),
      records: before?.records ?? [],
    });
  }

  list(query: PageQuery): Page<DomainSummary> | Problem {
    return pageOfRows(
      [...this.#domains.values()].toReversed(),
      (domain) => this.#id(domain),
      query,
      (domain) => this.#summary(domain),
    );
  }

  get(id: string): DomainDetail | Problem {
    const domain = this.#byId(id);
    return domain ? this.#detail(domain) : noSuchDomain();
  }

  update(id: string, change: UpdateDomain): { object: "domain"; id: string } | Problem {
    const domain = this.#byId(id);
    if (!domain) return noSuchDomain();
    const settings = Settings.parse({ ...domain.settings, ...withoutAbsent({ ...change, ...change.capabilities }) });
    this.#store({ ...domain, settings });
    return { object: "domain", id };
  }

  /** What is to be looked up; from now on the domain waits for its records. */
  recordsToVerify(id: string): { name: string; records: StoredRecord[] } | Problem {
    const domain = this.#byId(id);
    if (!domain) return noSuchDomain();
    if (domain.status === "not_started") {
      const records = domain.records.map((record) => ({ ...record, status: "pending" as const }));
      this.#store({ ...domain, status: "pending", records });
    }
    return { name: domain.name, records: domain.records };
  }

  /** What the DNS said of each record, in their order. */
  setStatuses(
    id: string,
    statuses: readonly DomainRecord["status"][],
  ): { object: "domain"; id: string; status: DomainStatus } | Problem {
    const domain = this.#byId(id);
    if (!domain) return noSuchDomain();
    const records = domain.records.map((record, index) => {
      const status = statuses[index] ?? record.status;
      // A look-up that failed takes no key away: mail must not go unsigned because a resolver was down.
      return { ...record, status, proved: status === "temporary_failure" ? record.proved : status === "verified" };
    });
    const status = records.length === 0 ? domain.status : domainStatus(domain.status, records);
    this.#store({ ...domain, status, records });
    return { object: "domain", id, status };
  }

  /** The name that is gone. */
  remove(id: string): string | undefined {
    const domain = this.#byId(id);
    if (!domain) return undefined;
    this.#sql.exec("DELETE FROM domain WHERE k = ?", domain.k);
    this.#domains.delete(domain.name);
    return domain.name;
  }

  #id({ k }: Domain): string {
    return idFormatter(this.#account)(k);
  }

  #byId(id: string): Domain | undefined {
    const k = parseId(this.#account, id);
    return k === undefined ? undefined : [...this.#domains.values()].find((domain) => domain.k === k);
  }

  #store(domain: Domain): void {
    const { k, name, status, vouched, settings, signers, records } = domain;
    const texts = [settings, signers, records].map((part) => JSON.stringify(part));
    this.#sql.exec(
      `INSERT OR REPLACE INTO domain (k, name, status, vouched, settings, signers, records) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      ...[k, name, status, vouched ? 1 : 0, ...texts],
    );
    this.#domains.set(name, domain);
  }

  #summary(domain: Domain): DomainSummary {
    const { region, open_tracking, click_tracking, tls, sending, receiving, tracking_subdomain } = domain.settings;
    return {
      id: this.#id(domain),
      name: domain.name,
      status: domain.vouched ? "verified" : domain.status,
      created_at: new Date(kToMs(domain.k)).toISOString(),
      region,
      capabilities: { sending, receiving },
      open_tracking,
      click_tracking,
      tls,
      ...(tracking_subdomain !== undefined && { tracking_subdomain }),
    };
  }

  #detail(domain: Domain): DomainDetail {
    const records = domain.records.map(({ needed: _, selector: __, proved: ___, ...record }) => record);
    return { object: "domain", ...this.#summary(domain), records };
  }
}

/** A record that breaks later makes a domain `partially_failed`: it still sends, so that a slip in the DNS loses no mail. */
const isTrusted = ({ vouched, status }: Domain): boolean =>
  vouched || status === "verified" || status === "partially_failed";

const withoutAbsent = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined && value !== null));

const noSuchDomain = (): Problem => problem("not_found", "There is no domain with this id.");
