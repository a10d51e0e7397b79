/**
 * What mail of a domain carries from its acceptance on: that it needs TLS, and which links are its recipients' alone.
 *
 * It becomes part of the mail's own meta, so that what the owner changes between two tries does not change the bytes of
 * the second.
 */
import type { EmailMeta } from "#contract/relay-protocol.ts";
import type { Domain } from "./domain-row.ts";

export type DomainMeta = Pick<EmailMeta, "require_tls" | "links">;

export const metaOfDomain = ({ name, settings, records }: Domain): DomainMeta => {
  const { tls, unsubscribe, open_tracking: opens, click_tracking: clicks } = settings;
  const host = records.find(({ record, proved }) => record === "Tracking" && proved);
  const links = {
    ...(unsubscribe && { unsubscribe }),
    ...(opens && { opens }),
    ...(clicks && { clicks }),
    ...(host && { url: `https://${host.name}.${name}` }),
  };
  return { ...(tls === "enforced" && { require_tls: true }), ...((unsubscribe || opens || clicks) && { links }) };
};

/** A domain is never changed, but replaced by another object: its text is made once. */
const texts = new WeakMap<Domain, string>();

/** The same put into `meta`, the JSON text of an object that is never empty. */
export const withMetaOfDomain = (domain: Domain, meta: string): string => {
  const text = texts.get(domain) ?? JSON.stringify(metaOfDomain(domain)).slice(1);
  texts.set(domain, text);
  return text === "}" ? meta : `${meta.slice(0, -1)},${text}`;
};
