/**
 * `hikyaku accounts`: the tenants of a gateway.
 */
import { z } from "zod";
import { AccountDetail, AccountSummary, AuditEntry } from "#contract/account.ts";
import { Limits } from "#contract/limits.ts";
import { callApi } from "./api-client.ts";
import { adminApi, type ApiOptions } from "./credentials.ts";
import { show, table } from "./show.ts";
import { type Exit, type Surroundings, WrongUse } from "./surroundings.ts";

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
  const answer = await callApi(adminApi(options, around), "GET", pathOf(id));
  return show(answer, AccountDetail, options.json === true, around, describe);
};

/** A suspended account takes nothing and sends nothing; what it has queued waits until it is resumed. */
export const setAccountStatus = async (
  id: string,
  status: "active" | "suspended",
  options: Options,
  around: Surroundings,
): Promise<Exit> => {
  const answer = await callApi(adminApi(options, around), "PATCH", pathOf(id), { status });
  return show(answer, AccountDetail, options.json === true, around, describe);
};

/** `set`: `name=number` each; none only shows. */
export const accountLimits = async (
  id: string,
  options: Options & { set?: string[] },
  around: Surroundings,
): Promise<Exit> => {
  const limits = Object.fromEntries((options.set ?? []).map(readLimit));
  const api = adminApi(options, around);
  const answer =
    options.set === undefined
      ? await callApi(api, "GET", pathOf(id))
      : await callApi(api, "PATCH", pathOf(id), { limits });
  return show(answer, AccountDetail, options.json === true, around, limitTable);
};

/** Of an account or, without an id, of accounts and relays as such. */
export const auditLog = async (id: string | undefined, options: Options, around: Surroundings): Promise<Exit> => {
  const path = id === undefined ? "/admin/audit" : `${pathOf(id)}/audit`;
  const answer = await callApi(adminApi(options, around), "GET", `${path}?limit=100`);
  return show(answer, Audit, options.json === true, around, ({ data }) =>
    table(
      ["TIME", "ACTOR", "IP", "ACTION", "TARGET"],
      data.map((entry) => [entry.created_at, entry.actor, entry.ip ?? "-", entry.action, entry.target ?? "-"]),
    ),
  );
};

export const deleteAccount = async (
  id: string,
  options: Options & { yes?: boolean },
  around: Surroundings,
): Promise<Exit> => {
  if (options.yes !== true) throw new WrongUse("this erases the account's keys, domains and mail for good: say --yes");
  const answer = await callApi(adminApi(options, around), "DELETE", pathOf(id));
  return show(answer, Deleted, options.json === true, around, () => `account ${id} is gone`);
};

const Audit = z.object({ data: z.array(AuditEntry) });
const Deleted = z.object({ deleted: z.literal(true) });

const pathOf = (id: string): string => `/admin/accounts/${encodeURIComponent(id)}`;

const readLimit = (text: string): [string, number] => {
  const [name = "", value = ""] = text.split("=");
  if (!Object.hasOwn(Limits.shape, name) || !/^\d{1,10}$/.test(value))
    throw new WrongUse(`--set takes name=number; the names are ${Object.keys(Limits.shape).join(", ")}`);
  return [name, Number(value)];
};

const limitTable = ({ limits }: AccountDetail): string =>
  table(
    ["LIMIT", "VALUE"],
    Object.entries(limits).map(([name, value]) => [name, String(value)]),
  );

const describe = (account: AccountDetail): string =>
  [
    accountTable([account]),
    "",
    `allowed senders  ${account.allowed_senders}`,
    `pools            transactional: ${account.stream_pools.transactional}, bulk: ${account.stream_pools.bulk}`,
    `ip allow list    ${account.ip_allowlist.join(", ") || "from anywhere"}`,
    "",
    limitTable(account),
  ].join("\n");

const accountTable = (accounts: AccountSummary[]): string =>
  table(
    ["ID", "STATUS", "CREATED", "NAME"],
    accounts.map((account) => [account.id, account.status, account.created_at, account.name]),
  );
