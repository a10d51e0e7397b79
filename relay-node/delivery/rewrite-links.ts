/**
 * Links of an HTML body led over us, and the picture that tells of an open.
 *
 * The parser only says where things stand: the text itself is cut there and put together again, so all the rest stays as
 * it is, octet for octet. Links are `<a>` and `<area>` to absolute http and https URLs, outside of comments; those with
 * `data-hikyaku-track="off"` are left alone. What is too much to read (`LIMITS`) is left as it came: mail goes either way.
 */
import { finished } from "node:stream/promises";
import { RewritingStream } from "parse5-html-rewriting-stream";

/** `target`: as a browser would have asked for it. `start`, `end`: the attribute with its name and quotes. */
type Link = { start: number; end: number; target: string };
export type HtmlPlaces = { links: readonly Link[]; bodyEnd: number };

/** `links` behind the last are not led over us. Beyond `tags` nothing is looked at: nested `<svg>` cost the parser their square. */
const LIMITS = { htmlLength: 2_000_000, tags: 50_000, links: 1000, urlLength: 2000 } as const;
const CHUNK = 64 * 1024;

const ABSOLUTE = /^[\0- ]*https?:\/\//i;

/** Where the links are, and where a picture may stand at the end. */
export const findPlaces = async (html: string): Promise<HtmlPlaces> => {
  const links: Link[] = [];
  let bodyEnd = html.length;
  if (html.length > LIMITS.htmlLength) return { links, bodyEnd };
  const parser = new RewritingStream();
  let tags = 0;
  parser.on("startTag", (tag) => {
    const link = linkOf(tag);
    if (link && links.length < LIMITS.links) links.push(link);
    tags += 1;
    if (tags >= LIMITS.tags) parser.stop();
  });
  parser.on("endTag", ({ tagName, sourceCodeLocation }) => {
    if (tagName === "body" && sourceCodeLocation) bodyEnd = sourceCodeLocation.startOffset;
  });
  for (let at = 0; at < html.length; at += CHUNK) parser.write(html.slice(at, at + CHUNK));
  parser.end();
  await finished(parser);
  return { links, bodyEnd };
};

/** `leadOver`: the URL to stand in a link's place; undefined: it stays. `pixelUrl`: undefined: there is none. */
export const rewriteHtml = (
  html: string,
  { links, bodyEnd }: HtmlPlaces,
  leadOver: (target: string) => string | undefined,
  pixelUrl: string | undefined,
): string => {
  const edits = links.flatMap(({ start, end, target }) => {
    const url = leadOver(target);
    return url === undefined ? [] : [{ start, end, text: `href="${url}"` }];
  });
  if (pixelUrl !== undefined) edits.push({ start: bodyEnd, end: bodyEnd, text: pixel(pixelUrl) });
  let [text, at] = ["", 0];
  // A link behind `</body>` is still one.
  for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
    text += html.slice(at, edit.start) + edit.text;
    at = edit.end;
  }
  return text + html.slice(at);
};

/** A start tag as the parser tells it; `attrs` of its place are there, though its declaration does not say so. */
type Tag = {
  tagName: string;
  attrs: readonly { name: string; value: string }[];
  sourceCodeLocation?: { startOffset: number; attrs?: Record<string, Span> } | null;
};
type Span = { startOffset: number; endOffset: number };

const linkOf = ({ tagName, attrs, sourceCodeLocation }: Tag): Link | undefined => {
  if (tagName !== "a" && tagName !== "area") return undefined;
  const place = sourceCodeLocation?.attrs?.["href"];
  const target = targetOf(attrs.find(({ name }) => name === "href")?.value ?? "");
  if (!place || target === undefined || attrs.some(isOff)) return undefined;
  return { start: place.startOffset, end: place.endOffset, target };
};

const isOff = ({ name, value }: { name: string; value: string }): boolean =>
  name === "data-hikyaku-track" && value.trim().toLowerCase() === "off";

/** A URL with a password in it is nobody's business but the reader's. */
const targetOf = (href: string): string | undefined => {
  if (!ABSOLUTE.test(href)) return undefined;
  const url = URL.parse(href);
  const isPlain = url !== null && url.username === "" && url.password === "" && url.href.length <= LIMITS.urlLength;
  return isPlain ? url.href : undefined;
};

const pixel = (url: string): string =>
  `<img src="${url}" alt="" width="1" height="1" style="display:block;border:0;width:1px;height:1px">`;
