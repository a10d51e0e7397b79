/**
 * The form that MTA-STS and TLS-RPT records have in common: a version, then `name=value` fields (RFC 8461 §3.1,
 * RFC 8460 §3).
 *
 * Stricter than a tag list: no space beside the equals sign, no empty value. A field that is there twice counts as it
 * stands first, and unknown ones are skipped by whoever asks for the known. What values mean is not known here.
 */
export type VersionedFields =
  | { kind: "fields"; fields: ReadonlyMap<string, string> }
  /** `reason`: a clause that follows "for". */
  | { kind: "malformed"; reason: string };

const NAME = "[A-Za-z0-9][A-Za-z0-9_.-]{0,31}";
const FIELD = new RegExp(`^(${NAME})=([!-~](?:[ \\t!-~]*[!-~])?)$`);
const SHOWN_CHARACTERS = 60;

/** Other TXT records at the name are skipped before they are counted. */
export const hasVersion = (text: string, version: string): boolean => text.startsWith(`v=${version};`);

/** Reads the text of a record, its strings joined. */
export const parseVersionedFields = (text: string, version: string): VersionedFields => {
  if (!hasVersion(text, version)) return { kind: "malformed", reason: `it does not begin with \`v=${version};\`` };
  if (!/^[\t -~]*$/.test(text)) return { kind: "malformed", reason: "it has a character that is not ASCII" };
  const specs = text.split(";").map((spec) => spec.trim());
  // One semicolon may close the record.
  if (specs.at(-1) === "") specs.pop();
  const fields = new Map<string, string>();
  for (const spec of specs.slice(1)) {
    const [, name, value] = FIELD.exec(spec) ?? [];
    if (name === undefined || value === undefined)
      return { kind: "malformed", reason: `\`${spec.slice(0, SHOWN_CHARACTERS)}\` is not name=value` };
    if (!fields.has(name)) fields.set(name, value);
  }
  return { kind: "fields", fields };
};
