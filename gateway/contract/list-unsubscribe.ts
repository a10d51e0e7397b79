/**
 * The two header fields of one-click unsubscribing (RFC 8058), and the form that is posted to the link.
 *
 * RFC 8058 §3.1 wants https. Over plain http, but for loopback, only the link for people is announced (RFC 2369 §3.2), so
 * that no mailbox provider posts in the clear; without any base there is no link to announce.
 */
export const UNSUBSCRIBE_FIELD = "List-Unsubscribe";
export const UNSUBSCRIBE_POST_FIELD = "List-Unsubscribe-Post";

/** RFC 8058 §3.1: the one pair of the form, also as the field has it. */
export const ONE_CLICK = { name: "List-Unsubscribe", value: "One-Click" } as const;

/** `url`: absolute, http or https. */
export const unsubscribeFields = (url: string): Record<string, string> => ({
  [UNSUBSCRIBE_FIELD]: `<${url}>`,
  ...(allowsOneClick(url) && { [UNSUBSCRIBE_POST_FIELD]: `${ONE_CLICK.name}=${ONE_CLICK.value}` }),
});

const allowsOneClick = (url: string): boolean => {
  const parsed = URL.parse(url);
  return parsed !== null && (parsed.protocol === "https:" || isLoopback(parsed.hostname));
};

const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
