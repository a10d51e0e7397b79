/**
 * The webhooks of an account: where events go, of which types, and up to which event each was handed over.
 *
 * All are in memory, and written before memory follows. `version` grows with every change; `told` is the version that
 * the endpoint's object has heard of: while they differ somebody has to tell it (`account-dispatch.ts`). One that was
 * removed stays as a row until its object has heard of that too. Secrets come sealed and stay so.
 */
import { z } from "zod";
import { idFormatter, K_PER_MS, kToMs, parseId } from "#contract/ids.ts";
import type { Page, PageQuery } from "#contract/pagination.ts";
import { problem, type Problem } from "#contract/problem.ts";
import {
  SigningSecret,
  WEBHOOK_LIMIT,
  WebhookStatus,
  type EndpointConfig,
  type UpdatedWebhook,
  type UpdateWebhook,
  type WebhookSummary,
} from "#contract/webhook.ts";
import { WEBHOOK_EVENTS } from "#contract/webhook-events.ts";
import { KEPT_MS } from "./endpoint-outbox.ts";
import { pageOfRows } from "./page-of-rows.ts";

/** How long a secret that was rotated out signs beside the new one. */
export const SECRET_OVERLAP_MS = 24 * 3600 * 1000;
/** Secrets that sign at once, however often they are rotated. */
const SECRETS_KEPT = 4;

const Stored = z.object({
  url: z.string(),
  events: z.array(z.enum(WEBHOOK_EVENTS)),
  status: WebhookStatus,
  disabled_reason: z.string().optional(),
  removed: z.literal(true).optional(),
  version: z.int(),
  told: z.int(),
  secrets: z.array(SigningSecret).min(1),
  signing_key: z.string(),
  public_key: z.string(),
});
type Stored = z.infer<typeof Stored>;

/** `cursor`: the key of the last event that was handed over or passed by. */
export type Webhook = Stored & { k: number; cursor: number };

/** Secrets sealed, the public key as it is shown. */
export type WebhookKeys = { secret: string; signingKey: string; publicKey: string };

/** What its owner is shown, but for the secret, which is sealed still. */
export type SealedWebhook = WebhookSummary & { secret: string; public_key: string };

export class AccountWebhooks {
  readonly #sql: SqlStorage;
  readonly #account: string;
  readonly #formatId: (k: number) => string;
  readonly #webhooks = new Map<number, Webhook>();

  constructor(sql: SqlStorage, account: string) {
    this.#sql = sql;
    this.#account = account;
    this.#formatId = idFormatter(account);
    for (const { k, json, cursor } of sql.exec<{ k: number; json: string; cursor: number }>(
      "SELECT k, json, cursor FROM webhook ORDER BY k",
    ))
      this.#webhooks.set(k, { ...Stored.parse(JSON.parse(json)), k, cursor });
  }

  /** All, also those that were removed and whose object has not heard of it. */
  all(): Webhook[] {
    return [...this.#webhooks.values()];
  }

  /** As it is now; `undefined`: gone. */
  at(k: number): Webhook | undefined {
    return this.#webhooks.get(k);
  }

  /** It gets what happens from its own key on. */
  create(request: { endpoint: string; events: Stored["events"] }, keys: WebhookKeys, k: number): string | Problem {
    if (this.#present().length >= WEBHOOK_LIMIT)
      return problem("validation_error", `An account has at most ${WEBHOOK_LIMIT} webhooks.`);
    this.#write({
      ...{ k, cursor: k, url: request.endpoint, events: [...new Set(request.events)], status: "enabled" },
      ...{ version: 1, told: 0, secrets: [{ sealed: keys.secret }] },
      ...{ signing_key: keys.signingKey, public_key: keys.publicKey },
    });
    return this.#formatId(k);
  }

  list(query: PageQuery): Page<WebhookSummary> | Problem {
    return pageOfRows(
      this.#present().toReversed(),
      ({ k }) => this.#formatId(k),
      query,
      (one) => this.summary(one),
    );
  }

  get(id: string): SealedWebhook | Problem {
    const found = this.#find(id);
    if (!found) return noWebhook();
    return { ...this.summary(found), secret: found.secrets[0]?.sealed ?? "", public_key: found.public_key };
  }

