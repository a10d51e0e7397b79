/**
 * What stands where receivers look for a DKIM key (RFC 6376 §3.6.2): nothing, too much, or one record to be judged.
 *
 * Where there is nothing, the places are looked at where panels put the record instead. One mistake gives one finding;
 * when nothing is wrong, there is one that says so. Nothing here rejects over what the DNS says.
 */
import { besideCname, proxiedFinding, type ProxiedCheck } from "./cname-findings.ts";
import { formatDkimRecord, parseDkimRecord, type DkimKey } from "./dkim-record.ts";
import { readPublicKey } from "./dkim-public-key.ts";
import { judgeDkimRecord } from "./dkim-record-findings.ts";
import type { Finding } from "./finding.ts";
import { evidenceOf, notFoundOut, shown, type LookUpFailure } from "./look-up-findings.ts";
import { txtText, type Answer, type Resolve } from "./resolver.ts";
import { wildcardFinding } from "./wildcard.ts";

export type DkimCheck = {
  domain: string;
  selector: string;
  /** The key we sign with; absent: the record is judged by itself. */
  key?: DkimKey;
  /** Where the record is kept when the owner publishes a CNAME. */
  cname?: string;
};

const CHAIN_LOOK_UPS = 8;
const START_CHARACTERS = 40;
/** Base64 alone, as a panel leaves it that cut one record into two. */
const TAIL = /^["\s]*[A-Za-z0-9+/\s]{16,}={0,2}[;"\s]*$/;

/**
 * All `dkim.*` findings of one selector; or, in their place, what hides its record (a wildcard, a proxy, a CNAME beside
 * it), or why they could not be found out. `signal` ends open look-ups.
 */
export const dkimFindings = async (check: DkimCheck, resolve: Resolve, signal?: AbortSignal): Promise<Finding[]> => {
  const name = `${check.selector}._domainkey.${check.domain}`;
  const answer = await resolve(name, "TXT", signal);
  if ("reason" in answer) return [await explainFailure(name, check, answer, resolve, signal)];
  if (answer.kind !== "records") return [await explainAbsence(name, check, answer, resolve, signal)];
  const texts = answer.records.map(txtText);
  const [judged, beside] = await Promise.all([
    judgeTexts(name, check, texts, evidenceOf(name, "TXT", answer)),
    besideCname(name, "TXT", answer, resolve, signal),
  ]);
  const isRight = judged.every(({ status }) => status !== "fail");
  const { publish, ...fix } = publishing(check);
  if (beside) return [isRight ? beside : { ...beside, status: "fail", ...fix }];
  if (isRight) return judged;
  const wildcard = await wildcardFinding(name, "TXT", publish, resolve, signal);
  return wildcard ? [{ ...wildcard, ...fix }] : judged;
};

const judgeTexts = async (
  name: string,
  check: DkimCheck,
  texts: readonly string[],
  evidence: readonly string[],
): Promise<Finding[]> => {
  const [text = "", ...others] = texts;
  return others.length > 0
    ? [tooMany(name, check, texts, evidence)]
    : judgeDkimRecord({ name, text, evidence, ...(check.key && { key: check.key }), ...publishing(check) });
};

/** The value to publish, and how a text says so: a key is too long to be in it as well. */
const publishing = ({ key, cname }: DkimCheck): { fix?: string; publish: string } => {
  if (cname !== undefined) return { fix: cname, publish: `the CNAME \`${cname}\`` };
  if (key === undefined) return { publish: "the record that goes with the key you sign with" };
  return { fix: formatDkimRecord(key), publish: "the record below" };
};

const tooMany = (name: string, check: DkimCheck, texts: readonly string[], evidence: readonly string[]): Finding => {
  const { publish, ...fix } = publishing(check);
  const [head = "", ...otherHeads] = texts.filter((text) => !TAIL.test(text));
  const found = { status: "fail", name, evidence, rfc: "RFC 6376 §3.6.2.2" } as const;
  if (otherHeads.length === 0 && /\bp=/.test(head) && !isWholeKey(head))
    return {
      ...found,
      code: "dkim.split-records",
      text: `The key at ${name} was cut into ${texts.length} TXT records. Receivers read each by itself and find no key. Delete them all and publish ${publish} as ONE record; a long value is cut into quoted strings inside that record.`,
      ...fix,
    };
  const ours = texts.findIndex((text) => isOurs(text, check));
  const foreign = texts.filter((_, index) => index !== ours).map((text) => `\`${shown(text, START_CHARACTERS)}\``);
  const change =
    ours < 0
      ? `Delete them all and publish ${publish}.`
      : `Delete ${foreign.length === 1 ? "the record" : "the records"} starting ${foreign.slice(0, 3).join(", ")}.`;
  return {
    ...found,
    code: "dkim.multiple",
    text: `${texts.length} TXT records at ${name}. Receivers may pick any one. ${change}`,
    // With ours among them there is nothing to publish.
    ...(ours < 0 && fix),
  };
};

