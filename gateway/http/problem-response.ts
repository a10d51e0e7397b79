/**
 * Answers on the wire: a value as JSON with 200, a refusal as the contract's JSON, both with the account's rate.
 */
import type { Context } from "hono";
import type { Rate } from "#contract/limits.ts";
import { isProblem, PROBLEMS, problem, problemBody, type Problem } from "#contract/problem.ts";
import type { Told } from "../objects/account.ts";
import { logEvent } from "../objects/log.ts";
import type { GatewayContext, GatewayEnv } from "./context.ts";

export const sendProblem = (c: Context<GatewayEnv>, refusal: Problem): Response => {
  if (refusal.retryAtMs !== undefined) {
    const seconds = Math.max(1, Math.ceil((refusal.retryAtMs - Date.now()) / 1000));
    c.header("retry-after", String(seconds));
    c.header("ratelimit-reset", String(seconds));
  }
  return c.json(problemBody(refusal), PROBLEMS[refusal.code].status);
};

/** A value, or why there is none. */
export const answer = (c: Context<GatewayEnv>, result: object | Problem): Response =>
  isProblem(result) ? sendProblem(c, result) : c.json(result);

/** An account's answer: its rate goes into the headers. */
export const answerTold = (c: GatewayContext, { rate, answer: result }: Told<object>): Response => {
  setRate(c, rate);
  return answer(c, result);
};

/** draft-ietf-httpapi-ratelimit-headers-06 §3; a refusal's own `ratelimit-reset` comes after and wins. */
export const setRate = (c: GatewayContext, rate: Rate | undefined): void => {
  if (!rate) return;
  c.header("ratelimit-limit", String(rate.limit));
  c.header("ratelimit-remaining", String(rate.remaining));
  c.header("ratelimit-reset", String(rate.resetSeconds));
};

/** The last resort: a bug or broken storage. Nothing was stored, and the log has the request's id. */
export const onError = (error: Error, c: Context<GatewayEnv>): Response => {
  const overloaded = "overloaded" in error && error.overloaded === true;
  logEvent("error", "request.failed", { request: c.get("requestId"), error: String(error), stack: error.stack });
  return sendProblem(c, problem(overloaded ? "unavailable" : "application_error"));
};
