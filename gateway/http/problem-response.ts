/**
 * Refusals on the wire: always the contract's JSON, whatever went wrong and wherever.
 */
import type { Context } from "hono";
import { PROBLEMS, problem, problemBody, type Problem } from "#contract/problem.ts";
import { logEvent } from "../objects/log.ts";
import type { GatewayEnv } from "./context.ts";

export const sendProblem = (c: Context<GatewayEnv>, refusal: Problem): Response =>
  c.json(problemBody(refusal), PROBLEMS[refusal.code].status);

/** An answer of an object: its refusal, or its value as 200. */
export const answer = (c: Context<GatewayEnv>, result: object | Problem): Response =>
  isProblem(result) ? sendProblem(c, result) : c.json(result);

export const isProblem = (result: object): result is Problem => "kind" in result && result.kind === "problem";

/** The last resort: a bug or broken storage. Nothing was stored, and the log has the request's id. */
export const onError = (error: Error, c: Context<GatewayEnv>): Response => {
  const overloaded = "overloaded" in error && error.overloaded === true;
  logEvent("error", "request.failed", { request: c.get("requestId"), error: String(error), stack: error.stack });
  return sendProblem(c, problem(overloaded ? "unavailable" : "application_error"));
};
