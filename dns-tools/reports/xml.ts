/**
 * Just enough XML for reports from strangers: the children of the root element, one after the other.
 *
 * Only one child is in memory at a time, and each is bounded in depth and number of elements, so no document grows beyond
 * its own text. No document type is accepted, so there are no entities but the five of XML; attributes are passed over.
 * It is strict where data could be lost (a tag that is not closed, an end that is missing) and lenient in text.
 */

export type XmlElement = {
  /** Without its prefix. Elements with another prefix than the root are extensions, and not here. */
  name: string;
  /** Trimmed, and cut at 1,000 characters. */
  text: string;
  children: readonly XmlElement[];
};

export type XmlPart =
  | { kind: "root"; name: string }
  | { kind: "child"; element: XmlElement }
  | { kind: "malformed"; reason: string };

const DEEPEST = 20;
const MOST_ELEMENTS_OF_A_CHILD = 5_000;
const LONGEST_TEXT = 1_000;

/** Bounded in each of its parts, so that no text makes it try for long. */
const TAG =
  /<(\/?)(?:([A-Z_a-z\u0080-\uFFFF][\w.\u0080-\uFFFF-]{0,99}):)?([A-Z_a-z\u0080-\uFFFF][\w.\u0080-\uFFFF-]{0,99})(?:\s{1,99}[^\s=<>"'/]{1,99}\s{0,9}=\s{0,9}(?:"[^"<]{0,999}"|'[^'<]{0,999}')){0,20}\s{0,99}(\/?)>/y;

type Open = { name: string; prefix: string; text: string; children: XmlElement[] };

/** The root comes first, then its children; after `malformed` nothing comes. */
export function* readXml(text: string): Generator<XmlPart, void> {
  const open: Open[] = [];
  let rootPrefix = "";
  let elements = 0;
  let at = 0;
  for (;;) {
    const start = text.indexOf("<", at);
    const top = open.at(-1);
    if (start !== at) {
      const between = text.slice(at, start < 0 ? undefined : start);
      if (top !== undefined) addText(top, decode(between));
      else if (/[^\s\0\uFEFF]/.test(between)) return yield malformed("there is text outside of its root element");
    }
    if (start < 0) return yield malformed(`it ends before </${top?.name ?? "feedback"}>`);
    const aside = passAside(text, start);
    if (aside !== undefined) {
      if (aside.end < 0) return yield malformed("it ends within a comment or the like");
      if (top !== undefined) addText(top, aside.text);
      at = aside.end;
      continue;
    }
    if (text.startsWith("<!", start)) return yield malformed("it has a document type, which reports never need");
    TAG.lastIndex = start;
    const tag = TAG.exec(text);
    if (tag === null) return yield malformed(`its tag at character ${start + 1} cannot be read, or is cut off`);
    const [whole, closing, prefix = "", name = "", empty] = tag;
    at = start + whole.length;
    if (closing === "") {
      if (open.length === 0) {
        rootPrefix = prefix;
        yield { kind: "root", name };
      }
      if (open.length === DEEPEST) return yield malformed(`its elements are nested more than ${DEEPEST} deep`);
      elements = open.length === 1 ? 1 : elements + 1;
      if (elements > MOST_ELEMENTS_OF_A_CHILD)
        return yield malformed(`one of its parts has more than ${MOST_ELEMENTS_OF_A_CHILD} elements`);
      open.push({ name, prefix, text: "", children: [] });
      if (empty === "") continue;
    }
    const done = open.pop();
    if (done === undefined || done.name !== name || done.prefix !== prefix)
      return yield malformed(`</${name}> at character ${start + 1} closes what is not open`);
    const parent = open.at(-1);
    if (parent === undefined) return yield* readEnd(text.slice(at));
    if (done.prefix !== rootPrefix) continue;
    const element = { name: done.name, text: done.text.trim(), children: done.children };
    if (open.length === 1) yield { kind: "child", element };
    else parent.children.push(element);
  }
}

const malformed = (reason: string): XmlPart => ({ kind: "malformed", reason });

/** One file is one report: a second root is refused, comments and padding are not. */
function* readEnd(rest: string): Generator<XmlPart, void> {
  if (/<[^!?]/.test(rest)) yield malformed("there is more than one report in it");
}

/** Comments, instructions and CDATA: where they end (-1: nowhere), and the text they hold. */
const passAside = (text: string, start: number): { end: number; text: string } | undefined => {
  for (const [head, tail] of ASIDES) {
    if (!text.startsWith(head, start)) continue;
    const end = text.indexOf(tail, start + head.length);
    if (end < 0) return { end, text: "" };
    return { end: end + tail.length, text: head === CDATA ? text.slice(start + head.length, end) : "" };
  }
  return undefined;
};
const CDATA = "<![CDATA[";
const ASIDES = [
  ["<!--", "-->"],
  ["<?", "?>"],
  [CDATA, "]]>"],
] as const;

const addText = (element: Open, text: string): void => {
  if (element.text.length < LONGEST_TEXT) element.text = (element.text + text).trimStart().slice(0, LONGEST_TEXT);
};

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** What is no entity of XML stays as it is: reporters write a bare `&` in names. */
const decode = (text: string): string =>
  text.includes("&") ? text.slice(0, LONGEST_TEXT * 10).replaceAll(ENTITY, decodeEntity) : text;
const ENTITY = /&(?:#\d{1,7}|#x[\da-f]{1,6}|amp|lt|gt|quot|apos);/gi;

const decodeEntity = (whole: string): string => {
  const name = whole.slice(1, -1).toLowerCase();
  if (!name.startsWith("#")) return ENTITIES[name] ?? whole;
  const code = name.startsWith("#x") ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
};
