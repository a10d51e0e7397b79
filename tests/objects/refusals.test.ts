/**
 * Every error of the table, over raw HTTP: each row of PROBLEMS is made to happen once, and comes with its status and
 * the name that the contract's SDKs know. What cannot be made to happen here says where it is shown.
 */
import { env } from "cloudflare:workers";
import { reset, runInDurableObject } from "cloudflare:test";
import { afterEach, expect, test } from "vitest";
import { PROBLEMS, problem, smtpReply, wireName, type ProblemCode } from "#contract/problem.ts";
import {
  call,
  goodSend,
  mintKey,
  openAccount,
  openRelay,
  type Answer,
  type TestAccount,
} from "./support/worker-calls.ts";

afterEach(reset);

const send = ({ token }: TestAccount, fields: object = {}, headers: Record<string, string> = {}): Promise<Answer> =>
  call("POST", "/v1/emails", { token, headers, body: goodSend(fields) });
const admin = (method: string, path: string, body: unknown): Promise<Answer> =>
  call(method, path, { token: env.HIKYAKU_ADMIN_TOKEN, body });

/** How each refusal comes about. */
const CAUSES: Partial<Record<ProblemCode, (account: TestAccount) => Promise<Answer>>> = {
  invalid_idempotency_key: (account) => send(account, {}, { "idempotency-key": "k".repeat(257) }),
  validation_error: (account) => send(account, { to: "nobody" }),
  missing_api_key: () => call("GET", "/v1/emails"),
  restricted_api_key: async (account) =>
    call("GET", "/v1/emails", { token: (await mintKey(account, "sending_access")).token }),
  invalid_api_key: () => call("GET", "/v1/emails", { token: "re_123" }),
  sender_not_allowed: async () => send(await openAccount({ allowed_senders: "domains" })),
  ip_not_allowed: async (account) => {
    await admin("PATCH", `/admin/accounts/${account.id}`, { ip_allowlist: ["192.0.2.0/24"] });
    return send(account);
  },
  pool_not_allowed: async () => {
    const { token } = await openRelay(["default"]);
    return call("GET", "/relay/connect?pool=other", { token, headers: { upgrade: "websocket" } });
  },
  account_suspended: async (account) => {
    await admin("PATCH", `/admin/accounts/${account.id}`, { status: "suspended" });
    return send(account);
  },
  not_found: ({ token }) => call("GET", "/v1/nothing", { token }),
  method_not_allowed: ({ token }) => call("PUT", "/v1/emails", { token }),
  invalid_idempotent_request: async (account) => {
    await send(account, {}, { "idempotency-key": "one" });
    return send(account, { subject: "Another" }, { "idempotency-key": "one" });
  },
  conflict: async ({ token }) => {
    await call("POST", "/v1/domains", { token, body: { name: "twice.test" } });
    return call("POST", "/v1/domains", { token, body: { name: "twice.test" } });
  },
  payload_too_large: ({ token }) =>
    call("POST", "/v1/emails", { token, headers: { "content-length": "50000000" }, raw: "x".repeat(50_000_000) }),
  invalid_access: async (account) => {
    const { body } = await send(account);
    return call("POST", `/v1/emails/${(body as { id: string }).id}/cancel`, { token: account.token });
  },
  invalid_attachment: (account) => send(account, { attachments: [{ filename: "a", content: "*" }] }),
  invalid_from_address: (account) => send(account, { from: "nobody" }),
  invalid_parameter: ({ token }) => call("GET", "/v1/emails?limit=0", { token }),
  invalid_region: ({ token }) => call("POST", "/v1/domains", { token, body: { name: "a.test", region: "mars-1" } }),
  missing_required_field: (account) => send(account, { subject: undefined }),
  recipient_suppressed: async (account) => {
    await call("POST", "/v1/suppressions", { token: account.token, body: { email: "reader@inbox.test" } });
    return send(account, { on_suppressed: "refuse" });
  },
  no_unsubscribe_link: (account) => send(account, { text: "{{unsubscribe_url}}" }),
  rate_limit_exceeded: async () => {
    const account = await openAccount({ limits: { recipients_per_10_minutes: 1 } });
    await send(account);
    return send(account);
  },
  daily_quota_exceeded: async () => {
    const account = await openAccount({ limits: { messages_per_sender_per_24_hours: 1 } });
    await send(account);
    return send(account);
  },
  security_error: (account) => send(account, { attachments: [{ path: "http://127.0.0.1/x" }] }),
  application_error: async (account) => {
    await runInDurableObject(
      account.stub,
      (_, { storage }) => void storage.sql.exec("ALTER TABLE sandbox RENAME TO gone"),
    );
    return call("GET", "/v1/sandbox/messages", { token: account.token });
  },
};

/** Shown elsewhere, or by nobody yet. */
const ELSEWHERE: Partial<Record<ProblemCode, string>> = {
  concurrent_idempotent_requests: "tests/objects/bulk.test.ts: two streams under one key",
  monthly_quota_exceeded: "a name of the contract that no window of ours has",
  unavailable: "an overloaded object, which the runtime alone can say",
};

test("each row of the table has its cause here, or says where it is shown", () => {
  expect([...Object.keys(CAUSES), ...Object.keys(ELSEWHERE)].toSorted()).toEqual(Object.keys(PROBLEMS).toSorted());
});

test.each(Object.entries(CAUSES))("%s", async (code, cause) => {
  const account = await openAccount();
  const row = PROBLEMS[code as ProblemCode];
  expect(await cause(account)).toEqual({
    status: row.status,
    body: { statusCode: row.status, name: wireName(code as ProblemCode), message: expect.stringMatching(/\S+ \S+/) },
  });
});

test("every row has a name that the contract has, and an SMTP reply that says the same", () => {
  const contract =
    `invalid_idempotency_key validation_error missing_api_key restricted_api_key invalid_api_key not_found
    method_not_allowed invalid_idempotent_request concurrent_idempotent_requests invalid_attachment invalid_from_address
    invalid_access invalid_parameter invalid_region missing_required_field monthly_quota_exceeded daily_quota_exceeded
    rate_limit_exceeded security_error application_error internal_server_error`.split(/\s+/);
  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    const { status, who } = PROBLEMS[code];
    expect(contract, code).toContain(wireName(code));
    const reply = smtpReply(problem(code, "Grüße\r\n250 ok"));
    expect(reply, code).toMatch(/^[45]\d\d [45]\.\d\.\d+ Gr\?\?e\?\?250 ok$|^[45]\d\d [45]\.\d\.\d+ [ -~]+$/);
    // What passes later is a 4yz reply (RFC 5321 §4.2.1); what never passes a 5yz.
    expect(reply[0], code).toBe(who === "wait" || status === 500 ? "4" : "5");
  }
});
