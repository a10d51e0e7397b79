/**
 * A plan as calls of Cloudflare's API, as data: whoever has the token makes them.
 *
 * All edits go in one batch, which Cloudflare applies whole or not at all, removals first. A record that is to go is
 * named by the id that a listing gave; one that the listing lacks means that the zone is not what the plan saw.
 */
import { isEdit, sameRecord, type Change, type MailRecord } from "../zone.ts";
import { PUBLISHED_TTL_SECONDS, formatData } from "./zone-file.ts";

/** `path` goes behind `https://api.cloudflare.com/client/v4`. */
export type CloudflareListing = { method: "GET"; path: string };
export type CloudflareBatch = {
  method: "POST";
  path: string;
  body: {
    deletes: { id: string }[];
    patches: ({ id: string } & CloudflareContent)[];
    posts: ({ name: string; type: string; ttl: number } & CloudflareContent)[];
  };
};
type CloudflareContent = { content: string; priority?: number };

/** A record as a listing's `result` has it. */
export type CloudflareRecord = { id: string; name: string; type: string; content: string; priority?: number };

/** The listings that the ids are taken from: of each name where something is to go. */
export const cloudflareListings = (changes: readonly Change[], zoneId: string): CloudflareListing[] => {
  const names = new Set(changes.flatMap((change) => (change.kind === "replace" ? [change.to.name] : [])));
  return Array.from(names, (name) => ({ method: "GET", path: `/zones/${zoneId}/dns_records?name.exact=${name}` }));
};

/** `not-found`: the listings lack a record that is to go; look again before anything is changed. */
export type CloudflareResult = { kind: "call"; call: CloudflareBatch } | { kind: "not-found"; record: MailRecord };

/** The one call that makes all edits; `listed`: the records of all listings together. */
export const cloudflareBatch = (
  changes: readonly Change[],
  zoneId: string,
  listed: readonly CloudflareRecord[],
): CloudflareResult => {
  const body: CloudflareBatch["body"] = { deletes: [], patches: [], posts: [] };
  for (const edit of changes.filter(isEdit)) {
    let changed = false;
    for (const record of edit.kind === "replace" ? edit.from : []) {
      const id = listed.find((candidate) => isListed(record, candidate))?.id;
      if (id === undefined) return { kind: "not-found", record };
      // The first of the same type is changed in place: that keeps its TTL, comment and tags.
      if (changed || record.type !== edit.to.type) body.deletes.push({ id });
      else body.patches.push({ id, ...contentOf(edit.to) });
      changed ||= record.type === edit.to.type;
    }
    const { name, type } = edit.to;
    if (!changed) body.posts.push({ name, type, ttl: PUBLISHED_TTL_SECONDS, ...contentOf(edit.to) });
  }
  return { kind: "call", call: { method: "POST", path: `/zones/${zoneId}/dns_records/batch`, body } };
};

const contentOf = (record: MailRecord): CloudflareContent => {
  switch (record.type) {
    case "CNAME":
      return { content: record.data };
    case "MX":
      return { content: record.data.exchange, priority: record.data.preference };
    case "TXT":
      return { content: formatData(record) };
  }
};

const isListed = (record: MailRecord, { name, type, content, priority = 0 }: CloudflareRecord): boolean => {
  if (type !== record.type) return false;
  const at = { name: name.toLowerCase() };
  switch (record.type) {
    case "CNAME":
      return sameRecord(record, { ...at, type: record.type, data: content });
    case "MX":
      return sameRecord(record, { ...at, type: record.type, data: { preference: priority, exchange: content } });
    case "TXT":
      return sameRecord(record, { ...at, type: record.type, data: readContent(content) });
  }
};

/** Records made of late are quoted strings; older ones may be the bare text. */
const readContent = (content: string): Uint8Array[] => {
  const utf8 = new TextEncoder();
  if (!content.startsWith('"')) return [utf8.encode(content)];
  return Array.from(content.matchAll(/"((?:[^"\\]|\\.)*)"/gs), ([, string = ""]) =>
    Uint8Array.from(
      Array.from(string.matchAll(/\\(\d{3})|\\?([^])/gu), ([, code, character = ""]) =>
        code === undefined ? [...utf8.encode(character)] : [Number(code)],
      ).flat(),
    ),
  );
};
