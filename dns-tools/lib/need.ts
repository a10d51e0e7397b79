/**
 * What a plan has to bring about: one need for each record of a requirement.
 *
 * Each kind of record has a file of its own, which knows when what stands is good enough, and what of the owner's must
 * not be touched.
 */
import { dkimNeed } from "./dkim-need.ts";
import type { DmarcWish } from "./dmarc-merge.ts";
import { dmarcNeed } from "./dmarc-need.ts";
import { mxNeed, mxRecord } from "./mx-need.ts";
import type { RequiredRecord } from "./requirement.ts";
import { spfNeed } from "./spf-need.ts";
import type { Need } from "./verdict.ts";
import type { ZoneRecord } from "./zone.ts";

export type Requirement = {
  domain: string;
  /** `sendingRecords`: their names are relative to the domain. */
  records: readonly RequiredRecord[];
  /** The SPF record of the domain itself, which is the owner's, is to let those send that this one does. */
  apexSpf?: string;
  dmarc?: DmarcWish;
};

/** In the order in which they are to be published: the owner's policy last. */
export const needsOf = ({ domain, records, apexSpf, dmarc }: Requirement): Need[] => [
  ...records.map((record) => needOf(domain.toLowerCase(), record, records)),
  ...(apexSpf === undefined ? [] : [spfNeed(domain, apexSpf, belowInstead(domain))]),
  ...(dmarc === undefined ? [] : [dmarcNeed(domain, dmarc)]),
];

const needOf = (domain: string, record: RequiredRecord, all: readonly RequiredRecord[]): Need => {
  const name = `${record.name}.${domain}`.toLowerCase();
  const mxOf = ({ value, priority = 0 }: RequiredRecord): ZoneRecord<"MX"> => mxRecord(name, value, priority);
  if (record.type === "MX") return mxNeed(mxOf(record), freshInstead(name, domain));
  if (record.purpose === "DKIM") return dkimNeed(name, record.value);
  const bounce = all.find((other) => other.type === "MX" && other.name === record.name);
  return spfNeed(name, record.value, freshInstead(name, domain), bounce && mxOf(bounce));
};

const belowInstead = (domain: string): string =>
  `Send with a return-path below it instead, such as send.${domain}: then nothing of ours has to stand here.`;

const freshInstead = (name: string, domain: string): string =>
  `Choose a return-path that nothing else uses, such as ${name === `send.${domain}` ? "bounce" : "send"}.${domain}.`;
