/** A zone after its owner has put a finding's `fix` at the finding's `name`, in the place of what it corrects. */
import type { Finding } from "#dns/finding.ts";
import type { RecordedName, RecordedTxt, RecordedZone } from "#resolvers/recorded.ts";

type Records = Exclude<RecordedName, string>;

export const pasted = (zone: RecordedZone, { code, name, fix = "" }: Finding): RecordedZone => {
  const entry = zone[name] ?? {};
  const { CNAME: _, ...records }: Records = typeof entry === "string" ? {} : entry;
  if (code.startsWith("ptr."))
    return /^[\d.]+$/.test(fix) ? { ...zone, "mx1.relay.test": { A: [fix] } } : { ...zone, [name]: { PTR: [fix] } };
  const [, preference, exchange] = /^(\d+) (\S+)$/.exec(fix) ?? [];
  if (exchange !== undefined)
    return { ...zone, [name]: { ...records, MX: [{ preference: Number(preference), exchange }] } };
  const text = fix.replaceAll(/^"|" "|"$/g, "");
  const group = /^v=(spf|dmarc|dkim)/i.exec(text)?.[1]?.toLowerCase() ?? "";
  // Of a DKIM name all goes; of others what was meant to be the same kind of record.
  const kept = group === "dkim" ? [] : (records.TXT ?? []).filter((held) => !resembles(held, group));
  return { ...zone, [name]: { ...records, TXT: [...kept, text] } };
};

const resembles = (held: RecordedTxt, group: string): boolean =>
  new RegExp(`^\\W*(v\\s*=\\s*)?${group}`, "i").test(typeof held === "string" ? held : held.join(""));
