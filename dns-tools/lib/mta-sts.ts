/**
 * MTA-STS (RFC 8461): the policy that a domain serves over HTTPS, and the TXT record that says that there is one.
 *
 * Read as strictly as senders may, for a record or a policy with a fault is to them as if there were none. Where the
 * policy comes from, and whether it fits the domain's MX, is not known here.
 */
import { parseVersionedFields } from "./versioned-fields.ts";

export type MtaStsMode = "none" | "testing" | "enforce";

export type MtaStsPolicy = {
  mode: MtaStsMode;
  /** Host names, or `*.` and a domain for every host one label below it; lower case. Empty only with `none`. */
  mx: string[];
  /** At most `LONGEST_MAX_AGE_SECONDS`. */
  maxAgeSeconds: number;
};

/** RFC 8461 §3.2: about a year. */
export const LONGEST_MAX_AGE_SECONDS = 31_557_600;
/** RFC 8461 §3.3: senders may refuse more. */
export const LARGEST_POLICY_OCTETS = 65_536;

/** Of the record and of the policy. */
export const MTA_STS_VERSION = "STSv1";
/** From mild to strict. */
export const MTA_STS_MODES: readonly MtaStsMode[] = ["none", "testing", "enforce"];
const KEYS: ReadonlySet<string> = new Set(["version", "mode", "mx", "max_age"]);

/** The file to serve (RFC 8461 §3.2). `parseMtaStsPolicy` gives the same policy back. */
export const formatMtaStsPolicy = ({ mode, mx, maxAgeSeconds }: MtaStsPolicy): string =>
  [
    `version: ${MTA_STS_VERSION}`,
    `mode: ${mode}`,
    ...mx.map((pattern) => `mx: ${pattern}`),
    `max_age: ${maxAgeSeconds}`,
    "",
  ].join("\r\n");

/** What is wrong with a file: its form as a whole, or that which the field says. */
export type MtaStsPolicyProblem = "too-large" | "not-key-value" | "version" | "mode" | "mx" | "max-age";

export type MtaStsPolicyResult =
  /** `unknownKeys`: fields that senders skip, in their order, each once. */
  | { kind: "policy"; policy: MtaStsPolicy; unknownKeys: string[] }
  /** `reason`: a clause that follows "for". */
  | { kind: "invalid"; problem: MtaStsPolicyProblem; reason: string; unknownKeys: string[] };

/** A line of the file; the value has no white space at its ends. */
const FIELD = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):[ \t]*(.+)$/;
/** `Domain` of RFC 5321 §4.1.2, with or without `*.`. */
const MX_PATTERN =
  /^(?:\*\.)?(?=.{1,253}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const SHOWN_CHARACTERS = 60;

/** Reads the file that a policy host served. */
export const parseMtaStsPolicy = (text: string): MtaStsPolicyResult => {
  const fields = new Map<string, string[]>();
  const invalid = (problem: MtaStsPolicyProblem, reason: string): MtaStsPolicyResult => ({
    kind: "invalid",
    problem,
    reason,
    unknownKeys: unknownOf(fields),
  });
  if (new TextEncoder().encode(text).byteLength > LARGEST_POLICY_OCTETS)
    return invalid("too-large", `it has more than ${LARGEST_POLICY_OCTETS / 1024} KB`);
  // RFC 8461 §3.2: lines end with LF or CRLF; the last need not, and none is empty.
  const lines = text.split(/\r?\n/);
  if (lines.length > 1 && lines.at(-1) === "") lines.pop();
  for (const [at, line] of lines.entries()) {
    const [, key, value] = FIELD.exec(line.trimEnd()) ?? [];
    if (key === undefined || value === undefined || /\p{Cc}/u.test(value))
      return invalid("not-key-value", `line ${at + 1}, \`${line.slice(0, SHOWN_CHARACTERS)}\`, is not \`key: value\``);
    const values = fields.get(key);
    if (values) values.push(value);
    else fields.set(key, [value]);
  }
  // RFC 8461 §3.2: of a field that may stand once the first counts, and all others are skipped.
  const [version, mode, maxAge] = ["version", "mode", "max_age"].map((key) => fields.get(key)?.[0]);
  if (version !== MTA_STS_VERSION) return invalid("version", `it does not say \`version: ${MTA_STS_VERSION}\``);
  const knownMode = MTA_STS_MODES.find((known) => known === mode);
  if (knownMode === undefined) return invalid("mode", "its mode is not `none`, `testing` or `enforce`");
  const mx = (fields.get("mx") ?? []).map((pattern) => pattern.toLowerCase());
  const wrong = mx.find((pattern) => !MX_PATTERN.test(pattern));
  if (wrong !== undefined) return invalid("mx", `\`mx: ${wrong.slice(0, SHOWN_CHARACTERS)}\` is no host name`);
  // RFC 8461 §3.2: at least one, unless the mode is none.
  if (mx.length === 0 && knownMode !== "none") return invalid("mx", "it names no mx");
  const maxAgeSeconds = /^\d{1,10}$/.test(maxAge ?? "") ? Number(maxAge) : Infinity;
  if (maxAgeSeconds > LONGEST_MAX_AGE_SECONDS)
    return invalid("max-age", `its max_age is not a number of seconds up to ${LONGEST_MAX_AGE_SECONDS}`);
  return { kind: "policy", policy: { mode: knownMode, mx, maxAgeSeconds }, unknownKeys: unknownOf(fields) };
};

const unknownOf = (fields: ReadonlyMap<string, unknown>): string[] =>
  [...fields.keys()].filter((key) => !KEYS.has(key));

/** Whether a policy names a host; a `*` stands for exactly one label (RFC 8461 §4.1). */
export const mxPatternMatches = (pattern: string, host: string): boolean => {
  const name = host.toLowerCase();
  if (!pattern.startsWith("*.")) return name === pattern.toLowerCase();
  const dot = name.indexOf(".");
  return dot > 0 && name.slice(dot) === pattern.slice(1).toLowerCase();
};

export type MtaStsRecord = { kind: "record"; id: string } | { kind: "malformed"; reason: string };

/** Reads the text of the record at `_mta-sts.<domain>`, its strings joined. */
export const parseMtaStsRecord = (text: string): MtaStsRecord => {
  const parsed = parseVersionedFields(text, MTA_STS_VERSION);
  if (parsed.kind === "malformed") return parsed;
  const id = parsed.fields.get("id");
  if (id === undefined) return { kind: "malformed", reason: "it has no `id=`" };
  if (!/^[A-Za-z0-9]{1,32}$/.test(id)) return { kind: "malformed", reason: "its id is not 1 to 32 letters and digits" };
  return { kind: "record", id };
};

/** The text of the record, for an id of 1 to 32 letters and digits. */
export const mtaStsRecord = (id: string): string => `v=${MTA_STS_VERSION}; id=${id}`;

const ID_CHARACTERS = 32;

/** An id that changes with the policy's text, and only with it: 32 hexadecimal digits of its SHA-256. */
export const policyId = async (policyText: string): Promise<string> => {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(policyText));
  return Array.from(new Uint8Array(digest), (octet) => octet.toString(16).padStart(2, "0"))
    .join("")
    .slice(0, ID_CHARACTERS);
};
