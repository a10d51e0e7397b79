/**
 * A sending domain as it is kept: one row, its parts as JSON, read whole and held in memory.
 */
import { z } from "zod";
import { DomainFinding, DomainRecord, DomainStatus, MtaStsSetting, WhenBroken } from "#contract/domain.ts";

/** A DKIM key at rest. */
export const SealedSigner = z.object({
  selector: z.string(),
  algorithm: z.enum(["rsa-sha256", "ed25519-sha256"]),
  sealed: z.string(),
  /** Made for rotation: it signs when it takes over, not before. */
  standby: z.boolean().optional(),
});
export type SealedSigner = z.infer<typeof SealedSigner>;

/** `proved`, `doubted_ms`: see `core/domain-look.ts`. */
const StoredRecord = DomainRecord.extend({
  needed: z.boolean(),
  selector: z.string().optional(),
  proved: z.boolean().default(false),
  doubted_ms: z.number().optional(),
});
export type StoredRecord = z.infer<typeof StoredRecord>;

/** `id`: of the record that announces the policy. */
const MtaSts = MtaStsSetting.extend({ max_age: z.int(), id: z.string() });
export type MtaSts = z.infer<typeof MtaSts>;

export const DomainSettings = z.object({
  region: z.string().default("us-east-1"),
  return_path: z.string().optional(),
  open_tracking: z.boolean().default(false),
  click_tracking: z.boolean().default(false),
  tls: z.enum(["enforced", "opportunistic"]).default("opportunistic"),
  sending: z.enum(["enabled", "disabled"]).default("enabled"),
  receiving: z.enum(["enabled", "disabled"]).default("disabled"),
  tracking_subdomain: z.string().optional(),
  when_broken: WhenBroken.default("warn"),
  unsubscribe: z.boolean().default(false),
  mta_sts: MtaSts.optional(),
});

const fromJson = <T extends z.ZodType>(schema: T) => z.string().transform((text) => schema.parse(JSON.parse(text)));
const flag = z.int().transform((value) => value === 1);
const Row = z.object({
  k: z.int(),
  name: z.string(),
  status: DomainStatus,
  vouched: flag,
  whole: flag,
  settings: fromJson(DomainSettings),
  signers: fromJson(z.array(SealedSigner)),
  records: fromJson(z.array(StoredRecord)),
  findings: fromJson(z.array(DomainFinding)),
  checked_ms: z.number().nullable(),
  look_ms: z.number().nullable(),
});

/**
 * `wasWhole`: it was verified once. `checkedMs`: of the last look at the DNS, with what `findings` it saw wrong; `lookMs`:
 * when the next is due.
 */
export type Domain = Omit<z.infer<typeof Row>, "whole" | "checked_ms" | "look_ms"> & {
  wasWhole: boolean;
  checkedMs: number | undefined;
  lookMs: number | undefined;
};

const COLUMNS = "k, name, status, vouched, whole, settings, signers, records, findings, checked_ms, look_ms";

/** Oldest first. */
export const readDomains = (sql: SqlStorage): Domain[] =>
  sql
    .exec(`SELECT ${COLUMNS} FROM domain ORDER BY k`)
    .toArray()
    .map((row) => {
      const { whole, checked_ms, look_ms, ...domain } = Row.parse(row);
      return { ...domain, wasWhole: whole, checkedMs: checked_ms ?? undefined, lookMs: look_ms ?? undefined };
    });

export const writeDomain = (sql: SqlStorage, domain: Domain): void => {
  const { k, name, status, vouched, wasWhole, settings, signers, records, findings, checkedMs, lookMs } = domain;
  const texts = [settings, signers, records, findings].map((part) => JSON.stringify(part));
  sql.exec(
    `INSERT OR REPLACE INTO domain (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[k, name, status, vouched ? 1 : 0, wasWhole ? 1 : 0, ...texts, checkedMs ?? null, lookMs ?? null],
  );
};
