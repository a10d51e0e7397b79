/**
 * One call to the gateway's HTTP API, from the command line or the launcher.
 *
 * The three ways it can end are values: an answer, a refusal in the API's own words, or no answer at all,
 * which says nothing about whether the call took effect. Tokens stay in the header; they are never in a message.
 */
import { z } from "zod";
import type { Method } from "#contract/endpoints/endpoint.ts";
import { ProblemBody } from "#contract/problem.ts";

export type Api = {
  /** `http://127.0.0.1:8787`, without a slash at its end. */
  url: string;
  token: string | undefined;
};

export type Answer =
  | { kind: "ok"; status: number; body: unknown; headers: Headers }
  | { kind: "refused"; status: number; name: string; message: string; body: unknown; headers: Headers }
  | { kind: "unreachable"; reason: string };

const TIMEOUT_MS = 30_000;

export const callApi = async (
  api: Api,
  method: Method,
  path: string,
  body?: unknown,
  timeoutMs: number = TIMEOUT_MS,
): Promise<Answer> => {
  const headers = new Headers();
  if (api.token !== undefined) headers.set("authorization", `Bearer ${api.token}`);
  const init: RequestInit = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
  if (body !== undefined) {
    headers.set("content-type", "application/json");
    init.body = JSON.stringify(body);
  }
  try {
    const response = await fetch(`${api.url}${path}`, init);
    const answer = parseJson(await response.text());
    if (response.ok) return { kind: "ok", status: response.status, body: answer, headers: response.headers };
    const problem = ProblemBody.safeParse(answer);
    const { name, message } = problem.success
      ? problem.data
      : { name: "unreadable", message: `HTTP status ${response.status} without a reason` };
    return { kind: "refused", status: response.status, name, message, body: answer, headers: response.headers };
  } catch (error) {
    return { kind: "unreachable", reason: reasonOf(error) };
  }
};

/** An answer's body in the shape it should have; one that has not is `refused`, since nothing can be said from it. */
export const readBody = <T>(
  answer: Answer,
  schema: z.ZodType<T>,
): Exclude<Answer, { kind: "ok" }> | { kind: "read"; value: T } => {
  if (answer.kind !== "ok") return answer;
  const parsed = schema.safeParse(answer.body);
  if (parsed.success) return { kind: "read", value: parsed.data };
  const message = `the answer is not what this version expects: ${z.prettifyError(parsed.error)}`;
  return { ...answer, kind: "refused", name: "unreadable", message };
};

/** Undefined for what is not JSON: a proxy's HTML, an empty body. */
const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** fetch hides why behind `cause`. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error && error.cause.message !== "" ? error.cause.message : error.message;
};
