/**
 * TLS-RPT (RFC 8460): the record at `_smtp._tls.<domain>` that asks senders to report how TLS to the domain's MX went.
 *
 * Whether anybody takes the reports is not asked: senders need no permission of those who get them.
 */
import { lookUpBonus, unusableBonus, type BonusKind } from "./bonus-record.ts";
import { parseDomain } from "./domain.ts";
import type { Finding } from "./finding.ts";
import { shown } from "./look-up-findings.ts";
import type { Resolve } from "./resolver.ts";
import { hasVersion, parseVersionedFields } from "./versioned-fields.ts";

const VERSION = "TLSRPTv1";
const SHOWN_CHARACTERS = 60;

export type TlsRptRecord =
  /** `rua`: where reports go, `mailto:` or `https:`; at least one. */
  | { kind: "record"; rua: readonly string[] }
  /** `reason`: a clause that follows "for". */
  | { kind: "malformed"; reason: string };

/** Reads the text of a record, its strings joined. */
export const parseTlsRpt = (text: string): TlsRptRecord => {
  const parsed = parseVersionedFields(text, VERSION);
  if (parsed.kind === "malformed") return parsed;
  const rua = parsed.fields
    .get("rua")
    ?.split(",")
    .map((uri) => uri.trim());
  if (!rua) return { kind: "malformed", reason: "it has no `rua=`" };
  const wrong = rua.find((uri) => !isDestination(uri));
  if (wrong === undefined) return { kind: "record", rua };
  const quoted = wrong.slice(0, SHOWN_CHARACTERS);
  return { kind: "malformed", reason: `\`${quoted}\` in its rua is neither a mailto: address nor an https: URL` };
};

/** RFC 8460 §3: these two schemes; `!`, `,` and `;` are percent-encoded. */
const isDestination = (uri: string): boolean => {
  if (/[\s!]/.test(uri)) return false;
  const mailHost = /^mailto:[^?@]+@([^?@]+)(?:\?|$)/i.exec(uri)?.[1];
  if (mailHost !== undefined) return parseDomain(mailHost).kind === "domain";
  return /^https:\/\//i.test(uri) && URL.canParse(uri);
};

const TLS_RPT: BonusKind = {
  what: "TLS-RPT",
  start: `v=${VERSION};`,
  counts: (text) => hasVersion(text, VERSION),
  resembles: /^\W*v\s*=\s*tls-?rpt/i,
  effect: "senders report nothing",
  codes: { multiple: "tls-rpt.multiple", syntax: "tls-rpt.syntax" },
  rfc: "RFC 8460 §3",
};

/** None without a record; `tls-rpt.missing` with the status `pass` when it is right. */
export const tlsRptFindings = async (domain: string, resolve: Resolve, signal?: AbortSignal): Promise<Finding[]> => {
  const name = `_smtp._tls.${domain}`;
  const found = await lookUpBonus(name, TLS_RPT, resolve, signal);
  if (found.kind === "none") return [];
  if (found.kind === "fault") return [found.finding];
  const { evidence } = found;
  const record = parseTlsRpt(found.text);
  if (record.kind === "malformed") return [unusableBonus(name, TLS_RPT, { reason: record.reason, evidence })];
  const text = shown(`Senders report to ${record.rua.join(", ")} how TLS to the MX of ${domain} went.`);
  return [{ code: "tls-rpt.missing", status: "pass", name, text, evidence, rfc: TLS_RPT.rfc }];
};
