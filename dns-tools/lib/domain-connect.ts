/**
 * Domain Connect (draft-ietf-dconn-domainconnect-03): our template, and the link by which a domain's owner has the DNS
 * host apply it.
 *
 * The template is the same for all customers of a sender: keys and the report address are its variables, and each kind
 * of record is a group, so that a link asks for what is missing and no more. A DMARC record that is there already is
 * never touched by it: merging is for the plan. Nothing is fetched here.
 */
import { formatDkimRecord, parseDkimRecord } from "./dkim-record.ts";
import { formatDmarcWish, type DmarcWish } from "./dmarc-merge.ts";
import { parseDomain } from "./domain.ts";
import { PUBLISHED_TTL_SECONDS, relativeName } from "./export/zone-file.ts";
import type { Requirement } from "./need.ts";
import type { RequiredRecord } from "./requirement.ts";
import { isEdit, type Change } from "./zone.ts";

/** Who signs links: the public key is published at `label` below `domain` (§6.4). */
export type LinkSigner = { privateKey: CryptoKey; label: string; domain: string };

type Group = "bounce" | "spf" | "dkim" | "dmarc";
type TemplateRecord = { groupId: Group; host: string } & (
  | { type: "MX"; pointsTo: string; priority: number; ttl: number }
  | { type: "SPFM"; spfRules: string }
  | { type: "TXT"; data: string; ttl: number; txtConflictMatchingMode: "All" }
  | { type: "TXT"; data: string; ttl: number; txtConflictMatchingMode: "Prefix"; txtConflictMatchingPrefix: string }
);
export type DomainConnectTemplate = {
  providerId: string;
  providerName: string;
  serviceId: string;
  serviceName: string;
  version: number;
  description: string;
  variableDescription: string;
  syncPubKeyDomain?: string;
  warnPhishing?: true;
  records: TemplateRecord[];
};

/** Of the template within what a sender offers. */
export const SERVICE_ID = "mail";

/** A sender is known by its domain (§6.1); `undefined`: it has none that can be an id (§3). */
export const providerIdOf = (includes: readonly string[]): string | undefined =>
  includes.find((name) => /^[a-z0-9._-]{1,63}$/i.test(name));

/** The template of who sends as `requirement` says. */
export const buildTemplate = (
  { records, apexSpf, dmarc }: Requirement,
  providerId: string,
  signer?: LinkSigner,
): DomainConnectTemplate => {
  let keys = 0;
  return {
    providerId,
    providerName: providerId,
    serviceId: SERVICE_ID,
    serviceName: "Sending mail",
    version: 1,
    description: "Lets the provider send mail for the domain: return-path, SPF, DKIM and DMARC.",
    variableDescription: "dkim1, dkim2, …: public DKIM keys in base64; rua: the address that DMARC reports go to",
    // §6.1: variables that no signature vouches for may be a phisher's.
    ...(signer ? { syncPubKeyDomain: signer.domain } : { warnPhishing: true }),
    records: [
      ...records.map((record) => templateRecord(record, () => variableOfKey(keys++))),
      ...(apexSpf === undefined ? [] : [spfRecord("@", apexSpf)]),
      ...(dmarc === undefined ? [] : [dmarcRecord(dmarc)]),
    ],
  };
};

const variableOfKey = (at: number): string => `dkim${at + 1}`;

const templateRecord = (record: RequiredRecord, nextVariable: () => string): TemplateRecord => {
  const { purpose, name, type, value, priority = 0 } = record;
  const ttl = PUBLISHED_TTL_SECONDS;
  if (type === "MX") return { groupId: "bounce", type, host: name, pointsTo: value, priority, ttl };
  if (purpose === "SPF") return spfRecord(name, value);
  const data = formatDkimRecord({ ...keyIn(record), publicKeyBase64: `%${nextVariable()}%` });
  return { groupId: "dkim", type, host: name, data, ttl, txtConflictMatchingMode: "All" };
};

const keyIn = ({ name, value }: RequiredRecord) => {
  const parsed = parseDkimRecord(value);
  if (parsed.kind !== "key") throw new Error(`the record required for ${name} is no DKIM key record`);
  return parsed.key;
};

/** §6.2: the host merges these terms into the SPF record that it finds; version and `all` are its own. */
const spfRecord = (host: string, spf: string): TemplateRecord => ({
  groupId: "spf",
  type: "SPFM",
  host,
  spfRules: spf
    .split(" ")
    .filter((term) => term !== "v=spf1" && !/^[-+?~]?all$/.test(term))
    .join(" "),
});

