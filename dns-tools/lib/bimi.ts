/**
 * BIMI (draft-brand-indicators-for-message-identification-14): the record that names a domain's logo, and the DMARC
 * policy without which no mailbox provider shows it.
 *
 * Logo and certificate are not fetched: whether they are what providers take is not known here.
 */
import { lookUpBonus, unusableBonus, type BonusKind } from "./bonus-record.ts";
import { discoverPolicy, type Discovery } from "./dmarc-discovery.ts";
import type { Finding } from "./finding.ts";
import { shown } from "./look-up-findings.ts";
import type { Resolve } from "./resolver.ts";
import { parseTagList } from "./tag-list.ts";

const DRAFT = "draft-brand-indicators-for-message-identification-14";
const SHOWN_CHARACTERS = 100;

export type BimiRecord =
  /** `authority`: the certificate without which Gmail and Apple show no logo. */
  | { kind: "logo"; logo: string; authority?: string }
  /** The domain says that it has none. */
  | { kind: "declined" }
  /** `reason`: a clause that follows "for". */
  | { kind: "malformed"; reason: string };

/** Reads the text of a record, its strings joined (§4.3 of the draft). */
export const parseBimi = (text: string): BimiRecord => {
  const parsed = parseTagList(text);
  if (parsed.kind === "malformed") return parsed;
  const { tags } = parsed;
  const [logo, authority = ""] = [tags.get("l"), tags.get("a")];
  const malformed = (reason: string): BimiRecord => ({ kind: "malformed", reason: reason.slice(0, SHOWN_CHARACTERS) });
  if (logo === undefined) return malformed("it has no `l=` with the URL of a logo");
  if (logo === "" && authority === "") return { kind: "declined" };
  if (!isHttpsUrl(logo)) return malformed("its l= is not an https: URL");
  if (!isSvg(logo)) return malformed("its l= is not an SVG file, the only form of a logo");
  if (authority !== "" && !isHttpsUrl(authority)) return malformed("its a= is not an https: URL");
  return { kind: "logo", logo, ...(authority !== "" && { authority }) };
};

const isHttpsUrl = (text: string): boolean => /^https:\/\//i.test(text) && URL.canParse(text);

/** By the end of its path, where that has one. */
const isSvg = (url: string): boolean => {
  const [, extension = "svg"] = /\.([a-z0-9]{1,5})$/i.exec(new URL(url).pathname) ?? [];
  return /^svgz?$/i.test(extension);
};

const BIMI: BonusKind = {
  what: "BIMI",
  start: "v=BIMI1;",
  counts: (text) => /^v[ \t]*=[ \t]*BIMI1[ \t]*(?:;|$)/.test(text),
  resembles: /^\W*v\s*=\s*bimi/i,
  effect: "no logo is shown",
  codes: { multiple: "bimi.multiple", syntax: "bimi.syntax" },
  rfc: `${DRAFT} §4.3`,
};

/** None without a record; `bimi.missing` with the status `pass` when all is right that can be seen. */
export const bimiFindings = async (domain: string, resolve: Resolve, signal?: AbortSignal): Promise<Finding[]> => {
  const lookUp = (at: string) => lookUpBonus(`default._bimi.${at}`, BIMI, resolve, signal);
  const [own, discovery] = await Promise.all([lookUp(domain), discoverPolicy(domain, resolve, signal)]);
  // §7.2 of the draft: without a record of the domain, that of its Organizational Domain holds.
  const { organizationalDomain = domain } = discovery.walk;
  const inherited = own.kind === "none" && organizationalDomain !== domain;
  const found = inherited ? await lookUp(organizationalDomain) : own;
  const name = `default._bimi.${inherited ? organizationalDomain : domain}`;
  if (found.kind === "none") return [];
  if (found.kind === "fault") return [found.finding];
  const { evidence } = found;
  const record = parseBimi(found.text);
  if (record.kind === "malformed") return [unusableBonus(name, BIMI, { reason: record.reason, evidence })];
  const say = (code: `bimi.${"missing" | "not-enforced"}`, status: "pass" | "warn", text: string): Finding[] => [
    { code, status, name, text: shown(text), evidence, rfc: code === "bimi.missing" ? BIMI.rfc : `${DRAFT} §7.1` },
  ];
  if (record.kind === "declined") return say("bimi.missing", "pass", `${name} says that ${domain} shows no logo.`);
  // Without DMARC no logo is shown, and that there is none, or that nobody knows, is told as DMARC's.
  if (discovery.kind !== "policy") return [];
  const lax = laxPolicy(discovery);
  if (lax !== undefined) {
    const text = `${name} names a logo, but no provider shows it, for the DMARC record at ${lax.name} ${lax.reason}. Go on to p=quarantine or p=reject there, for all mail and for subdomains.`;
    return say("bimi.not-enforced", "warn", text);
  }
  const certificate = record.authority === undefined ? "; without a certificate (a=) Gmail and Apple do not" : "";
  return say(
    "bimi.missing",
    "pass",
    `Providers may show the logo ${record.logo} beside mail of ${domain}${certificate}.`,
  );
};

/** Why the policy does not do (§7.1 of the draft). */
const laxPolicy = ({
  found,
  policyDomain,
}: Extract<Discovery, { kind: "policy" }>): { name: string; reason: string } | undefined => {
  const { p, sp, t, others } = found.record;
  const name = `_dmarc.${policyDomain}`;
  const percentage = others.find(([tag]) => tag === "pct")?.[1];
  if (p === undefined || p === "none") return { name, reason: "has no p=quarantine or p=reject" };
  if (sp === "none") return { name, reason: "says sp=none" };
  if (t === "y") return { name, reason: "says t=y, which is a test" };
  if (p === "quarantine" && percentage !== undefined && percentage !== "100")
    return { name, reason: `says pct=${percentage}` };
  return undefined;
};
