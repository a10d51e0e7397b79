/**
 * Every way a request can be refused: one closed table of name, status and who must act.
 *
 * Names and statuses are Resend's (`resend-contract` §1.3), so its SDKs show them as their own. The message
 * is written where the refusal is decided, with the values in it; the body is always `ProblemBody`.
 */
import { z } from "zod";

/** Who can mend it: the caller's code or settings, the operator, or time (`wait`: the same request may pass later). */
export type WhoActs = "caller" | "operator" | "wait";

type Row = { status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 429 | 500 | 503; who: WhoActs; text: string };

export const PROBLEMS = {
  invalid_idempotency_key: { status: 400, who: "caller", text: "The Idempotency-Key must have 1 to 256 characters." },
  validation_error: { status: 400, who: "caller", text: "A field, or the whole body, is not as the API expects." },
  missing_api_key: { status: 401, who: "caller", text: "Send your API key in the header `Authorization: Bearer …`." },
  restricted_api_key: { status: 401, who: "caller", text: "This API key may only send emails." },
  invalid_api_key: { status: 403, who: "caller", text: "The API key is not valid, or was revoked." },
  sender_not_allowed: { status: 403, who: "caller", text: "The account may not send from this address." },
  invalid_access: { status: 403, who: "caller", text: "This token may not do that." },
  account_suspended: { status: 403, who: "operator", text: "The account is suspended." },
  not_found: { status: 404, who: "caller", text: "There is nothing at this address." },
  method_not_allowed: { status: 405, who: "caller", text: "This address does not answer that method." },
  invalid_idempotent_request: { status: 409, who: "caller", text: "The Idempotency-Key was used with another body." },
  conflict: { status: 409, who: "caller", text: "It is already there." },
  payload_too_large: { status: 413, who: "caller", text: "The body is larger than 40 MB." },
  invalid_attachment: { status: 422, who: "caller", text: "An attachment cannot be read." },
  invalid_from_address: { status: 422, who: "caller", text: "The `from` address is not an email address." },
  missing_required_field: { status: 422, who: "caller", text: "A field that is needed is missing." },
  rate_limit_exceeded: { status: 429, who: "wait", text: "Too many requests." },
  application_error: { status: 500, who: "operator", text: "Something failed on our side; nothing was stored." },
  unavailable: { status: 503, who: "wait", text: "The service cannot take this now; try again." },
} as const satisfies Record<string, Row>;

export type ProblemCode = keyof typeof PROBLEMS;

/** A refusal as a value; `message` overrides the table's text. */
export type Problem = { kind: "problem"; code: ProblemCode; message: string };

export const problem = (code: ProblemCode, message: string = PROBLEMS[code].text): Problem => ({
  kind: "problem",
  code,
  message,
});

/** The body of every answer that is not 2xx. */
export const ProblemBody = z.object({ statusCode: z.int(), name: z.string(), message: z.string() }).meta({
  id: "Problem",
  example: { statusCode: 422, name: "missing_required_field", message: "Missing `from` field." },
});
export type ProblemBody = z.infer<typeof ProblemBody>;

/** `sender_not_allowed` and our other own codes go out under the contract's name for their status. */
const WIRE_NAME: Partial<Record<ProblemCode, string>> = {
  sender_not_allowed: "validation_error",
  account_suspended: "invalid_access",
  conflict: "validation_error",
  payload_too_large: "validation_error",
  unavailable: "application_error",
};

export const problemBody = (refusal: Problem): ProblemBody => ({
  statusCode: PROBLEMS[refusal.code].status,
  name: WIRE_NAME[refusal.code] ?? refusal.code,
  message: refusal.message,
});
