/**
 * Which mail has a link to unsubscribe by, the two header fields that announce it (RFC 8058), and the form that is posted
 * to it.
 *
 * RFC 8058 §3.1 wants https. Over plain http, but for loopback, only the link for people is announced (RFC 2369 §3.2), so
 * that no mailbox provider posts in the clear; without any base there is no link to announce.
 */
import type { EmailMeta } from "./relay-protocol.ts";

const UNSUBSCRIBE_FIELD = "List-Unsubscribe";
const UNSUBSCRIBE_POST_FIELD = "List-Unsubscribe-Post";

/** RFC 8058 §3.1: the one pair of the form, also as the field has it. */
export const ONE_CLICK = { name: "List-Unsubscribe", value: "One-Click" } as const;
const ONE_CLICK_PAIR = `${ONE_CLICK.name}=${ONE_CLICK.value}`;

/** Of the stream `bulk` always; of other mail as it says itself, else as its domain said. */
export const mayUnsubscribe = ({
  stream,
  unsubscribe,
  links,
}: Pick<EmailMeta, "stream" | "unsubscribe" | "links">): boolean =>
  stream === "bulk" || (unsubscribe ?? links?.unsubscribe ?? false);

/** The customer's own List-Unsubscribe among the header fields of a mail. */
export const unsubscribeFieldIn = (headers: Record<string, string>): string | undefined =>
  valueOf(headers, UNSUBSCRIBE_FIELD);

/**
 * The header fields of a mail with our link, `url`, absolute, http or https. The customer's own stay when they are whole,
 * and when ours would not be: one click is what mailbox providers ask of bulk mail. Else ours take their place, with the
 * `mailto:` addresses of theirs behind: RFC 8058 §3.1 has one https URI in the field and others beside it.
 */
export const withUnsubscribe = (headers: Record<string, string>, url: string): Record<string, string> => {
  const theirs = unsubscribeFieldIn(headers);
  const isOurs = theirs === undefined || (allowsOneClick(url) && !isOneClick(theirs, headers));
  if (!isOurs) return headers;
  const mailtos = theirs?.match(/<mailto:[^<>\s]+>/gi) ?? [];
  const others = Object.entries(headers).filter(
    ([name]) => !isNamed(name, UNSUBSCRIBE_FIELD) && !isNamed(name, UNSUBSCRIBE_POST_FIELD),
  );
  return {
    ...Object.fromEntries(others),
    [UNSUBSCRIBE_FIELD]: [`<${url}>`, ...mailtos].join(", "),
    ...(allowsOneClick(url) && { [UNSUBSCRIBE_POST_FIELD]: ONE_CLICK_PAIR }),
  };
};

const isOneClick = (field: string, headers: Record<string, string>): boolean =>
  /<https:[^<>\s]+>/i.test(field) && valueOf(headers, UNSUBSCRIBE_POST_FIELD)?.trim() === ONE_CLICK_PAIR;

const allowsOneClick = (url: string): boolean => {
  const parsed = URL.parse(url);
  return parsed !== null && (parsed.protocol === "https:" || isLoopback(parsed.hostname));
};

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);

const isNamed = (name: string, field: string): boolean => name.toLowerCase() === field.toLowerCase();

const valueOf = (headers: Record<string, string>, field: string): string | undefined =>
  Object.entries(headers).find(([name]) => isNamed(name, field))?.[1];
