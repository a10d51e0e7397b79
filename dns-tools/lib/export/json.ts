/**
 * A plan as JSON: what programs read and pages show.
 *
 * A record has its value as text, ready to paste, and its data as a zone file has it, which is exact where the octets
 * are no text. The names of the fields are stable.
 */
import { textOf, type Change, type MailRecord, type Purpose } from "../zone.ts";
import { PUBLISHED_TTL_SECONDS, formatData } from "./zone-file.ts";

export type JsonRecord = {
  name: string;
  type: "CNAME" | "MX" | "TXT";
  /** The text of a TXT, uncut; of others the host, without the dot at its end. */
  value: string;
  /** Of an MX. */
  priority?: number;
  data: string;
};

export type JsonChange =
  | { action: "keep"; purpose: Purpose; record: JsonRecord; caution?: string }
  | { action: "add"; purpose: Purpose; record: JsonRecord; ttl: number; caution?: string }
  | { action: "replace"; purpose: Purpose; from: JsonRecord[]; record: JsonRecord; ttl: number; caution?: string }
  /** Nothing is to be changed there, and nothing else to be published before it is settled. */
  | { action: "conflict"; purpose: Purpose; name: string; type: "MX" | "TXT"; standing: JsonRecord[]; text: string }
  | { action: "unknown"; purpose: Purpose; name: string; type: "MX" | "TXT"; reason: string };

/** The steps in their order. */
export const planAsJson = (changes: readonly Change[]): JsonChange[] => changes.map(changeAsJson);

const changeAsJson = (change: Change): JsonChange => {
  const { purpose } = change;
  switch (change.kind) {
    case "keep":
      return { action: change.kind, purpose, record: recordAsJson(change.record), ...cautionOf(change) };
    case "add":
      return {
        action: change.kind,
        purpose,
        record: recordAsJson(change.to),
        ttl: PUBLISHED_TTL_SECONDS,
        ...cautionOf(change),
      };
    case "replace":
      return {
        action: change.kind,
        purpose,
        from: change.from.map(recordAsJson),
        record: recordAsJson(change.to),
        ttl: PUBLISHED_TTL_SECONDS,
        ...cautionOf(change),
      };
    case "conflict": {
      const { kind: action, name, type, standing, text } = change;
      return { action, purpose, name, type, standing: standing.map(recordAsJson), text };
    }
    case "unknown":
      return { action: change.kind, purpose, name: change.name, type: change.type, reason: change.reason };
  }
};

const cautionOf = ({ caution }: { caution?: string }): { caution?: string } =>
  caution === undefined ? {} : { caution };

const recordAsJson = (record: MailRecord): JsonRecord => ({
  name: record.name,
  type: record.type,
  value: textOf(record),
  ...(record.type === "MX" && { priority: record.data.preference }),
  data: formatData(record),
});