  /**
   * One that is enabled again goes on behind the last event that was handed over, as far back as its object keeps any;
   * one that skips what it missed begins with what happens from now on: `nowK`.
   */
  update(id: string, change: UpdateWebhook, nowK: number): UpdatedWebhook | Problem {
    const found = this.#find(id);
    if (!found) return noWebhook();
    const { endpoint, events, status, skip_missed } = change;
    const { disabled_reason, ...rest } = found;
    const isResumed = status === "enabled" && found.status === "disabled";
    const cursor = isResumed
      ? Math.max(found.cursor, skip_missed === true ? nowK : nowK - KEPT_MS * K_PER_MS)
      : found.cursor;
    const isStillDisabled = found.status === "disabled" && status !== "enabled";
    this.#change({
      ...rest,
      ...(isStillDisabled && disabled_reason !== undefined && { disabled_reason }),
      ...(endpoint !== undefined && { url: endpoint }),
      ...(events !== undefined && { events: [...new Set(events)] }),
      ...(status !== undefined && { status }),
      cursor,
    });
    const resumes_from = new Date(kToMs(cursor)).toISOString();
    return { object: "webhook", id, ...(isResumed && { resumes_from }) };
  }

  /** The old secret signs beside the new one for a day. */
  rotate(id: string, sealed: string, nowMs: number): Problem | undefined {
    const found = this.#find(id);
    if (!found) return noWebhook();
    const old = found.secrets
      .filter(({ untilMs = Infinity }) => untilMs > nowMs)
      .map((secret) => ({ ...secret, untilMs: secret.untilMs ?? nowMs + SECRET_OVERLAP_MS }));
    this.#change({ ...found, secrets: [{ sealed }, ...old].slice(0, SECRETS_KEPT) });
    return undefined;
  }

  /** What it was, without its secrets. */
  remove(id: string): WebhookSummary | Problem {
    const found = this.#find(id);
    if (!found) return noWebhook();
    this.#change({ ...found, status: "disabled", removed: true });
    return this.summary(found);
  }

  /** By its endpoint's object, under the version it knew; `undefined`: there was something newer. */
  disable(k: number, version: number, reason: string): WebhookSummary | undefined {
    const found = this.#webhooks.get(k);
    if (!found || found.version !== version || found.status === "disabled") return undefined;
    const disabled: Webhook = { ...found, status: "disabled", disabled_reason: reason };
    this.#change(disabled);
    return this.summary(disabled);
  }

  /** What its endpoint's object has to know. */
  config({ k, url, status, version, secrets, signing_key }: Webhook): EndpointConfig {
    const id = this.#formatId(k);
    return { account: this.#account, webhook: k, id, url, status, version, secrets, signingKey: signing_key };
  }

  /** For its owner's questions about its events. */
  configOf(id: string): EndpointConfig | Problem {
    const found = this.#find(id);
    return found ? this.config(found) : noWebhook();
  }

  /** Its object has heard of this version; of one that was removed that was all. */
  told(k: number, version: number): void {
    const found = this.#webhooks.get(k);
    if (!found) return;
    if (!found.removed) return this.#write({ ...found, told: Math.max(found.told, version) });
    // The answer to an older word, that was on its way when the owner removed it, says nothing of the removal.
    if (version < found.version) return;
    this.#sql.exec("DELETE FROM webhook WHERE k = ?", k);
    this.#webhooks.delete(k);
  }

  /** Handed over up to there. Not when it was enabled anew meanwhile, and begins later. */
  moveCursor(k: number, cursor: number): void {
    const found = this.#webhooks.get(k);
    if (!found || found.cursor >= cursor) return;
    this.#sql.exec("UPDATE webhook SET cursor = ? WHERE k = ?", cursor, k);
    this.#webhooks.set(k, { ...found, cursor });
  }

  summary({ k, url, status, disabled_reason, events }: Webhook): WebhookSummary {
    return {
      id: this.#formatId(k),
      endpoint: url,
      created_at: new Date(kToMs(k)).toISOString(),
      status,
      ...(disabled_reason !== undefined && { disabled_reason }),
      events,
    };
  }

  #present(): Webhook[] {
    return this.all().filter(({ removed }) => !removed);
  }

  #find(id: string): Webhook | undefined {
    const found = this.#webhooks.get(parseId(this.#account, id) ?? -1);
    return found?.removed ? undefined : found;
  }

  #change(webhook: Webhook): void {
    this.#write({ ...webhook, version: webhook.version + 1 });
  }

  #write(webhook: Webhook): void {
    const { k, cursor, ...stored } = webhook;
    this.#sql.exec(
      "INSERT OR REPLACE INTO webhook (k, json, cursor) VALUES (?, ?, ?)",
      ...[k, JSON.stringify(stored), cursor],
    );
    this.#webhooks.set(k, webhook);
  }
}

/** For an id that is none of a webhook. */
const noWebhook = (): Problem => problem("not_found", "There is no webhook with this id.");
