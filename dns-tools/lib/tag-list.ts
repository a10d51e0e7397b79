/**
 * Tag lists, the `tag=value;` form of DKIM records, DKIM signatures and DMARC records (RFC 6376 §3.2).
 *
 * A list is read whole or not at all: a receiver that stumbles over one tag has none. What the tags mean is not
 * known here.
 */
export type TagList = { kind: "tags"; tags: Map<string, string> } | { kind: "malformed"; reason: string };

const TAG_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
/** Printable ASCII and folding white space (RFC 6376 §3.2): `trim` then finds nothing but spaces, tabs, line ends. */
const CHARACTERS = /^[\t\n\r -~]*$/;
const QUOTED_CHARACTERS = 40;

const malformed = (reason: string): TagList => ({ kind: "malformed", reason });

/** Tags in their order, names as written, values without white space at their ends. */
export const parseTagList = (text: string): TagList => {
  if (!CHARACTERS.test(text)) return malformed("it has a character that is not ASCII");
  const tags = new Map<string, string>();
  const specs = text.split(";");
  for (const [index, spec] of specs.entries()) {
    // One semicolon may close the list.
    if (spec.trim() === "" && index > 0 && index === specs.length - 1) continue;
    const equals = spec.indexOf("=");
    const name = spec.slice(0, Math.max(0, equals)).trim();
    if (!TAG_NAME.test(name)) return malformed(`\`${spec.trim().slice(0, QUOTED_CHARACTERS)}\` is not tag=value`);
    // RFC 6376 §3.2: a name that is there twice makes the whole list invalid.
    if (tags.has(name)) return malformed(`the tag \`${name.slice(0, QUOTED_CHARACTERS)}\` is there twice`);
    tags.set(name, spec.slice(equals + 1).trim());
  }
  return { kind: "tags", tags };
};

/** `parseTagList` gives the same tags back: names are names, values have no `;` and no white space at their ends. */
export const formatTagList = (tags: Iterable<readonly [name: string, value: string]>): string =>
  Array.from(tags, ([name, value]) => `${name}=${value}`).join("; ");
