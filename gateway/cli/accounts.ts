/**
 * `hikyaku accounts`: the tenants of a gateway.
 */
import { z } from "zod";
import { AccountSummary } from "#contract/account.ts";
import { callApi } from "./api-client.ts";
import { adminApi, type ApiOptions } from "./credentials.ts";
import { show, table } from "./show.ts";
import type { Exit, Surroundings } from "./surroundings.ts";

const NewAccount = z.object({ id: z.string(), name: z.string(), api_key: z.object({ token: z.string() }) });
const Accounts = z.object({ data: z.array(AccountSummary) });

type Options = ApiOptions & { json?: boolean };

export const createAccount = async (
  options: Options & { name: string; allowedSenders?: string },
  around: Surroundings,
): Promise<Exit> => {
  const request = { name: options.name, ...(options.allowedSenders && { allowed_senders: options.allowedSenders }) };
  const answer = await callApi(adminApi(options, around), "POST", "/admin/accounts", request);
  return show(answer, NewAccount, options.json === true, around, (account) =>
    [`account ${account.id}  ${account.name}`, `API key, shown only now: ${account.api_key.token}`].join("\n"),
  );
};

export const listAccounts = async (options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(adminApi(options, around), "GET", "/admin/accounts");
  return show(answer, Accounts, options.json === true, around, ({ data }) => accountTable(data));
};

export const showAccount = async (id: string, options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(adminApi(options, around), "GET", `/admin/accounts/${encodeURIComponent(id)}`);
  return show(answer, AccountSummary, options.json === true, around, (account) => accountTable([account]));
};

const accountTable = (accounts: AccountSummary[]): string =>
  table(
    ["ID", "STATUS", "CREATED", "NAME"],
    accounts.map((account) => [account.id, account.status, account.created_at, account.name]),
  );
