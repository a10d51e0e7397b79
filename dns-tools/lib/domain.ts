/**
 * A domain name as mail and DNS write it: A-labels, lower case, without the trailing dot.
 *
 * Names typed by people come in as U-labels, with capitals, with a dot at the end; one parser makes them
 * all the one form, or says what is wrong. It does not ask whether the name exists.
 */
import { parseIpv6 } from "./ip-address.ts";

export type DomainProblem = "empty" | "not-a-name" | "label-too-long" | "name-too-long" | "not-idna" | "ip-address";
export type DomainResult = { kind: "domain"; domain: string } | { kind: "invalid"; problem: DomainProblem };

const invalid = (problem: DomainProblem): DomainResult => ({ kind: "invalid", problem });

/** Letters, digits, hyphen inside, and the underscore that mail names use (`_dmarc`, `s1._domainkey`). */
const LABEL = /^(?!-)[a-z0-9_-]+(?<!-)$/;
const IPV4 = /^\d{1,3}(\.\d{1,3}){3}$/;

/** Parses a domain name (RFC 1035 §2.3.4 limits, IDNA by UTS #46 as WHATWG's URL does it). */
export const parseDomain = (text: string): DomainResult => {
  const trimmed = text.endsWith(".") ? text.slice(0, -1) : text;
  if (trimmed === "") return invalid("empty");
  const ascii = toALabels(trimmed);
  if (ascii === undefined) return invalid("not-idna");
  if (IPV4.test(ascii) || parseIpv6(ascii.replace(/^\[(.*)\]$/, "$1")) !== undefined) return invalid("ip-address");
  if (ascii.length > 253) return invalid("name-too-long");
  for (const label of ascii.split(".")) {
    if (label.length > 63) return invalid("label-too-long");
    if (!LABEL.test(label)) return invalid("not-a-name");
  }
  return { kind: "domain", domain: ascii };
};

/**
 * Parses what people type where one domain is wanted: a mailbox, a web address, or a host with its port is taken for the
 * domain in it.
 */
export const parseTypedDomain = (text: string): DomainResult => parseDomain(domainIn(text.trim()));

const domainIn = (text: string): string => {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return new URL(text).hostname;
  const [, ofMailbox] = /@([^@>]*)>?$/.exec(text) ?? [];
  if (ofMailbox !== undefined) return ofMailbox;
  const [, host = text] = /^([^:/]+)(?::\d{1,5})?(?:\/.*)?$/.exec(text) ?? [];
  return host;
};

const toALabels = (name: string): string | undefined => {
  let ascii = true;
  for (let i = 0; i < name.length; i++) if (name.charCodeAt(i) > 0x7f) ascii = false;
  if (ascii) return name.toLowerCase();
  // The URL parser also reads ports, paths and percent signs: none of those may reach it.
  if (/[\s/?#@:%\\[\]<>^|]/.test(name)) return undefined;
  return URL.canParse(`http://${name}`) ? new URL(`http://${name}`).hostname : undefined;
};
