/**
 * mailauth asks the DNS through our port: answers as node:dns gives them, failures as its error codes.
 *
 * What is not there and what could not be found out stay apart, as mailauth tells them by the code.
 */
import type { AuthenticateOptions } from "mailauth";
import { txtText, type RecordData, type RecordType, type Resolve } from "#dns/resolver.ts";

type MailauthResolver = NonNullable<AuthenticateOptions["resolver"]>;

const CODES = {
  nxdomain: "ENOTFOUND",
  nodata: "ENODATA",
  servfail: "ESERVFAIL",
  timeout: "ETIMEOUT",
  refused: "EREFUSED",
} as const;

/** mailauth asks for no other types. */
const ASKED = ["A", "AAAA", "CNAME", "MX", "PTR", "TLSA", "TXT"] as const;

export const mailauthResolver = (resolve: Resolve): MailauthResolver => {
  const resolver = async (name: string, type: string): Promise<unknown[]> => {
    const asked = ASKED.find((known) => known === type);
    if (!asked) throw new Error(`mailauth asks for ${type}`);
    const answer = await resolve(name, asked);
    if (answer.kind === "records") return answer.records.map(asNodeGivesIt);
    const text = "reason" in answer ? answer.reason : answer.kind;
    throw Object.assign(new Error(text), { code: CODES[answer.kind] });
  };
  // Its own type speaks of texts only, though it takes what node:dns gives for any type.
  return resolver as MailauthResolver;
};

const asNodeGivesIt = (data: RecordData[RecordType]): unknown => {
  if (Array.isArray(data)) return [txtText(data)];
  if (typeof data === "object" && "exchange" in data)
    return { priority: data.preference, exchange: data.exchange === "." ? "" : data.exchange };
  return data;
};
