/**
 * DMARC policy records (RFC 9989 §4.7): read as a receiver reads them, and written.
 *
 * Reading is lenient where the RFC is: what is wrong in one tag costs that tag, not the record, and is told as a
 * fault. Only the version, and a tag that is there twice, decide over the whole. RFC 7489, which it replaced, had no
 * `t`, `psd` and `np`, wanted `p` in second place, and had `pct`, `rf`, `ri` and a size behind report addresses:
 * those are kept as written and count for nothing. Where a record stands is not known here.
 */
import { parseDomain } from "./domain.ts";
import { formatTagList } from "./tag-list.ts";

export type DmarcPolicy = "none" | "quarantine" | "reject";
/** `r`: the Organizational Domains are to be the same. `s`: the names are. */
export type AlignmentMode = "r" | "s";
export type FailureOption = "0" | "1" | "d" | "s";

export type ReportUri = {
  /** As written, without the size. */
  uri: string;
  /** Of a `mailto:`, the only scheme that receivers have to know: the domain that gets the reports. */
  mailDomain?: string;
  /** The largest report, such as `10m`: RFC 7489 §6.2 only, ignored since. */
  size?: string;
};

/** The tags by their names; what is not there has its default, and lists are empty. */
export type DmarcRecord = {
  p?: DmarcPolicy;
  /** For subdomains that exist. */
  sp?: DmarcPolicy;
  /** For subdomains that do not. */
  np?: DmarcPolicy;
  adkim: AlignmentMode;
  aspf: AlignmentMode;
  /** `y`: to be applied is one level less than the policy. */
  t: "y" | "n";
  /** `y`: a public suffix. `n`: an Organizational Domain. `u`: the tree walk finds out. */
  psd: "y" | "n" | "u";
  rua: readonly ReportUri[];
  ruf: readonly ReportUri[];
  fo: readonly FailureOption[];
  /** Tags that mean nothing in RFC 9989, historic and unknown ones, in their order. */
  others: readonly (readonly [name: string, value: string])[];
};

/** What a receiver passes over; names and values as written. */
export type DmarcFault =
  | { kind: "not-a-tag"; text: string }
  /** The default holds instead; in a list of addresses, the others do. */
  | { kind: "bad-value"; tag: string; value: string }
  | { kind: "historic-tag" | "historic-size" | "unknown-tag"; tag: string; value: string };

export type DmarcResult =
  | { kind: "record"; record: DmarcRecord; faults: readonly DmarcFault[] }
  /** Some other TXT record: it does not begin with the version. */
  | { kind: "not-dmarc" }
  | { kind: "malformed"; reason: string };

