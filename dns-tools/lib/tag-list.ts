/**
 * Tag lists, the `tag=value;` form of DKIM records, DKIM signatures and DMARC records (RFC 6376 §3.2).
 */
export type TagList = { kind: "tags"; tags: Map<string, string> } | { kind: "malformed"; reason: string };

const TAG_NAME = /^[A-Za-z][A-Za-z0-9_]*$/;

/** Tags in their order, names as written, values without white space at their ends. */
export const parseTagList = (text: string): TagList => {
  const tags = new Map<string, string>();
  const specs = text.split(";");
  for (const [index, spec] of specs.entries()) {
    // One semicolon may close the list.
    if (spec.trim() === "" && index === specs.length - 1) continue;
    const equals = spec.indexOf("=");
    const name = spec.slice(0, Math.max(0, equals)).trim();
    if (equals < 0 || !TAG_NAME.test(name)) return { kind: "malformed", reason: `\`${spec.trim()}\` is not tag=value` };
    // RFC 6376 §3.2: a name that is there twice makes the whole list invalid.
    if (tags.has(name)) return { kind: "malformed", reason: `the tag \`${name}\` is there twice` };
    tags.set(name, spec.slice(equals + 1).trim());
  }
  return { kind: "tags", tags };
};

export const formatTagList = (tags: Iterable<readonly [name: string, value: string]>): string =>
  Array.from(tags, ([name, value]) => `${name}=${value}`).join("; ");
