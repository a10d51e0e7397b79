/**
 * DNS block lists (RFC 5782): which are asked, what their answers mean, and whether an answer is one at all.
 *
 * Lists are here that a relay may ask about its own few addresses without an account. They refuse public resolvers by
 * answers that look like listings: those say nothing about the address. Nothing is looked up here.
 */
import { parseIpv4 } from "./ip-address.ts";
import { shown } from "./look-up-findings.ts";
import type { Answer } from "./resolver.ts";

export type Blocklist = {
  zone: string;
  versions: readonly (4 | 6)[];
  /** `fail`: large receivers refuse mail by it. `warn`: many count it against a sender. */
  status: "fail" | "warn";
  /** What its answers mean, as the end of "the list says that …". */
  codes: Readonly<Record<string, string>>;
  /** Where a listing is explained and ended. */
  removal: string;
};

const XBL = "it was seen as a hijacked machine (XBL)";
const PBL = "it is in a range that shall not send mail by itself (PBL)";
const SPAM = "spam was seen from it";

export const BLOCKLISTS: readonly Blocklist[] = [
  {
    zone: "zen.spamhaus.org",
    versions: [4, 6],
    status: "fail",
    codes: {
      "127.0.0.2": "its network serves spammers (SBL)",
      "127.0.0.3": "it sends mail like a spammer (CSS)",
      "127.0.0.4": XBL,
      "127.0.0.5": XBL,
      "127.0.0.6": XBL,
      "127.0.0.7": XBL,
      "127.0.0.9": "its network was taken over by criminals (DROP)",
      "127.0.0.10": PBL,
      "127.0.0.11": PBL,
      "127.0.0.30": "it controls a botnet (BCL)",
    },
    removal: "https://check.spamhaus.org/",
  },
  {
    zone: "bl.spamcop.net",
    versions: [4],
    status: "warn",
    codes: { "127.0.0.2": SPAM },
    removal: "https://www.spamcop.net/bl.shtml",
  },
  {
    zone: "psbl.surriel.com",
    versions: [4],
    status: "warn",
    codes: { "127.0.0.2": SPAM },
    removal: "https://psbl.org/",
  },
];

export type Listing =
  | { kind: "clear" }
  /** `codes` are addresses in 127.0.0.0/8. */
  | { kind: "listed"; codes: readonly string[] }
  /** The list will not say, or somebody answers in its stead; `reason` is a clause. */
  | { kind: "refused"; reason: string }
  /** It could not be looked up. */
  | { kind: "failed"; reason: string };

/** What 127.255.255.0/24 means at Spamhaus, and by its example elsewhere. */
const REFUSALS: Readonly<Record<string, string>> = {
  "127.255.255.252": "there is no list of that name",
  "127.255.255.254": "it does not answer public resolvers",
  "127.255.255.255": "it was asked too often",
};

/** Reads what a list answers for an address. */
export const readListing = (answer: Answer<"A">): Listing => {
  if ("reason" in answer) return { kind: "failed", reason: `the look-up failed (${shown(answer.reason)})` };
  if (answer.kind !== "records") return { kind: "clear" };
  for (const code of answer.records) {
    const bits = parseIpv4(code);
    // RFC 5782 §2.1: listings are in 127.0.0.0/8; anything else is a zone given up, or a resolver that sells its errors.
    if (bits === undefined || bits >> 24n !== 127n)
      return { kind: "refused", reason: `the answer ${shown(code)} is not one of a block list` };
    if (bits >> 8n === 0x7fffffn)
      return { kind: "refused", reason: `${REFUSALS[code] ?? "it refuses to say"}, as ${code} means` };
  }
  return { kind: "listed", codes: answer.records };
};
