/**
 * A plan published by Cloudflare's API, with a token that is used for it and nowhere kept: one batch, all or nothing.
 *
 * It is done only while the zone's own records are what the plan saw, for a resolver may have answered from its memory.
 * It tries once. Nothing that is returned has the token in it.
 */
import { z } from "zod";
import { cloudflareBatch, type CloudflareRecord } from "#dns/export/cloudflare.ts";
import { formatRecord } from "#dns/export/zone-file.ts";
import { isEdit, sameRecord, type Change, type Edit, type MailRecord } from "#dns/zone.ts";
import { fetchJson } from "./fetch-json.ts";

export type CloudflareOptions = {
  token: string;
  fetch?: typeof fetch;
  /** Another only in tests. */
  baseUrl?: string;
};

export type CloudflarePublication =
  | { kind: "done"; zone: string }
  /** Nothing changed. */
  | { kind: "refused"; reason: string }
  /** It was not done, or nobody knows whether it was: `reason` says which. */
  | { kind: "failed"; reason: string };

const BASE_URL = "https://api.cloudflare.com/client/v4";
/** For all of it. */
const TIMEOUT_MS = 20_000;
const MOST_OCTETS = 1_000_000;
/** From the domain upwards: its zone may be a parent's. */
const MOST_ZONE_NAMES = 4;
const RECORDS_A_PAGE = 1_000;

const Failure = z.object({ errors: z.array(z.object({ code: z.number().optional(), message: z.string() })).min(1) });
const Done = z.object({ success: z.literal(true) });
const Zones = z.object({ result: z.array(z.object({ id: z.string().regex(/^[0-9a-f]{32}$/), name: z.string() })) });
const Records = z.object({
  result: z.array(
    z.object({
      id: z.string().regex(/^[0-9a-f]{32}$/),
      name: z.string(),
      type: z.string(),
      content: z.string().default(""),
      priority: z.number().optional(),
    }),
  ),
  result_info: z.object({ total_pages: z.number() }).optional(),
});

/** Publishes the edits of a plan for a domain. Never rejects. Without any edit nobody is asked. */
export const publishAtCloudflare = async (
  domain: string,
  changes: readonly Change[],
  options: CloudflareOptions,
): Promise<CloudflarePublication> => {
  const edits = changes.filter(isEdit);
  if (edits.length === 0) return { kind: "done", zone: domain };
  // Else `fetch` would refuse the header, and say it.
  if (!/^[\w.~+/=-]{1,300}$/.test(options.token)) return refused("This is no token of Cloudflare’s API.");
  const ask = asker(options);
  const zone = await zoneOf(domain, ask);
  if ("reason" in zone) return zone;
  const listed = await recordsOf(edits, zone.id, ask);
  if ("reason" in listed) return listed;
  const difference = differenceFrom(edits, listed.records);
  if (difference !== undefined)
    return refused(`The zone is not what the plan saw: ${difference}. Make a new plan when resolvers know it too.`);
  const batch = cloudflareBatch(edits, zone.id, listed.records);
  if (batch.kind === "not-found")
    return refused(`The zone has no longer what is to go: ${formatRecord(batch.record)}.`);
  const { method, path, body } = batch.call;
  const done = await ask(Done, path, { method, body: JSON.stringify(body) });
  if (done.kind !== "failed") return done.kind === "read" ? { kind: "done", zone: zone.name } : done;
  return { kind: "failed", reason: `${done.reason} It may have been done: look before you try again.` };
};

const refused = (reason: string): { kind: "refused"; reason: string } => ({ kind: "refused", reason });

type Asked<T> = { kind: "read"; value: T } | { kind: "refused" | "failed"; reason: string };
type Ask = <T>(schema: z.ZodType<T>, path: string, init?: { method: string; body: string }) => Promise<Asked<T>>;

const asker = ({ token, fetch: get = fetch, baseUrl = BASE_URL }: CloudflareOptions): Ask => {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  return async (schema, path, init) => {
    const answer = await fetchJson(get, `${baseUrl}${path}`, { ...init, headers }, { mostOctets: MOST_OCTETS, signal });
    if (answer.kind === "failed") return { kind: "failed", reason: `${answer.reason}.` };
    const failure = Failure.safeParse(answer.body);
    if (failure.success) {
      const said = failure.data.errors.map(({ code, message }) => `${message.slice(0, 300)} (${code ?? "no code"})`);
      return refused(`Cloudflare says: ${said.slice(0, 3).join("; ").replaceAll(token, "…")}.`);
    }
    const read = schema.safeParse(answer.body);
    if (read.success) return { kind: "read", value: read.data };
    return { kind: "failed", reason: `Cloudflare’s answer, with status ${answer.status}, cannot be read.` };
  };
};

type Failed = { kind: "refused" | "failed"; reason: string };

const zoneOf = async (domain: string, ask: Ask): Promise<{ id: string; name: string } | Failed> => {
  const labels = domain.split(".");
  for (let at = 0; at < Math.min(MOST_ZONE_NAMES, labels.length - 1); at++) {
    const zones = await ask(Zones, `/zones?name=${encodeURIComponent(labels.slice(at).join("."))}`);
    if (zones.kind !== "read") return zones;
    const [zone] = zones.value.result;
    if (zone) return zone;
  }
  return refused(`The token sees no zone for ${domain}: it needs Zone Read and DNS Edit for it.`);
};

/** All records of the names that are edited. */
const recordsOf = async (
  edits: readonly Edit[],
  zoneId: string,
  ask: Ask,
): Promise<{ records: CloudflareRecord[] } | Failed> => {
  const records: CloudflareRecord[] = [];
  for (const name of new Set(edits.map(({ to }) => to.name))) {
    const query = `name.exact=${encodeURIComponent(name)}&per_page=${RECORDS_A_PAGE}`;
    const listing = await ask(Records, `/zones/${zoneId}/dns_records?${query}`);
    if (listing.kind !== "read") return listing;
    if ((listing.value.result_info?.total_pages ?? 1) > 1) return refused(`There are too many records at ${name}.`);
    for (const { priority, ...record } of listing.value.result)
      records.push({ ...record, ...(priority !== undefined && { priority }) });
  }
  return { records };
};

/** In what the zone differs from what the plan saw at the names and types that it edits; `undefined`: in nothing. */
const differenceFrom = (edits: readonly Edit[], listed: readonly CloudflareRecord[]): string | undefined => {
  for (const { to } of edits) {
    const seen = seenAt(to.name, edits);
    for (const type of [to.type, "CNAME"] as const) {
      const expected = seen.filter((record) => record.type === type);
      const found = listed.filter((record) => record.name.toLowerCase() === to.name && record.type === type);
      if (found.length !== expected.length)
        return `${to.name} has ${found.length} ${type} record(s), and the plan saw ${expected.length}`;
      // As if they all were to go: each has to be among the listed.
      const purge: Edit = { kind: "replace", purpose: "SPF", from: expected, to, beside: [] };
      const named = cloudflareBatch([purge], "", found);
      if (named.kind === "not-found") return `there is no ${formatRecord(named.record)}`;
    }
  }
  return undefined;
};

const seenAt = (name: string, edits: readonly Edit[]): MailRecord[] => {
  const seen: MailRecord[] = [];
  for (const edit of edits)
    for (const record of [...(edit.kind === "replace" ? edit.from : []), ...edit.beside])
      if (record.name === name && !seen.some((other) => sameRecord(other, record))) seen.push(record);
  return seen;
};
