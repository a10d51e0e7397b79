/**
 * The words of an HTML mail, a line for each block: enough to find a bounce's report in it.
 *
 * Linear in what is looked at. It is no HTML parser: style sheets and comments stay as noise, and nothing that comes
 * out of it is ever shown.
 */

/** Exchange writes some 30 KiB of style before its first word. */
const HTML_LIMIT = 128 * 1024;

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
  ["#39", "'"],
  ["nbsp", " "],
]);

export const htmlText = (html: string): string =>
  html
    .slice(0, HTML_LIMIT)
    .replaceAll(/\s+/g, " ")
    .replaceAll(/<(?:br|\/?(?:p|div|tr|td|li|h[1-6]|blockquote|pre))\b[^<>]{0,1000}> ?/gi, "\n")
    .replaceAll(/<[^<>]{0,1000}>/g, "")
    .replaceAll(/&(#39|[a-z]{2,4});/g, (written, name: string) => ENTITIES.get(name) ?? written);
