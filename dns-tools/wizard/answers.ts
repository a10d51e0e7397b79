/**
 * What was typed as what the library takes: a domain to check, and the requirement to plan for.
 *
 * Everything that is wrong is told at once, each at its field, in words that say what would be right. A mailbox or a web
 * address typed for a domain is taken for the domain in it. Nothing is looked up.
 */
import type { SendingDomain } from "#dns/sending-domain.ts";
import type { DmarcWish } from "#dns/dmarc-merge.ts";
import type { DmarcPolicy } from "#dns/dmarc.ts";
import { type DomainProblem, type DomainResult, parseDomain, parseTypedDomain } from "#dns/domain.ts";
import { recordTextIn } from "#dns/explain.ts";
import { parseIp } from "#dns/ip-address.ts";
import type { Requirement } from "#dns/need.ts";
import { sendingRequirement } from "#dns/sending-requirement.ts";
import { readPastedKey } from "./dkim-paste.ts";
import type { TextField, Typed } from "./typed.ts";

export const POLICIES = ["none", "quarantine", "reject"] as const satisfies readonly DmarcPolicy[];

export type Answers = { sending: SendingDomain & { dmarc: DmarcWish } };
/** `field` is the id of an input: `key-0` is the first key's. */
export type FieldError = { field: TextField | `selector-${number}` | `key-${number}`; text: string };
export type Read<T> = { kind: "read"; value: T } | { kind: "refused"; errors: FieldError[] };

const MOST_SENDERS = 10;

const PROBLEM_TEXT: Record<DomainProblem, string> = {
  empty: "Enter a name, like example.com.",
  "not-a-name": "is no domain name: between the dots stand letters, digits and inner hyphens only.",
  "label-too-long": "has a part of more than 63 characters, which the DNS cannot hold (RFC 1035 §2.3.4).",
  "name-too-long": "has more than 253 characters, which the DNS cannot hold (RFC 1035 §2.3.4).",
  "not-idna": "is no internationalized domain name (UTS #46).",
  "ip-address": "is an IP address: enter the domain that your mail is from.",
};

const RECORD_TEXT = "This is a record and no domain: enter the domain that it is for.";

/** For `/check`: who sends, and keys, may be left out. */
export const readAnswers = (typed: Typed): Read<Answers> => {
  const errors: FieldError[] = [];
  const nameAt = (
    field: FieldError["field"],
    text: string,
    parse: (text: string) => DomainResult = parseDomain,
  ): string => {
    const parsed = parse(text);
    if (parsed.kind === "domain") return parsed.domain;
    const said = PROBLEM_TEXT[parsed.problem];
    errors.push({ field, text: parsed.problem === "empty" ? said : `“${text.slice(0, 80)}” ${said}` });
    return "";
  };
  if (recordTextIn(typed.domain)) return { kind: "refused", errors: [{ field: "domain", text: RECORD_TEXT }] };
  const domain = nameAt("domain", typed.domain, parseTypedDomain);
  if (domain !== "" && !domain.includes("."))
    errors.push({ field: "domain", text: `“${domain}” has no dot: enter the whole domain, like ${domain}.com.` });
  const listAt = (field: "include" | "ip"): string[] => {
    const list = typed[field].split(/[\s,]+/).filter((item) => item !== "");
    if (list.length <= MOST_SENDERS) return list;
    errors.push({ field, text: `There are ${list.length} here, and at most ${MOST_SENDERS} can be looked at.` });
    return [];
  };
  const includes = listAt("include").map((name) => nameAt("include", name.replace(/^include:/i, "")));
  const addresses = listAt("ip").map((item) => item.replace(/^ip[46]:/i, ""));
  for (const address of addresses)
    if (parseIp(address) === undefined)
      errors.push({ field: "ip", text: `“${address.slice(0, 80)}” is no IP address, like 192.0.2.1 or 2001:db8::1.` });
  const selectors = typed.keys.flatMap(({ selector, key }, at) => {
    if (selector === "" && key === "") return [];
    const name = selector === "" ? "" : nameAt(`selector-${at}`, selector.replace(/\._domainkey\b.*$/i, ""));
    if (selector === "") errors.push({ field: `selector-${at}`, text: "A key needs its selector, like s1." });
    // Where its record would have to stand.
    else if (name !== "" && domain !== "") nameAt(`selector-${at}`, `${name}._domainkey.${domain}`);
    if (key === "") return [{ selector: name }];
    const pasted = readPastedKey(key);
    if (pasted.kind === "key") return [{ selector: name, key: pasted.key }];
    errors.push({ field: `key-${at}`, text: pasted.text });
    return [];
  });
  const label = typed["return-path"] === "" ? domain : nameAt("return-path", typed["return-path"]);
  // A label stands for the name below the domain.
  const below = label.includes(".") || label === "" || domain === "";
  const returnPath = below ? label : nameAt("return-path", `${label}.${domain}`);
  const bounceHost = typed.bounce === "" ? undefined : nameAt("bounce", typed.bounce);
  const policy = POLICIES.find((known) => known === typed.policy);
  if (policy === undefined) errors.push({ field: "policy", text: `The policy is one of ${POLICIES.join(", ")}.` });
  const rua = typed.rua.replace(/^mailto:/i, "");
  if (rua !== "" && !/^[^@,;!\s]+@[^@,;!\s]+$/.test(rua))
    errors.push({ field: "rua", text: "Enter the address of one mailbox, like dmarc@example.com." });
  if (policy === undefined || errors.length > 0) return { kind: "refused", errors };
  const sending = {
    domain,
    returnPath,
    selectors,
    includes,
    addresses,
    ...(bounceHost !== undefined && { bounceHost }),
    dmarc: { policy, ...(rua !== "" && { rua: `mailto:${rua}` }) },
  };
  return { kind: "read", value: { sending } };
};

/** For `/plan`: what is to be published must be known. */
export const readRequirement = ({ sending }: Answers): Read<Requirement> => {
  const { domain, returnPath, selectors, includes, addresses } = sending;
  const errors: FieldError[] = [];
  if (returnPath !== domain && !returnPath.endsWith(`.${domain}`))
    errors.push({
      field: "return-path",
      text: `${returnPath} is not below ${domain}: its records are in another zone.`,
    });
  if (includes.length + addresses.length === 0)
    errors.push({
      field: "include",
      text: "Who sends for the domain? Enter the sender’s SPF name here, or addresses below.",
    });
  const keys = selectors.flatMap(({ selector, key }, at) => {
    if (key) return [{ selector, key }];
    errors.push({ field: `key-${at}`, text: `To publish ${selector} its public key must be known: paste it here.` });
    return [];
  });
  if (errors.length > 0) return { kind: "refused", errors };
  return { kind: "read", value: sendingRequirement({ ...sending, selectors: keys }, sending.dmarc) };
};
