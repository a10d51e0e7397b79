/**
 * One DMARC record out of those that a name has and what is wished of it.
 *
 * The owner's record stays as it is written, but for the tag that is not enough: a policy that is too mild, a report
 * address that is not there. `t` and `pct` are the owner's way to introduce a policy and stay. Whether the policy is
 * wise, and whether the address may receive reports, is not asked here.
 */
import { appliedPolicies, parseDmarc, type DmarcPolicy, type DmarcRecord } from "./dmarc.ts";
import { formatTagList } from "./tag-list.ts";

/** `rua`: a URI, `mailto:…`. */
export type DmarcWish = { policy: DmarcPolicy; rua?: string };

const STRICTNESS: Record<DmarcPolicy, number> = { none: 0, quarantine: 1, reject: 2 };

/** `none`, `quarantine`, `reject`: from mild to strict. */
export const isAsStrict = (policy: DmarcPolicy, wished: DmarcPolicy): boolean =>
  STRICTNESS[policy] >= STRICTNESS[wished];

/** Whether the wished address is among those of a record; true of none wished. */
export const reportsTo = ({ rua }: DmarcRecord, wished: string | undefined): boolean =>
  wished === undefined || rua.some(({ uri }) => uri.toLowerCase() === wished.toLowerCase());

/** A record that says what is wished and nothing else. */
export const formatDmarcWish = ({ policy, rua }: DmarcWish): string =>
  formatTagList([["v", "DMARC1"], ["p", policy], ...(rua === undefined ? [] : [["rua", rua] as const])]);

/**
 * The record to publish at a name that has `found` DMARC records. A single one that is as strict as wished and reports
 * where it is wished comes back as it is. Of several, which receivers discard (RFC 9989 §4.10), the one that fits
 * best goes on.
 */
export const mergeDmarc = (found: readonly string[], wish: DmarcWish): string => {
  const merged = found.map((text) => fulfil(text, wish));
  const fitting = found.find((text, at) => text === merged[at]);
  return fitting ?? merged[0] ?? formatDmarcWish(wish);
};

/** Of the domain that the record stands at, not of what is below it; `psd` says where it stands (RFC 9989 §4.7). */
const OF_THE_PLACE = ["sp", "np", "psd"];

/**
 * The record of its own for a domain to which `inherited`, further up, applies with `policy`: all that it says stays, but
 * for the tags in `left`, and what is wished is added.
 */
export const inheritDmarc = (
  inherited: string,
  policy: DmarcPolicy,
  wish: DmarcWish,
  left: readonly string[],
): string => {
  const dropped = [...OF_THE_PLACE, ...left];
  const specs = inherited.split(";").filter((spec) => !dropped.includes(nameOf(spec)));
  return fulfil(
    withTag(specs.join(";"), "p", () => policy),
    wish,
  );
};

const fulfil = (text: string, wish: DmarcWish): string => {
  const readable = parseDmarc(text).kind === "malformed" ? withoutRepeats(text) : text;
  const parsed = parseDmarc(readable);
  if (parsed.kind !== "record") return formatDmarcWish(wish);
  const { policy, rua } = wish;
  const { p } = parsed.record;
  const bad = parsed.faults.flatMap((fault) => (fault.kind === "bad-value" ? [fault.tag] : []));
  const usable = withUsable(
    ["sp", "np"].filter((tag) => bad.includes(tag)),
    readable,
  );
  const applies = p !== undefined && p === appliedPolicies(parsed)?.domain;
  const strict = applies && isAsStrict(p, policy) ? usable : withTag(usable, "p", () => policy);
  if (rua === undefined || reportsTo(parsed.record, rua)) return strict;
  return withTag(strict, "rua", (others) => (others === "" ? rua : `${others},${rua}`));
};

/** RFC 9989 §4.10.1: by one that cannot be read, receivers act as if it were `none`: now it says so. */
const withUsable = (bad: readonly string[], text: string): string =>
  bad.reduce((mended, tag) => withTag(mended, tag, () => "none"), text);

const nameOf = (spec: string): string => spec.split("=", 1).join("").trim();

/** RFC 6376 §3.2: a tag that is there twice makes the list invalid; the first of its kind stays. */
const withoutRepeats = (text: string): string => {
  const seen = new Set<string>();
  const specs = text.split(";").filter((spec) => {
    const name = nameOf(spec);
    const repeated = name !== "" && seen.has(name);
    seen.add(name);
    return !repeated;
  });
  return specs.join(";");
};

/** The text with one tag's value changed, or with the tag: `p` behind the version, where RFC 7489 wants it. */
const withTag = (text: string, name: string, value: (old: string) => string): string => {
  const specs = text.split(";");
  const at = specs.findIndex((spec) => nameOf(spec) === name);
  const spec = specs[at];
  if (spec !== undefined) {
    const [lead = ""] = /^[ \t]*/.exec(spec) ?? [];
    const old = spec.slice(nameOf(spec).length + lead.length).replace(/^[ \t]*=/, "");
    return specs.with(at, `${lead}${name}=${value(old.trim())}`).join(";");
  }
  const end = specs.at(-1)?.trim() === "" ? specs.length - 1 : specs.length;
  return specs.toSpliced(name === "p" ? 1 : end, 0, ` ${name}=${value("")}`).join(";");
};
