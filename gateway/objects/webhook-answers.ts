/**
 * What is asked about webhooks, answered: the rows of the account's desk for `/v1/webhooks` and `/v1/events`.
 *
 * What a hand changes is written into the audit log, in the same turn; never a secret. What became of the events of a
 * webhook its endpoint's object knows: whoever asks for that gets its configuration here, and asks there.
 */
import type { EventsQuery } from "#contract/event-payload.ts";
import type { PageQuery } from "#contract/pagination.ts";
import { isProblem, type Problem } from "#contract/problem.ts";
import type { CreateWebhook, UpdatedWebhook, UpdateWebhook } from "#contract/webhook.ts";
import type { AccountEvents } from "./account-events.ts";
import type { AccountIntake } from "./account-intake.ts";
import type { AccountWebhooks, WebhookKeys } from "./account-webhooks.ts";
import type { AuditLog } from "./audit-log.ts";
import type { Visit } from "./visitor.ts";

type Rooms = { webhooks: AccountWebhooks; events: AccountEvents; intake: AccountIntake; audit: AuditLog };
type Id = { id: string };

export const createWebhook = (
  { webhooks, intake, audit }: Rooms,
  { request, keys }: { request: CreateWebhook; keys: WebhookKeys },
  visit: Visit,
): Id | Problem => {
  const id = webhooks.create(request, keys, intake.takeK(1, visit.nowMs));
  if (typeof id === "object") return id;
  audit.write(visit, "webhook.created", id, request);
  return { id };
};

export const listWebhooks = ({ webhooks }: Rooms, query: PageQuery) => webhooks.list(query);

export const getWebhook = ({ webhooks }: Rooms, { id }: Id) => webhooks.get(id);

export const updateWebhook = (
  { webhooks, intake, audit }: Rooms,
  { id, request }: Id & { request: UpdateWebhook },
  visit: Visit,
): UpdatedWebhook | Problem => {
  const updated = webhooks.update(id, request, intake.takeK(1, visit.nowMs));
  if (!isProblem(updated)) audit.write(visit, "webhook.updated", id, request);
  return updated;
};

export const rotateWebhookSecret = (
  { webhooks, audit }: Rooms,
  { id, sealed }: Id & { sealed: string },
  visit: Visit,
): { object: "webhook"; id: string } | Problem => {
  const refused = webhooks.rotate(id, sealed, visit.nowMs);
  if (refused) return refused;
  audit.write(visit, "webhook.secret_rotated", id);
  return { object: "webhook", id };
};

export const deleteWebhook = ({ webhooks, audit }: Rooms, { id }: Id, visit: Visit) => {
  const gone = webhooks.remove(id);
  if (isProblem(gone)) return gone;
  audit.write(visit, "webhook.deleted", id, { endpoint: gone.endpoint });
  return { object: "webhook", id, deleted: true };
};

export const webhookConfig = ({ webhooks }: Rooms, { id }: Id) => webhooks.configOf(id);

export const readEvents = ({ events }: Rooms, query: EventsQuery, { nowMs }: Visit) => events.list(query, nowMs);
