/**
 * What readers and mailbox providers are kept from by the setting HIKYAKU_PUBLIC_URL, in words for the operator.
 *
 * It stops nothing: mail leaves either way. Pure: whether somebody answers at that URL is not known here.
 */

/** `undefined`: links lead to an https address. `url`: the setting as it was given; undefined or empty: it was not. */
export const publicUrlTrouble = (url: string | undefined): string | undefined => {
  if (!url)
    return "HIKYAKU_PUBLIC_URL is not set: links in mail (unsubscribe, opens, clicks) lead to where no reader comes, and bulk mail has no one-click unsubscribe; set it to the https address of this service";
  // RFC 8058 §3.1: the link that is posted to has to be https.
  return URL.parse(url)?.protocol === "https:"
    ? undefined
    : "HIKYAKU_PUBLIC_URL is not https: mailbox providers offer no one-click unsubscribe then (RFC 8058 §3.1), which the large ones want of bulk mail; and links in mail go in the clear";
};
