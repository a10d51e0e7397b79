/**
 * Reads a request's body as JSON within the size limit; a body that claims or turns out to be larger is
 * dropped as soon as that is seen.
 */
import { BODY_LIMIT_BYTES } from "#contract/email.ts";
import { problem, type Problem } from "#contract/problem.ts";
import { parseJson } from "../core/json-text.ts";

export type ReadBody = { kind: "body"; json: unknown; text: string };

export const readJson = async (request: Request): Promise<ReadBody | Problem> => {
  const announced = request.headers.get("content-length");
  if (announced !== null && Number(announced) > BODY_LIMIT_BYTES) return bodyTooLarge();
  const text = announced === null ? await readCounted(request) : await request.text();
  if (text === undefined) return bodyTooLarge();
  const parsed = parseJson(text);
  return parsed.kind === "json"
    ? { kind: "body", json: parsed.value, text }
    : problem("validation_error", `The body ${parsed.reason}.`);
};

export const bodyTooLarge = (): Problem =>
  problem("payload_too_large", `The body is larger than ${BODY_LIMIT_BYTES / 1_000_000} MB.`);

/** A body without a length is counted as it comes. */
const readCounted = async (request: Request): Promise<string | undefined> => {
  if (request.body === null) return "";
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > BODY_LIMIT_BYTES) return undefined;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
};
