/**
 * What a message has for one recipient alone: the links by which they unsubscribe, and those that tell of opens and clicks.
 *
 * Such a message is made for each delivery; all others once for all recipients of an email. It depends on the delivery
 * and on what the gateway says of the domain, not on the try. The plain text is never touched.
 */
import type { KeyObject } from "node:crypto";
import {
  clickSignedText,
  clickUrl,
  formatLinkToken,
  openSignedText,
  openUrl,
  unsubscribeSignedText,
  unsubscribeUrl,
} from "#contract/link-token.ts";
import { UNSUBSCRIBE_FIELD, UNSUBSCRIBE_POST_FIELD, unsubscribeFields } from "#contract/list-unsubscribe.ts";
import type { Batch, EmailContent, LeasedDelivery, LeasedEmail } from "#contract/relay-protocol.ts";
import { returnPathMac } from "./gateway-store.ts";
import { findPlaces, type HtmlPlaces, rewriteHtml } from "./rewrite-links.ts";

/** Bases of links, each undefined when there is none of its kind. */
export type Personal = {
  delivery: LeasedDelivery;
  unsubscribeBase: string | undefined;
  openBase: string | undefined;
  clickBase: string | undefined;
};

/** `undefined`: all recipients of the email get the same bytes. */
export const personalOf = (
  { public_url }: Pick<Batch, "public_url">,
  { meta, links }: LeasedEmail,
  delivery: LeasedDelivery,
): Personal | undefined => {
  const mayUnsubscribe = meta.stream === "bulk" || (meta.unsubscribe ?? links?.unsubscribe ?? false);
  // Unsubscribing has to work for years, and a customer's own host may be gone by then.
  const unsubscribeBase = mayUnsubscribe ? (public_url ?? links?.url) : undefined;
  const trackingBase = links?.url ?? public_url;
  const openBase = links?.opens === true ? trackingBase : undefined;
  const clickBase = links?.clicks === true ? trackingBase : undefined;
  return unsubscribeBase === undefined && openBase === undefined && clickBase === undefined
    ? undefined
    : { delivery, unsubscribeBase, openBase, clickBase };
};

/** `content`: merged. A List-Unsubscribe of the customer's own is kept, and ours is not added then. */
export const personalContent = async (
  content: EmailContent,
  account: string,
  { delivery: { k }, unsubscribeBase, openBase, clickBase }: Personal,
  returnPathKey: KeyObject,
): Promise<EmailContent> => {
  const token = { account, k };
  const sign = (text: string): string => formatLinkToken(token, returnPathMac(returnPathKey, text));
  const theirs = content.headers ?? {};
  const theirUnsubscribe = valueOf(theirs, UNSUBSCRIBE_FIELD);
  const headers =
    unsubscribeBase === undefined || theirUnsubscribe !== undefined
      ? theirs
      : {
          ...without(theirs, UNSUBSCRIBE_POST_FIELD),
          ...unsubscribeFields(unsubscribeUrl(unsubscribeBase, sign(unsubscribeSignedText(token)))),
        };
  if (content.html === undefined || (openBase === undefined && clickBase === undefined)) return { ...content, headers };
  const leadOver = (target: string): string | undefined =>
    clickBase === undefined || isNamedIn(theirUnsubscribe, target)
      ? undefined
      : clickUrl(clickBase, sign(clickSignedText(token, target)), target);
  const pixelUrl = openBase === undefined ? undefined : openUrl(openBase, sign(openSignedText(token)));
  const html = rewriteHtml(content.html, await placesOf(content, content.html), leadOver, pixelUrl);
  return { ...content, html, headers };
};

/** Content that several recipients share is read once. */
const read = new WeakMap<EmailContent, Promise<HtmlPlaces>>();
const placesOf = (content: EmailContent, html: string): Promise<HtmlPlaces> => {
  const places = read.get(content) ?? findPlaces(html);
  read.set(content, places);
  return places;
};

/** Whoever unsubscribes by the customer's own link is not made to pass by us. */
const isNamedIn = (field: string | undefined, target: string): boolean =>
  Array.from(field?.matchAll(/<([^<>\s]+)>/g) ?? [], ([, url = ""]) => URL.parse(url)?.href).includes(target);

const isNamed = (name: string, field: string): boolean => name.toLowerCase() === field.toLowerCase();

const valueOf = (headers: Record<string, string>, field: string): string | undefined =>
  Object.entries(headers).find(([name]) => isNamed(name, field))?.[1];

const without = (headers: Record<string, string>, field: string): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !isNamed(name, field)));