const dmarcRecord = ({ policy, rua }: DmarcWish): TemplateRecord => ({
  groupId: "dmarc",
  type: "TXT",
  host: "_dmarc",
  data: formatDmarcWish({ policy, ...(rua !== undefined && { rua: "mailto:%rua%" }) }),
  ttl: PUBLISHED_TTL_SECONDS,
  // Two records would be none (RFC 9989 §4.10).
  txtConflictMatchingMode: "Prefix",
  txtConflictMatchingPrefix: "v=DMARC1",
});

/**
 * What a plan leaves for a link: `groups` of the template, and what the owner has to change by hand. A host applies a
 * whole group: while anything is in conflict, nothing is left.
 */
export type Applicable = { groups: Group[]; byHand: Change[] };

export const applicableTo = (changes: readonly Change[]): Applicable => {
  const isOpen = changes.every(({ kind }) => kind !== "conflict");
  const edits = isOpen ? changes.filter(isEdit) : [];
  const byHand = edits.filter((edit) => edit.purpose === "DMARC" && edit.kind === "replace");
  const groups = edits.filter((edit) => !byHand.includes(edit)).map(({ purpose, to }) => groupOf(purpose, to.type));
  return { groups: [...new Set(groups)], byHand };
};

const groupOf = (purpose: Change["purpose"], type: string): Group =>
  purpose === "DKIM" ? "dkim" : purpose === "DMARC" ? "dmarc" : type === "MX" ? "bounce" : "spf";

/** Where a host's settings are, by the text of its TXT record `_domainconnect` (§7); `undefined`: it is no such place. */
export const settingsUrl = (text: string, apex: string): string | undefined => {
  const [, authority = "", path = ""] = /^([^/?#@:]+)((?:\/[\w.~-]+)*)\/?$/.exec(text.trim()) ?? [];
  return isPublicName(authority) ? `https://${authority}${path}/v2/${apex}/settings` : undefined;
};

/**
 * A name that may be on the public internet, and no address. A zone's owner may write any name there: of those that
 * are visited, https proves that they are whose they say.
 */
export const isPublicName = (name: string): boolean => {
  const parsed = parseDomain(name);
  if (parsed.kind !== "domain" || !parsed.domain.includes(".") || LOCAL.test(parsed.domain)) return false;
  // `0x7f.1` is 127.0.0.1 to whoever reads URLs.
  return URL.parse(`https://${parsed.domain}/`)?.hostname === parsed.domain;
};

/** RFC 6761, RFC 6762, RFC 8375, RFC 9476. */
const LOCAL = /(^|\.)(localhost|local|localdomain|internal|home\.arpa|lan|alt|invalid|onion)$/;

export type Application = {
  /** Of the host's settings. */
  urlSyncUX: string;
  providerId: string;
  requirement: Requirement;
  groups: readonly Group[];
  /** Of the zone that holds the domain. */
  apex: string;
};

/** The link of the synchronous flow (§8.3); signed when there is who signs. */
export const applyUrl = async (application: Application, signer?: LinkSigner): Promise<string> => {
  const { urlSyncUX, providerId, requirement, groups, apex } = application;
  const { domain } = requirement;
  const parameters: [string, string][] = [
    ["domain", apex],
    ...(domain === apex ? [] : [["host", relativeName(domain, apex, "")] satisfies [string, string]]),
    ["groupId", groups.join(",")],
    ...variablesOf(requirement, groups),
  ];
  // §8.3.2.1: in the order of the encoded names, and the link has it as it was signed.
  const query = parameters
    .map(([name, value]): [string, string] => [percentEncode(name), percentEncode(value)])
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const base = `${urlSyncUX.replace(/\/$/, "")}/v2/domainTemplates/providers/${providerId}/services/${SERVICE_ID}/apply`;
  return `${base}?${signer ? await sign(query, signer) : query}`;
};

const variablesOf = ({ records, dmarc }: Requirement, groups: readonly Group[]): [string, string][] => {
  const keys = groups.includes("dkim") ? records.filter(({ purpose }) => purpose === "DKIM") : [];
  const rua = groups.includes("dmarc") ? dmarc?.rua : undefined;
  return [
    ...keys.map((record, at): [string, string] => [variableOfKey(at), keyIn(record).publicKeyBase64]),
    ...(rua === undefined ? [] : [["rua", rua.replace(/^mailto:/, "")] satisfies [string, string]]),
  ];
};

/** RFC 3986 §2.3: only unreserved characters stay. */
const percentEncode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (reserved) => `%${reserved.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** RS256 (§8.3.2.1). */
const sign = async (query: string, { privateKey, label }: LinkSigner): Promise<string> => {
  const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", privateKey, new TextEncoder().encode(query));
  const base64 = btoa(String.fromCharCode(...new Uint8Array(signature)));
  return `${query}&sig=${percentEncode(base64)}&key=${percentEncode(label)}`;
};