/** RFC 9989 §4.8: the name of this tag in any case, its value exactly. */
const VERSION = /^[ \t]*[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/;
const TAG = /^([A-Za-z][A-Za-z0-9_]*)[ \t\r\n]*=[ \t\r\n]*([^]*)$/;
/** RFC 3986 §2 and §3, where `,` and `!` must be percent-encoded (RFC 9989 §4.8). */
const URI = /^[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9._~:/?#[\]@$&'()*+;=-]|%[0-9A-Fa-f]{2})*$/;
const SIZED_URI = /^([^]*)!(\d+[kmgt]?)$/i;
const MAILTO = /^mailto:[^?]+@([^?@]+)(?:\?|$)/i;
const QUOTED_CHARACTERS = 60;

/** What RFC 9989 dropped. */
export const HISTORIC_TAGS: readonly string[] = ["pct", "rf", "ri"];
const POLICIES = ["none", "quarantine", "reject"] as const;
const MODES = ["r", "s"] as const;
const FAILURE_OPTIONS = ["0", "1", "d", "s"] as const;
const KNOWN_TAGS = ["p", "sp", "np", "adkim", "aspf", "t", "psd", "rua", "ruf", "fo"];

/** Folding white space only (RFC 6376 §2.8): `trim` would hide a no-break space, which receivers see. */
const trimSpace = (text: string): string => {
  let [start, end] = [0, text.length];
  while (start < end && " \t\r\n".includes(text.charAt(start))) start++;
  while (end > start && " \t\r\n".includes(text.charAt(end - 1))) end--;
  return text.slice(start, end);
};

/** Reads the text of a TXT record, its strings joined. */
export const parseDmarc = (text: string): DmarcResult => {
  if (!VERSION.test(text)) return { kind: "not-dmarc" };
  const faults: DmarcFault[] = [];
  const tags = new Map<string, string>();
  for (const part of text.split(";").slice(1)) {
    const spec = trimSpace(part);
    if (spec === "") continue;
    const [, name, value] = TAG.exec(spec) ?? [];
    if (name === undefined || value === undefined) {
      faults.push({ kind: "not-a-tag", text: spec.slice(0, QUOTED_CHARACTERS) });
      continue;
    }
    // RFC 6376 §3.2, whose syntax RFC 9989 §4.7 takes over: the same name twice makes the whole list invalid.
    if (name === "v" || tags.has(name)) return { kind: "malformed", reason: `the tag \`${name}\` is there twice` };
    tags.set(name, value);
  }
  return { kind: "record", record: readTags(tags, faults), faults };
};

const readTags = (tags: ReadonlyMap<string, string>, faults: DmarcFault[]): DmarcRecord => {
  /** RFC 9989 §4.8: these values are the same in any case. A wrong one counts as absent (§4.7). */
  const choice = <T extends string>(tag: string, allowed: readonly T[]): T | undefined => {
    const value = tags.get(tag);
    const chosen = allowed.find((word) => word === value?.toLowerCase());
    if (value !== undefined && chosen === undefined) faults.push({ kind: "bad-value", tag, value });
    return chosen;
  };
  const [p, sp, np] = [choice("p", POLICIES), choice("sp", POLICIES), choice("np", POLICIES)];
  const record: DmarcRecord = {
    ...(p && { p }),
    ...(sp && { sp }),
    ...(np && { np }),
    adkim: choice("adkim", MODES) ?? "r",
    aspf: choice("aspf", MODES) ?? "r",
    t: choice("t", ["y", "n"] as const) ?? "n",
    psd: choice("psd", ["y", "n", "u"] as const) ?? "u",
    rua: readUris("rua", tags, faults),
    ruf: readUris("ruf", tags, faults),
    fo: readFailureOptions(tags.get("fo"), faults),
    others: [...tags].filter(([name]) => !KNOWN_TAGS.includes(name)),
  };
  for (const [tag, value] of record.others)
    faults.push({ kind: HISTORIC_TAGS.includes(tag) ? "historic-tag" : "unknown-tag", tag, value });
  return record;
};

const readUris = (tag: "rua" | "ruf", tags: ReadonlyMap<string, string>, faults: DmarcFault[]): ReportUri[] => {
  const uris: ReportUri[] = [];
  for (const part of tags.get(tag)?.split(",") ?? []) {
    const written = trimSpace(part);
    const [, sized, size] = SIZED_URI.exec(written) ?? [];
    const uri = sized ?? written;
    const mailDomain = mailDomainOf(uri);
    if (!URI.test(uri) || (/^mailto:/i.test(uri) && mailDomain === undefined)) {
      faults.push({ kind: "bad-value", tag, value: written.slice(0, QUOTED_CHARACTERS) });
      continue;
    }
    if (size !== undefined) faults.push({ kind: "historic-size", tag, value: written });
    uris.push({ uri, ...(mailDomain !== undefined && { mailDomain }), ...(size !== undefined && { size }) });
  }
  return uris;
};

const mailDomainOf = (uri: string): string | undefined => {
  const host = MAILTO.exec(uri)?.[1];
  const parsed = host === undefined ? undefined : parseDomain(host);
  return parsed?.kind === "domain" ? parsed.domain : undefined;
};

const readFailureOptions = (value: string | undefined, faults: DmarcFault[]): FailureOption[] => {
  if (value === undefined) return [];
  const options: FailureOption[] = [];
  for (const word of value.toLowerCase().split(":")) {
    const option = FAILURE_OPTIONS.find((known) => known === trimSpace(word));
    if (option) options.push(option);
    else faults.push({ kind: "bad-value", tag: "fo", value: word });
  }
  return options;
};

/** The record in one order, without what is the default; `parseDmarc` gives the same record back. */
export const formatDmarc = (record: DmarcRecord): string => {
  const tags: (readonly [string, string])[] = [["v", "DMARC1"]];
  const add = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== "") tags.push([name, value]);
  };
  // RFC 7489 §6.3: `p` comes second.
  add("p", record.p);
  add("sp", record.sp);
  add("np", record.np);
  add("adkim", record.adkim === "s" ? "s" : undefined);
  add("aspf", record.aspf === "s" ? "s" : undefined);
  add("t", record.t === "y" ? "y" : undefined);
  add("psd", record.psd === "u" ? undefined : record.psd);
  add("rua", formatUris(record.rua));
  add("ruf", formatUris(record.ruf));
  add("fo", record.fo.join(":"));
  return formatTagList([...tags, ...record.others]);
};

const formatUris = (uris: readonly ReportUri[]): string =>
  uris.map(({ uri, size }) => (size === undefined ? uri : `${uri}!${size}`)).join(",");

/** What a receiver acts on. `domain`: for the domain of the record; the others for what is below it. */
export type AppliedPolicies = { domain: DmarcPolicy; subdomain: DmarcPolicy; nonexistent: DmarcPolicy };

/** Policies after RFC 9989 §4.10.1, before `t`; undefined: the record asks for nothing, as if there were none. */
export const appliedPolicies = ({
  record: { p, sp, np, rua },
  faults,
}: Extract<DmarcResult, { kind: "record" }>): AppliedPolicies | undefined => {
  const unusable = faults.some((fault) => fault.kind === "bad-value" && ["p", "sp", "np"].includes(fault.tag));
  if (p !== undefined && !unusable) return { domain: p, subdomain: sp ?? p, nonexistent: np ?? sp ?? p };
  // RFC 9989 §4.10.1: without a usable policy, the wish for reports makes it p=none.
  return rua.length > 0 ? { domain: "none", subdomain: "none", nonexistent: "none" } : undefined;
};

/** RFC 9989 §4.7, `t`: one level below. */
export const onTrial = (policy: DmarcPolicy): DmarcPolicy => (policy === "reject" ? "quarantine" : "none");
