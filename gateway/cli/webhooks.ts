/**
 * `hikyaku webhooks`: where an account's events are posted to, and `hikyaku events`: what happened.
 */
import { z } from "zod";
import { UpdatedWebhook, WebhookAttempt, WebhookDetail, WebhookSecret, WebhookSummary } from "#contract/webhook.ts";
import { WEBHOOK_EVENTS } from "#contract/webhook-events.ts";
import { callApi, readBody } from "./api-client.ts";
import { accountApi, type ApiOptions } from "./credentials.ts";
import { show, table } from "./show.ts";
import { EXIT, type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

type Options = ApiOptions & { json?: boolean };

const Webhooks = z.object({ data: z.array(WebhookSummary) });
const Deleted = z.object({ deleted: z.literal(true) });
const Replayed = z.object({ replayed: z.int() });
const Events = z.object({
  has_more: z.boolean(),
  data: z.array(
    z.object({
      ...{ id: z.string(), type: z.string(), created_at: z.string() },
      data: z.looseObject({ recipient: z.string().optional() }),
    }),
  ),
});

const pathOf = (id: string): string => `/v1/webhooks/${encodeURIComponent(id)}`;

export const addWebhook = async (
  endpoint: string,
  options: Options & { events?: string[] },
  around: Surroundings,
): Promise<Exit> => {
  const { events = WEBHOOK_EVENTS } = options;
  const answer = await callApi(accountApi(options, around), "POST", "/v1/webhooks", { endpoint, events });
  return show(answer, WebhookSecret, options.json === true, around, ({ id, signing_secret }) =>
    [`webhook ${id}`, verifiedWith(signing_secret)].join("\n"),
  );
};

const verifiedWith = (secret: string): string => `its payloads are verified with ${secret}`;

export const listWebhooks = async (options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "GET", "/v1/webhooks?limit=100");
  return show(answer, Webhooks, options.json === true, around, ({ data }) =>
    table(
      ["ID", "STATUS", "ENDPOINT"],
      data.map(({ id, status, endpoint, disabled_reason: reason }) => [
        ...[id, status],
        reason === undefined ? endpoint : `${endpoint} (${reason})`,
      ]),
    ),
  );
};

export const showWebhook = async (id: string, options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "GET", pathOf(id));
  return show(answer, WebhookDetail, options.json === true, around, (webhook) =>
    [
      `${webhook.endpoint}: ${webhook.status}`,
      ...(webhook.disabled_reason === undefined ? [] : [webhook.disabled_reason]),
      `secret      ${webhook.signing_secret}`,
      `public key  ${webhook.public_key}`,
      `events      ${webhook.events.join(", ")}`,
    ].join("\n"),
  );
};

export type WebhookChanges = {
  endpoint?: string;
  events?: string[];
  enable?: boolean;
  disable?: boolean;
  skipMissed?: boolean;
};

export const updateWebhook = async (
  id: string,
  options: Options & WebhookChanges,
  around: Surroundings,
): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "PATCH", pathOf(id), changesOf(options));
  return show(answer, UpdatedWebhook, options.json === true, around, ({ resumes_from: since }) =>
    since === undefined ? `webhook ${id} is changed` : `webhook ${id} goes on with what has happened since ${since}`,
  );
};

const changesOf = ({ endpoint, events, enable, disable, skipMissed }: WebhookChanges): Record<string, unknown> => {
  if (enable === true && disable === true) throw new WrongUse("--enable or --disable, not both");
  if (skipMissed === true && enable !== true) throw new WrongUse("--skip-missed goes with --enable");
  const status = enable === true ? "enabled" : disable === true ? "disabled" : undefined;
  if (endpoint === undefined && events === undefined && status === undefined)
    throw new WrongUse("nothing to change was named");
  return { endpoint, events, status, skip_missed: skipMissed };
};

export const rotateWebhookSecret = async (id: string, options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "POST", `${pathOf(id)}/signing-secret/rotate`);
  return show(answer, WebhookSecret, options.json === true, around, ({ signing_secret }) =>
    [verifiedWith(signing_secret), "the old secret signs beside it for a day"].join("\n"),
  );
};

export const removeWebhook = async (id: string, options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "DELETE", pathOf(id));
  return show(answer, Deleted, options.json === true, around, () => `webhook ${id} is removed`);
};

/** The answer is no when the endpoint does not take it. */
export const testWebhook = async (id: string, options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "POST", `${pathOf(id)}/test`);
  const exit = show(answer, WebhookAttempt, options.json === true, around, (attempt) =>
    attempt.http_status_code === 0
      ? attempt.response
      : `it answered ${attempt.http_status_code} after ${attempt.duration_ms} ms: ${attempt.response}`,
  );
  const read = readBody(answer, WebhookAttempt);
  if (read.kind !== "read") return exit;
  return read.value.http_status_code >= 200 && read.value.http_status_code <= 299 ? EXIT.done : EXIT.no;
};

export const replayWebhook = async (
  id: string,
  options: Options & { all?: boolean; since?: string; until?: string },
  around: Surroundings,
): Promise<Exit> => {
  const { all, since, until } = options;
  const request = { status: all === true ? "all" : "failed", since, until };
  const answer = await callApi(accountApi(options, around), "POST", `${pathOf(id)}/replay`, request);
  return show(answer, Replayed, options.json === true, around, ({ replayed }) => `${replayed} events go again`);
};

export const listEvents = async (
  options: Options & { after?: string; types?: string },
  around: Surroundings,
): Promise<Exit> => {
  const query = new URLSearchParams({ limit: "100" });
  if (options.after !== undefined) query.set("after", options.after);
  if (options.types !== undefined) query.set("types", options.types);
  const answer = await callApi(accountApi(options, around), "GET", `/v1/events?${query.toString()}`);
  return show(answer, Events, options.json === true, around, ({ data, has_more }) =>
    [
      table(
        ["TIME", "TYPE", "RECIPIENT", "ID"],
        data.map((event) => [event.created_at, event.type, event.data.recipient ?? "-", event.id]),
      ),
      ...(has_more ? ["There are more: give the last id as --after."] : []),
    ].join("\n"),
  );
};
