/**
 * How a text names the link to unsubscribe by: two reserved names in double or triple braces, which merging reads.
 *
 * HTML editors write braces in an `href` as a URL has them: those are the same place. What else they make of two braces
 * (`&#123;`, a tag between) nobody reads: it is told from a mention of the name and from code, so that such mail does not
 * leave with a link that is none. Every look is linear in the text.
 */

/** The second is Resend's name for it. */
const NAMES: readonly string[] = ["unsubscribe_url", "RESEND_UNSUBSCRIBE_URL"];

/** A variable of ours: nobody gives it a value, and it works in content without variables too. */
export const isReservedVariable = (name: string): boolean => NAMES.includes(name);

/** The reserved variables of one recipient. */
export const unsubscribeVariables = (url: string): Record<string, string> =>
  Object.fromEntries(NAMES.map((name) => [name, url]));

/** Whether a text has anything to do with the link, in whatever spelling. Nearly none has, so this is asked first. */
export const mentionsUnsubscribe = (text: string): boolean => text.includes("_") && /unsubscribe\\?_url/i.test(text);

const CODED_PLACE = new RegExp(
  `(?:%7[Bb]){2,4}(?:%20|\\s){0,50}(?:${NAMES.join("|")})(?:%20|\\s){0,50}(?:%7[Dd]){2,4}`,
  "g",
);

/** Places in the percent-encoding of URLs, in braces; all else as it is. */
export const withPlainBraces = (text: string): string => text.replaceAll(CODED_PLACE, decodeURIComponent);

const OPEN = "(?:\\{|%(?:25)?7B|&(?:#123|#x7B|lcub|lbrace);)";
const CLOSE = "(?:\\}|%(?:25)?7D|&(?:#125|#x7D|rcub|rbrace);)";
/** Space and tags: spell checkers of editors mark the name. */
const BETWEEN = "(?:\\s|\\+|%20|%C2%A0|&(?:nbsp|#160);|<[^<>]{0,200}>){0,50}";
const ANY_CASE = "(?:RESEND_)?unsubscribe\\\\?_url";
/** One brace is code, and mail about code is no template: two stand in front of the name, or one and two behind it. */
const MISSPELT = new RegExp(
  `(?:${OPEN}${BETWEEN}){2}${ANY_CASE}(?!\\w)|${OPEN}${BETWEEN}${ANY_CASE}${BETWEEN}(?:${CLOSE}${BETWEEN}){2}` +
    // Something else within the braces; `my_unsubscribe_url` is somebody's own.
    `|\\{\\{[^{}]{0,50}(?<!\\w)${ANY_CASE}(?!\\w)[^{}]{0,50}\\}\\}`,
  "i",
);

/** Of text in which no place was read: whether one was meant. */
export const hasMisspeltName = (text: string): boolean => mentionsUnsubscribe(text) && MISSPELT.test(text);
