/**
 * What examples in `/docs` are filled with: values by the name of a field, of a component's field, or of a component.
 *
 * Every name that a schema alone gives no example for is here; a test holds each example against its schema. Domains,
 * addresses and networks are those set aside for documentation (RFC 2606, RFC 5737). No token here opens anything.
 */
import { DEFAULT_LIMITS } from "#contract/limits.ts";

const ID = "019ab4c2-7e00-7000-8000-000000000000";
const ACCOUNT = "k3v9x2m4q7ta";
const NOW = "2026-11-24T12:00:00.000Z";
const LATER = "2026-11-25T09:00:00.000Z";

const SEND = {
  from: "Acme <hello@example.com>",
  to: ["ada@example.net"],
  subject: "Welcome",
  html: "<p>Hello Ada</p>",
  text: "Hello Ada",
};

/** Those whose fields do not all go together. */
const OF_COMPONENT: Record<string, unknown> = {
  SendRequest: SEND,
  BatchRequest: [SEND, { ...SEND, to: ["bob@example.net"], html: "<p>Hello Bob</p>", text: "Hello Bob" }],
  UpdateDomain: { tls: "enforced" },
  UpdateTemplate: { subject: "Welcome, {{first_name}}" },
  CreateAccount: { name: "Acme", allowed_senders: "domains" },
  UpdateAccount: { limits: { recipients_per_24_hours: 100_000 } },
  DomainRecord: {
    record: "SPF",
    name: "send",
    type: "TXT",
    value: "v=spf1 include:spf.example.org ~all",
    ttl: "Auto",
    status: "verified",
  },
  EmailEvent: {
    object: "event",
    id: ID,
    type: "email.delivered",
    rank: 3,
    created_at: NOW,
    email_id: ID,
    recipient: "ada@example.net",
    attempt: 1,
    relay: "relay-1",
    route: { host: "mx.example.net", ip: "192.0.2.7", port: 25 },
    tls: { status: "encrypted", protocol: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384", verified: true },
    phase: "dot",
    reply: { code: 250, enhanced: "2.0.0", text: "Ok: queued as 4XyZ" },
    duration_ms: 840,
    transcript: ["C: MAIL FROM:<bounce@bounce.example.com>", "S: 250 2.1.0 Ok"],
  },
  Limits: DEFAULT_LIMITS,
};

/** Fields that mean something else in other components. */
const OF_COMPONENT_FIELD: Record<string, unknown> = {
  "AccountDetail.id": ACCOUNT,
  "AccountDetail.name": "Acme",
  "AccountSummary.id": ACCOUNT,
  "AccountSummary.name": "Acme",
  "ApiKeySummary.name": "Production",
  "BulkReply.status": "complete",
  "CreatedAccount.id": ACCOUNT,
  "CreatedAccount.name": "Acme",
  "CreatedRelay.token": "hr_…",
  "DomainDetail.name": "example.com",
  "DomainDetail.status": "verified",
  "DomainSummary.name": "example.com",
  "DomainSummary.status": "verified",
  "EmailDetail.scheduled_at": null,
  "EmailSummary.scheduled_at": null,
  "LimitState.name": "recipients_per_24_hours",
  "LimitState.sender": null,
  "TemplateDetail.name": "Welcome",
  "TemplateSummary.name": "Welcome",
  "VouchedDomain.name": "example.com",
  "MetricsReply.totals": { sent: 1200, delivered: 1188, delivery_rate: 0.99 },
  "MetricsReply.metrics": ["sent", "delivered", "delivery_rate"],
  "MetricsReply.granularity": "daily",
  "MetricsReply.data": [{ period: "2026-11-24", sent: 1200, delivered: 1188, delivery_rate: 0.99 }],
  "UpdateApiKey.name": "Production",
};

const OF_FIELD: Record<string, unknown> = {
  ...SEND,
  accepted: 2,
  actor: "operator",
  alias: "welcome",
  authentication_results: ["dkim=pass header.d=example.com"],
  bcc: null,
  cc: null,
  capabilities: { sending: "enabled", receiving: "disabled" },
  changes: { name: "Acme" },
  click_tracking: false,
  created_at: NOW,
  current_version_id: ID,
  domain_id: null,
  email: "hello@example.com",
  email_id: ID,
  end_date: NOW,
  errors: [],
  expires_at: null,
  fallback_value: "friend",
  has_more: false,
  id: ID,
  ip: "192.0.2.7",
  ip_allowlist: ["192.0.2.0/24"],
  key: "first_name",
  last_event: "delivered",
  last_seen_at: NOW,
  last_used_at: NOW,
  limit: 4_600_000,
  lines: 3,
  mail_from: "bounce@bounce.example.com",
  message_id: "<019ab4c2-7e00-7000-8000-000000000000@example.com>",
  metadata: { order: "1234" },
  name: "relay-1",
  open_tracking: false,
  pools: ["default"],
  private_key: "-----BEGIN PRIVATE KEY-----\n…\n-----END PRIVATE KEY-----",
  published_at: NOW,
  raw: "From: Acme <hello@example.com>\r\n…",
  raw_bytes: 1840,
  rcpt_to: "delivered@sandbox.test",
  received_at: NOW,
  refused: 0,
  region: "us-east-1",
  remaining: 4_598_800,
  reply_to: null,
  resets_at: LATER,
  scheduled_at: LATER,
  selector: "hikyaku1",
  start_date: "2026-11-18T00:00:00.000Z",
  stream_pools: { transactional: "default", bulk: "default" },
  tags: [{ name: "kind", value: "welcome" }],
  target: "api_key:019ab4c2-7e00-7000-8000-000000000000",
  token: "hk_…",
  tls: "opportunistic",
  topic_id: null,
  trial: false,
  tracking_subdomain: "links",
  updated_at: NOW,
  used: 1200,
  version: "0.1.0",
  window_seconds: 86_400,
};

/** The example of a whole component, if it has one here. */
export const exampleOf = (component: string): unknown => OF_COMPONENT[component];

/** The example of a field, in a component or anywhere; `undefined`: its schema says enough. */
export const fieldExample = (component: string | undefined, field: string): unknown => {
  const own = component === undefined ? undefined : OF_COMPONENT_FIELD[`${component}.${field}`];
  return own === undefined ? OF_FIELD[field] : own;
};
