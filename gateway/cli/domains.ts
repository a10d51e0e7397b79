/**
 * `hikyaku domains`: sending domains of an account, and the records they need. A domain is named by its name or id.
 */
import { z } from "zod";
import { DomainDetail, DomainSummary } from "#contract/domain.ts";
import { type Api, callApi, readBody } from "./api-client.ts";
import { accountApi, type ApiOptions } from "./credentials.ts";
import { show, showFailure, table } from "./show.ts";
import { EXIT, type Exit, type Surroundings } from "./surroundings.ts";

type Options = ApiOptions & { json?: boolean };

const Domains = z.object({ data: z.array(DomainSummary) });
const Deleted = z.object({ deleted: z.literal(true) });

export const addDomain = async (name: string, options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "POST", "/v1/domains", { name });
  return show(answer, DomainDetail, options.json === true, around, describe);
};

export const listDomains = async (options: Options, around: Surroundings): Promise<Exit> => {
  const answer = await callApi(accountApi(options, around), "GET", "/v1/domains?limit=100");
  return show(answer, Domains, options.json === true, around, ({ data }) =>
    table(
      ["ID", "STATUS", "NAME"],
      data.map((domain) => [domain.id, domain.status, domain.name]),
    ),
  );
};

export const showDomain = async (name: string, options: Options, around: Surroundings): Promise<Exit> => {
  const api = accountApi(options, around);
  const answer = await callApi(api, "GET", await pathOf(api, name));
  return show(answer, DomainDetail, options.json === true, around, describe);
};

/** Looks the records up now; the answer is no while one that is needed is not there. */
export const verifyDomain = async (name: string, options: Options, around: Surroundings): Promise<Exit> => {
  const api = accountApi(options, around);
  const path = await pathOf(api, name);
  const asked = await callApi(api, "POST", `${path}/verify`);
  if (asked.kind !== "ok") return showFailure(asked, around);
  const answer = await callApi(api, "GET", path);
  const exit = show(answer, DomainDetail, options.json === true, around, describe);
  const domain = readBody(answer, DomainDetail);
  if (exit !== EXIT.done || domain.kind !== "read") return exit;
  if (domain.value.records.some(({ status }) => status === "temporary_failure")) return EXIT.unknown;
  return domain.value.status === "verified" ? EXIT.done : EXIT.no;
};

export const removeDomain = async (name: string, options: Options, around: Surroundings): Promise<Exit> => {
  const api = accountApi(options, around);
  const answer = await callApi(api, "DELETE", await pathOf(api, name));
  return show(answer, Deleted, options.json === true, around, () => `domain ${name} is removed`);
};

/** A name is looked up; whatever is not found goes on as an id, and the API says that there is none. */
const pathOf = async (api: Api, nameOrId: string): Promise<string> => {
  const listed = readBody(await callApi(api, "GET", "/v1/domains?limit=100"), Domains);
  const found =
    listed.kind === "read" ? listed.value.data.find(({ name }) => name === nameOrId.toLowerCase()) : undefined;
  return `/v1/domains/${encodeURIComponent(found?.id ?? nameOrId)}`;
};

const describe = ({ name, status, records }: DomainDetail): string =>
  [
    `${name}: ${status}`,
    "",
    table(
      ["STATUS", "TYPE", "NAME", "VALUE"],
      records.map((record) => [
        record.status,
        record.type,
        `${record.name}.${name}`,
        record.priority === undefined ? record.value : `${record.priority} ${record.value}`,
      ]),
    ),
  ].join("\n");
