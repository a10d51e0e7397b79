/**
 * Every way a request can be refused: one closed table of name, status and who must act.
 *
 * Names and statuses are Resend's (`resend-contract` §1.3), so its SDKs show them as their own. The message
 * is written where the refusal is decided, with the values in it; the body is always `ProblemBody`.
 */
import { z } from "zod";

/** Who can mend it: the caller's code or settings, the operator, or time (`wait`: the same request may pass later). */
export type WhoActs = "caller" | "operator" | "wait";

type Row = {
  status: 400 | 401 | 403 | 404 | 405 | 409 | 413 | 422 | 429 | 451 | 500 | 503;
  who: WhoActs;
  /** The contract's name, where ours is finer. */
  as?: string;
  /** The SMTP reply that says the same (RFC 5321 §4.2, RFC 3463). */
  smtp: readonly [code: number, enhanced: string];
  text: string;
};

export const PROBLEMS = {
  invalid_idempotency_key: {
    status: 400,
    who: "caller",
    smtp: [554, "5.6.0"],
    text: "The Idempotency-Key must have 1 to 256 characters.",
  },
  validation_error: {
    status: 400,
    who: "caller",
    smtp: [554, "5.6.0"],
    text: "A field, or the whole body, is not as the API expects.",
  },
  missing_api_key: {
    status: 401,
    who: "caller",
    smtp: [530, "5.7.0"],
    text: "Send your API key in the header `Authorization: Bearer …`.",
  },
  restricted_api_key: { status: 401, who: "caller", smtp: [550, "5.7.1"], text: "This API key may only send emails." },
  invalid_api_key: {
    status: 403,
    who: "caller",
    smtp: [535, "5.7.8"],
    text: "The API key is not valid, was revoked, or has expired.",
  },
  sender_not_allowed: {
    status: 403,
    who: "caller",
    as: "validation_error",
    smtp: [550, "5.7.1"],
    text: "The account may not send from this address.",
  },
  ip_not_allowed: {
    status: 403,
    who: "caller",
    as: "invalid_access",
    smtp: [550, "5.7.1"],
    text: "Requests from this address are not allowed.",
  },
  pool_not_allowed: {
    status: 403,
    who: "operator",
    as: "invalid_access",
    smtp: [550, "5.7.1"],
    text: "This relay may not serve that pool.",
  },
  account_suspended: {
    status: 403,
    who: "operator",
    as: "invalid_access",
    smtp: [550, "5.7.1"],
    text: "The account is suspended.",
  },
  not_found: { status: 404, who: "caller", smtp: [550, "5.1.1"], text: "There is nothing at this address." },
  method_not_allowed: {
    status: 405,
    who: "caller",
    smtp: [502, "5.5.1"],
    text: "This address does not answer that method.",
  },
  invalid_idempotent_request: {
    status: 409,
    who: "caller",
    smtp: [554, "5.6.0"],
    text: "The Idempotency-Key was used with another body.",
  },
  concurrent_idempotent_requests: {
    status: 409,
    who: "wait",
    smtp: [451, "4.3.0"],
    text: "Another request with this Idempotency-Key is under way.",
  },
  conflict: { status: 409, who: "caller", as: "validation_error", smtp: [554, "5.6.0"], text: "It is already there." },
  payload_too_large: {
    status: 413,
    who: "caller",
    as: "validation_error",
    smtp: [552, "5.3.4"],
    text: "The body is larger than 40 MB.",
  },
  invalid_access: { status: 422, who: "caller", smtp: [550, "5.7.1"], text: "This may not be done to it." },
  invalid_attachment: { status: 422, who: "caller", smtp: [554, "5.6.0"], text: "An attachment cannot be read." },
  invalid_from_address: {
    status: 422,
    who: "caller",
    smtp: [553, "5.1.7"],
    text: "The `from` address is not an email address.",
  },
  invalid_parameter: {
    status: 422,
    who: "caller",
    smtp: [501, "5.5.4"],
    text: "A query parameter is not as the API expects.",
  },
  invalid_region: { status: 422, who: "caller", smtp: [501, "5.5.4"], text: "There is no such region." },
  missing_required_field: {
    status: 422,
    who: "caller",
    smtp: [554, "5.6.0"],
    text: "A field that is needed is missing.",
  },
  recipient_suppressed: {
    status: 422,
    who: "caller",
    as: "validation_error",
    // RFC 3463 §3.8, X.7.1.
    smtp: [550, "5.7.1"],
    text: "A recipient is suppressed, and the send asks to be refused then.",
  },
  no_unsubscribe_link: {
    status: 422,
    who: "caller",
    as: "validation_error",
    smtp: [554, "5.6.0"],
    text: "The email names the link to unsubscribe by where none can stand: it carries no such link, or names it in a header or in a spelling that is not read.",
  },
  rate_limit_exceeded: {
    status: 429,
    who: "wait",
    smtp: [451, "4.7.0"],
    text: "Too many requests or recipients in a short time.",
  },
  daily_quota_exceeded: { status: 429, who: "wait", smtp: [452, "4.7.0"], text: "The limit of 24 hours is used up." },
  monthly_quota_exceeded: {
    status: 429,
    who: "wait",
    smtp: [452, "4.7.0"],
    text: "The limit of the month is used up.",
  },
  security_error: {
    status: 451,
    who: "caller",
    smtp: [554, "5.7.1"],
    text: "The request names an address that may not be reached.",
  },
  application_error: {
    status: 500,
    who: "operator",
    smtp: [451, "4.3.0"],
    text: "Something failed on our side; nothing was stored.",
  },
  unavailable: {
    status: 503,
    who: "wait",
    as: "application_error",
    smtp: [421, "4.3.2"],
    text: "The service cannot take this now; try again.",
  },
} as const satisfies Record<string, Row>;

export type ProblemCode = keyof typeof PROBLEMS;

/**
 * A refusal as a value; `message` overrides the table's text. `retryAtMs`: when the same request may pass. `full`:
 * until then no other will either: of any request, of any send, or of `sender <address>`.
 */
export type Problem = { kind: "problem"; code: ProblemCode; message: string; retryAtMs?: number; full?: string };

export const problem = (code: ProblemCode, message: string = PROBLEMS[code].text): Problem => ({
  kind: "problem",
  code,
  message,
});

export const isProblem = (result: object): result is Problem => "kind" in result && result.kind === "problem";

/** The body of every answer that is not 2xx. */
export const ProblemBody = z.object({ statusCode: z.int(), name: z.string(), message: z.string() }).meta({
  id: "Problem",
  example: { statusCode: 422, name: "missing_required_field", message: "Missing `from` field." },
});
export type ProblemBody = z.infer<typeof ProblemBody>;

/** The name a refusal has on the wire: one that every SDK of the contract knows. */
export const wireName = (code: ProblemCode): string => {
  const row: Row = PROBLEMS[code];
  return row.as ?? code;
};

export const problemBody = (refusal: Problem): ProblemBody => ({
  statusCode: PROBLEMS[refusal.code].status,
  name: wireName(refusal.code),
  message: refusal.message,
});

/** The SMTP reply that says the same, on one line. */
export const smtpReply = ({ code, message }: Problem): string => {
  const [basic, enhanced] = PROBLEMS[code].smtp;
  return `${basic} ${enhanced} ${message.replaceAll(/[^\x20-\x7e]/g, "?")}`;
};
