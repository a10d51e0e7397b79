/**
 * Whom a command talks to, and with which token.
 *
 * The admin token is never an argument: arguments show in `ps`. On the machine of the gateway it is read from
 * the data directory.
 */
import { resolve } from "node:path";
import { dataPaths, readText } from "../selfhost/data-directory.ts";
import type { Api } from "./api-client.ts";
import { type Surroundings, WrongUse } from "./surroundings.ts";

export type ApiOptions = { url?: string; data?: string; key?: string };

export const gatewayUrl = (options: ApiOptions, { env }: Surroundings): string => {
  const given = options.url ?? (env["HIKYAKU_GATEWAY_URL"] || env["HIKYAKU_PUBLIC_URL"] || "http://127.0.0.1:8787");
  if (!/^https?:\/\/./.test(given) || !URL.canParse(given))
    throw new WrongUse(`"${given}" is not an http or https URL`);
  return given.replace(/\/+$/, "");
};

export const dataDirectory = (options: ApiOptions, { env, cwd }: Surroundings): string =>
  resolve(cwd, options.data ?? (env["HIKYAKU_DATA"] || "./data"));

/** The admin API. Throws `WrongUse` without a token. */
export const adminApi = (options: ApiOptions, around: Surroundings): Api => {
  const path = dataPaths(dataDirectory(options, around)).adminToken;
  const token = around.env["HIKYAKU_ADMIN_TOKEN"] || readText(path);
  if (token === undefined)
    throw new WrongUse(
      `there is no admin token: set HIKYAKU_ADMIN_TOKEN, or give the gateway's data directory with --data (${path} is not there)`,
    );
  return { url: gatewayUrl(options, around), token };
};

/** The API of one account. Throws `WrongUse` without a key. */
export const accountApi = (options: ApiOptions, around: Surroundings): Api => {
  const token = options.key ?? (around.env["HIKYAKU_API_KEY"] || undefined);
  if (token === undefined) throw new WrongUse("there is no API key: set HIKYAKU_API_KEY or give --key");
  return { url: gatewayUrl(options, around), token };
};
