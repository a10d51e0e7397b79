/**
 * What a row of the table of endpoints says.
 */
import type { z } from "zod";
import type { ProblemCode } from "../problem.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** Whose token opens it: any API key (`send`), one with full access (`full`), the operator's (`admin`), nobody's (`open`). */
export type Needs = "send" | "full" | "admin" | "open";

export type Endpoint = {
  method: Method;
  /** With `:name` for what varies. */
  path: string;
  tag: string;
  summary: string;
  needs: Needs;
  query?: z.ZodType;
  body?: z.ZodType;
  /** The body's media type when it is not JSON. */
  bodyType?: string;
  reply: z.ZodType;
  /** The reply's media type when it is not JSON; refusals are JSON still. */
  replyType?: string;
  /** Request headers that mean something here. */
  headers?: Record<string, string>;
  problems?: readonly ProblemCode[];
};
