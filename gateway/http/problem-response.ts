/**
 * Answers on the wire: a value as JSON with 200, a refusal as the contract's JSON, both with the account's rate.
 *
 * Headers go into the response in one piece: adding them one by one costs a busy gateway a tenth of a send.
 */
import type { Rate } from "#contract/limits.ts";
import { isProblem, PROBLEMS, problem, problemBody, type Problem } from "#contract/problem.ts";
import type { Told } from "../objects/account-door.ts";
import { logEvent } from "../objects/log.ts";
import type { GatewayContext } from "./context.ts";

type Headers = Record<string, string>;

/** JSON text as the response, or with a `content-type` in `more` another text. */
export const respond = (
  c: GatewayContext,
  text: string | ReadableStream<Uint8Array>,
  status = 200,
  more: Headers = {},
): Response =>
  new Response(text, {
    status,
    headers: {
      "content-type": "application/json",
      "x-request-id": c.get("requestId"),
      ...rateHeaders(c.get("rate")),
      ...more,
    },
  });

/** A value, or why there is none. */
export const answer = (c: GatewayContext, result: object | Problem): Response =>
  isProblem(result) ? sendProblem(c, result) : respond(c, JSON.stringify(result));

/** An account's answer: its rate goes into the headers. */
export const answerTold = (c: GatewayContext, { rate, answer: result }: Told<object>): Response => {
  c.set("rate", rate);
  return answer(c, result);
};

export const sendProblem = (c: GatewayContext, refusal: Problem, more: Headers = {}): Response =>
  respond(c, JSON.stringify(problemBody(refusal)), PROBLEMS[refusal.code].status, {
    ...retryHeaders(refusal.retryAtMs),
    ...more,
  });

/** draft-ietf-httpapi-ratelimit-headers-06 §3. */
const rateHeaders = (rate: Rate | undefined): Headers =>
  rate
    ? {
        "ratelimit-limit": String(rate.limit),
        "ratelimit-remaining": String(rate.remaining),
        "ratelimit-reset": String(rate.resetSeconds),
      }
    : {};

/** RFC 9110 §10.2.3: of the window that refused, which may be another than that of the `ratelimit-…` headers. */
const retryHeaders = (retryAtMs: number | undefined): Headers =>
  retryAtMs === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil((retryAtMs - Date.now()) / 1000))) };

/** The last resort: a bug or broken storage. Nothing was stored, and the log has the request's id. */
export const onError = (error: Error, c: GatewayContext): Response => {
  const overloaded = "overloaded" in error && error.overloaded === true;
  logEvent("error", "request.failed", { request: c.get("requestId"), error: String(error), stack: error.stack });
  return sendProblem(c, problem(overloaded ? "unavailable" : "application_error"));
};