const isOurs = (text: string, { key }: DkimCheck): boolean => {
  const parsed = parseDkimRecord(text);
  return parsed.kind === "key" && parsed.key.publicKeyBase64 === key?.publicKeyBase64;
};

const isWholeKey = (text: string): boolean => {
  const parsed = parseDkimRecord(text);
  const kind = parsed.kind === "key" ? readPublicKey(parsed.key).kind : parsed.kind;
  return kind === "rsa" || kind === "ed25519";
};

/** The way of CNAMEs from a name, one look-up each. */
const followCnames = async (
  name: string,
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<{ chain: string[]; isCircle: boolean }> => {
  const chain: string[] = [];
  const seen = new Set([name.toLowerCase()]);
  for (let at = name; chain.length < CHAIN_LOOK_UPS;) {
    const answer = await resolve(at, "CNAME", signal);
    const [target] = answer.kind === "records" ? answer.records : [];
    if (target === undefined) return { chain, isCircle: false };
    chain.push(target);
    if (seen.has(target.toLowerCase())) return { chain, isCircle: true };
    seen.add(target.toLowerCase());
    at = target;
  }
  return { chain, isCircle: false };
};

const chainEvidence = (name: string, chain: readonly string[]): string[] =>
  chain.map((target, at) => shown(`${chain[at - 1] ?? name} CNAME ${target}`));

/** Resolvers answer CNAMEs in a circle with SERVFAIL; whether it is one can be seen step by step. */
const explainFailure = async (
  name: string,
  check: DkimCheck,
  failure: LookUpFailure,
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<Finding> => {
  const { chain, isCircle } =
    failure.kind === "servfail" ? await followCnames(name, resolve, signal) : { chain: [], isCircle: false };
  if (!isCircle) return notFoundOut(name, "TXT", failure);
  const { publish, ...fix } = publishing(check);
  return {
    code: "dkim.cname-broken",
    status: "fail",
    name,
    text: `The CNAME at ${name} leads in a circle (${chain.map((target) => shown(target)).join(" → ")}), so receivers find no key. Replace it by ${publish}.`,
    evidence: chainEvidence(name, chain),
    rfc: "RFC 1034 §3.6.2",
    ...fix,
  };
};

const explainAbsence = async (
  name: string,
  check: DkimCheck,
  absence: Answer<"TXT">,
  resolve: Resolve,
  signal: AbortSignal | undefined,
): Promise<Finding> => {
  const doubled = `${name}.${check.domain}`;
  const { publish, ...fix } = publishing(check);
  const proxied: ProxiedCheck = { name, publish, ...(check.cname !== undefined && { cname: check.cname }) };
  const [{ chain }, atDoubled, hidden] = await Promise.all([
    followCnames(name, resolve, signal),
    resolve(doubled, "TXT", signal),
    proxiedFinding(proxied, resolve, signal),
  ]);
  const target = chain.at(-1);
  const evidence = [...chainEvidence(name, chain), ...evidenceOf(target ?? name, "TXT", absence)];
  const found = { status: "fail", name, rfc: "RFC 6376 §3.6.2.1" } as const;
  if (target !== undefined) {
    const wildcard = await wildcardFinding(name, "TXT", publish, resolve, signal);
    if (wildcard) return { ...wildcard, ...fix };
    return {
      ...found,
      code: "dkim.cname-broken",
      text: `${name} is a CNAME to ${shown(target)}, which has no TXT record, so receivers find no key. Replace it by ${publish}.`,
      evidence,
      ...fix,
    };
  }
  if (
    atDoubled.kind === "records" &&
    atDoubled.records.some((strings) => parseDkimRecord(txtText(strings)).kind === "key")
  )
    return {
      ...found,
      code: "dkim.name-doubled",
      text: `Found at ${doubled}: your DNS panel adds ${check.domain} itself, so receivers find no key at ${name}. Enter only \`${check.selector}._domainkey\` as host.`,
      evidence: [...evidence, ...evidenceOf(doubled, "TXT", atDoubled)],
      ...fix,
    };
  if (hidden) return { ...hidden, ...fix };
  return {
    ...found,
    code: "dkim.missing",
    text: `${name} has no DKIM record, so receivers cannot verify signatures with this selector. Publish ${publish} there.`,
    evidence,
    ...fix,
  };
};
