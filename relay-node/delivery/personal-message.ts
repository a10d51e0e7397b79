/**
 * What a message has for one recipient alone: the links by which they unsubscribe, and those that tell of opens and clicks.
 *
 * Such a message is made for each delivery; all others once for all recipients of an email. It depends on the delivery,
 * on the email as it was accepted and on where this service is, not on the try. Of the plain text, only the places for
 * the link to unsubscribe by are touched.
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
import { mayUnsubscribe, unsubscribeFieldIn, withUnsubscribe } from "#contract/list-unsubscribe.ts";
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
  { meta }: LeasedEmail,
  delivery: LeasedDelivery,
): Personal | undefined => {
  const { links } = meta;
  // Unsubscribing has to work for years, and a customer's own host may be gone by then.
  const unsubscribeBase = mayUnsubscribe(meta) ? (public_url ?? links?.url) : undefined;
  const trackingBase = links?.url ?? public_url;
  const openBase = links?.opens === true ? trackingBase : undefined;
  const clickBase = links?.clicks === true ? trackingBase : undefined;
  return unsubscribeBase === undefined && openBase === undefined && clickBase === undefined
    ? undefined
    : { delivery, unsubscribeBase, openBase, clickBase };
};

/** The links of one recipient, each undefined when there is none of its kind. */
export type PersonalLinks = {
  unsubscribe: string | undefined;
  open: string | undefined;
  clickTo: ((target: string) => string) | undefined;
};

export const personalLinks = (
  account: string,
  { delivery: { k }, unsubscribeBase, openBase, clickBase }: Personal,
  returnPathKey: KeyObject,
): PersonalLinks => {
  const token = { account, k };
  const sign = (text: string): string => formatLinkToken(token, returnPathMac(returnPathKey, text));
  return {
    unsubscribe:
      unsubscribeBase === undefined ? undefined : unsubscribeUrl(unsubscribeBase, sign(unsubscribeSignedText(token))),
    open: openBase === undefined ? undefined : openUrl(openBase, sign(openSignedText(token))),
    clickTo:
      clickBase === undefined
        ? undefined
        : (target) => clickUrl(clickBase, sign(clickSignedText(token, target)), target),
  };
};

/** `content`: merged. */
export const personalContent = async (
  content: EmailContent,
  { unsubscribe, open, clickTo }: PersonalLinks,
): Promise<EmailContent> => {
  const theirs = content.headers ?? {};
  const headers = unsubscribe === undefined ? theirs : withUnsubscribe(theirs, unsubscribe);
  if (content.html === undefined || (open === undefined && clickTo === undefined)) return { ...content, headers };
  // Whoever unsubscribes, by our link or the customer's own, is not made to pass by us before.
  const leavingBy = new Set(urlsIn(unsubscribeFieldIn(theirs)).map(normal));
  const ours = normal(unsubscribe);
  // Behind our link may stand what the customer wrote there: a fragment, a parameter.
  const isLeaving = (target: string): boolean =>
    leavingBy.has(target) || (ours !== undefined && target.startsWith(ours));
  const leadOver = (target: string): string | undefined => (isLeaving(target) ? undefined : clickTo?.(target));
  const html = rewriteHtml(content.html, await placesOf(content, content.html), leadOver, open);
  return { ...content, html, headers };
};

/** Content that several recipients share is read once. */
const read = new WeakMap<EmailContent, Promise<HtmlPlaces>>();
const placesOf = (content: EmailContent, html: string): Promise<HtmlPlaces> => {
  const places = read.get(content) ?? findPlaces(html);
  read.set(content, places);
  return places;
};

/** Of `<url>, <url>`, as List-Unsubscribe has them. */
const urlsIn = (field = ""): string[] => Array.from(field.matchAll(/<([^<>\s]+)>/g), ([, url = ""]) => url);

/** As `rewrite-links.ts` gives targets. */
const normal = (url = ""): string | undefined => URL.parse(url)?.href;
