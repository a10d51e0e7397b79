/**
 * How an answer of the API becomes output and exit status: its own JSON with `--json`, words without.
 */
import type { z } from "zod";
import { type Answer, readBody } from "./api-client.ts";
import { EXIT, type Exit, type Surroundings } from "./surroundings.ts";

/** Shows an answer that should have the shape of `schema`; `words` is what people read of it. */
export const show = <T>(
  answer: Answer,
  schema: z.ZodType<T>,
  json: boolean,
  around: Surroundings,
  words: (value: T) => string,
): Exit => {
  if (json && answer.kind !== "unreachable" && answer.body !== undefined) around.out(JSON.stringify(answer.body));
  const read = readBody(answer, schema);
  if (read.kind !== "read") return showFailure(read, around);
  if (!json) around.out(words(read.value));
  return EXIT.done;
};

/** A refusal is a no; a server that fails, or none at all, is not an answer. */
export const showFailure = (answer: Exclude<Answer, { kind: "ok" }>, around: Surroundings): Exit => {
  if (answer.kind === "unreachable") {
    around.err(`hikyaku: no answer from the gateway: ${answer.reason}`);
    return EXIT.unknown;
  }
  around.err(`hikyaku: ${answer.name}: ${answer.message}`);
  return answer.status >= 500 || answer.name === "unreadable" ? EXIT.unknown : EXIT.no;
};

/** Rows under their headings, in columns. */
export const table = (headings: string[], rows: string[][]): string => {
  const lines = [headings, ...rows];
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
};
