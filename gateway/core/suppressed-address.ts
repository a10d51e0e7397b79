/**
 * The one spelling under which an address, or a whole domain (`*@example.com`), stands in a list of suppressions, and
 * the spellings under which a recipient may stand there.
 *
 * Lower case throughout, the domain in A-labels. In theory `A@` and `a@` are two people (RFC 5321 §2.4); nobody's mailbox
 * is so, and a list that told them apart would let mail through to who has said no.
 */
import { parseMailbox } from "#contract/address.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { parseDomain } from "#dns/domain.ts";

/** Of a name as it is stored: it stands for all addresses of a domain. */
export const isWholeDomain = (name: string): boolean => name.startsWith("*@");

/** As it is stored; `undefined`: it is neither an address nor `*@` and a domain. */
export const parseSuppressedAddress = (text: string): string | undefined => {
  const trimmed = text.trim();
  if (isWholeDomain(trimmed)) {
    const domain = parseDomain(trimmed.slice(2));
    return domain.kind === "domain" ? `*@${domain.domain}` : undefined;
  }
  const parsed = parseMailbox(trimmed);
  return parsed.kind === "mailbox" ? parsed.mailbox.address.toLowerCase() : undefined;
};

/** Some at once, as `parseSuppressedAddress`; refused with the field of the first that is none. */
export const parseSuppressedAddresses = (
  texts: readonly string[],
  fieldOf: (index: number) => string = (index) => `emails[${index}]`,
): { kind: "addresses"; list: string[] } | Problem => {
  const list: string[] = [];
  for (const [index, text] of texts.entries()) {
    const address = parseSuppressedAddress(text);
    if (address === undefined)
      return problem(
        "validation_error",
        `Invalid \`${fieldOf(index)}\` field: it is neither an address nor \`*@example.com\`.`,
      );
    list.push(address);
  }
  return { kind: "addresses", list };
};

/** Where to look for a recipient that was parsed before: itself first. */
export const suppressedNamesOf = (recipient: string): [address: string, wholeDomain: string] => {
  const address = recipient.toLowerCase();
  return [address, `*${address.slice(address.lastIndexOf("@"))}`];
};
