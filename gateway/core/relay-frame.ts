/**
 * Reads the header of a frame from a relay: the one place that says what is in the protocol and what is not.
 */
import { FromRelay } from "#contract/relay-protocol.ts";

export type ParsedFrame = { kind: "frame"; frame: FromRelay } | { kind: "malformed"; reason: string };

/** `lineCount`: the lines after the header; each part of `hello` and `settled`, and `trapped`, must have its own. */
export const parseFrame = (header: string, lineCount: number): ParsedFrame => {
  const json = parseJson(header);
  if (json === undefined) return { kind: "malformed", reason: "the header is not JSON" };
  const parsed = FromRelay.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { kind: "malformed", reason: `not in the protocol: ${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}` };
  }
  const expected = linesOf(parsed.data);
  if (lineCount !== expected)
    return { kind: "malformed", reason: `${lineCount} lines after the header, not ${expected}` };
  return { kind: "frame", frame: parsed.data };
};

const linesOf = (frame: FromRelay): number => {
  switch (frame.type) {
    case "hello":
    case "settled":
      return frame.parts.length;
    case "trapped":
      return 1;
    case "credit":
    case "recalled":
    case "bye":
      return 0;
  }
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
