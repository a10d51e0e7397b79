/**
 * `hikyaku keys`: the API keys of an account, by one of its own keys with full access.
 */
import { z } from "zod";
import { ApiKeySummary, CreatedApiKey } from "#contract/account.ts";
import { callApi } from "./api-client.ts";
import { accountApi, type ApiOptions } from "./credentials.ts";
import { show, table } from "./show.ts";
import type { Exit, Surroundings } from "./surroundings.ts";

type Options = ApiOptions & { json?: boolean };

const Keys = z.object({ data: z.array(ApiKeySummary) });
const Deleted = z.object({ deleted: z.literal(true) });

const shownOnce = ({ id, token }: CreatedApiKey): string => `key ${id}, shown only now: ${token}`;

export const createKey = async (
  options: Options & { name: string; sendingOnly?: boolean; domain?: string; ip?: string[]; expires?: string },
  around: Surroundings,
): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "POST", "/v1/api-keys", {
    name: options.name,
    ...(options.sendingOnly && { permission: "sending_access" }),
    ...(options.domain !== undefined && { domain_id: options.domain }),
    ...(options.ip && { ip_allowlist: options.ip }),
    ...(options.expires !== undefined && { expires_at: options.expires }),
  });
  return show(answer, CreatedApiKey, options.json === true, around, shownOnce);
};

export const listKeys = async (options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "GET", "/v1/api-keys?limit=100");
  return show(answer, Keys, options.json === true, around, ({ data }) =>
    table(
      ["ID", "PERMISSION", "CREATED", "LAST USED", "EXPIRES", "NAME"],
      data.map((key) => [
        key.id,
        key.permission,
        key.created_at,
        key.last_used_at ?? "never",
        key.expires_at ?? "never",
        key.name,
      ]),
    ),
  );
};

export const rotateKey = async (id: string, options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "POST", `/v1/api-keys/${encodeURIComponent(id)}/rotate`);
  return show(answer, CreatedApiKey, options.json === true, around, shownOnce);
};

export const revokeKey = async (id: string, options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "DELETE", `/v1/api-keys/${encodeURIComponent(id)}`);
  return show(answer, Deleted, options.json === true, around, () => `key ${id} is revoked`);
};
